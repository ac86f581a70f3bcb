"""Intervals and detectable effects: against tables, a simulation, published figures, and their own laws."""

from __future__ import annotations

from math import comb
from statistics import NormalDist, fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.stats import (
    Interval,
    accuracy_interval,
    assumed_variance,
    benchmark_interval,
    clustered_wilson,
    detectable_effect,
    effective_answers,
    few_differ,
    fixed_interval,
    student_quantile,
)

shares = st.floats(min_value=0, max_value=1, allow_nan=False)
sixteenths = st.integers(0, 16).map(lambda right: right / 16)


@pytest.mark.parametrize(("degrees", "published"), [(1, 12.706), (7, 2.365), (29, 2.045), (197, 1.972)])
def test_student_quantiles_are_the_published_ones(degrees: int, published: float) -> None:
    assert student_quantile(degrees) == pytest.approx(published, abs=6e-4)


@pytest.mark.parametrize("share", [0.1, 0.35, 0.9])
def test_the_intervals_cover_the_truth_where_the_naive_one_does_not(share: float) -> None:
    """30 questions answered 16 times, half of the variance between the questions."""
    chance = np.random.default_rng(5)
    rounds, like_these, benchmark, naive = 250, 0, 0, 0
    for _ in range(rounds):
        difficulty = chance.beta(share, 1 - share, size=30)
        scores = (chance.random((30, 16)) < difficulty[:, np.newaxis]).astype(float)
        mean, within = float(scores.mean()), float(scores.var(axis=1, ddof=1).mean())
        like_these += _holds(accuracy_interval(scores.mean(axis=1).tolist(), 16), share)
        fixed = fixed_interval(mean, within, 30, answers=480, repeats=450)
        benchmark += _holds(fixed, float(difficulty.mean()))
        reach = NormalDist().inv_cdf(0.975) * (mean * (1 - mean) / 480) ** 0.5
        naive += abs(mean - share) <= reach
    assert 0.91 <= like_these / rounds <= 0.985
    assert 0.91 <= benchmark / rounds <= 0.985
    assert naive / rounds < 0.6


def _holds(interval: Interval, truth: float) -> bool:
    return interval.low - 1e-9 <= truth <= interval.high + 1e-9


@pytest.mark.parametrize("share", [0.1, 0.35, 0.9])
@pytest.mark.parametrize("questions", [30, 541])
def test_single_answers_are_covered_as_said_by_adding_up_the_chances(questions: int, share: float) -> None:
    held = sum(
        comb(questions, right) * share**right * (1 - share) ** (questions - right)
        for right in range(questions + 1)
        if _holds(single(right, questions), share)
    )
    assert 0.93 <= held <= 0.97


def single(right: int, questions: int) -> Interval:
    return accuracy_interval([1.0] * right + [0.0] * (questions - right), 1)


@given(means=st.lists(shares, min_size=1, max_size=60), answers=st.integers(1, 64))
@settings(deadline=None)
def test_the_interval_holds_the_mean_and_stays_within_0_and_1(means: list[float], answers: int) -> None:
    interval = accuracy_interval(means, answers)
    mean = sum(means) / len(means)
    assert 0 <= interval.low <= mean + 1e-12
    assert mean - 1e-12 <= interval.high <= 1


@given(means=st.lists(shares, min_size=2, max_size=40), answers=st.integers(1, 64))
@settings(deadline=None)
def test_more_answers_to_the_same_effect_never_widen_it(means: list[float], answers: int) -> None:
    few, many = accuracy_interval(means, answers), accuracy_interval(means, answers + 1)
    assert many.high - many.low <= few.high - few.low + 1e-12


@given(means=st.lists(shares, min_size=2, max_size=30), answers=st.integers(1, 16))
@settings(deadline=None)
def test_twice_the_questions_of_the_same_kind_narrow_it(means: list[float], answers: int) -> None:
    once, twice = accuracy_interval(means, answers), accuracy_interval(means * 2, answers)
    assert twice.high - twice.low < once.high - once.low


@given(means=st.lists(sixteenths, min_size=2, max_size=30), answers=st.integers(1, 16))
@settings(deadline=None)
def test_right_and_wrong_are_mirror_images(means: list[float], answers: int) -> None:
    straight = accuracy_interval(means, answers)
    mirrored = accuracy_interval([1 - mean for mean in means], answers)
    assert mirrored.low == pytest.approx(1 - straight.high, abs=1e-6)
    assert mirrored.high == pytest.approx(1 - straight.low, abs=1e-6)


