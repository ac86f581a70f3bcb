"""The cells: what each figure means, worked out by hand on few attempts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalbudget.records import Attempt
from evalbudget.stats import accuracy_interval, benchmark_interval
from evalbudget.store import cells, migrations
from evalbudget.store.cells import Cell
from evalbudget.store.ingest import insert_piece
from evalbudget.store.lines import encode_line
from evalbudget.store.queries import Store
from tests.store.making import make_attempt, make_failed, make_store


def cell_of(tmp_path: Path, attempts: list[Attempt]) -> Cell:
    [cell] = Store(make_store(tmp_path / "s.duckdb", attempts)).cells("r1")
    return cell


def test_each_outcome_is_counted_and_failures_stay_out_of_every_share(tmp_path: Path) -> None:
    outcomes = ["correct", "correct", "wrong", "no_answer", "truncated", "looped", "wrong", "correct"]
    attempts = [make_attempt(number, outcome=outcome) for number, outcome in enumerate(outcomes)]
    cell = cell_of(tmp_path, [*attempts, make_failed(8), make_failed(9)])
    assert (cell.questions, cell.attempts, cell.failed) == (8, 10, 2)
    assert (cell.correct, cell.wrong, cell.no_answer, cell.truncated, cell.looped) == (3, 2, 1, 1, 1)
    assert cell.accuracy == 3 / 8
    assert cell.accuracy_completed == pytest.approx(3 / 6)
    assert cell.accuracy_upper == pytest.approx(6 / 8)
    assert cell.tokens_per_correct == pytest.approx(8 * 1000 / 3)
    interval = accuracy_interval([1.0] * 3 + [0.0] * 5, 1)
    assert cell.ci_low == pytest.approx(interval.low)
    assert cell.ci_high == pytest.approx(interval.high)


def test_each_question_weighs_the_same_while_repeats_are_missing(tmp_path: Path) -> None:
    easy = [make_attempt(1, repeat=repeat) for repeat in range(9)]
    hard = [make_attempt(2, outcome="truncated")]
    cell = cell_of(tmp_path, easy + hard)
    assert cell.accuracy == 0.5
    assert cell.accuracy_completed == 1
    assert cell.accuracy_upper == 1
    interval = accuracy_interval([1.0, 0.0], 2 / (1 / 9 + 1))
    assert cell.ci_low == pytest.approx(interval.low)
    assert cell.ci_high == pytest.approx(interval.high)


def test_both_targets_intervals_are_those_of_the_statistics(tmp_path: Path) -> None:
    """Scores between 0 and 1 too, repeats missing, a failed attempt."""
    scores = [[1.0, 0.5, 0.0], [1.0, 1.0], [0.0, 0.25, 0.0], [1.0], [0.0, 0.0, 1.0]]
    attempts = [
        replace(make_attempt(number, repeat=repeat), score=score)
        for number, each in enumerate(scores)
        for repeat, score in enumerate(each)
    ]
    cell = cell_of(tmp_path, [*attempts, make_failed(9)])
    means = [sum(each) / len(each) for each in scores]
    drawn = accuracy_interval(means, 5 / sum(1 / len(each) for each in scores))
    fixed = benchmark_interval(scores)
    assert fixed is not None
    assert (cell.ci_low, cell.ci_high) == pytest.approx((drawn.low, drawn.high))
    assert (cell.benchmark_low, cell.benchmark_high) == pytest.approx((fixed.low, fixed.high))


def test_single_answers_have_no_interval_for_this_benchmark(tmp_path: Path) -> None:
    cell = cell_of(tmp_path, [make_attempt(number) for number in range(5)])
    assert cell.benchmark_low is cell.benchmark_high is None


def test_the_rate_of_loops_weighs_questions_alike_and_has_the_accuracys_interval(tmp_path: Path) -> None:
    looped = [[True, True, False, False], [True], [False, False], [None]]
    attempts = [
        replace(make_attempt(number, repeat=repeat), loop_doom=doom)
        for number, each in enumerate(looped)
        for repeat, doom in enumerate(each)
    ]
    cell = cell_of(tmp_path, attempts)
    interval = accuracy_interval([0.5, 1.0, 0.0], 3 / (1 / 4 + 1 + 1 / 2))
    assert cell.loop_rate == pytest.approx(0.5)
    assert (cell.loop_rate_low, cell.loop_rate_high) == pytest.approx((interval.low, interval.high))


def test_a_cut_answer_that_is_right_is_right_in_all_three(tmp_path: Path) -> None:
    right = replace(make_attempt(1), finish_reason="length")
    cell = cell_of(tmp_path, [right, make_attempt(2, outcome="wrong")])
    assert cell.accuracy == cell.accuracy_completed == cell.accuracy_upper == 0.5


def test_what_is_unknown_is_null_and_never_zero(tmp_path: Path) -> None:
    cell = cell_of(tmp_path, [replace(make_attempt(1, outcome="wrong", tokens=None), latency_s=None)])
    assert cell.accuracy == 0
    for figure in (
        cell.mean_reasoning_tokens,
        cell.mean_completion_tokens,
        cell.tokens_per_correct,
        cell.loop_rate,
        cell.waste_share,
        cell.kv_peak_bytes,
        cell.kv_sequence_bytes,
        cell.mean_kv_bytes,
        cell.kv_bytes_per_correct,
        cell.preemptions,
        cell.prefix_hit_share,
        cell.mean_latency_s,
        cell.exact_token_share,
    ):
        assert figure is None


def test_a_cell_of_failures_alone_has_no_accuracy(tmp_path: Path) -> None:
    cell = cell_of(tmp_path, [make_failed(1), make_failed(2)])
    assert (cell.attempts, cell.failed, cell.questions) == (2, 2, 0)
    assert (
        cell.accuracy is cell.ci_low is cell.ci_high is cell.accuracy_completed is cell.accuracy_upper is None
    )


def test_loops_waste_memory_and_exact_counts(tmp_path: Path) -> None:
    looped = replace(
        make_attempt(1, outcome="looped", tokens=4000),
        loop_doom=True,
        loop_wasted_tokens=3000,
        kv_bytes=5e6,
        token_source="estimate",
    )
    clean = replace(make_attempt(2, tokens=2000), loop_doom=False, kv_bytes=2e6)
    unseen = make_attempt(3, tokens=9000)
    cell = cell_of(tmp_path, [looped, clean, unseen])
    assert cell.loop_rate == 0.5
    assert cell.waste_share == 0.5
    assert (cell.kv_sequence_bytes, cell.mean_kv_bytes, cell.kv_peak_bytes) == (5e6, 3.5e6, None)
    assert cell.kv_bytes_per_correct == 3 * 3.5e6 / 2
    assert cell.exact_token_share == pytest.approx(2 / 3)
    assert cell.mean_completion_tokens == 5000
    assert cell.mean_reasoning_tokens == 3750


def test_budgets_are_cells_of_their_own_and_unlimited_is_one(tmp_path: Path) -> None:
    budgets = (None, 0, 512)
    attempts = [make_attempt(number, budget=budget) for number in range(3) for budget in budgets]
    found = Store(make_store(tmp_path / "s.duckdb", attempts)).cells("r1")
    assert [(cell.budget, cell.attempts) for cell in found] == [(0, 3), (512, 3), (None, 3)]


outcomes = st.sampled_from(["correct", "wrong", "no_answer", "truncated", "looped"])


@pytest.fixture(scope="module")
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """A store in memory, for what would take long on a disk."""
    with duckdb.connect() as connection:
        migrations.apply(connection)
        yield connection


@given(kinds=st.lists(st.tuples(st.integers(0, 4), outcomes, st.booleans()), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_counts_add_up_and_the_upper_bound_is_above(
    memory: duckdb.DuckDBPyConnection, kinds: list[tuple[int, str, bool]]
) -> None:
    attempts = [
        replace(make_failed(question), repeat=repeat)
        if failed
        else make_attempt(question, outcome=outcome, repeat=repeat)
        for repeat, (question, outcome, failed) in enumerate(kinds)
    ]
    memory.execute("DELETE FROM attempts")
    insert_piece(memory, "r1", b"".join(map(encode_line, attempts)), 1, 0)
    [cell] = cells.compute(memory, "r1")
    assert cell.attempts == len(kinds)
    judged = cell.correct + cell.wrong + cell.no_answer + cell.truncated + cell.looped
    assert cell.attempts - cell.failed == judged
    if cell.accuracy is None:
        assert judged == 0
        return
    assert cell.ci_low is not None
    assert cell.ci_high is not None
    assert cell.accuracy_upper is not None
    assert 0 <= cell.ci_low <= cell.accuracy <= cell.ci_high <= 1
    assert cell.accuracy <= cell.accuracy_upper + 1e-9
    if cell.accuracy_completed is not None:
        assert 0 <= cell.accuracy_completed <= 1 + 1e-9
