"""Two models on the same questions: the difference of their accuracy and the ratio of their tokens.

Both are said of questions like these: the questions are taken as a draw, and every answer to one question
belongs to it. The same question is hard or easy for both models, so that pairing takes that away: at 198
questions × 8 answers the interval is less than half as wide as that of two separate scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import fsum
from statistics import variance
from typing import Literal, TypeAlias

from evalbudget.stats.answers import share
from evalbudget.stats.bootstrap import RESAMPLES, counts, percentiles
from evalbudget.stats.intervals import LEVEL, student_quantile
from evalbudget.stats.matched_pairs import DifferenceInterval, mcnemar_p, tango_interval
from evalbudget.stats.sign_flip import sign_flip

Repeats: TypeAlias = Mapping[str, Sequence[float]]
"""Question → one figure for each answer to it. A question without any is as if it were not there."""

Recipe: TypeAlias = Literal["tango", "student"]
"""How an interval of a difference was made.

Simulated (bench/paired.py), nominal 95 %, 1,000 pairs each, at accuracies 0.1, 0.35 and 0.9, half of the
variance of an answer between the questions, the candidate alike or a tenth lower; share of intervals that
hold the truth, in percent:

    questions × answers   recipe taken         Student's alone   bootstrap's percentiles
    30 × 1                94.0-98.7, tango     93.6-97.5         76-97
    30 × 4                94.5-96.4, student                     90-95
    30 × 16               94.9-96.8, student                     90-94
    198 × 1               93.6-96.5, tango     94.3-96.5         93-96
    198 × 8               93.9-95.7, student                     93-95
    541 × 1               94.5-95.7, tango     94.5-95.7         94-95
    30 × 1, only loses    96.9-100, tango      45-97             45-96
    198 × 1, only loses   93.9-95.7, tango     88-95             88-94

The last two: 2, 5, 10 and 20 % of the questions lost and none won. Above 97 are single answers to 30
questions of which hardly any differ: the interval is wide then. Where both were alike, p was below 0.05 in 0
to 5 % of the pairs. No recipe helps where 30 questions were asked and one in twenty drops by half, the rest
not at all: most draws hardly show it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """How a candidate's accuracy differs from its base's, over the questions that both have answered."""

    questions: int
    """Answered by both; each weighs the same, however often it was asked."""
    left_out: int
    """Questions that one of them alone has answered."""
    base_answers: int
    """Scored answers of the base to the questions that count; so is the next."""
    candidate_answers: int
    base: float
    """The base's accuracy on these questions, 0 to 1; so is the next."""
    candidate: float
    difference: float
    """Candidate - base, -1 to 1: below 0 the candidate is worse."""
    low: float
    """Ends of the interval of `difference` on questions like these; -1 and 1 of a single question."""
    high: float
    recipe: Recipe
    """How the interval was made: see `paired_difference`."""
    differing: int
    """Questions whose mean scores differ. Fewer than six never give a p below 0.05."""
    p: float
    """Two-sided, of the sign-flip test: that the models are alike on questions like these. Not corrected for
    other comparisons."""
    p_exact: bool
    """Every flip was weighed; False = drawn from a fixed seed."""
    mcnemar_p: float | None
    """Two-sided, exact. None where any question was answered more than once or scored between 0 and 1."""
    lost: int
    """Questions that more than half of the base's answers have right, and not so of the candidate's."""
    won: int
    """The reverse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRatio:
    """How many tokens a candidate's answers take beside its base's, over the questions that both have."""

    questions: int
    """With a count on both sides; each weighs the same."""
    base: float
    """Mean tokens of an answer of the base; so is the next."""
    candidate: float
    ratio: float
    """candidate ÷ base."""
    low: float | None
    """Ends of the ratio's interval on questions like these; None of a single question."""
    high: float | None


