"""Answers that are right with one model and wrong with the other, beside what reruns of one model flip."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalbudget.stats.comparison import Flips
from evalbudget.stats.intervals import LEVEL, student_quantile
from evalbudget.stats.spread import outlying

if TYPE_CHECKING:
    from evalbudget.stats.pairing import Pairing


def flips(pairing: Pairing, level: float = LEVEL) -> Flips | None:
    """None where any score lies between 0 and 1.

    Over all pairs of answers to one question, one of each model; the noise over all pairs of distinct
    answers of the same model, so that both are unbiased. What is left is, in the mean, the square of the
    difference of both models' chances of a question: so the interval always reaches 0 or beyond it upwards.

    The interval is Student's t on the questions' own excess, with n ÷ kurtosis degrees of freedom, for a few
    questions that turned make most of it. Simulated (bench/paired.py), nominal 95 %, accuracies 0.1, 0.35 and
    0.9, share of intervals that hold the truth, in percent:

        questions × answers   alike    moved a little   a tenth lost   all a third lower
        30 × 2                100      74-96            76-97          80-96
        30 × 16               100      83-92            62-95          82-97
        198 × 8               99-100   95-96            90-97          94-97
        541 × 2               98-99    95-97            94-96          94-95

    Below a hundred questions it is too sure: 30 hardly show what happens to one in ten.
    """
    ours, theirs = pairing.base, pairing.candidate
    if not (ours.binary and theirs.binary):
        return None
    lost = ours.means * (1 - theirs.means)
    won = theirs.means * (1 - ours.means)
    twice = (ours.answers > 1) & (theirs.answers > 1)
    noise = excess = low = high = None
    if twice.any():
        again = (ours.noise + theirs.noise)[twice]
        left = (lost + won)[twice] - again
        noise, excess = float(again.mean()), float(left.mean())
        if left.size > 1:
            degrees = min(left.size - 1.0, max(2.0, left.size / outlying(left)))
            reach = student_quantile(degrees, level) * math.sqrt(float(left.var(ddof=1)) / left.size)
            low, high = excess - reach, max(0.0, excess + reach)
    return Flips(
        lost=float(lost.mean()),
        won=float(won.mean()),
        noise=noise,
        excess=excess,
        excess_low=low,
        excess_high=high,
    )
