"""The mid-p interval: against the tail sums that define it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from evalbudget.stats.mid_p import mid_p_ends


@given(trials=st.integers(1, 600), data=st.data())
@settings(deadline=None)
def test_at_each_end_the_tail_with_half_of_what_was_seen_is_a_fortieth(
    trials: int, data: st.DataObject
) -> None:
    right = data.draw(st.integers(0, trials))
    low, high = mid_p_ends(right, trials, 0.95)
    assert 0 <= low <= right / trials <= high <= 1
    if right > 0:
        tail = binom.sf(right, trials, low) + binom.pmf(right, trials, low) / 2
        assert tail == pytest.approx(0.025, abs=1e-6)
    if right < trials:
        tail = binom.cdf(right - 1, trials, high) + binom.pmf(right, trials, high) / 2
        assert tail == pytest.approx(0.025, abs=1e-6)


def test_effective_numbers_lie_between_their_neighbours() -> None:
    lows = [mid_p_ends(0.3 * trials, trials, 0.95)[0] for trials in (30, 30.5, 31)]
    assert lows == sorted(lows)


def test_nothing_tried_says_nothing() -> None:
    assert mid_p_ends(0, 0, 0.95) == (0.0, 1.0)
