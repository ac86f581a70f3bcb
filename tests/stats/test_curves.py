"""Budget curves: by hand, and by their own laws."""

from __future__ import annotations

import math
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.stats import Answer, Curve, clustered_wilson, curve, ock_score, strict_curve
from tests.stats.made import GRID, answer, row, some_of, trace, traces

EQUAL = 1e-9


def test_importing_it_loads_no_numpy() -> None:
    code = "import sys, evalbudget.stats; print({'numpy', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_ock_score_is_the_papers() -> None:
    assert ock_score(0.5, 10_000) == pytest.approx(50 - 10 * math.log(2))
    assert ock_score(0.5, 0) == 50
    assert ock_score(0.915, 29_300) == pytest.approx(91.5 - 10 * math.log(3.93))


def test_each_question_weighs_the_same_while_repeats_are_missing() -> None:
    answers = [answer("a", 64, 1, repeat=n) for n in range(3)] + [answer("b", 64, 0)]
    point = curve(answers).points[0]
    assert (point.accuracy, point.questions, point.answers) == (0.5, 2, 4)


def test_a_score_beyond_one_counts_as_one() -> None:
    found = curve(row("a", {64: 1, None: 7.5}) + row("b", {64: 0, None: -3}))
    assert [point.accuracy for point in found.points] == [0.5, 0.5]
    assert found.regret == 0


def test_points_come_by_budget_and_unlimited_last_whatever_the_order() -> None:
    answers = row("a", {None: 1, 2048: 1, 0: 0, 64: 0})
    assert [point.budget for point in curve(answers).points] == [0, 64, 2048, None]


def test_no_answers_make_an_empty_curve() -> None:
    found = curve([])
    assert found.points == ()
    assert found.best is None and found.area is None and found.tokens_to_best is None


def test_tokens_and_cuts_are_of_the_answers_at_the_budget() -> None:
    answers = [
        answer("a", 64, 1, thought=64, forced=True),
        answer("b", 64, 0, thought=30),
        answer("c", 64, 0, thought=None),
    ]
    point = curve(answers).points[0]
    assert point.mean_reasoning_tokens == 47
    assert point.mean_completion_tokens == 57
    assert point.forced_share == pytest.approx(1 / 3)
    assert point.ock_score == pytest.approx(ock_score(1 / 3, 57))


def test_a_curve_without_counts_has_no_ock_score_and_is_strict_where_cuts_are_known() -> None:
    point = curve([answer("a", 64, 1, thought=None), answer("b", 64, 1, thought=None, forced=True)]).points[0]
    assert point.mean_completion_tokens is None and point.ock_score is None
    assert point.strict == 0.5


