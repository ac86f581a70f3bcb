"""The area under an accuracy curve, over the logarithm of the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import TYPE_CHECKING

from evalbudget.stats.bootstrap import share_interval

if TYPE_CHECKING:
    from evalbudget.stats.answers import Floats


@dataclass(frozen=True, slots=True)
class Area:
    """AUC-logB with its interval, and the budgets that it runs between."""

    mean: float
    low: float
    high: float
    first: int
    last: int


def area_weights(budgets: Sequence[int | None]) -> list[float]:
    """What each budget's accuracy weighs in the area; they sum to 1. All 0 where there is no area.

    Σ_k (F(B_k)+F(B_{k+1}))/2 · ln(B_{k+1}/B_k) / ln(B_K/B_1), the trapezoid rule over ln B, is a mean of the
    accuracies with fixed weights. 0 and unlimited (None) have no place on the axis and weigh nothing.
    """
    placed = [(index, budget) for index, budget in enumerate(budgets) if budget]
    weights = [0.0] * len(budgets)
    for (left, lower), (right, upper) in pairwise(placed):
        half = log(upper / lower) / log(placed[-1][1] / placed[0][1]) / 2
        weights[left] += half
        weights[right] += half
    return weights


def area(
    budgets: Sequence[int | None],
    accuracies: Sequence[float],
    draws: Floats,
    *,
    questions: int,
    answers: int,
    level: float,
) -> Area | None:
    """Of the curve through `accuracies`; None with fewer than two budgets that are positive and finite.

    `draws`: the accuracies in each resample, one row a draw. `answers`: those at the budgets with a place,
    all together. The variance that Wilson's part of the interval needs is that of the draws.
    """
    import numpy as np  # noqa: PLC0415  (a tenth of a second, for curves alone)

    placed = [budget for budget in budgets if budget]
    if len(placed) < 2:
        return None
    weights = np.array(area_weights(budgets))
    used = weights > 0
    mean = float(np.array(accuracies)[used] @ weights[used])
    resampled = draws[:, used] @ weights[used]
    variance = float(np.nanvar(resampled)) if np.isfinite(resampled).any() else 0.0
    spread = variance * questions**2 / max(questions - 1, 1)
    interval = share_interval(
        mean, resampled, spread=spread, questions=questions, answers=answers, level=level
    )
    return Area(mean, interval.low, interval.high, placed[0], placed[-1])
