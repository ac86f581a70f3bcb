"""Two models compared: what is said of both targets, and that simulated intervals hold the truth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from evalbudget.stats import (
    Comparison,
    QuestionAnswers,
    compare_answers,
    detectable_effect,
    mcnemar_p,
    rate_change,
    sign_flip,
    tango_interval,
)

Scores = Mapping[str, Sequence[float]]
names = st.text("abcdef", min_size=1, max_size=2)
scores = st.dictionaries(
    names, st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=1, max_size=4), min_size=1, max_size=9
)
NEAR = 1e-9


def answers(side: Scores, stratum: Mapping[str, str] | None = None) -> dict[str, QuestionAnswers]:
    """Question → its answers, nothing known but the scores and the category."""
    return {
        question: QuestionAnswers(scores=tuple(each), stratum=(stratum or {}).get(question))
        for question, each in side.items()
    }


def compared(base: Scores, candidate: Scores, margin: float = 0.02) -> Comparison:
    """Both sides, which have a question in common."""
    found = compare_answers(answers(base), answers(candidate), margin=margin)
    assert found is not None
    return found


def repeated(chance: np.random.Generator, chances: np.ndarray, times: int) -> dict[str, list[float]]:
    """So many answers to each question with these chances."""
    drawn = (chance.random((chances.size, times)) < chances[:, np.newaxis]).astype(float)
    return {f"{number:05}": each for number, each in enumerate(drawn.tolist())}


def test_nothing_is_compared_without_a_question_that_both_answered() -> None:
    assert compare_answers({}, {}) is None
    assert compare_answers(answers({"a": [1.0]}), answers({"b": [1.0]})) is None
    assert compare_answers(answers({"a": []}), answers({"a": [1.0]})) is None
    assert compare_answers(answers({"a": [1]}), answers({"a": [1]}), weights={"music": 1}) is None


def test_one_question_answered_once_says_nothing_of_others() -> None:
    found = compared({"a": [1.0]}, {"a": [0.0]})
    judged = found.judged["questions"]
    assert set(found.judged) == {"questions"}
    assert (judged.low, judged.high, judged.p, judged.no_worse, judged.equivalent) == (-1, 1, 1, False, False)
    assert found.weak is not None
    assert found.flips is not None
    assert (found.flips.share, found.flips.noise, found.flips.excess) == (1, None, None)


def test_questions_that_one_side_alone_answered_are_counted_and_left_out() -> None:
    found = compared({"a": [1, 1], "b": [0], "x": [1], "y": []}, {"a": [0], "b": [0], "z": [1]})
    assert (found.questions, found.left_out, found.unweighted) == (2, 2, 0)
    assert (found.base_answers, found.candidate_answers) == (3, 2)
    assert (found.base, found.candidate, found.difference) == (0.5, 0, -0.5)


@given(base=scores, candidate=scores)
@settings(deadline=None, max_examples=30)
def test_swapping_the_models_turns_everything_round(base: Scores, candidate: Scores) -> None:
    one = compare_answers(answers(base), answers(candidate))
    other = compare_answers(answers(candidate), answers(base))
    if one is None or other is None:
        assert one is other is None
        return
    assert one.difference == pytest.approx(-other.difference)
    assert (one.lost, one.won) == (other.won, other.lost)
    assert set(one.judged) == set(other.judged)
    for target, judged in one.judged.items():
        turned = other.judged[target]
        assert (judged.low, judged.high) == pytest.approx((-turned.high, -turned.low))
        assert judged.p == pytest.approx(turned.p)
        assert judged.p_equivalent == pytest.approx(turned.p_equivalent)
        assert -1 <= judged.low <= one.difference <= judged.high <= 1


@given(base=scores, candidate=scores)
@settings(deadline=None, max_examples=30)
def test_a_small_p_never_stands_beside_an_interval_with_0_in_it(base: Scores, candidate: Scores) -> None:
    found = compare_answers(answers(base), answers(candidate))
    for judged in found.judged.values() if found else ():
        assert 0 <= judged.p <= 1
        assert judged.p > 0.05 or not judged.low < 0 < judged.high
        assert judged.p_equivalent >= judged.p_no_worse


@given(lost=st.integers(0, 12), won=st.integers(0, 12), alike=st.integers(1, 20))
@settings(deadline=None, max_examples=30)
def test_single_answers_are_tangos_interval_and_mcnemars_test(lost: int, won: int, alike: int) -> None:
    pairs = [(1.0, 0.0)] * lost + [(0.0, 1.0)] * won + [(1.0, 1.0)] * alike
    found = compared(*({f"{n:02}": [pair[side]] for n, pair in enumerate(pairs)} for side in (0, 1)))
    judged = found.judged["questions"]
    expected = tango_interval(lost, won, len(pairs)) if len(pairs) > 1 else None
    if expected:
        assert (judged.low, judged.high) == pytest.approx((expected.low, expected.high))
    assert found.mcnemar_p == pytest.approx(mcnemar_p(lost, won))
    assert judged.p >= found.mcnemar_p - NEAR
    assert judged.more_repeats in (0, None)


def test_no_worse_is_the_lower_end_of_the_90_percent_interval_and_equivalent_both_ends() -> None:
    chance = np.random.default_rng(1)
    hard = chance.beta(0.4, 0.6, size=40)
    base, candidate = (answers(repeated(chance, hard, times)) for times in (8, 5))
    narrow = compare_answers(base, candidate, level=0.9)
    assert narrow is not None
    for target, ends in narrow.judged.items():
        for past, shown in ((0.002, True), (-0.002, False)):
            found = compare_answers(base, candidate, margin=past - ends.low)
            assert found is not None
            assert found.judged[target].no_worse is shown
            wide = compare_answers(base, candidate, margin=past + max(-ends.low, ends.high))
            assert wide is not None
            assert wide.judged[target].equivalent is shown


def test_the_benchmark_needs_every_question_answered_twice_by_both() -> None:
    twice, once = {"a": [1.0, 0.0], "b": [0.0, 0.0]}, {"a": [1.0, 1.0], "b": [1.0]}
    assert "benchmark" in compared(twice, twice).judged
    assert "benchmark" not in compared(twice, once).judged
    assert compared(twice, once).judged["questions"].more_repeats in (0, None)


def test_the_benchmarks_error_is_that_of_the_answers_alone() -> None:
    base = {"a": [1, 0, 1, 0], "b": [1, 1, 1, 1]}
    candidate = {"a": [1, 1], "b": [0, 1]}
    variance = (1 / 3 / 4 + 0 + 0 + 0.5 / 2) / 4 + (1 / 4**2 + 1 / 2**2) / 4 / 2
    judged = compared(base, candidate).judged["benchmark"]
    assert judged.high - judged.low == pytest.approx(2 * 1.959964 * math.sqrt(variance))


def test_exchanged_answers_are_weighed_as_scipy_draws_them() -> None:
    base, candidate = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 1]]), np.array([[1, 0, 0], [0, 0, 0], [1, 0, 0]])

    def apart(ours: np.ndarray, theirs: np.ndarray, axis: int) -> np.ndarray:
        return np.asarray(theirs.mean(axis=axis) - ours.mean(axis=axis))

    each = [
        permutation_test((ours, theirs), apart, axis=0, n_resamples=np.inf).null_distribution
        for ours, theirs in zip(base, candidate, strict=True)
    ]
    sums = np.abs((each[0][:, None, None] + each[1][:, None] + each[2]).ravel())
    seen = abs(float((candidate.mean(axis=1) - base.mean(axis=1)).sum()))
    expected = float((sums > seen + NEAR).mean() + (np.abs(sums - seen) < NEAR).mean() / 2)
    sides = [{f"{n}": row.tolist() for n, row in enumerate(side)} for side in (base, candidate)]
    judged = compared(*sides).judged["benchmark"]
    assert judged.p_exact
    assert judged.p == pytest.approx(expected)


def test_a_category_counts_with_its_weight_however_many_questions_it_has() -> None:
    of = {"a": "x", "b": "x", "c": "x", "d": "y", "e": "z"}
    base = answers({question: [1.0, 1.0] for question in of}, of)
    candidate = answers({**{question: [1.0, 1.0] for question in of}, "d": [0.0, 0.0]}, of)
    found = compare_answers(base, candidate, weights={"x": 1, "y": 3, "gone": 5, "odd": math.nan})
    assert found is not None
    assert found.strata == {"x": 0.25, "y": 0.75}
    assert (found.questions, found.unweighted, found.left_out) == (4, 1, 0)
    assert (found.base, found.candidate, found.difference) == (1, 0.25, -0.75)
    assert found.weak is not None


def test_weights_as_many_as_the_questions_change_neither_difference_nor_benchmark() -> None:
    chance = np.random.default_rng(3)
    hard = chance.beta(0.5, 0.5, size=30)
    base, candidate = repeated(chance, hard, 4), repeated(chance, hard, 4)
    of = {question: "ab"[number % 3 == 0] for number, question in enumerate(sorted(base))}
    plain = compared(base, candidate)
    found = compare_answers(answers(base, of), answers(candidate, of), weights={"a": 20, "b": 10})
    assert found is not None
    assert found.difference == pytest.approx(plain.difference)
    one, other = found.judged["benchmark"], plain.judged["benchmark"]
    assert (one.low, one.high) == pytest.approx((other.low, other.high))
    width = [judged.high - judged.low for judged in (found.judged["questions"], plain.judged["questions"])]
    assert width[0] == pytest.approx(width[1], rel=0.15)


def test_tokens_loops_and_flips_are_compared_over_the_same_questions() -> None:
    base = {
        "a": QuestionAnswers(
            scores=(1, 0), completion_tokens=(10, 30), reasoning_tokens=(5, 5), loops=(False, False)
        ),
        "b": QuestionAnswers(scores=(1, 1), completion_tokens=(20,), loops=(True, False)),
    }
    candidate = {
        "a": QuestionAnswers(
            scores=(0, 0), completion_tokens=(40,), reasoning_tokens=(20,), loops=(True, True)
        ),
        "b": QuestionAnswers(scores=(1, 0), completion_tokens=(40, 40), loops=(True, True)),
    }
    found = compare_answers(base, candidate)
    assert found is not None
    assert found.tokens is not None and found.thinking is not None
    assert (found.tokens.ratio, found.thinking.ratio, found.thinking.questions) == (2, 4, 1)
    assert found.loops is not None
    assert (found.loops.base, found.loops.candidate, found.loops.ratio) == (0.25, 1, 4)
    assert found.flips is not None
    assert (found.flips.lost, found.flips.won) == (0.5, 0)
    assert (found.flips.noise, found.flips.excess) == (0.5, 0)
    assert found.flips.excess_high is not None and found.flips.excess_high >= 0


def test_scores_between_0_and_1_have_no_flips() -> None:
    found = compared({"a": [0.5, 1], "b": [1, 1]}, {"a": [1, 1], "b": [1, 1]})
    assert found.flips is None
    assert found.mcnemar_p is None


def test_a_rate_that_was_never_looked_at_is_not_there() -> None:
    assert rate_change({"a": []}, {"a": [True]}) is None
    found = rate_change({"a": [False], "b": [False]}, {"a": [True], "b": [False]})
    assert found is not None
    assert (found.base, found.candidate, found.difference, found.ratio) == (0, 0.5, 0.5, None)


def test_more_answers_are_asked_for_only_where_they_would_tell() -> None:
    chance = np.random.default_rng(4)
    hard = np.full(40, 0.5)
    base, candidate = repeated(chance, hard, 4), repeated(chance, hard, 4)
    found = compared(base, candidate, margin=0.05)
    judged = found.judged["benchmark"]
    assert judged.more_repeats is not None and judged.more_repeats > 0
    needed = abs(found.difference + 0.05) / (1.6449 + 0.8416)
    within = [np.mean([np.var(each, ddof=1) for each in side.values()]) for side in (base, candidate)]

    def error(more: int) -> float:
        return math.sqrt(sum(within) / 40 / (4 + more) + 1 / (40 * (4 + more)) ** 2)

    assert error(judged.more_repeats) <= needed < error(judged.more_repeats - 1)
    assert compared(base, candidate, margin=0.9).judged["benchmark"].more_repeats == 0


def test_no_number_of_answers_tells_where_the_questions_vary_too_much() -> None:
    base = {f"{n}": [float(n % 2)] * 8 for n in range(20)}
    candidate = {f"{n}": [float(n % 3 == 0)] * 8 for n in range(20)}
    judged = compared(base, candidate, margin=0.01).judged["questions"]
    assert judged.more_repeats is None


def test_alike_answers_are_not_taken_for_certainty() -> None:
    same = {f"{n}": [1.0] * 4 for n in range(30)}
    found = compared(same, same)
    for judged in found.judged.values():
        assert judged.low < 0 < judged.high
        assert judged.p == 1
    assert found.weak is not None


def test_many_sizes_of_differences_are_taken_as_normal_and_near_the_drawn() -> None:
    chance = np.random.default_rng(2)
    many = chance.normal(0.02, 1, size=1100)
    far = sign_flip(many.tolist())
    signs = chance.choice([-1.0, 1.0], size=(1500, many.size))
    drawn = float((np.abs(signs @ many) >= abs(many.sum())).mean())
    assert not far.exact
    assert far.p == pytest.approx(drawn, abs=0.04)


@pytest.mark.parametrize(("share", "shape"), [(0.1, (30, 16)), (0.35, (30, 2)), (0.9, (60, 4))])
def test_intervals_of_the_benchmark_hold_the_truth_and_its_test_keeps_5_percent(
    share: float, shape: tuple[int, int]
) -> None:
    chance = np.random.default_rng(8)
    hard = chance.beta(share, 1 - share, size=shape[0])
    rounds = 250
    held = alarms = 0
    for _ in range(rounds):
        found = compared(*(repeated(chance, hard, shape[1]) for _ in range(2))).judged["benchmark"]
        held += found.low <= 0 <= found.high
        alarms += found.p <= 0.05
    assert held / rounds >= 0.93 - 2 * math.sqrt(0.93 * 0.07 / rounds)
    assert held / rounds <= 0.97 + 2 * math.sqrt(0.97 * 0.03 / rounds)
    assert alarms / rounds <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / rounds)


def test_nearly_certain_answers_do_not_fool_the_benchmarks_interval() -> None:
    """The answers' own variance alone holds the truth in 76 to 80 % here."""
    chance = np.random.default_rng(9)
    held = rounds = 0
    for _ in range(20):
        hard = chance.beta(0.02, 0.18, size=30)
        for _ in range(15):
            found = compared(*(repeated(chance, hard, 2) for _ in range(2))).judged["benchmark"]
            held += found.low <= 0 <= found.high
            rounds += 1
    assert held / rounds >= 0.91


def test_the_effect_that_is_promised_is_found_as_often_as_promised() -> None:
    chance = np.random.default_rng(10)
    within, shape = 0.09, (30, 16)
    promised = detectable_effect(*shape, within)
    middle = math.sqrt(0.25 - within)
    hard = np.where(np.arange(shape[0]) % 2, 0.5 + middle, 0.5 - middle)
    rounds = 250
    sides = (hard + promised / 2, hard - promised / 2)
    pairs = (compared(*(repeated(chance, side, shape[1]) for side in sides)) for _ in range(rounds))
    found = sum(pair.judged["benchmark"].p <= 0.05 for pair in pairs)
    assert 0.75 - 0.04 <= found / rounds <= 0.85 + 0.04
