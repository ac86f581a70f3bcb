"""The interval of a weighted mean over strata, such as BFCL's overall score over its categories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

from evalbudget.stats.intervals import LEVEL, Interval, student_quantile
from evalbudget.stats.mid_p import mid_p_ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """A category and what it weighs."""

    weight: float
    """In any unit, at least 0."""
    question_means: Sequence[float]
    """Each question's mean score, 0 to 1; at least one."""


def weighted_interval(strata: Sequence[Stratum], level: float = LEVEL) -> Interval | None:
    """Interval of the weighted mean of the strata's means, for questions like these within each stratum; the
    strata and their weights stay. None where none weighs anything.

    The variances of the strata's means add up with their weights' squares (stratified sampling); degrees of
    freedom after Satterthwaite (1946); shape: mid-p (`mid_p`) with the number of trials that has this
    variance. A stratum's variance is taken at (right + ½) ÷ (questions + 1), so that one that is right
    throughout is not certain to stay so.
    """
    whole = math.fsum(each.weight for each in strata)
    if whole <= 0:
        return None
    mean = near = 0.0
    squares: list[tuple[float, int]] = []
    for each in strata:
        weight, questions, own = each.weight / whole, len(each.question_means), fmean(each.question_means)
        drawn_in = (questions * own + 0.5) / (questions + 1)
        scatter = own * (1 - own)
        spread = variance(each.question_means) if questions > 1 else scatter
        share = min(1.0, spread / scatter) if scatter > 0 else 1.0
        squares.append((weight**2 * share * drawn_in * (1 - drawn_in) / questions, max(1, questions - 1)))
        mean += weight * own
        near += weight * drawn_in
    square = math.fsum(part for part, _ in squares)
    if square <= 0:
        return Interval(min(mean, 1.0), min(mean, 1.0))
    degrees = square**2 / math.fsum(part**2 / free for part, free in squares)
    wider = student_quantile(degrees, level) / NormalDist().inv_cdf((1 + level) / 2)
    trials = near * (1 - near) / square / wider**2
    return Interval(*mid_p_ends(min(mean, 1.0) * trials, trials, level))