def test_the_strict_curve_is_read_off_the_unlimited_answers() -> None:
    answers = [
        *trace("a", 100, [0, 1, 1, 1, 1, 1]),
        *trace("b", 1000, [1, 1, 1, 1, 1, 1]),
        *trace("c", 60, [1, 0, 0, 0, 0, 0]),
    ]
    found = {point.budget: point for point in curve(answers).points}
    assert [found[budget].strict for budget in GRID] == pytest.approx([0, 0, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert [found[budget].accuracy for budget in GRID] == pytest.approx([2 / 3] * 6)


def test_an_unlimited_answer_of_unknown_length_is_no_part_of_the_strict_curve_but_at_its_end() -> None:
    answers = [*row("a", {64: 1}), answer("a", None, 1, thought=None), answer("b", None, 0, thought=50)]
    found = {point.budget: point for point in curve(answers).points}
    assert (found[64].strict, found[None].strict) == (0, 0.5)


def test_where_no_length_is_known_there_is_no_strict_point() -> None:
    answers = [*row("a", {64: 1}), answer("a", None, 1, thought=None)]
    point = curve(answers).points[0]
    assert point.strict is None and point.strict_low is None and point.strict_high is None


def test_without_unlimited_answers_the_budgets_own_are_strict_unless_cut() -> None:
    answers = [answer("a", 64, 1), answer("b", 64, 1, forced=True), answer("c", 64, 0)]
    assert curve(answers).points[0].strict == pytest.approx(1 / 3)


def test_a_rescued_unlimited_answer_did_not_finish_by_itself() -> None:
    answers = [answer("a", None, 1, forced=True), answer("b", None, 1)]
    point = curve(answers).points[0]
    assert (point.accuracy, point.strict) == (1, 0.5)


def test_the_strict_curve_stands_at_any_budget_and_passes_limited_answers_over() -> None:
    answers = [answer("a", None, 1, thought=100), answer("b", None, 1, thought=300), answer("c", 64, 1)]
    found = strict_curve(answers, [50, 100, 1000, None])
    assert [(point.budget, point.strict) for point in found] == [(50, 0), (100, 0.5), (1000, 1), (None, 1)]
    assert all(point.low <= point.strict <= point.high for point in found)
    assert strict_curve(row("a", {64: 1}), [64]) == ()


def test_the_area_is_the_trapezoid_over_the_logarithm() -> None:
    """(0+0.5)/2·ln 2 + (0.5+1)/2·ln 4, over ln 8: 0.25/3 + 0.75·2/3."""
    answers = row("a", {0: 1, 64: 0, 128: 1, 512: 1, None: 0}) + row(
        "b", {0: 1, 64: 0, 128: 0, 512: 1, None: 0}
    )
    found = curve(answers)
    assert found.area == pytest.approx(0.25 / 3 + 0.75 * 2 / 3)
    assert (found.first_budget, found.last_budget) == (64, 512)


@pytest.mark.parametrize("budgets", [(None,), (0, None), (0, 64, None), (64,)])
def test_there_is_no_area_with_fewer_than_two_budgets_on_the_axis(budgets: tuple[int | None, ...]) -> None:
    found = curve(row("a", dict.fromkeys(budgets, 1.0)) + row("b", dict.fromkeys(budgets, 0.0)))
    assert (found.area, found.area_low, found.area_high) == (None, None, None)
    assert (found.first_budget, found.last_budget) == (None, None)


def test_tokens_to_best_lie_on_the_line_over_the_logarithm() -> None:
    """F is 0.5 at 64 and 1 at 256: 0.95 is nine tenths of the way, 64·4^0.9."""
    answers = row("a", {64: 1, 256: 1, None: 1}) + row("b", {64: 0, 256: 1, None: 1})
    found = curve(answers)
    assert found.best == 1
    assert found.tokens_to_best == math.ceil(64 * 4**0.9)


def test_a_best_that_only_unlimited_thinking_reaches_has_no_tokens() -> None:
    found = curve(row("a", {64: 0, 256: 1, None: 1}) + row("b", {64: 0, 256: 0, None: 1}))
    assert (found.best, found.tokens_to_best, found.tokens_to_best_high) == (1, None, None)


def test_nothing_right_reaches_nothing() -> None:
    found = curve(row("a", {64: 0, None: 0}) + row("b", {64: 0, None: 0}))
    assert (found.best, found.tokens_to_best) == (0, None)


def test_one_question_says_nothing_of_others() -> None:
    found = curve(row("a", {64: 0, 256: 1, None: 1}))
    assert all((point.low, point.high) == (0, 1) for point in found.points)
    assert (found.area_low, found.area_high) == (0, 1)
    assert (found.tokens_to_best_low, found.tokens_to_best_high) == (None, None)


def test_where_all_are_right_the_band_still_leaves_room_as_wilsons_does() -> None:
    answers = [each for number in range(30) for each in row(f"q{number}", {64: 1, 128: 1})]
    found = curve(answers)
    least = clustered_wilson(1, 0, 30, 30).low
    assert found.points[0].low == found.area_low == pytest.approx(least)
    assert found.points[0].high == found.area_high == 1


def test_the_same_seed_draws_the_same_band_and_another_one_another() -> None:
    chance = random.Random(3)
    answers = [each for n in range(40) for each in row(f"q{n}", {64: chance.random(), 256: chance.random()})]
    assert curve(answers) == curve(answers)
    assert curve(answers, seed=1).points[0].accuracy == curve(answers).points[0].accuracy
    assert curve(answers, seed=1) != curve(answers)


@given(answers=some_of(), order=st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_answers_changes_nothing(answers: list[Answer], order: random.Random) -> None:
    shuffled = list(answers)
    order.shuffle(shuffled)
    assert curve(shuffled, resamples=50) == curve(answers, resamples=50)


@given(answers=some_of())
@settings(max_examples=100, deadline=None)
def test_every_band_holds_its_estimate_and_stays_within_0_and_1(answers: list[Answer]) -> None:
    found = curve(answers, resamples=100)
    for point in found.points:
        assert 0 <= point.low <= point.accuracy + EQUAL and point.accuracy - EQUAL <= point.high <= 1 + EQUAL
        if point.strict is not None:
            assert point.strict_low is not None and point.strict_high is not None
            assert 0 <= point.strict_low <= point.strict + EQUAL
            assert point.strict - EQUAL <= point.strict_high <= 1 + EQUAL
    if found.area is not None:
        assert found.area_low is not None and found.area_high is not None
        assert (
            0 <= found.area_low <= found.area + EQUAL and found.area - EQUAL <= found.area_high <= 1 + EQUAL
        )
    if found.tokens_to_best is not None and found.tokens_to_best_high is not None:
        assert found.tokens_to_best_low is not None
        assert found.tokens_to_best_low <= found.tokens_to_best <= found.tokens_to_best_high


@given(answers=traces())
@settings(max_examples=100, deadline=None)
def test_strict_is_never_above_forced_where_the_natural_answer_is_what_was_scored(
    answers: list[Answer],
) -> None:
    for point in curve(answers, resamples=20).points:
        assert point.strict is not None
        assert point.strict <= point.accuracy + EQUAL


@given(answers=traces())
@settings(max_examples=100, deadline=None)
def test_the_area_lies_between_the_least_and_the_most_accurate_budget(answers: list[Answer]) -> None:
    found = curve(answers, resamples=20)
    placed = [point.accuracy for point in found.points if point.budget]
    assert found.area is not None
    assert min(placed) - EQUAL <= found.area <= max(placed) + EQUAL


@given(answers=traces())
@settings(max_examples=100, deadline=None)
def test_the_strict_curve_of_a_curve_is_that_of_its_unlimited_answers(answers: list[Answer]) -> None:
    points = curve(answers, resamples=20).points
    assert [point.strict for point in points] == [p.strict for p in strict_curve(answers, GRID, resamples=20)]


def with_one_trace(one_trace: bool) -> Curve:
    return curve(trace("a", 1000, [0, 1, 1, 0, 0, 0]) + trace("b", 1000, [0] * 6), one_trace=one_trace)


def test_what_thinking_longer_lost_is_said_of_single_traces_alone() -> None:
    assert (with_one_trace(True).regret, with_one_trace(True).lost_after_correct) == (0.5, 0.5)
    assert (with_one_trace(False).regret, with_one_trace(False).lost_after_correct) == (None, None)
