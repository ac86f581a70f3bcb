"""Budgets, loops and effort in the store: what each figure means, worked out by hand on few attempts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from evalbudget.records import Attempt
from evalbudget.stats import Answer, curve, ock_score
from evalbudget.store import migrations
from evalbudget.store.cells import Cell
from evalbudget.store.ingest import insert_piece
from evalbudget.store.lines import encode_line
from evalbudget.store.load import catch_up
from evalbudget.store.queries import Store
from tests.store.making import make_attempt, make_failed, make_run, make_server, make_store, write_journal
from tests.store.traces import looping, trace_of, traced_run


def cells_of(tmp_path: Path, attempts: list[Attempt]) -> dict[int | None, Cell]:
    cells = Store(make_store(tmp_path / "s.duckdb", attempts)).cells("r1")
    return {cell.budget: cell for cell in cells}


def limited(number: int, mode: str, thought: int | None, **fields: object) -> Attempt:
    """A correct attempt under a budget of 100."""
    attempt = replace(make_attempt(number, budget=100), budget_mode=mode, reasoning_tokens=thought)
    return replace(attempt, **fields)  # type: ignore[arg-type]


def test_strict_counts_only_what_finished_within_the_budget_by_itself(tmp_path: Path) -> None:
    attempts = [
        limited(1, "force", 60),
        limited(2, "force", 100, details={"force": {"why": "budget"}}),
        limited(3, "force", 60, finish_reason="length"),
        limited(4, "force", 300, budget_honoured=False),
    ]
    cell = cells_of(tmp_path, attempts)[100]
    assert cell.accuracy == 1
    assert cell.accuracy_strict == 0.25
    assert cell.forced_share == 0.25
    assert (cell.budget_mode, cell.budget_known, cell.budget_ignored) == ("force", 1, 1)


def test_what_the_server_cut_at_its_budget_was_forced_and_unknown_lengths_are_left_out(
    tmp_path: Path,
) -> None:
    attempts = [
        limited(1, "server", 60),
        limited(2, "server", 100),
        limited(3, "server", 100, outcome="wrong", score=0.0),
        limited(4, "server", None),
    ]
    cell = cells_of(tmp_path, attempts)[100]
    assert cell.forced_share == pytest.approx(2 / 3)
    assert cell.accuracy_strict == pytest.approx(1 / 3)


def test_thinking_that_the_server_switched_off_was_not_forced(tmp_path: Path) -> None:
    attempt = replace(make_attempt(budget=0), budget_mode="server", reasoning_tokens=0, budget_honoured=True)
    cell = cells_of(tmp_path, [attempt])[0]
    assert (cell.forced_share, cell.accuracy_strict) == (0, 1)


def test_details_of_another_shape_are_no_verdict(tmp_path: Path) -> None:
    odd = {"force": "yes", "loop": ["stopped", "rescued", "certain_token"], "in_thinking": {"correct": "no"}}
    cell = cells_of(tmp_path, [replace(make_attempt(outcome="wrong"), details=odd)])[None]
    assert (cell.forced_share, cell.stopped, cell.rescued, cell.seen_in_thinking) == (0, 0, 0, 0)
    assert Store(tmp_path / "s.duckdb").loop_costs("r1") == ()


def test_a_curve_stands_in_each_cell_and_is_the_statistics_own(tmp_path: Path) -> None:
    attempts = [
        each for number in range(10) for repeat in (0, 1) for each in trace_of(number, "m", repeat=repeat)
    ]
    cells = cells_of(tmp_path, attempts)
    answers = Store(tmp_path / "s.duckdb").answers("r1", "m", "aime25")
    assert len(answers) == 100
    assert isinstance(answers[0], Answer)
    whole = curve(answers)
    for point in whole.points:
        cell = cells[point.budget]
        assert cell.accuracy == pytest.approx(point.accuracy)
        assert cell.accuracy_strict == pytest.approx(point.strict)
        assert cell.forced_share == pytest.approx(point.forced_share)
        assert (cell.curve_low, cell.curve_high) == (point.low, point.high)
        assert (cell.curve_area, cell.tokens_to_95) == (whole.area, whole.tokens_to_best)
        assert (cell.regret, cell.lost_after_correct) == (whole.regret, whole.lost_after_correct)
    assert whole.post_answer_share is not None
    assert cells[None].post_answer_share == whole.post_answer_share
    assert cells[512].post_answer_share is None


def test_without_budgets_there_is_no_curve_but_a_score_and_a_frontier(tmp_path: Path) -> None:
    few = [make_attempt(number, model="few", tokens=500) for number in range(4)]
    many = [make_attempt(number, model="many", tokens=900) for number in range(4)]
    db = make_store(tmp_path / "s.duckdb", [*few, *many, *(make_attempt(1, model="x", tokens=None),)])
    cells = Store(db).cells("r1")
    assert [cell.pareto for cell in cells] == [True, False, None]
    assert cells[0].ock_score == pytest.approx(ock_score(1.0, 500))
    assert all(
        cell.curve_low is cell.curve_area is cell.tokens_to_95 is cell.regret is None for cell in cells
    )


def test_budgets_of_failures_alone_have_no_curve(tmp_path: Path) -> None:
    cell = cells_of(tmp_path, [replace(make_failed(), budget=64)])[64]
    assert (cell.attempts, cell.accuracy_strict, cell.curve_low, cell.curve_area) == (1, None, None, None)


def test_stopped_rescued_and_seen_in_the_thinking_are_counted(tmp_path: Path) -> None:
    attempts = [
        looping(1, certain=2000, finished=False, stopped=True),
        looping(2, certain=2000, finished=True, stopped=True, rescued=True),
        replace(
            make_attempt(3, outcome="wrong"), details={"in_thinking": {"extracted": "42", "correct": True}}
        ),
        replace(make_attempt(4), details={"in_thinking": {"extracted": "42", "correct": True}}),
    ]
    cell = cells_of(tmp_path, attempts)[None]
    assert (cell.stopped, cell.rescued, cell.rescued_correct, cell.seen_in_thinking) == (2, 1, 1, 1)
    [cost] = Store(tmp_path / "s.duckdb").loop_costs("r1")
    assert (cost.attempts, cost.stopped, cost.rescued, cost.rescued_correct, cost.certain) == (4, 1, 1, 1, 0)
    assert cost.stopped_share == 0.25


def test_what_stopping_would_have_cost_leaves_out_answers_from_a_trace(tmp_path: Path) -> None:
    attempts = [
        looping(1, certain=2000, finished=True),
        looping(2, certain=2500, finished=False),
        looping(3, certain=None, finished=False),
        replace(looping(1, certain=2000, finished=True), budget=5000, budget_mode="trace"),
    ]
    db = make_store(tmp_path / "s.duckdb", attempts)
    [cost] = Store(db).loop_costs("r1")
    assert (cost.attempts, cost.certain, cost.certain_finished, cost.certain_correct) == (3, 2, 1, 1)
    assert cost.certain_tokens_behind == 4000 + 3500
    assert cost.saved_share == pytest.approx(7500 / 18_000)


def test_effort_words_lie_where_they_really_thought(tmp_path: Path) -> None:
    db = make_store(tmp_path / "s.duckdb", traced_run())
    points = Store(db).efforts("r1")
    assert [(point.family, point.effort, point.mean_reasoning_tokens) for point in points] == [
        ("oss", "low", 812),
        ("oss", "medium", 2222),
        ("oss", "high", 4100),
    ]


def test_a_journal_without_effort_loads(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    path = write_journal(db, "r1", [make_run(), make_server()])
    path.write_bytes(path.read_bytes().replace(b'"effort":null,', b""))
    assert b"effort" not in path.read_bytes()
    assert catch_up(db).skipped == 0
    assert Store(db).servers("r1") == (make_server(),)


def test_a_store_of_schema_1_opens_and_its_cells_are_made_anew(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    with duckdb.connect(str(db)) as connection:
        migrations.apply(connection, up_to=1)
        connection.execute(
            "INSERT INTO attempts (run_id, model, task, sample_id, repeat, status, outcome, score) "
            "VALUES ('old', 'm', 't', 's', 0, 'ok', 'correct', 1)"
        )
        connection.execute("INSERT INTO servers (run_id, model) VALUES ('old', 'm')")
    assert catch_up(db).complete
    [cell] = Store(db).cells("old")
    assert (cell.accuracy, cell.accuracy_strict, cell.stopped) == (1, 1, 0)
    with duckdb.connect(str(db), read_only=True) as connection:
        assert connection.execute("SELECT effort FROM servers").fetchall() == [(None,)]


def test_cells_that_nothing_new_touched_keep_their_figures_and_their_place_is_found_anew() -> None:
    with duckdb.connect() as memory:
        migrations.apply(memory)
        for model, tokens in (("a", 900), ("b", 500)):
            lines = [encode_line(make_attempt(n, model=model, tokens=tokens)) for n in range(3)]
            insert_piece(memory, "r1", b"".join(lines), 1, 0)
        found = memory.execute("SELECT model, attempts, pareto FROM cells ORDER BY model").fetchall()
    assert found == [("a", 3, False), ("b", 3, True)]
