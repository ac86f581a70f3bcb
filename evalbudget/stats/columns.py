"""Mean and interval of one column of a table of questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalbudget.stats.answers import Table
from evalbudget.stats.bootstrap import share_interval

if TYPE_CHECKING:
    from evalbudget.stats.answers import Floats


@dataclass(frozen=True, slots=True)
class ColumnFigures:
    """A column's mean over questions and its interval."""

    questions: int
    """Those with a value there."""
    mean: float
    low: float
    high: float


def column_figures(table: Table, draws: Floats, column: int, level: float) -> ColumnFigures | None:
    """None where no question has a value. `draws`: the table's `resampled_means`."""
    import numpy as np  # noqa: PLC0415  (a tenth of a second, for curves alone)

    means = table.means[:, column]
    known = means[~np.isnan(means)]
    if not known.size:
        return None
    mean = float(known.mean())
    spread = float(known.var(ddof=1)) if known.size > 1 else 0.0
    interval = share_interval(
        mean,
        draws[:, column],
        spread=spread,
        questions=known.size,
        answers=table.answers[column],
        level=level,
    )
    return ColumnFigures(known.size, mean, interval.low, interval.high)
