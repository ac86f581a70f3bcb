"""Two models on the same questions: against scipy, brute force, published figures, a simulation and their own
laws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest, ttest_1samp

from evalbudget.stats import (
    Comparison,
    QuestionAnswers,
    compare_answers,
    mcnemar_p,
    sign_flip,
    tango_interval,
    token_ratio,
)
from evalbudget.stats.sign_flip import DRAWS

Scores = Mapping[str, Sequence[float]]
names = st.sampled_from([f"q{number}" for number in range(12)])
right_or_wrong = st.sampled_from([0.0, 1.0])
sides = st.dictionaries(names, st.lists(right_or_wrong, max_size=4), max_size=12)
single = st.dictionaries(names, st.tuples(right_or_wrong), min_size=1, max_size=12)
graded = st.dictionaries(names, st.lists(st.floats(0, 1), min_size=1, max_size=3), min_size=1, max_size=12)


def compared(base: Scores, candidate: Scores) -> Comparison | None:
    """Of the scores alone."""
    sides = [
        {question: QuestionAnswers(scores=tuple(each)) for question, each in side.items()}
        for side in (base, candidate)
    ]
    return compare_answers(*sides)


def difference(base: Scores, candidate: Scores) -> Comparison:
    """Where there is one."""
    found = compared(base, candidate)
    assert found is not None
    return found


def one_each(base: str, candidate: str) -> tuple[Scores, Scores]:
    """Single answers of both, as strings of 0 and 1."""
    return tuple(
        {f"q{place}": [float(each)] for place, each in enumerate(text)} for text in (base, candidate)
    )  # type: ignore[return-value]


@given(base=sides | single | graded, candidate=sides | single | graded)
@settings(deadline=None)
def test_the_interval_holds_what_was_seen_and_stays_between_minus_1_and_1(
    base: Scores, candidate: Scores
) -> None:
    found = compared(base, candidate)
    if found is not None:
        assert found.difference == pytest.approx(found.candidate - found.base)
        for judged in found.judged.values():
            assert -1 <= judged.low <= found.difference <= judged.high <= 1
            assert 0 <= judged.p <= 1
            assert judged.high - judged.low > 0
        assert max(found.lost, found.won) <= found.lost + found.won <= found.questions


@given(base=sides)
@settings(deadline=None)
def test_equal_answers_have_no_difference_and_yet_an_interval(base: Scores) -> None:
    found = compared(base, base)
    if found is not None:
        assert (found.difference, found.lost, found.won, found.differing) == (0, 0, 0, 0)
        for judged in found.judged.values():
            assert judged.p == 1
            assert judged.low == pytest.approx(-judged.high)
            assert judged.high > 0


def test_each_question_weighs_the_same_however_often_it_was_asked() -> None:
    found = difference({"a": [1.0] * 9, "b": [0.0]}, {"a": [0.0], "b": [0.0] * 5})
    assert found.difference == -0.5


def test_a_question_is_lost_where_most_answers_were_right_and_now_are_not() -> None:
    base = {"a": [1.0, 1.0, 0.0], "b": [1.0, 0.0], "c": [0.0, 0.0], "d": [0.9, 0.9]}
    candidate = {"a": [1.0, 0.0, 0.0], "b": [0.0, 0.0], "c": [1.0, 1.0], "d": [1.0, 1.0]}
    found = difference(base, candidate)
    assert (found.lost, found.won, found.differing) == (1, 2, 4)


def test_the_order_of_questions_and_answers_changes_nothing() -> None:
    base = {f"q{number}": [number / 7, 1.0, 0.0] for number in range(7)}
    candidate = {f"q{number}": [1 - number / 9, 0.3] for number in range(7)}
    turned = [{key: side[key][::-1] for key in reversed(side)} for side in (base, candidate)]
    assert difference(base, candidate) == difference(*turned)
    assert token_ratio(base, candidate) == token_ratio(*turned)


@given(lost=st.integers(0, 200), won=st.integers(0, 200))
def test_mcnemar_is_scipys_binomial_test(lost: int, won: int) -> None:
    expected = binomtest(lost, lost + won).pvalue if lost + won else 1.0
    assert mcnemar_p(lost, won) == pytest.approx(expected)


@pytest.mark.parametrize(("most", "all_differing"), [(6, 6), (9, 10), (15, 20), (21, 30), (33, 50)])
def test_so_many_of_those_that_differ_must_go_one_way(most: int, all_differing: int) -> None:
    assert mcnemar_p(most, all_differing - most) < 0.05 <= mcnemar_p(most - 1, all_differing - most + 1)


@given(
    st.lists(
        st.one_of(st.integers(-6, 6).map(lambda n: n / 6), st.integers(-3, 3).map(lambda n: n / 10)),
        max_size=10,
    )
)
@settings(deadline=None)
def test_the_exact_p_is_that_of_all_flips_one_by_one(differences: list[float]) -> None:
    far = abs(math.fsum(differences)) - 1e-9
    flips = list(product((-1, 1), repeat=len(differences)))
    hits = sum(abs(math.fsum(s * d for s, d in zip(f, differences, strict=True))) >= far for f in flips)
    found = sign_flip(differences)
    assert found.exact
    assert found.p == pytest.approx(hits / len(flips))


def test_hundreds_of_questions_with_repeats_are_still_weighed_exactly() -> None:
    chance = np.random.default_rng(2)
    differences = (chance.binomial(8, 0.6, 198) - chance.binomial(8, 0.55, 198)) / 8
    found = sign_flip(differences.tolist())
    assert found.exact
    assert found.p == pytest.approx(ttest_1samp(differences, 0).pvalue, rel=0.1)


def test_where_sums_are_too_many_they_are_drawn_always_alike() -> None:
    chance = np.random.default_rng(3)
    differences = (chance.random(60) - 0.42).tolist()
    found = sign_flip(differences)
    assert not found.exact
    assert found == sign_flip(differences)
    assert found.p != sign_flip(differences, seed=1).p
    assert found.p == pytest.approx(ttest_1samp(differences, 0).pvalue, rel=0.15)
    assert sign_flip([1 + each for each in differences]).p == pytest.approx(1 / (1 + DRAWS))


def test_no_differences_are_no_evidence() -> None:
    assert sign_flip([]).p == sign_flip([0.0, 0.0]).p == 1


@pytest.mark.parametrize(
    ("lost", "won", "questions"), [(7, 1, 21), (0, 1, 44), (40, 20, 160), (0, 0, 30), (3, 3, 30), (5, 0, 5)]
)
def test_at_the_ends_of_tangos_interval_the_score_is_just_significant(
    lost: int, won: int, questions: int
) -> None:
    """The score at an assumed difference D has the variance (2q + D - D²) / n, q the likeliest share of
    questions lost, here searched for instead of worked out."""
    interval = tango_interval(lost, won, questions)
    for assumed, sign in ((interval.low, 1), (interval.high, -1)):
        if abs(assumed) > 1 - 1e-6:
            continue

        def unlikely(share: float, assumed: float = assumed) -> float:
            parts = ((lost, share), (won, share + assumed), (questions - lost - won, 1 - 2 * share - assumed))
            return -sum(count * math.log(max(part, 1e-300)) for count, part in parts if count)

        bounds = (max(0.0, -assumed), (1 - assumed) / 2)
        share = minimize_scalar(unlikely, bounds=bounds, options={"xatol": 1e-12}).x
        deviation = math.sqrt((2 * share + assumed - assumed**2) / questions)
        assert sign * ((won - lost) / questions - assumed) / deviation == pytest.approx(1.95996, rel=1e-3)


@given(lost=st.integers(0, 40), won=st.integers(0, 40), alike=st.integers(0, 300))
@settings(deadline=None)
def test_tangos_interval_excludes_zero_where_mcnemars_score_test_does(
    lost: int, won: int, alike: int
) -> None:
    """At a difference of 0 its statistic is (won - lost) / √(won + lost)."""
    if lost + won + alike == 0:
        return
    interval = tango_interval(lost, won, lost + won + alike)
    score = abs(won - lost) / math.sqrt(lost + won) if lost + won else 0.0
    if abs(score - 1.959964) > 1e-5:
        assert (interval.low > 0 or interval.high < 0) == (score > 1.959964)


def test_with_repeats_the_interval_is_students_on_the_questions_differences_or_a_little_more() -> None:
    chance = np.random.default_rng(4)
    shares = chance.random(30)
    base, candidate = (chance.random((30, 16)) < shares[:, np.newaxis] for _ in range(2))
    found = difference(
        *({f"{n:02}": side[n].astype(float).tolist() for n in range(30)} for side in (base, candidate))
    )
    told = ttest_1samp(candidate.mean(axis=1) - base.mean(axis=1), 0).confidence_interval(0.95)
    judged = found.judged["questions"]
    assert judged.recipe == "student"
    assert told.low - 0.01 < judged.low <= told.low + 1e-9
    assert told.high - 1e-9 <= judged.high < told.high + 0.01
    assert pytest.approx(told.low) == judged.low or pytest.approx(told.high) == judged.high
    assert found.mcnemar_p is None


def test_six_questions_that_differ_all_one_way_are_just_enough() -> None:
    found = difference(*one_each("1111110011", "0000000011"))
    assert (found.lost, found.won, found.difference) == (6, 0, -0.6)
    assert found.mcnemar_p == pytest.approx(2 / 64)
    assert found.judged["questions"].p == pytest.approx(2 / 64)
    assert found.judged["questions"].high < 0


def test_the_interval_and_the_test_keep_what_they_promise() -> None:
    """60 questions answered 4 times, accuracy 0.35, half of the variance between the questions."""
    chance = np.random.default_rng(11)
    rounds, held, alarms = 400, 0, 0
    for _ in range(rounds):
        hard = chance.beta(0.35, 0.65, size=60)
        moved = hard + 0.3 * np.minimum(hard, 1 - hard) * chance.uniform(-1, 1, size=60)
        drawn = [(chance.binomial(4, shares) / 4).tolist() for shares in (hard, moved)]
        found = difference(*({f"{n:02}": [m] * 4 for n, m in enumerate(side)} for side in drawn))
        judged = found.judged["questions"]
        held += judged.low <= 0 <= judged.high
        alarms += judged.p <= 0.05
    assert 0.93 - 0.02 <= held / rounds <= 0.97 + 0.02
    assert alarms / rounds <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / rounds)


counts = st.dictionaries(
    names, st.lists(st.integers(1, 10**6), min_size=1, max_size=3), min_size=1, max_size=12
)


@given(base=counts, candidate=counts)
@settings(deadline=None, max_examples=50)
def test_the_ratio_of_tokens_turns_round_too(base: Scores, candidate: Scores) -> None:
    one, other = (token_ratio(*pair) for pair in ((base, candidate), (candidate, base)))
    if one is None or other is None:
        assert one is other is None
        return
    assert one.ratio * other.ratio == pytest.approx(1)
    if one.low is None or one.high is None:
        assert one.questions == 1
        return
    assert one.low <= one.ratio * (1 + 1e-9)
    assert one.ratio <= one.high * (1 + 1e-9)
    assert other.low == pytest.approx(1 / one.high)
    assert other.high == pytest.approx(1 / one.low)


def test_tokens_that_are_a_fixed_multiple_have_no_spread() -> None:
    base = {f"q{number}": [100.0 * (number + 1)] for number in range(10)}
    found = token_ratio(base, {question: [1.5 * each[0]] for question, each in base.items()})
    assert found is not None
    assert (found.ratio, found.low, found.high) == pytest.approx((1.5, 1.5, 1.5))
    assert (found.base, found.candidate) == (550, 825)


def test_without_common_counts_there_is_no_ratio() -> None:
    assert token_ratio({}, {"a": [1]}) is None
    assert token_ratio({"a": [0]}, {"a": [1]}) is None
    assert token_ratio({"a": [1]}, {"a": [0]}) is None
    found = token_ratio({"a": [10]}, {"a": [20]})
    assert found is not None
    assert (found.ratio, found.low, found.high) == (2, None, None)
    alone = token_ratio({"a": [0], "b": [10], "c": [0]}, {"a": [1], "b": [1], "c": [1]})
    assert alone is not None
    assert (alone.ratio, alone.low, alone.high) == (pytest.approx(0.3), None, None)
    partly = token_ratio({"a": [0], "b": [10], "c": [5]}, {"a": [1], "b": [1], "c": [1]})
    assert partly is not None
    assert partly.low is not None and partly.high is not None
    assert partly.low <= partly.ratio <= partly.high


def test_few_long_answers_do_not_fool_the_ratios_interval() -> None:
    """The bootstrap's percentiles hold the truth in 88 to 90 % here."""
    chance = np.random.default_rng(5)
    rounds, held = 400, 0
    for _ in range(rounds):
        hard = chance.normal(7, 1.2, size=30)
        factor = 1.1 * np.exp(chance.normal(0, 0.3, size=30) - 0.3**2 / 2)
        lengths = [np.exp(hard), np.exp(hard) * factor]
        sides = [np.exp(chance.normal(0, 0.5, size=30)) * each for each in lengths]
        found = token_ratio(*({f"{n:02}": [each] for n, each in enumerate(side.tolist())} for side in sides))
        assert found is not None and found.low is not None and found.high is not None
        held += found.low <= 1.1 <= found.high
    assert 0.92 <= held / rounds <= 0.98
