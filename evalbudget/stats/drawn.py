"""Said of questions like these: the questions are a draw, and every answer to one of them belongs to it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalbudget.stats.estimate import Estimate, Matched, Skewed, Student
from evalbudget.stats.sign_flip import sign_flip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evalbudget.stats.answers import Floats
    from evalbudget.stats.pairing import Pairing


def drawn_estimate(pairing: Pairing) -> Estimate | None:
    """None of a single question: it says nothing of others.

    Single answers, right or wrong: the score test for matched pairs. Else Student's t on the questions'
    differences (Miller 2024, arXiv:2411.00640), their spread never below that of one answer lost and one
    won; with strata Σ w²s²/n over them, degrees of freedom by Satterthwaite 1946, doi:10.2307/3002019; and
    Hall's t where that is more careful, for where few questions lose much the plain one is too sure.

    Simulated (bench/paired.py; 30×1 and 198×1 counted out), nominal 95 %, accuracies 0.1, 0.35 and 0.9, half
    of the variance of an answer between the questions, the candidate alike, a tenth or three tenths lower;
    share of intervals that hold the truth, in percent, and how often a candidate worse by just the margin is
    called no worse (nominal 5):

        questions × answers   taken               plain t     bootstrap   no worse
        30 × 1                94.3-98.6, score    94.2-98.6   76-97       3-6
        30 × 4                94-97, Hall         94-97       88-94       5-9
        30 × 16               93-97, Hall         90-97       90-94       4-8
        198 × 1               94.9-95.3, score    94.9-95.1   93-96       4-6
        198 × 8               93-97, Hall         94-96       93-95       4-7
        541 × 2               95-97, Hall         95          -           4-6
        30 × 1, only loses    96.4-100, score     94.6-100    45-96       -
        198 × 1, only loses   93.5-95.7, score    90.5-95.0   88-94       -

    The last two: 2, 5, 10 and 20 % of the questions lost and none won. Above 97 are single answers to 30
    questions of which fewer than four differ: so few can fall that every interval holds either 92 or 98 %.
    Agresti and Min's, Bonett and Price's and the score interval with Student's quantile are wider there
    (98-99.7), with the quantile 1.9 it holds 97.1-97.4 but 92.6 elsewhere. The highest "no worse" is at an
    accuracy of 0.1, where few of 30 questions can show what was lost.
    """
    differences = pairing.differences
    if differences.size < 2:
        return None
    if pairing.single:
        lost, won = int((differences < 0).sum()), int((differences > 0).sum())
        return Matched(lost=lost, won=won, questions=differences.size)
    answers = float(pairing.base.answers.mean() + pairing.candidate.answers.mean()) / 2
    least = 2 / (answers**2 * (differences.size - 1))
    square, degrees = _spread(differences, pairing.weights, pairing.strata)
    error = math.sqrt(max(square, least * float((pairing.weights**2).sum())))
    student = Student(seen=pairing.seen, error=error, degrees=degrees, recipe="student")
    return Skewed(student=student, skewness=_third(pairing) / error**3)


def drawn_p(pairing: Pairing, estimate: Estimate | None, seed: int) -> tuple[float, bool]:
    """Two-sided p, and whether every flip was weighed: the larger one of the interval's own and of the
    sign-flip test, so that a small p never stands beside an interval with 0 in it."""
    weighed = pairing.differences * pairing.weights * pairing.weights.size
    test = sign_flip(weighed.tolist(), seed=seed)
    own = min(1.0, 2 * min(estimate.p_above(0.0), estimate.p_below(0.0))) if estimate else 0.0
    return (test.p, test.exact) if test.p >= own else (own, False)


def _third(pairing: Pairing) -> float:
    """Third central moment of the difference: Σ u³(d - its stratum's mean)³."""
    differences = pairing.differences
    return sum(
        float((pairing.weights[part] ** 3 * (differences[part] - differences[part].mean()) ** 3).sum())
        for part in pairing.strata
    )


def _spread(
    differences: Floats, weights: Floats, strata: tuple[NDArray[np.intp], ...]
) -> tuple[float, float]:
    """Square of the standard error, and its degrees of freedom.

    A stratum of one question takes the spread that the others have in the mean: its own is not known.
    """
    import numpy as np  # noqa: PLC0415  (a tenth of a second, for comparisons alone)

    sizes = np.array([part.size for part in strata])
    known = sizes > 1
    if not known.any():
        return float(differences.var(ddof=1) * (weights**2).sum()), float(differences.size - 1)
    spread = np.array([differences[part].var(ddof=1) if part.size > 1 else 0.0 for part in strata])
    pooled = float(((sizes - 1) * spread).sum() / (sizes - 1).sum())
    spread = np.where(known, spread, pooled)
    shares = np.array([float(weights[part].sum()) for part in strata])
    parts = shares**2 * spread / sizes
    square = float(parts.sum())
    below = float((parts[known] ** 2 / (sizes[known] - 1)).sum())
    degrees = float((sizes - 1).sum())
    return square, min(degrees, max(1.0, square**2 / below)) if below > 0 else degrees
