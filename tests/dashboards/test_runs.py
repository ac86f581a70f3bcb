"""The page Runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from streamlit.testing.v1 import AppTest

from evalbudget.records import RunRecord, ServerRecord
from tests.dashboards.reading import HOSTILE, acting, table, texts
from tests.store.making import make_attempt, make_failed, make_run, make_server, make_store

SUITE = "name: flash-kv\nmodels: [{name: m}]\nrepeats: 4\n"
CONDITIONS = {
    "aime25": {
        "samples": "30, ids 0",
        "repeats": 4,
        "budgets": ["unlimited"],
        "sampling": {"temperature": 0.6},
    }
}


def one_run(run_id: str = "r1", **changes: object) -> RunRecord:
    run = replace(make_run(run_id, status="finished"), suite=SUITE, conditions=CONDITIONS)
    return replace(run, **changes)


def server(run_id: str = "r1", model: str = "m", **changes: object) -> ServerRecord:
    identity = {"engine": "vllm", "kv_dtype": "bf16", "flags": {"max_num_seqs": 64}}
    record = replace(make_server(run_id, model), identity=identity, kv_dtype="bf16", fingerprint="f1")
    return replace(record, **changes)


def two_runs(db: Path) -> None:
    """The second with another cache and one question wrong."""
    make_store(db, [one_run(), server(), make_attempt(0), make_attempt(1)])
    later = one_run("r2", suite=SUITE.replace("4", "8"), started_at="2026-11-21T12:00:00.000+00:00")
    identity = {"engine": "vllm", "kv_dtype": "fp8", "flags": {"max_num_seqs": 8}}
    records = [later, server("r2", identity=identity, kv_dtype="fp8", fingerprint="f2")]
    answers = [make_attempt(0, run_id="r2"), make_attempt(1, run_id="r2", outcome="wrong")]
    make_store(db, [*records, *answers], run_id="r2")


def test_without_a_store_the_page_says_what_to_do(page: Callable[[str], AppTest]) -> None:
    shown = page("runs").run()
    assert not shown.exception
    assert "Nothing to show yet" in shown.info[0].value
    assert shown.code[0].value == "evalbudget run quickstart"


def test_a_run_of_which_little_is_known_says_what_is_missing(
    page: Callable[[str], AppTest], db: Path
) -> None:
    make_store(db, [replace(make_run(), suite="")])
    shown = page("runs").run()
    assert not shown.exception
    told = " ".join(each.value for each in shown.info)
    assert "No server is recorded" in told
    assert "how the tasks of this run were asked" in told
    assert "The suite of this run is not in the store" in told
    assert "holds one run" in told


def test_servers_conditions_and_suite_are_shown_as_the_store_has_them(
    page: Callable[[str], AppTest], db: Path
) -> None:
    other = server(model="n", kv_dtype="fp8", flags={"gpu_memory_utilization": 0.9}, patches={})
    make_store(db, [one_run(), server(), other, make_attempt(0), make_attempt(0, model="n")])
    shown = page("runs").run()
    assert not shown.exception
    settings = table(shown, "n").set_index("setting")
    assert dict(settings.loc["cache type"]) == {"differs": "≠", "m": "bf16", "n": "fp8"}
    assert dict(settings.loc["engine"]) == {"differs": "", "m": "vllm", "n": "vllm"}
    assert settings.loc["flag command", "m"] == "vllm serve"
    assert settings.loc["flag gpu_memory_utilization", "n"] == "0.9"
    assert settings.loc["patch a.diff", "m"] == "sha256 00ff"
    assert table(shown, "aime25").set_index("setting").loc["temperature", "aime25"] == "0.6"
    assert shown.code[0].value == SUITE.rstrip("\n")
    assert "m: 100 % exact (usage 1)" in texts(shown)


def test_failures_stand_with_their_count_and_an_example(page: Callable[[str], AppTest], db: Path) -> None:
    make_store(db, [one_run(), make_attempt(0), make_failed(1), make_failed(2, task="sums")])
    shown = page("runs").run()
    row = table(shown, "example").iloc[0]
    assert (row["kind"], row["attempts"], row["tasks"], row["example"]) == (
        "rate_limit",
        2,
        "aime25, sums",
        "HTTP 429",
    )
    assert any("in no average" in each.value for each in shown.caption)


def test_an_example_of_a_private_task_is_left_out(page: Callable[[str], AppTest], db: Path) -> None:
    make_store(db, [one_run(), make_failed(1, task="gpqa_diamond", error="words of the question")])
    shown = page("runs").run()
    assert list(table(shown, "example")["example"]) == [""]
    assert "words of the question" not in str(shown)


def test_a_second_run_of_the_address_is_laid_beside(page: Callable[[str], AppTest], db: Path) -> None:
    two_runs(db)
    shown = page("runs")
    shown.query_params["other_run"] = "r1"
    shown.run()
    assert not shown.exception
    assert shown.selectbox(key="other_run").value == "r1"
    assert "flag max_num_seqs differs" in texts(shown)
    assert "64 (the other run), 8 (this run)" in texts(shown)
    row = table(shown, "other 95 %").iloc[0]
    assert (row["this run"], row["other run"]) == (0.5, 1.0)
    difference = shown.code[-1].value.splitlines()
    assert "-repeats: 4" in difference
    assert "+repeats: 8" in difference


def test_two_models_of_other_names_can_be_chosen(page: Callable[[str], AppTest], db: Path) -> None:
    make_store(db, [one_run(), server(), make_attempt(0)])
    later = one_run("r2", started_at="2026-11-21T12:00:00.000+00:00")
    make_store(db, [later, server("r2", "n"), make_attempt(0, run_id="r2", model="n")], run_id="r2")
    shown = page("runs")
    shown.query_params["other_run"] = "r1"
    shown.run()
    assert any("No model has the same label" in each.value for each in shown.info)
    shown.selectbox(key="pair_model").set_value("n")
    shown.selectbox(key="pair_other").set_value("m")
    shown.run()
    assert not shown.exception
    assert "n beside m:\n– nothing that is known to move figures differs" in texts(shown)
    assert list(table(shown, "other 95 %")["model"]) == ["n beside m"]


def test_names_that_would_like_to_be_markup_stay_text(page: Callable[[str], AppTest], db: Path) -> None:
    name = " ".join(HOSTILE)
    said = {each: each for each in HOSTILE}
    for run_id, started_at in (("r1", "2026-11-21T09:00:00.000+00:00"), ("r2", "2026-11-21T12:00:00+00:00")):
        run = replace(make_run(run_id), name=name, version=name, host=name, suite=f"{name} {run_id}")
        asked = {each: {**said, "sampling": {each: run_id}} for each in HOSTILE}
        run = replace(run, started_at=started_at, options=said, conditions=asked)
        servers = [
            server(run_id, model, engine=name, flags=said, patches=said, identity=said, family=name)
            for model in (*HOSTILE, "setting")
        ]
        failed = [make_failed(3, run_id=run_id, model=each, task=each, error=name) for each in HOSTILE]
        failed = [replace(each, error_kind=name) for each in failed]
        answered = [make_attempt(run_id=run_id, model=each, task=each) for each in HOSTILE]
        make_store(db, [run, *servers, *answered, *failed], run_id)
    shown = page("runs")
    shown.query_params["other_run"] = "r1"
    shown.run()
    assert not shown.exception
    assert name in shown.code[0].value
    assert set(HOSTILE) == set(table(shown, "example")["model"])
    assert "setting " in table(shown, "differs"), "a model of this name has its own column"
    assert not [each for each in acting(shown) if any(name in each for name in HOSTILE)]