def paired_difference(
    base: Repeats, candidate: Repeats, *, seed: int = 0, level: float = LEVEL
) -> PairedDifference | None:
    """Of the scores, 0 to 1, of two models; None where no question has an answer of both.

    A score outside 0 to 1 is taken as the nearer end, as in `answers.table`. The order of questions and of
    answers changes nothing.

    The interval is Tango's where each question was answered once on each side and every score is 0 or 1, else
    Student's t on the questions' differences (questions - 1 degrees of freedom; the standard error of Miller
    2024, arXiv:2411.00640), its spread never below that of one answer lost and one won. How well either does
    stands at `Recipe`.
    """
    both = sorted(question for question, scores in base.items() if scores and candidate.get(question))
    if not both:
        return None
    pairs = [(_shares(base[question]), _shares(candidate[question])) for question in both]
    differences = [_mean(theirs) - _mean(ours) for ours, theirs in pairs]
    lost = sum(_right(ours) and not _right(theirs) for ours, theirs in pairs)
    won = sum(_right(theirs) and not _right(ours) for ours, theirs in pairs)
    answers = [sum(len(side) for side in sides) for sides in zip(*pairs, strict=True)]
    single = all(len(side) == 1 and side[0] in (0.0, 1.0) for side in chain.from_iterable(pairs))
    if single:
        interval = tango_interval(lost, won, len(both), level)
    else:
        interval = _student_interval(differences, sum(answers) / (2 * len(both)), level)
    test = sign_flip(differences, seed=seed)
    seen = fsum(differences) / len(both)
    return PairedDifference(
        questions=len(both),
        left_out=sum(map(bool, base.values())) + sum(map(bool, candidate.values())) - 2 * len(both),
        base_answers=answers[0],
        candidate_answers=answers[1],
        base=fsum(_mean(ours) for ours, _ in pairs) / len(both),
        candidate=fsum(_mean(theirs) for _, theirs in pairs) / len(both),
        difference=seen,
        low=min(interval.low, seen),
        high=max(interval.high, seen),
        recipe="tango" if single else "student",
        differing=sum(abs(difference) > 1e-9 for difference in differences),
        p=test.p,
        p_exact=test.exact,
        mcnemar_p=mcnemar_p(lost, won) if single else None,
        lost=lost,
        won=won,
    )


def token_ratio(
    base: Repeats,
    candidate: Repeats,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> TokenRatio | None:
    """Of the tokens of two models' answers, none below 0; None where no question has a count of both, or the
    mean of one of them is 0.

    Questions are drawn again, with both sides' means (a paired bootstrap). On the ratio's logarithm, so that
    swapping the models turns the interval round: the outer ends of the draws' percentiles and of Student's t
    on their standard deviation. Simulated (bench/paired.py), nominal 95 %, 250 pairs each, lognormal lengths:
    with 198 or 541 questions 93-96 % hold the truth, percentiles alone 92-95 %; with 30 questions 91-95 and
    88-93 %, for few long answers make the mean.
    """
    import numpy as np  # noqa: PLC0415  (a tenth of a second, for comparisons alone)

    both = sorted(question for question, tokens in base.items() if tokens and candidate.get(question))
    means = np.array([[_mean(base[question]), _mean(candidate[question])] for question in both])
    if not both or not (means.mean(axis=0) > 0).all():
        return None
    ours, theirs = (fsum(column) / len(both) for column in means.T.tolist())
    ratio = theirs / ours
    low = high = None
    if len(both) > 1:
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = np.concatenate([drawn @ means for drawn in counts(len(both), resamples, seed)])
            draws = np.log(drawn[:, 1]) - np.log(drawn[:, 0])
        draws = draws[np.isfinite(draws)]
        middle = percentiles(draws, level)
        if middle is not None:
            reach = student_quantile(len(both) - 1, level) * math.sqrt(
                float(draws.var()) * len(both) / (len(both) - 1)
            )
            centre = math.log(ratio)
            low = math.exp(min(middle.low, centre - reach))
            high = math.exp(max(middle.high, centre + reach))
    return TokenRatio(questions=len(both), base=ours, candidate=theirs, ratio=ratio, low=low, high=high)


def _student_interval(differences: Sequence[float], answers: float, level: float) -> DifferenceInterval:
    """`answers`: to a question, on one side, in the mean."""
    questions = len(differences)
    if questions < 2:
        return DifferenceInterval(-1.0, 1.0)
    spread = max(variance(differences), 2 / (answers**2 * (questions - 1)))
    reach = student_quantile(questions - 1, level) * math.sqrt(spread / questions)
    seen = fsum(differences) / questions
    return DifferenceInterval(max(-1.0, seen - reach), min(1.0, seen + reach))


def _shares(scores: Sequence[float]) -> list[float]:
    return [share(score) for score in scores]


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def _right(scores: Sequence[float]) -> bool:
    """More than half of the answers are right; only 1 is right."""
    return 2 * sum(score == 1 for score in scores) > len(scores)
