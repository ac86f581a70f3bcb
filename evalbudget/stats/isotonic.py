"""The closest curve that never falls, and the budget at which it reaches a height."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalbudget.stats.answers import Floats

_ROUNDING = 1e-12


def rising(values: Floats) -> Floats:
    """Isotonic regression of each row, all points weighing the same: the least squares fit that never falls.

    By the max-min formula, fit_k = max over i ≤ k of min over j ≥ k of mean(i..j) (Robertson, Wright &
    Dykstra 1988, theorem 1.4.4), which gives what pooling adjacent violators gives, for all rows at once.
    """
    import numpy as np  # noqa: PLC0415  (a tenth of a second, for curves alone)

    columns = values.shape[1]
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    fit = np.full(values.shape, -inf)
    for start in range(columns):
        means = (sums[:, start + 1 :] - sums[:, start : start + 1]) / np.arange(1, columns - start + 1)
        least = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        fit[:, start:] = np.maximum(fit[:, start:], least)
    return fit


def budgets_reaching(budgets: Sequence[int | None], fits: Floats, share: float) -> Floats:
    """The smallest budget at which each row of `fits` reaches `share` of its last value; infinite where no
    finite budget does, or the last value is 0.

    `budgets` rise, unlimited (None) last. Between two budgets the curve is the straight line over ln B, as in
    its area; from budget 0, which has no logarithm, and to unlimited it is a step.
    """
    import numpy as np  # noqa: PLC0415

    rows = np.arange(len(fits))
    target = share * fits[:, -1]
    at = np.argmax(fits >= target[:, np.newaxis] - _ROUNDING, axis=1)
    logs = np.array([inf if budget is None else log(budget) if budget else -inf for budget in budgets])
    before = np.maximum(at - 1, 0)
    rise = fits[rows, at] - fits[rows, before]
    between = (at > 0) & (rise > 0) & np.isfinite(logs[at]) & np.isfinite(logs[before])
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.clip((target - fits[rows, before]) / rise, 0.0, 1.0)
        inner = np.exp(logs[before] + part * (logs[at] - logs[before]))
    return np.where(target <= 0, inf, np.where(between, inner, np.exp(logs[at])))
