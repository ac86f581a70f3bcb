"""Several tests at once: Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence


def holm(ps: Sequence[float]) -> list[float]:
    """Each p, in the order given, corrected for the whole family: the chance of any false alarm stays below
    the p that is called small.

    The smallest counts times the family's size, the next times one less, none below the one before, none
    above 1. Source: Holm 1979, Scandinavian Journal of Statistics 6:65-70; scipy has none.
    """
    found = [0.0] * len(ps)
    before = 0.0
    for done, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        before = max(before, min(1.0, (len(ps) - done) * ps[place]))
        found[place] = before
    return found
