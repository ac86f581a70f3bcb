"""The strict curve: accuracy counting only what finished within the budget by itself.

S(B) = mean of score · 1[thinking ≤ B and not cut]: what a user gets who allows B tokens of thinking and takes
nothing else. Needs no answer but the unlimited one: OAA_t of OptimalThinkingBench (arXiv:2508.13141).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evalbudget.stats.answers import Answer, Trace, table, traces_of
from evalbudget.stats.bootstrap import RESAMPLES, resampled_means
from evalbudget.stats.columns import column_figures
from evalbudget.stats.intervals import LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class StrictPoint:
    """S(B) at one budget."""

    budget: int | None
    """None = unlimited."""
    strict: float
    """0 to 1."""
    low: float
    """Ends of its band, as `CurvePoint.low`."""
    high: float


def strict_curve(
    answers: Sequence[Answer],
    budgets: Sequence[int | None],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> tuple[StrictPoint, ...]:
    """S(B) at any budgets, in the order given, from the unlimited answers alone; others are passed over.

    A budget is left out where no unlimited answer's thinking was counted.
    """
    natural = traces_of(answer for answer in answers if answer.budget is None)
    whole = table([strict_scores(natural, budget) for budget in budgets])
    if not len(whole.means):
        return ()
    draws = resampled_means(whole.means, resamples=resamples, seed=seed)
    points = []
    for index, budget in enumerate(budgets):
        found = column_figures(whole, draws, index, level)
        if found is not None:
            points.append(StrictPoint(budget=budget, strict=found.mean, low=found.low, high=found.high))
    return tuple(points)


def strict_scores(traces: Mapping[tuple[str, int], Trace], budget: int | None) -> Iterator[tuple[str, float]]:
    """(question, strict score) of each question and repeat whose strict score at this budget is known."""
    for (question, _), trace in traces.items():
        score = strict_score(trace, budget)
        if score is not None:
            yield question, score


def strict_score(trace: Trace, budget: int | None) -> float | None:
    """What counts of one question and repeat within `budget`.

    Its unlimited answer decides, where there is one: whether that was within the budget is then a matter of
    its length, and an unknown length leaves it out of numerator and denominator. Else the budget's own answer
    does, which counts if it was not cut.
    """
    natural = trace.get(None)
    if natural is None or budget is None:
        own = trace.get(budget)
        return None if own is None else _unless_cut(own)
    if natural.reasoning_tokens is None:
        return None
    return _unless_cut(natural) if natural.reasoning_tokens <= budget else 0.0


def _unless_cut(answer: Answer) -> float:
    return 0.0 if answer.forced else answer.score
