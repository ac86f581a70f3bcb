"""Questions drawn again: against a slow plain way on the same draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.stats import bootstrap
from evalbudget.stats.bootstrap import counts, percentiles, resampled_means, share_interval

cells = st.one_of(st.floats(0, 1), st.just(math.nan))


def plain(means: list[list[float]], drawn: list[int], column: int) -> float:
    """The mean over the drawn questions, each as often as it was drawn, of those with a value."""
    values = [row[column] for row, times in zip(means, drawn, strict=True) for _ in range(times)]
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


@given(
    means=st.integers(1, 4).flatmap(
        lambda columns: st.lists(st.lists(cells, min_size=columns, max_size=columns), min_size=1, max_size=12)
    ),
    seed=st.integers(0, 99),
)
@settings(deadline=None)
def test_the_means_are_those_of_a_plain_loop(means: list[list[float]], seed: int) -> None:
    fast = resampled_means(np.array(means), resamples=30, seed=seed)
    drawn = np.concatenate(list(counts(len(means), 30, seed))).astype(int).tolist()
    slow = [[plain(means, row, column) for column in range(len(means[0]))] for row in drawn]
    assert fast == pytest.approx(np.array(slow), abs=1e-12, nan_ok=True)


def test_as_many_questions_are_drawn_as_there_are_each_as_likely() -> None:
    drawn = np.concatenate(list(counts(50, 4000, 0)))
    assert drawn.shape == (4000, 50)
    assert (drawn.sum(axis=1) == 50).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(50), abs=0.1)
    assert drawn.var() == pytest.approx(1 - 1 / 50, abs=0.02)


def test_drawing_in_pieces_draws_the_same() -> None:
    whole = np.concatenate(list(counts(7, 100, 3)))
    assert len(list(counts(7, 100, 3))) == 1
    rows = bootstrap._MOST_COUNTS // 400_000
    pieces = list(counts(400_000, rows + 2, 3))
    assert [len(piece) for piece in pieces] == [rows, 2]
    assert (np.concatenate(list(counts(7, 60, 3))) == whole[:60]).all()


def test_percentiles_leave_out_what_is_no_number() -> None:
    found = percentiles(np.array([math.nan, *np.linspace(0, 1, 101)]), 0.9)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(0.05), pytest.approx(0.95))
    assert percentiles(np.array([math.nan]), 0.9) is None


def test_the_band_covers_the_truth_also_near_the_top() -> None:
    """30 questions answered 4 times, accuracy 0.97, half of the variance between the questions."""
    chance = np.random.default_rng(7)
    rounds, held, bare = 300, 0, 0
    for seed in range(rounds):
        means = chance.binomial(4, chance.beta(0.97, 0.03, size=30)) / 4
        draws = resampled_means(means[:, np.newaxis], resamples=500, seed=seed)[:, 0]
        mean, spread = float(means.mean()), float(means.var(ddof=1))
        band = share_interval(mean, draws, spread=spread, questions=30, answers=120, level=0.95)
        middle = percentiles(draws, 0.95)
        assert middle is not None
        held += band.low <= 0.97 <= band.high
        bare += middle.low <= 0.97 <= middle.high
    assert held / rounds >= 0.93
    assert bare / rounds < 0.85
