"""Intervals and the size of an effect that a design can see: pure functions.

A single score is judged for two targets. "Questions like these": the questions are one draw from all that are
like them, and the answers to one question are no independent trials, so 30 questions answered 64 times are
never 1920 trials. "This benchmark": these very questions, only their answers vary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

from evalbudget.stats.mid_p import mid_p_ends

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
    """Interval of the mean over questions like these; `question_means`: each question's mean score, 0 to 1,
    at least one. `answers_per_question`: where they are not equally many, their harmonic mean."""
    questions = len(question_means)
    spread = variance(question_means) if questions > 1 else 0.0
    mean = fmean(question_means)
    return clustered_interval(mean, spread, questions, questions * answers_per_question, level)


def clustered_interval(
    mean: float, spread: float, questions: int, answers: float, level: float = LEVEL
) -> Interval:
    """The same from its sufficient figures: mean and sample variance of the question means, counts of both.

    Questions are drawn as clusters of answers: the interval of a share from independent trials (`mid_p`),
    their number the effective one, N ÷ s (Korn & Graubard 1998), where s = spread ÷ mean (1 - mean) is 1 for
    questions that are right or wrong as a whole, and 1/n for questions alike with n answers. It is estimated:
    Student's quantile instead of the normal one, with (N - 1) / (1 - s) degrees of freedom, for at s = 1
    nothing is left to estimate. With few questions near 0 or 1 the estimate comes out too small whenever the
    mean comes out too near the end, so it is raised by 0.6 ÷ N mean (1 - mean), at most to 1: all right or
    all wrong is worth N trials, however often each was asked. The 0.6 is fitted to coverage, which
    bench/coverage.py measures. One question says nothing of the others: 0 to 1.
    """
    if questions < 2:
        return Interval(0.0, 1.0)
    share, scatter = 1.0, questions * mean * (1 - mean)
    if scatter > 0:
        seen = max(questions * spread / scatter, questions / max(answers, questions))
        share = min(1.0, seen * (1 + _RAISED / scatter))
    trials = float(questions)
    if share < 1 - 1e-9:
        normal = NormalDist().inv_cdf((1 + level) / 2)
        wider = student_quantile((questions - 1) / (1 - share), level) / normal
        trials = max(trials, questions / share / wider**2)
    return Interval(*mid_p_ends(mean * trials, trials, level))


_RAISED = 0.6


def benchmark_interval(question_scores: Sequence[Sequence[float]], level: float = LEVEL) -> Interval | None:
    """Interval of the mean over these very questions, were they answered without end: only the answers vary.

    `question_scores`: each question's scores, 0 to 1, at least one each. None where no question was answered
    twice, for then nothing tells how much answers vary.
    """
    several = [variance(scores) for scores in question_scores if len(scores) > 1]
    if not several:
        return None
    return fixed_interval(
        fmean(fmean(scores) for scores in question_scores),
        fmean(several),
        len(question_scores),
        answers=len(question_scores) ** 2 / sum(1 / len(scores) for scores in question_scores),
        repeats=sum(len(scores) - 1 for scores in question_scores),
        level=level,
    )


def fixed_interval(
    mean: float, within: float, questions: int, *, answers: float, repeats: int, level: float = LEVEL
) -> Interval:
    """The same from its sufficient figures. `within`: mean over the questions answered twice or more of their
    scores' sample variance; `answers`: questions times the harmonic mean of their numbers of answers;
    `repeats`: answers beyond the first to their question, at least one.

    As `clustered_interval`, with the variance within ÷ answers: an effective number of trials of at least
    `answers`, which is what questions of equal difficulty have, and the most variance that a mean can have
    when the questions stay (Hoeffding 1956). Answers that agree do not show that they always will: 0.35 ÷
    (repeats ÷ questions) is added to the variances' sum, fitted to coverage as above.
    """
    scatter, doubt = questions * mean * (1 - mean), _DOUBT * questions / repeats
    share = min(1.0, (questions * within + doubt) / (scatter + doubt))
    return Interval(*mid_p_ends(mean * answers / share, answers / share, level))


_DOUBT = 0.35


def few_differ(mean: float, questions: int) -> bool:
    """Whether all but some three questions, or as much in parts of questions, are right, or wrong.

    Intervals for questions like these are then mostly wider than 95 % says (up to 99 % of them hold the
    truth), and know nothing of a kind of question of which there was none: where one in nine questions is of
    an easy kind and the rest of a hard one, 30 questions answered 16 times give 92.7 % (bench/coverage.py).
    """
    return questions * mean * (1 - mean) < _FEW


_FEW = 3.5


def clustered_wilson(
    mean: float, spread: float, questions: int, answers: float, level: float = LEVEL
) -> Interval:
    """The curves' part of a band (`bootstrap.share_interval`), from the same figures as `clustered_interval`.

    Source: Wilson (1927) with the effective number of answers of a clustered design (Korn & Graubard 1998,
    who also replace the normal quantile by Student's with clusters - 1 degrees of freedom). One question says
    nothing of the others: its interval is 0 to 1. Where every question has the mean 0, or every one 1, the
    effective number of answers is the number of questions.
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


def student_quantile(degrees: float, level: float = LEVEL) -> float:
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
