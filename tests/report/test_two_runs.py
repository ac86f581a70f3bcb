"""Two runs beside each other, settings name by name, failures by kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evalbudget.report.failures import by_kind
from evalbudget.report.settings import server_settings, task_settings
from evalbudget.report.two_runs import cells_beside, lines_between_runs, same_labels, suite_diff
from evalbudget.report.warnings import warnings_of_cells
from evalbudget.store.queries import FailureGroup, RunRow, Store
from tests.store.making import make_attempt, make_run, make_server, make_store


def store_of_two(db: Path) -> Store:
    """The first without a budget, the second with one besides."""
    make_store(db, [make_run(), make_server(), make_attempt()])
    answers = [make_attempt(run_id="r2", budget=budget) for budget in (None, 64)]
    make_store(db, [make_run("r2"), make_server("r2"), *answers], "r2")
    return Store(db)


def two_of(store: Store) -> tuple[RunRow, RunRow]:
    return store.run("r1"), store.run("r2")


def test_cells_that_one_run_alone_has_stand_beside_nothing(tmp_path: Path) -> None:
    store = store_of_two(tmp_path / "store.duckdb")
    found = cells_beside(store.cells("r1"), store.cells("r2"), [("m", "m")])
    assert [(each.budget, each.cell is None, each.other is None) for each in found] == [
        (64, True, False),
        (None, False, False),
    ]


def test_the_same_label_makes_a_pair_in_the_order_of_this_run() -> None:
    assert same_labels(["c", "a", "b"], ["a", "c", "d"]) == (("c", "c"), ("a", "a"))


def test_a_server_without_a_record_is_told_apart_from_one_that_does_not_differ(tmp_path: Path) -> None:
    store = store_of_two(tmp_path / "store.duckdb")
    run, other = two_of(store)
    record = replace(make_server(), identity={"engine": "vllm"})
    assert lines_between_runs(run, [record], other, [record], ("m", "m")) == ()
    assert lines_between_runs(run, [record], other, [], ("m", "m")) is None


def test_the_difference_of_two_suites_goes_from_the_other_to_this_run(tmp_path: Path) -> None:
    run, other = two_of(store_of_two(tmp_path / "store.duckdb"))
    lines = suite_diff(run, "a: 1\nb: 2\n", other, "a: 1\nb: 3\n").splitlines()
    assert lines[:2] == ["--- r2", "+++ r1"]
    assert lines[-2:] == ["-b: 3", "+b: 2"]
    assert suite_diff(run, "a: 1\n", other, "a: 1\n") == ""


def test_settings_stand_beside_each_other_and_unknown_is_no_difference() -> None:
    one = replace(make_server(), flags={"x": True}, kv_dtype=None)
    two = replace(make_server(model="n"), flags={"x": False, "y": [1, 2]}, kv_dtype="fp8")
    found = {each.name: (each.values, each.differs) for each in server_settings([one, two])}
    assert found["flag x"] == (("on", "off"), True)
    assert found["flag y"] == ((None, "1 2"), False)
    assert found["cache type"] == ((None, "fp8"), False)
    assert "effort" not in found, "no server has one"


def test_the_sampling_of_tasks_is_told_setting_by_setting() -> None:
    told = {"a": {"sampling": {"temperature": 0.6}, "repeats": 4}, "b": "broken"}
    found = [(each.name, each.values) for each in task_settings(told, ["a", "b", "c"])]
    assert found == [("temperature", ("0.6", None, None)), ("repeats", ("4", None, None))]


def test_kinds_of_failure_are_counted_over_all_models() -> None:
    groups = [
        FailureGroup(model=model, kind=kind, attempts=attempts, tasks=("t",), example="")
        for model, kind, attempts in (("a", "server", 3), ("b", "server", 4), ("a", "new\nkind", 5))
    ]
    assert [(each.attempts, each.models, each.why) for each in by_kind(groups)] == [
        (7, ("b", "a"), "the server reported an error of its own"),
        (5, ("a",), "new kind"),
    ]


def test_cells_alone_tell_that_a_server_took_memory_away(tmp_path: Path) -> None:
    (cell,) = store_of_two(tmp_path / "store.duckdb").cells("r1")
    cells = [replace(cell, preemptions=number, task=task) for number, task in ((2, "a"), (5, "b"))]
    (line,) = warnings_of_cells(cells, [], {})
    assert "took a request's memory away at least 5 times" in line
    assert warnings_of_cells([cell], [], {}) == ()
