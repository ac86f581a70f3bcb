"""pass@k and maj@k: against the sum over every choice of k answers, and their own laws."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.stats import Votes, accuracy_interval, majority_at_k, pass_at_k
from evalbudget.stats.repeats import majority_at, pass_at


@st.composite
def votes(draw: st.DrawFn) -> Votes:
    right, silent = draw(st.integers(0, 5)), draw(st.integers(0, 3))
    wrong = tuple(draw(st.lists(st.integers(1, 3), max_size=3)))
    return Votes(answers=max(1, right + silent + sum(wrong)), right=right, wrong=wrong)


def spelled_out(each: Votes) -> list[str | None]:
    texts = ["right"] * each.right
    texts += [f"wrong {place}" for place, times in enumerate(each.wrong) for _ in range(times)]
    return [*texts, *[None] * (each.answers - len(texts))]


def vote(texts: tuple[str | None, ...]) -> float:
    counted = Counter(text for text in texts if text is not None)
    top = [text for text, times in counted.items() if times == max(counted.values())]
    return ("right" in top) / len(top) if top else 0.0


@settings(deadline=None)
@given(each=votes(), data=st.data())
def test_both_are_the_mean_over_every_choice_of_k_answers(each: Votes, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, each.answers))
    choices = list(combinations(spelled_out(each), k))
    assert majority_at(each, k) == pytest.approx(fmean(map(vote, choices)))
    assert pass_at(each, k) == pytest.approx(fmean("right" in choice for choice in choices))


def test_a_published_value_of_pass_at_k() -> None:
    """Chen et al. 2021: the estimator of their numpy listing, for n = 200, c = 5, k = 10."""
    listed = 1 - np.prod(1 - 10 / np.arange(200 - 5 + 1, 200 + 1))
    assert pass_at(Votes(answers=200, right=5), 10) == pytest.approx(listed)


def test_many_repeats_of_many_texts_are_still_exact() -> None:
    """Of 64 answers 33 are right: any vote of all 64 is won; of 32 nearly all against single texts."""
    scattered = Votes(answers=64, right=33, wrong=(1,) * 31)
    assert majority_at(scattered, 64) == 1
    assert majority_at(scattered, 32) == pytest.approx(1, abs=1e-6)
    assert majority_at(Votes(answers=64, right=32, wrong=(32,)), 32) == pytest.approx(0.5)


def test_k_goes_in_powers_of_two_over_the_questions_that_have_so_many() -> None:
    found = pass_at_k([Votes(answers=5, right=1, questions=3), Votes(answers=2, right=1)])
    assert [(each.k, each.questions) for each in found] == [(1, 4), (2, 4), (4, 3)]
    assert found[0].value == pytest.approx((3 / 5 + 1 / 2) / 4)
    assert found[2].value == pytest.approx(4 / 5)


def test_one_answer_of_each_is_the_accuracy_and_its_interval() -> None:
    found = pass_at_k([Votes(answers=4, right=right, questions=6) for right in (0, 1, 2, 3, 4)])[0]
    interval = accuracy_interval([right / 4 for right in range(5)] * 6, 4)
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_the_intervals_hold_the_truth_as_often_as_said() -> None:
    """30 questions, 8 answers, k = 4; wrong answers share one text, so that maj@4 has a closed form."""
    chance = np.random.default_rng(11)
    rounds, held = 150, [0, 0]
    every = chance.beta(0.35, 0.65, size=100_000)
    odds = [4 * every**3 * (1 - every) + every**4 + 3 * (every * (1 - every)) ** 2, 1 - (1 - every) ** 4]
    truths = [float(each.mean()) for each in odds]
    for _ in range(rounds):
        right = chance.binomial(8, chance.beta(0.35, 0.65, size=30)).tolist()
        drawn = [Votes(answers=8, right=each, wrong=(8 - each,) if each < 8 else ()) for each in right]
        for place, figures in enumerate((majority_at_k(drawn), pass_at_k(drawn))):
            at = next(each for each in figures if each.k == 4)
            held[place] += at.low <= truths[place] <= at.high
    assert min(held) / rounds >= 0.91


def test_nothing_to_vote_for_has_no_vote() -> None:
    assert majority_at_k([Votes(answers=4, right=2)]) == ()
    assert pass_at_k([]) == ()
