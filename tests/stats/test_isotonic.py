"""The curve that never falls, and where it reaches a height."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from evalbudget.stats.isotonic import budgets_reaching, rising

GRID = [0, 64, 128, 512, 2048, None]
rows = st.lists(st.floats(0, 1), min_size=6, max_size=6)


@given(values=st.lists(rows, min_size=1, max_size=5))
@settings(deadline=None)
def test_it_is_what_pooling_adjacent_violators_gives(values: list[list[float]]) -> None:
    expected = np.array([isotonic_regression(row).x for row in values])
    assert rising(np.array(values)) == pytest.approx(expected, abs=1e-12)


def test_a_fall_is_pooled_with_what_it_fell_from() -> None:
    assert rising(np.array([[0.1, 0.5, 0.3, 0.9]]))[0] == pytest.approx([0.1, 0.4, 0.4, 0.9])


def reached(values: list[float], share: float) -> float:
    return float(budgets_reaching(GRID, rising(np.array([values])), share)[0])


def test_between_two_budgets_it_is_the_line_over_the_logarithm() -> None:
    assert reached([0, 0, 0, 0.5, 1, 1], 0.75) == pytest.approx(1024)


def test_from_no_thinking_to_the_first_budget_and_to_unlimited_it_is_a_step() -> None:
    assert reached([0, 1, 1, 1, 1, 1], 0.5) == pytest.approx(64)
    assert reached([0, 0, 0, 0, 0, 1], 0.5) == math.inf
    assert reached([1, 1, 1, 1, 1, 1], 0.5) == 0


def test_a_curve_of_zeros_reaches_nothing() -> None:
    assert reached([0] * 6, 0.95) == math.inf


@given(values=rows, first=st.floats(0.01, 1), second=st.floats(0.01, 1))
@settings(deadline=None)
def test_a_higher_share_never_needs_less(values: list[float], first: float, second: float) -> None:
    less, more = sorted([first, second])
    assert reached(values, less) <= reached(values, more) * (1 + 1e-9)
