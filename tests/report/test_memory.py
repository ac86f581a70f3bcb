"""KV memory in a report: a golden file, and what each line says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evalbudget.contracts import JournalRecord
from evalbudget.records import ServerRecord
from evalbudget.report import memory
from evalbudget.report.figures import gather
from evalbudget.report.json_text import json_text
from evalbudget.report.markdown import markdown
from evalbudget.report.warnings import warnings
from evalbudget.store.queries import Store
from tests.report.test_report import EVIL, compare, terminal
from tests.store.making import make_attempt, make_run, make_server, make_store
from tests.store.test_memory import seen

MLA = 54_144
MHA = 962_560


def server(model: str, **facts: object) -> ServerRecord:
    """A vLLM server that nothing is known of but these facts."""
    return replace(make_server(model=model), family=None, **facts)  # type: ignore[arg-type]


def a_run_with_memory() -> list[JournalRecord]:
    """One model as it should be, the same 17.8 times too large and preempted, one with another cache type,
    one that shows nothing, and one of a host that tells nothing."""
    agrees = server(
        "flash-bf16-kv",
        kv_dtype="bfloat16",
        kv_capacity_tokens=6_080,
        kv_capacity_bytes=6_080 * MLA,
        kv_bytes_per_token=float(MLA),
        kv_bytes_per_token_expected=float(MLA),
        kv_ratio=1.0,
        kv_verdict="agrees",
        kv_advice="Measured 54,144 bytes per token, expected 54,144 in bf16: 1.000 times.",
        kv_source="log",
    )
    wide = replace(
        agrees,
        model="GLM-4.7-Flash-REAP-NVFP4-before",
        engine_version="0.14.1",
        kv_capacity_tokens=20_000,
        kv_capacity_bytes=20_000 * MHA,
        kv_bytes_per_token=float(MHA),
        kv_ratio=MHA / MLA,
        kv_verdict="mla-as-mha",
        kv_advice="Measured 962,560 bytes per token, expected 54,144 in bf16: 17.78 times, as latent "
        "attention takes when it is loaded as full attention. vLLM 0.15.0 or newer keeps the latent alone.",
    )
    quantized = replace(
        agrees,
        model="tiny-q8_0",
        engine="llama.cpp",
        kv_dtype="q8_0",
        kv_bytes_per_token=612.0,
        kv_bytes_per_token_expected=612.0,
        kv_capacity_tokens=1_048_576,
        kv_capacity_bytes=612 * 1_048_576,
    )
    silent = server("silent", engine="llama.cpp", kv_bytes_per_token_expected=float(MLA))
    hosted = server("hosted", engine="unknown", engine_version=None)
    records: list[JournalRecord] = [make_run(), agrees, wide, quantized, silent, hosted]
    records.append(make_run(status="finished"))
    for place, each in enumerate((agrees, wide, quantized, silent, hosted)):
        known = each.kv_bytes_per_token
        for number in range(8):
            attempt = make_attempt(number, model=each.model, outcome="correct" if number % 2 else "wrong")
            records.append(replace(attempt, kv_bytes=None if known is None else known * 1100))
        if known is not None:
            used, room = round(4400 * known), each.kv_capacity_bytes or 1
            preempted = 3 * (place % 2)
            for at, share, count in ((0.5, 0.5, 0), (1.5, 1.0, preempted), (2.5, 0.25, preempted)):
                reading = seen(at, round(used * share), preempted=count, model=each.model)
                records.append(replace(reading, kv_usage=min(1.0, used * share / room)))
    return records


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of that run, to be read only."""
    return make_store(tmp_path_factory.mktemp("memory") / "s.duckdb", a_run_with_memory())


def test_the_terminal_shows_the_memory_like_this(db: Path) -> None:
    text = terminal(gather(db, None))
    compare("memory.txt", text)
    assert max(map(len, text.splitlines())) <= 80


def test_markdown_has_the_memory(db: Path) -> None:
    compare("memory.md", markdown(gather(db, None)))


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(db: Path, width: int) -> None:
    assert max(map(len, terminal(gather(db, None), width).splitlines())) <= width


def test_json_has_the_memory_of_each_server_unrounded(db: Path) -> None:
    told = {each["model"]: each for each in json.loads(json_text(gather(db, None)))["memory"]}
    assert told["flash-bf16-kv"]["used_bytes_peak"] == 4400 * MLA
    assert told["flash-bf16-kv"]["kv_bytes_per_correct"] == 2 * 1100 * MLA
    assert told["GLM-4.7-Flash-REAP-NVFP4-before"]["verdict"] == "mla-as-mha"
    assert told["hosted"]["bytes_per_token"] is None


def test_what_differs_is_told_with_what_mends_it_and_what_agrees_is_not(db: Path) -> None:
    lines = memory.notes(Store(db).memory("r1"))
    assert any(line.endswith("0.15.0 or newer keeps the latent alone.") for line in lines)
    assert not any(line.startswith(("flash", "tiny")) for line in lines)


def test_what_is_not_known_says_what_would_make_it_so(tmp_path: Path) -> None:
    records = [
        make_run(),
        server("a", engine="llama.cpp"),
        server("b", engine="llama.cpp", kv_bytes_per_token=612.0, kv_bytes_per_token_expected=612.0),
        server(
            "c", engine="vllm", kv_advice="Not measured: … Its log tells more: name it in the suite (log:)."
        ),
        server("d", engine="unknown"),
        seen(1, 5, model="c"),
    ]
    found = Store(make_store(tmp_path / "s.duckdb", records)).memory("r1")
    config = "give the model's config.json as `config:` in the suite"
    log = "give its server's log as `log:` in the suite"
    assert memory.notes(found) == (
        f"a, d: to know what its cache takes, {log} and {config}",
        "a, b: to see how full its cache is, start llama-server with `--metrics`",
        "c: Not measured: … Its log tells more: name it in the suite (log:).",
        f"c: to know what its cache takes, {config}",
    )
    assert [each.model for each in memory.shown(found)] == ["b", "c"]


def test_a_run_without_servers_has_no_such_block(tmp_path: Path) -> None:
    figures = gather(make_store(tmp_path / "s.duckdb", [make_run(), make_attempt()]), None)
    assert memory.TITLE not in terminal(figures)
    assert memory.TITLE not in markdown(figures)


def test_preemptions_are_a_warning(db: Path) -> None:
    [line] = warnings(gather(db, None))
    assert line == (
        "latencies of model GLM-4.7-Flash-REAP-NVFP4-before include recomputation: its server's KV cache was "
        "full and took a request's memory away 3 times; a lower `concurrency` avoids it"
    )


def test_words_of_a_server_are_shown_and_do_nothing(tmp_path: Path) -> None:
    evil = server("m|*", kv_dtype=EVIL, kv_verdict="differs", kv_advice=EVIL, kv_ratio=3.0)
    figures = gather(make_store(tmp_path / "s.duckdb", [make_run(), evil]), None)
    for text in (terminal(figures), markdown(figures)):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "<img" not in markdown(figures)
    assert r"m\|\*" in markdown(figures)
