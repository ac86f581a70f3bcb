"""What two models answered to the same task, by question: for paired comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from evalbudget.store.conditions import SCORE

Ask: TypeAlias = Callable[[str, Sequence[str | int]], list[dict[str, Any]]]
"""SQL and its values → rows, by column."""


@dataclass(frozen=True, slots=True)
class ModelOfRun:
    """One side of a comparison."""

    run_id: str
    model: str
    """Its label in that run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionFigures:
    """One model's scored answers to one task at one budget, by question (the sample's id), without the failed
    attempts."""

    scores: Mapping[str, tuple[float, ...]]
    """0 to 1, in the order of the repeats."""
    tokens: Mapping[str, tuple[int, ...]]
    """Completion tokens of the same answers, thinking and answer; those not counted are left out, and so are
    questions without any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedAnswers:
    """Both sides of a comparison on one task."""

    budget: int | None
    """The largest that both have answers at; None = unlimited, which is larger than any."""
    base: QuestionFigures
    candidate: QuestionFigures


_SCORED: Final = """
FROM attempts WHERE run_id = ? AND model = ? AND task = ? AND status = 'ok' AND score IS NOT NULL
    AND coalesce(budget, 0) >= 0
"""
_BUDGET: Final = f"""
SELECT budget FROM (SELECT budget {_SCORED} INTERSECT SELECT budget {_SCORED})
ORDER BY budget DESC NULLS FIRST LIMIT 1
"""  # noqa: S608 - our own words
_QUESTIONS: Final = f"""
SELECT sample_id AS question, list({SCORE} ORDER BY repeat) AS scores,
    list(completion_tokens ORDER BY repeat) FILTER (completion_tokens >= 0) AS tokens
{_SCORED} AND budget IS NOT DISTINCT FROM try_cast(nullif(?, 'unlimited') AS BIGINT)
GROUP BY sample_id ORDER BY sample_id
"""  # noqa: S608


def paired_answers(ask: Ask, task: str, base: ModelOfRun, candidate: ModelOfRun) -> PairedAnswers | None:
    """None where the two share no budget: one of them has no scored answer, say."""
    sides = [(side.run_id, side.model, task) for side in (base, candidate)]
    budgets = ask(_BUDGET, [*sides[0], *sides[1]])
    if not budgets:
        return None
    budget: int | None = budgets[0]["budget"]
    ours, theirs = (_figures(ask, side, budget) for side in sides)
    return PairedAnswers(budget=budget, base=ours, candidate=theirs)


def _figures(ask: Ask, side: tuple[str, str, str], budget: int | None) -> QuestionFigures:
    rows = ask(_QUESTIONS, [*side, "unlimited" if budget is None else str(budget)])
    return QuestionFigures(
        scores={row["question"]: tuple(row["scores"]) for row in rows},
        tokens={row["question"]: tuple(row["tokens"]) for row in rows if row["tokens"]},
    )
