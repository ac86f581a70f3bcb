"""Holm's correction of a family of tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.stats import holm

ps = st.lists(st.floats(0, 1), max_size=12)


def test_a_worked_example_comes_out() -> None:
    """Holm 1979's rule: 0.01·4, 0.005·... in rising order, none below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(ps)
def test_no_p_falls_and_their_order_stays(found: list[float]) -> None:
    corrected = holm(found)
    assert all(before <= after <= 1 for before, after in zip(found, corrected, strict=True))
    places = sorted(range(len(found)), key=found.__getitem__)
    rising = [corrected[place] for place in places]
    assert rising == sorted(rising)
    assert not found or min(corrected) <= min(1, len(found) * min(found))


def test_a_family_without_an_effect_gives_5_percent_false_alarms_in_all() -> None:
    """Uncorrected it would be 40 %."""
    chance = np.random.default_rng(1)
    families = chance.random((2000, 10))
    alarms = np.mean([min(holm(family.tolist())) <= 0.05 for family in families])
    assert 0.035 <= alarms <= 0.065
