"""Said of this benchmark: the questions are what they are, and only the answers vary."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from evalbudget.stats.estimate import Student

if TYPE_CHECKING:
    from evalbudget.stats.answers import Floats
    from evalbudget.stats.pairing import Pairing

_TOO_SMALL = 1e-9
"""Below it a sum of chances made by Fourier transform is rounding."""
_ALIKE = 1e-6
"""Of one answer: distances nearer than this are one."""


def fixed_estimate(pairing: Pairing) -> Student | None:
    """None where any question was answered only once by either model: one answer says nothing of its noise.

    Var = Σ u²(s²/n + s²/n), each question's weight u and the unbiased variances s² of both models' answers
    to it (Miller 2024, arXiv:2411.00640, section 5, with ω² = 0), and the square of what one answer weighs:
    where the answers to each question are alike nothing else is left, and with two answers s² is a coarse
    guess.

    Simulated (bench/paired.py), nominal 95 %, accuracies 0.1, 0.35 and 0.9, half or a sixth of the variance
    of an answer within questions, share of intervals that hold the truth, in percent:

        questions × answers      30×2    30×4    30×16   198×2   198×8   541×2
        this recipe              94-96   95-97   95-96   94-95   95      95-96
        without the last term    76-95   80-95   92-96   94-95   94-95   94-96
        the same, Student's t    79-98   83-96   93-96   95-97   94-95   95-96
    """
    if not (pairing.base.repeated and pairing.candidate.repeated):
        return None
    noise = sum(float(part.sum()) for part in noise_parts(pairing))
    return Student(
        seen=pairing.seen,
        error=math.sqrt(noise + one_answer(pairing)),
        degrees=math.inf,
        recipe="answers' noise",
    )


def noise_parts(pairing: Pairing, more: int = 0) -> tuple[Floats, Floats]:
    """What each question adds to the square of the error, of both models, with `more` answers to each."""
    squares = pairing.weights**2
    return (
        squares * pairing.base.noise / (pairing.base.answers + more),
        squares * pairing.candidate.noise / (pairing.candidate.answers + more),
    )


def one_answer(pairing: Pairing, more: int = 0) -> float:
    """Square of what one answer weighs in the score: the mean over both models and over the questions, each
    counting by its own weight."""
    ours, theirs = (1 / (side.answers + more) ** 2 for side in (pairing.base, pairing.candidate))
    return float((pairing.weights**3 * (ours + theirs)).sum() / 2)


def fixed_p(pairing: Pairing, estimate: Student) -> tuple[float, bool]:
    """Two-sided p, and whether it is exact: the larger one of the interval's own and of what exchanged
    answers give, so that a small p never stands beside an interval with 0 in it.

    Where both models have the same chances of a question, its answers may change places. All exchanges are
    weighed, those as far as what was seen by half ("mid-p"), where every score is 0 or 1 and each question
    weighs the same and was answered as often as the others: then only how many of the right answers are the
    candidate's matters, a sum of hypergeometric counts. Otherwise, and below 1e-9, it is normal with the
    variance of the exchanges. Sources: Cochran 1954, doi:10.2307/3001616; Lancaster 1961,
    doi:10.1080/01621459.1961.10482105, for mid-p.
    """
    own = 2 * min(estimate.p_above(0.0), estimate.p_below(0.0))
    exact = _exact(pairing)
    if exact is not None and exact > _TOO_SMALL:
        return (exact, True) if exact >= own else (own, False)
    square = _exchanged(pairing)
    exchanged = 2 * NormalDist().cdf(-abs(pairing.seen) / math.sqrt(square)) if square > 0 else 1.0
    return max(own, exchanged), False


def _exchanged(pairing: Pairing) -> float:
    """Variance of the difference when answers change places within each question."""
    import numpy as np  # noqa: PLC0415  (a tenth of a second, for comparisons alone)

    ours, theirs = pairing.base, pairing.candidate
    count = ours.answers + theirs.answers
    middle = (ours.means * ours.answers + theirs.means * theirs.answers) / count
    around = sum(
        np.nan_to_num(side.noise) * (side.answers - 1) + side.answers * (side.means - middle) ** 2
        for side in (ours, theirs)
    )
    parts = pairing.weights**2 * around / (count - 1) * (1 / ours.answers + 1 / theirs.answers)
    return float(np.sum(parts))


def _exact(pairing: Pairing) -> float | None:
    """None where the exchanges are no sum of counts that all weigh the same."""
    import numpy as np  # noqa: PLC0415

    ours, theirs = pairing.base, pairing.candidate
    alike = all(side.binary and np.ptp(side.answers) == 0 for side in (ours, theirs))
    if pairing.named or not alike:
        return None
    mine, yours = int(ours.answers[0]), int(theirs.answers[0])
    found = np.rint(theirs.means * yours).astype(int)
    right = np.rint(ours.means * mine).astype(int) + found
    size = 1 << int(right.size * yours).bit_length()
    spectrum = np.ones(size // 2 + 1, dtype=complex)
    for count, times in zip(*np.unique(right, return_counts=True), strict=True):
        spectrum *= np.fft.rfft(_hypergeometric(mine, yours, int(count)), size) ** times
    sums = np.fft.irfft(spectrum, size)
    middle = right.sum() * yours / (mine + yours)
    apart = np.abs(np.arange(size) - middle)
    far = abs(found.sum() - middle)
    level = sums[np.abs(apart - far) < _ALIKE].sum()
    return float(min(1.0, sums[apart >= far + _ALIKE].sum() + level / 2))


def _hypergeometric(mine: int, yours: int, right: int) -> list[float]:
    """Chance of each number, from 0, of `right` answers among `yours`, all of both models drawn alike."""
    whole = math.comb(mine + yours, right)
    return [
        math.comb(yours, here) * math.comb(mine, right - here) / whole if here <= right else 0.0
        for here in range(yours + 1)
    ]
