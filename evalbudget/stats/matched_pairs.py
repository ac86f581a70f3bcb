"""Two models that each answered the same questions once, right or wrong: only the questions where they differ
say anything of the difference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from evalbudget.stats.intervals import LEVEL

_HALVINGS = 60
"""Of a range of at most 2: far below what a float tells apart."""


@dataclass(frozen=True, slots=True)
class DifferenceInterval:
    """A range of plausible values of a difference of shares, both ends between -1 and 1."""

    low: float
    high: float


def mcnemar_p(lost: int, won: int) -> float:
    """Two-sided exact p of McNemar's test: how often a fair coin falls so unevenly over the questions that
    differ.

    `lost`, `won`: questions right with the base alone, and with the candidate alone. Fewer than six that
    differ never give a p below 0.05. Source: McNemar 1947, exact form: min(1, 2·P[Bin(b+c, ½) ≤ min(b, c)]).
    """
    from scipy.special import bdtr  # noqa: PLC0415  (as in `intervals.student_quantile`)

    return min(1.0, 2 * float(bdtr(min(lost, won), lost + won, 0.5)))


def tango_interval(lost: int, won: int, questions: int, level: float = LEVEL) -> DifferenceInterval:
    """Score interval of (won - lost) / questions; `questions`: all of them, at least one.

    It stays wide where hardly any question differs, as an interval from the spread alone does not. Source:
    Tango 1998, Statistics in Medicine 17:891-908; scipy has none. Ends by bisection, for the statistic never
    rises with the assumed difference.
    """
    reach = NormalDist().inv_cdf((1 + level) / 2)
    seen = (won - lost) / questions

    def end(towards: float, sign: float) -> float:
        inside, outside = seen, towards
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            if sign * matched_score(won, lost, questions, middle) <= reach:
                inside = middle
            else:
                outside = middle
        return inside

    return DifferenceInterval(end(-1.0, 1.0), end(1.0, -1.0))


def matched_score(won: int, lost: int, questions: int, assumed: float) -> float:
    """Standardised distance of what was seen from an assumed difference."""
    linear = -won - lost + (2 * questions - won + lost) * assumed
    constant = -lost * assumed * (1 - assumed)
    root = math.sqrt(max(0.0, linear * linear - 8 * questions * constant))
    lost_share = (root - linear) / (4 * questions)
    variance = questions * (2 * lost_share + assumed * (1 - assumed))
    distance = won - lost - questions * assumed
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)
