"""What differs besides what is compared, as the report, the dashboard and `compare` say it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from evalbudget.fingerprint import Meant
from evalbudget.records import JsonValue, ServerRecord
from evalbudget.report.differences import (
    Side,
    differences_within,
    lines_between,
    lines_of_resume,
    lines_within,
)
from evalbudget.report.figures import gather
from evalbudget.report.json_text import json_text
from evalbudget.report.markdown import markdown
from evalbudget.report.warnings import warnings
from tests.store.making import make_attempt, make_run, make_server, make_store

EVIL = "[red]x[/red] | `a` <img src=x>\x1b[31m\u202e\nnext"
BASE: dict[str, JsonValue] = {
    "weights": {"folder": "sampled 1"},
    "quantization": "nvfp4",
    "engine": "vllm",
    "engine_version": "0.33.0",
    "kv_dtype": "bf16",
    "template": "t",
}
Q8: dict[str, JsonValue] = {"weights": {"folder": "sampled 2"}, "quantization": "q8"}
SUMS: dict[str, JsonValue] = {
    "sampling": {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0},
    "seed": 0,
}


def server(model: str, change: dict[str, JsonValue] | None = None, family: str = "glm") -> ServerRecord:
    return replace(make_server(model=model), identity={**BASE, **(change or {})}, family=family)


def test_a_family_that_differs_in_its_quantization_alone_needs_no_word() -> None:
    assert lines_within([server("a"), server("b", Q8), server("c", Q8 | {"quantization": "q4"})]) == ()


def test_what_differs_besides_is_named_with_each_models_value() -> None:
    servers = [server("a"), server("b", Q8 | {"engine_version": "0.34.0"})]
    assert lines_within(servers) == (
        "glm: besides the quantization, engine version differs: 0.33.0 (a), 0.34.0 (b)",
    )
    (besides,) = differences_within(servers)
    assert asdict(besides) == {
        "family": "glm",
        "compared": "the quantization",
        "name": "engine_version",
        "values": {"a": "0.33.0", "b": "0.34.0"},
        "matters": "figures",
        "known": True,
    }


def test_models_with_one_value_share_it_in_the_line() -> None:
    servers = [server(name, Q8 | {"engine_version": "0.34.0", "quantization": name}) for name in ("b", "c")]
    (line, *_) = lines_within([server("a"), *servers])
    assert "engine version differs: 0.33.0 (a), 0.34.0 (b, c)" in line


def test_a_grid_says_once_that_its_corners_differ_in_two_things() -> None:
    fp8: dict[str, JsonValue] = {"kv_dtype": "fp8"}
    (line,) = lines_within([server("a"), server("b", Q8), server("c", fp8), server("d", Q8 | fp8)])
    assert line.startswith(
        "glm: some of its models differ in more than one of weights, quantization, cache type;"
    )


def test_what_moves_times_alone_says_so() -> None:
    (line,) = lines_within(
        [server("a", {"prefix_caching": True}), server("b", Q8 | {"prefix_caching": False})]
    )
    assert line == "glm: besides the quantization, prefix caching differs (of times alone): on (a), off (b)"


def test_what_one_model_does_not_tell_is_not_known_and_not_different() -> None:
    silent = server("b", Q8)
    silent = replace(
        silent, identity={key: value for key, value in silent.identity.items() if key != "kv_dtype"}
    )
    assert lines_within([server("a"), silent]) == (
        "glm: not known of all its models, so not compared: cache type",
    )


def test_old_rows_say_that_nothing_was_recorded() -> None:
    old = [make_server(model="a"), make_server(model="b")]
    assert lines_within(old) == (
        "glm: nothing recorded of its models: whether anything else differs is not known",
    )
    (line,) = lines_within([*old[:1], server("b")])
    assert "nothing recorded of a:" in line


def test_models_of_different_families_or_of_none_are_not_compared_within_a_run() -> None:
    assert lines_within([server("a"), server("b", Q8, family="other")]) == ()
    none = [replace(server(name), family=None) for name in "ab"]
    assert lines_within(none) == ()


def test_sampling_that_is_left_to_servers_is_told_unless_it_cannot_matter() -> None:
    servers = [server("a"), server("b", Q8)]
    left: JsonValue = {
        "temperature": "left to the server",
        "top_p": "left to the server",
        "top_k": 1,
        "min_p": 0,
    }
    assert lines_within(servers, {"sums": SUMS}) == ()
    assert lines_within(servers, {"sums": {"sampling": left}, "more": SUMS}) == (
        "glm: left to each server, whose defaults may differ: temperature, top_p (sums)",
    )
    greedy: JsonValue = {
        "temperature": 0,
        "top_p": "left to the server",
        "repetition_penalty": "left to the server",
    }
    assert lines_within(servers, {"sums": {"sampling": greedy}}) == ()
    engines = [server("a"), replace(server("b", Q8), engine="sglang")]
    assert lines_within(engines, {"sums": {"sampling": greedy}})[-1].endswith("repetition_penalty (sums)")
    fields: dict[str, JsonValue] = {"extra_body": {"temperature": 1, "top_p": 1}}
    by_hand = [server("a", fields), server("b", Q8 | fields)]
    assert lines_within(by_hand, {"sums": {"sampling": left}}) == ()


def test_two_models_are_compared_over_the_tasks_that_both_were_asked() -> None:
    base = Side(label="a", record=server("a"), conditions={"sums": SUMS, "gone": SUMS})
    other = Side(label="b", record=server("b", Q8, family="other"), conditions={"sums": SUMS | {"seed": 1}})
    assert lines_between(base, base) == ()
    assert lines_between(base, other) == (
        "besides the models: quantization differs: nvfp4 (a), q8 (b)",
        "besides the models: seed of sums differs: 0 (a), 1 (b)",
    )
    meant = Meant(subject="the quantization", names=frozenset({"weights", "quantization"}))
    assert lines_between(base, other, meant) == (
        "besides the quantization: seed of sums differs: 0 (a), 1 (b)",
    )


def test_a_pair_of_which_one_is_old_is_one_line() -> None:
    base = Side(label="a", record=server("a"), conditions={"sums": SUMS})
    old = Side(label="b", record=make_server(model="b"), conditions={})
    assert lines_between(base, old) == ("nothing recorded of b: whether anything else differs is not known",)
    forgot = Side(label="b", record=server("b"), conditions={})
    assert lines_between(base, forgot) == ("nothing recorded of how the tasks of b were asked",)


def test_hashes_are_shown_short_and_many_differences_are_counted() -> None:
    hashes = [
        server(name, {"weights": {"file": f"sha256 {digit * 64}"}})
        for name, digit in (("a", "a"), ("b", "b"))
    ]
    one, other = (Side(label=each.model, record=each, conditions={}) for each in hashes)
    assert lines_between(one, other) == ()
    (line,) = lines_between(one, other, Meant(subject="x", names=frozenset()))
    assert line.endswith("sha256 aaaaaaaaaaaa… (a), sha256 bbbbbbbbbbbb… (b)")
    many: JsonValue = {"command": "s", **{f"flag{number}": True for number in range(40)}}
    lines = lines_within([server("a", {"flags": {"command": "s"}}), server("b", Q8 | {"flags": many})])
    assert lines[-1] == "and 28 more differences (report --format json)"


def test_a_resume_tells_what_changed_but_not_what_was_asked_for() -> None:
    now: dict[str, JsonValue] = {"sums": SUMS | {"evalbudget": "0.2.0", "limit": 5}}
    before: dict[str, JsonValue] = {"sums": SUMS | {"evalbudget": "0.1.0", "limit": 3}}
    (line,) = lines_of_resume(before, now)
    assert line.startswith(
        "version of evalbudget of sums changed since this run was begun: 0.1.0 before, 0.2.0"
    )
    assert lines_of_resume({}, now) == ()


def test_every_form_of_the_report_warns_and_text_from_servers_does_nothing(tmp_path: Path) -> None:
    servers = [server("a"), server("b", Q8 | {"engine_version": EVIL})]
    rows = [make_attempt(model=each.model) for each in servers]
    figures = gather(make_store(tmp_path / "s.duckdb", [make_run(), *servers, *rows]), None)
    [line] = [line for line in warnings(figures) if "engine version" in line]
    assert "[red]x[/red]" in line
    for text in (line, markdown(figures)):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "engine version differs" in text
    assert '"name": "engine_version"' in json_text(figures)
    assert "<img" not in markdown(figures)
