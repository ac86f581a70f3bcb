"""Intervals and detectable effects: against tables, a simulation, published figures, and their own laws."""

from __future__ import annotations

import random
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.stats import (
    Interval,
    accuracy_interval,
    assumed_variance,
    clustered_wilson,
    detectable_effect,
    effective_answers,
    student_quantile,
)

shares = st.floats(min_value=0, max_value=1, allow_nan=False)
sixteenths = st.integers(0, 16).map(lambda right: right / 16)


@pytest.mark.parametrize(("degrees", "published"), [(1, 12.706), (7, 2.365), (29, 2.045), (197, 1.972)])
def test_student_quantiles_are_the_published_ones(degrees: int, published: float) -> None:
    assert student_quantile(degrees) == pytest.approx(published, abs=6e-4)


def test_the_interval_covers_the_truth_where_the_naive_one_does_not() -> None:
    """30 questions answered 16 times, accuracy 0.32, half of the variance between the questions."""
    chance = random.Random(5)
    rounds, clustered, naive = 800, 0, 0
    for _ in range(rounds):
        difficulty = [chance.betavariate(0.32, 0.68) for _ in range(30)]
        means = [sum(chance.random() < share for _ in range(16)) / 16 for share in difficulty]
        interval = accuracy_interval(means, 16)
        clustered += interval.low <= 0.32 <= interval.high
        mean = sum(means) / 30
        reach = NormalDist().inv_cdf(0.975) * (mean * (1 - mean) / 480) ** 0.5
        naive += abs(mean - 0.32) <= reach
    assert clustered / rounds >= 0.93
    assert naive / rounds < 0.6


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
    assert accuracy_interval([0.0] * 30, 1).high == pytest.approx(0.1224, abs=1e-4)
    assert accuracy_interval([1.0] * 30, 1).low == pytest.approx(1 - 0.1224, abs=1e-4)


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
