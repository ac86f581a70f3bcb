"""How much thinking gets near to the best accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite
from typing import TYPE_CHECKING, Final

from evalbudget.stats.isotonic import budgets_reaching, rising

if TYPE_CHECKING:
    from evalbudget.stats.answers import Floats

BEST_SHARE: Final = 0.95
"""Share of the best accuracy that is asked for."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The best accuracy of a curve, and the budget that gets near it; None as in `Curve`."""

    best: float
    tokens: int | None
    low: int | None
    high: int | None


def reach(
    budgets: Sequence[int | None],
    accuracies: Sequence[float],
    draws: Floats,
    *,
    questions: int,
    level: float,
    share: float = BEST_SHARE,
) -> Reach:
    """Of the curve that fits `accuracies` and never falls. `draws`: the accuracies in each resample.

    The interval is the percentiles of the draws, those that reach it with no finite budget taken as infinite.
    """
    import numpy as np  # noqa: PLC0415  (a tenth of a second, for curves alone)

    fit = rising(np.array([accuracies], dtype=float))
    tokens = float(budgets_reaching(budgets, fit, share)[0])
    best = float(fit[0, -1])
    whole = draws[~np.isnan(draws).any(axis=1)]
    if questions < 2 or not len(whole):
        return Reach(best, _budget(tokens), None, None)
    resampled = np.sort(budgets_reaching(budgets, rising(whole), share))
    low = float(resampled[floor((1 - level) / 2 * (len(resampled) - 1))])
    high = float(resampled[ceil((1 + level) / 2 * (len(resampled) - 1))])
    return Reach(best, _budget(tokens), _budget(min(low, tokens)), _budget(max(high, tokens)))


def _budget(tokens: float) -> int | None:
    """A whole number of tokens that reaches it; logarithms and back leave 512.0000000001."""
    return ceil(tokens * (1 - 1e-9)) if isfinite(tokens) else None
