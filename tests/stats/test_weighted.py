"""The interval of a weighted mean over strata."""

from __future__ import annotations

import numpy as np
import pytest

from evalbudget.stats import Stratum, accuracy_interval, weighted_interval


def right_of(right: int, questions: int) -> list[float]:
    return [1.0] * right + [0.0] * (questions - right)


def test_it_holds_the_truth_as_often_as_said() -> None:
    """Twelve strata of 16 to 400 questions, of different weight and accuracy."""
    chance = np.random.default_rng(3)
    sizes, rounds, held = chance.integers(16, 400, size=12), 200, 0
    weights, shares = chance.dirichlet([1.0] * 12), chance.uniform(0.1, 0.95, size=12)
    truth = float(weights @ shares)
    for _ in range(rounds):
        strata = [
            Stratum(weight=weight, question_means=right_of(chance.binomial(size, share), size))
            for weight, share, size in zip(weights.tolist(), shares.tolist(), sizes.tolist(), strict=True)
        ]
        found = weighted_interval(strata)
        assert found is not None
        held += found.low <= truth <= found.high
    assert 0.91 <= held / rounds <= 0.985


def test_one_stratum_is_nearly_the_interval_of_its_questions() -> None:
    found = weighted_interval([Stratum(weight=3, question_means=right_of(120, 200))])
    alone = accuracy_interval(right_of(120, 200), 1)
    assert found is not None
    assert found.low == pytest.approx(alone.low, abs=0.003)
    assert found.high == pytest.approx(alone.high, abs=0.003)


def test_a_small_stratum_of_great_weight_widens_it() -> None:
    large, small = right_of(600, 1000), right_of(6, 10)
    light, heavy = (
        weighted_interval(
            [Stratum(weight=1 - weight, question_means=large), Stratum(weight=weight, question_means=small)]
        )
        for weight in (0.01, 0.5)
    )
    assert light is not None
    assert heavy is not None
    assert heavy.high - heavy.low > 3 * (light.high - light.low)


def test_all_right_is_not_certain_and_no_weight_has_no_interval() -> None:
    found = weighted_interval([Stratum(weight=1, question_means=[1.0] * 20)] * 3)
    assert found is not None
    assert found.high == 1
    assert 0.9 < found.low < 0.99
    single = weighted_interval([Stratum(weight=1, question_means=[1.0])])
    assert single is not None
    assert single.low < 0.5
    assert weighted_interval([Stratum(weight=0, question_means=[1.0])]) is None
    assert weighted_interval([]) is None
