"""How well the spread of some numbers is known from themselves: a few that lie far out make it a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalbudget.stats.answers import Floats


def outlying(numbers: Floats) -> float:
    """Kurtosis, from 1: 3 where they are normal, as many as there are where one of them is all of the spread.

    3 of numbers that are all alike.
    """
    squares = (numbers - numbers.mean()) ** 2
    whole = float(squares.sum()) ** 2
    return float(numbers.size * (squares**2).sum() / whole) if whole > 0 else 3.0


def spread_degrees(numbers: Floats) -> float:
    """Degrees of freedom of their sample variance: 2n ÷ (kurtosis - 1), from 2 to n - 1 (below 2: n - 1).

    Satterthwaite's rule for what the variance itself varies by.
    """
    most = numbers.size - 1.0
    excess = outlying(numbers) - 1
    found = 2 * numbers.size / excess if excess > 0 else most
    return min(most, max(2.0, found))
