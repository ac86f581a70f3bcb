"""Intervals and the size of an effect that a design can see: pure functions.

A single score is judged as one draw of questions from all questions like them: the answers to one question
are no independent trials, so 30 questions answered 64 times are never 1920 trials.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

LEVEL = 0.95
"""Share of intervals that hold the truth, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of plausible values of a share, both ends between 0 and 1."""

    low: float
    high: float


def accuracy_interval(
    question_means: Sequence[float], answers_per_question: float, level: float = LEVEL
) -> Interval:
    """Interval of the mean over questions; `question_means`: each question's mean score, 0 to 1, at least
    one.

    Source: Wilson (1927) with the effective number of answers of a clustered design (Korn & Graubard 1998,
    who also replace the normal quantile by Student's with clusters - 1 degrees of freedom).
    """
    questions = len(question_means)
    spread = variance(question_means) if questions > 1 else 0.0
    return clustered_wilson(fmean(question_means), spread, questions, questions * answers_per_question, level)


def clustered_wilson(
    mean: float, spread: float, questions: int, answers: float, level: float = LEVEL
) -> Interval:
    """The same from its sufficient figures: mean and sample variance of the question means, counts of both.

    One question says nothing of the others: its interval is 0 to 1. Where every question has the mean 0, or
    every one 1, the effective number of answers is the number of questions.
    """
    if questions < 2:
        return Interval(0.0, 1.0)
    size = effective_answers(mean, spread, questions, answers)
    square = student_quantile(questions - 1, level) ** 2
    centre = mean + square / (2 * size)
    reach = math.sqrt(square * (mean * (1 - mean) / size + square / (4 * size * size)))
    shrink = 1 + square / size
    low, high = (centre - reach) / shrink, (centre + reach) / shrink
    return Interval(min(max(low, 0.0), mean), max(min(high, 1.0), mean))


def effective_answers(mean: float, spread: float, questions: int, answers: float) -> float:
    """How many independent answers would give this standard error: p(1-p)/SE², from 1 to `answers`."""
    scatter = mean * (1 - mean)
    if scatter <= 0:
        return float(questions)
    standard_error_squared = spread / questions
    if standard_error_squared * answers <= scatter:
        return max(1.0, answers)
    return max(1.0, scatter / standard_error_squared)


def student_quantile(degrees: int, level: float = LEVEL) -> float:
    """The t that |T| stays below with probability `level`; `degrees` of freedom, at least 1."""
    from scipy.special import stdtrit  # noqa: PLC0415  (half a second and 45 MB, for intervals alone)

    return float(stdtrit(degrees, (1 + level) / 2))


WITHIN_QUESTION_VARIANCE: Mapping[str, float] = {"aime": 0.09, "gpqa": 0.14, "ifeval": 0.04, "bfcl": 0.05}
"""Variance of one answer's score around its question's mean, by the first letters of a task's name.

Recomputed from published scores of reasoning models of 1.5 to 8 B with several runs a question.
"""

OTHER_VARIANCE = 0.14
"""For any other task: the largest of those that were measured, so that a plan promises too little."""


def assumed_variance(task: str) -> float:
    """What `plan` takes for a task's variance within questions before anything was measured."""
    for start, value in WITHIN_QUESTION_VARIANCE.items():
        if task.startswith(start):
            return value
    return OTHER_VARIANCE


def detectable_effect(
    questions: int, answers_per_question: float, within: float, power: float = 0.8, level: float = LEVEL
) -> float:
    """The smallest difference in accuracy, 0 to 1, that a paired comparison on these very questions finds.

    Both sides answer the same questions equally often; `within`: variance within questions. A fixed
    benchmark: only the answers vary, so that the variance of the difference is 2·within/(N·n); found with
    probability `power` at a two-sided error of 1 - `level`. Source: Miller 2024, arXiv:2411.00640, section 5,
    with ω² = 0.
    """
    if questions < 1 or answers_per_question <= 0:
        return 1.0
    normal = NormalDist()
    reach = normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)
    return min(1.0, reach * math.sqrt(2 * within / (questions * answers_per_question)))