def test_all_right_or_all_wrong_counts_each_question_once_however_often_it_was_asked() -> None:
    assert accuracy_interval([0.0] * 30, 1) == accuracy_interval([0.0] * 30, 64)
    assert accuracy_interval([0.0] * 30, 1).high == pytest.approx(1 - 0.05 ** (1 / 30))
    assert accuracy_interval([1.0] * 30, 1).low == pytest.approx(0.05 ** (1 / 30))


def test_questions_right_or_wrong_as_a_whole_count_once_however_often_they_were_asked() -> None:
    means = [1.0] * 21 + [0.0] * 9
    assert accuracy_interval(means, 1) == accuracy_interval(means, 64)


def test_this_benchmark_needs_a_question_that_was_answered_twice() -> None:
    assert benchmark_interval([[1.0], [0.0]]) is None
    assert benchmark_interval([[1.0], [0.0, 1.0]]) is not None


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_this_benchmark_is_known_better_than_questions_like_it(level: float) -> None:
    scores = [[1.0] * (number % 9) + [0.0] * (8 - number % 9) for number in range(60)]
    fixed = benchmark_interval(scores, level)
    drawn = accuracy_interval([fmean(each) for each in scores], 8, level)
    assert fixed is not None
    assert fixed.high - fixed.low < drawn.high - drawn.low


def test_answers_that_always_agreed_leave_a_doubt_that_shrinks_with_repeats() -> None:
    few, many = (benchmark_interval([[1.0] * n] * 20 + [[0.0] * n] * 10) for n in (2, 64))
    assert few is not None
    assert many is not None
    assert 0 < many.high - many.low < few.high - few.low < 0.2


def test_all_right_on_this_benchmark_counts_every_answer() -> None:
    found = benchmark_interval([[1.0] * 16] * 30)
    assert found is not None
    assert found.low == pytest.approx(0.05 ** (1 / 480))
    assert found.high == 1


@given(scores=st.lists(st.lists(shares, min_size=1, max_size=6), min_size=1, max_size=30))
@settings(deadline=None)
def test_whatever_was_answered_this_benchmarks_interval_holds_the_mean(scores: list[list[float]]) -> None:
    found = benchmark_interval(scores)
    assert (found is None) == all(len(each) == 1 for each in scores)
    if found is not None:
        mean = fmean(fmean(each) for each in scores)
        assert -1e-9 <= found.low <= mean + 1e-9
        assert mean - 1e-9 <= found.high <= 1 + 1e-9


def test_where_few_questions_differ_the_report_is_told() -> None:
    assert few_differ(0.97, 30)
    assert few_differ(1.0, 541)
    assert few_differ(0.9, 30)
    assert not few_differ(0.8, 30)
    assert not few_differ(0.97, 198)


def test_one_question_says_nothing_of_others() -> None:
    assert accuracy_interval([0.75], 16) == Interval(0.0, 1.0)


def test_single_answers_are_as_many_as_they_are() -> None:
    """With one answer a question, p(1-p)/SE² is N-1, as the variance is divided by N-1."""
    assert effective_answers(0.5, 10 / 9 * 0.25, 10, 10) == pytest.approx(9)
    assert effective_answers(0.5, 0.0, 10, 160) == 160
    assert effective_answers(0.5, 5.0, 2, 2) == 1


def test_a_known_interval() -> None:
    """Wilson's for 15 of 30 with Student's quantile instead of the normal one, worked out by hand."""
    spread = 30 / 29 * 0.25
    interval = clustered_wilson(0.5, spread, 30, 30)
    square = student_quantile(29) ** 2
    half = (square / (4 * (29 + square))) ** 0.5
    assert interval.low == pytest.approx(0.5 - half)
    assert interval.high == pytest.approx(0.5 + half)


@pytest.mark.parametrize(
    ("questions", "answers", "within", "points"),
    [(30, 1, 0.09, 21.7), (30, 16, 0.09, 5.4), (30, 64, 0.09, 2.7), (198, 8, 0.14, 3.7), (541, 1, 0.04, 3.4)],
)
def test_the_smallest_detectable_effect_is_the_published_one(
    questions: int, answers: int, within: float, points: float
) -> None:
    assert 100 * detectable_effect(questions, answers, within) == pytest.approx(points, abs=0.06)


def test_nothing_asked_detects_nothing() -> None:
    assert detectable_effect(0, 4, 0.1) == 1.0
    assert detectable_effect(1, 1, 0.25) <= 1.0


def test_a_task_without_measured_variance_gets_the_largest() -> None:
    assert assumed_variance("aime25") == 0.09
    assert assumed_variance("gpqa_diamond") == assumed_variance("lm_eval/gsm8k") == 0.14
