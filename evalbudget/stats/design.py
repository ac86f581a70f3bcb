"""What a design can see: the smallest difference that it finds, and how many more answers would tell."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

MOST_REPEATS = 1_000_000
"""More is as good as never."""


def more_repeats(square_with: Callable[[int], float], distance: float, power: float = 0.8) -> int | None:
    """The smallest number of further answers to each question that shows with `power`, at a one-sided 5 %, on
    which side of a line the truth lies.

    `square_with`: number of further answers → square of the standard error, which never rises; `distance`:
    from the line to what was seen, both of accuracy. None where no number does.
    """
    normal = NormalDist()
    most = (abs(distance) / (normal.inv_cdf(0.95) + normal.inv_cdf(power))) ** 2
    if not most or square_with(MOST_REPEATS) > most:
        return None
    enough = 1
    while square_with(enough) > most:
        enough *= 2
    short = enough // 2
    while enough - short > 1:
        middle = (short + enough) // 2
        if square_with(middle) > most:
            short = middle
        else:
            enough = middle
    return enough
