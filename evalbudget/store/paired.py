"""What two models answered to the same task, by question: for paired comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal, TypeAlias

from evalbudget.stats.comparison import QuestionAnswers
from evalbudget.store.conditions import GENERATED, SCORE

Ask: TypeAlias = Callable[[str, Sequence[str | int]], list[dict[str, Any]]]
"""SQL and its values → rows, by column."""
AskColumns: TypeAlias = Callable[[str, Sequence[str | int]], dict[str, list[Any]]]
"""SQL and its values → column → its values: many rows in a tenth of the time."""

Largest: TypeAlias = Literal["largest"]
AnyBudget: TypeAlias = int | Largest | None
"""Tokens, None = unlimited, or `largest`: the largest that both sides have, unlimited above all."""


@dataclass(frozen=True, slots=True)
class ModelOfRun:
    """One side of a comparison."""

    run_id: str
    model: str
    """Its label in that run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model of which a run holds attempts, as far as it can be called by a word."""

    run_id: str
    model: str
    family: str | None
    quantization: str
    """unknown where nothing tells it."""

    @property
    def side(self) -> ModelOfRun:
        """As a side of a comparison."""
        return ModelOfRun(self.run_id, self.model)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedAnswers:
    """Both sides of a comparison on one task at one budget: question (the sample's id) → the scored answers
    to it. Failed attempts are no answers; a question that has nothing else is not there."""

    budget: int | None
    """None = unlimited."""
    base: Mapping[str, QuestionAnswers]
    candidate: Mapping[str, QuestionAnswers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A task at a budget where both sides of a comparison have scored answers."""

    task: str
    budget: int | None


_SCORED: Final = """
FROM attempts WHERE run_id = ? AND model = ? AND status = 'ok' AND score IS NOT NULL
    AND coalesce(budget, 0) >= 0
"""
_COMMON: Final = f"""
SELECT task, budget FROM (SELECT task, budget {_SCORED} INTERSECT SELECT task, budget {_SCORED})
ORDER BY lower(task), task, budget DESC NULLS FIRST
"""  # noqa: S608 - our own words
_ANSWERS: Final = f"""
SELECT sample_id AS question, category, {SCORE}::DOUBLE AS score,
    CASE WHEN completion_tokens >= 0 THEN completion_tokens END AS completion,
    CASE WHEN reasoning_tokens >= 0 THEN reasoning_tokens END AS reasoning,
    CASE WHEN {GENERATED} THEN loop_doom END AS looped
{_SCORED} AND task = ? AND budget IS NOT DISTINCT FROM try_cast(nullif(?, 'unlimited') AS BIGINT)
ORDER BY sample_id, repeat
"""  # noqa: S608
_MODELS: Final = """
SELECT run_id, model, any_value(family) AS family,
    coalesce(any_value(quantization), 'unknown') AS quantization
FROM (SELECT DISTINCT run_id, model FROM cells) LEFT JOIN servers USING (run_id, model)
    LEFT JOIN runs USING (run_id)
GROUP BY run_id, model
ORDER BY max(started_at) DESC NULLS LAST, run_id DESC, min(servers.rowid) NULLS LAST, lower(model), model
"""


def known_models(ask: Ask) -> tuple[KnownModel, ...]:
    """Of every run, the newest first; within a run in the order in which it recorded its servers."""
    return tuple(KnownModel(**row) for row in ask(_MODELS, []))


def common_conditions(ask: Ask, base: ModelOfRun, candidate: ModelOfRun) -> tuple[Condition, ...]:
    """Where both have scored answers: by task, the largest budget first, unlimited above all."""
    rows = ask(_COMMON, [base.run_id, base.model, candidate.run_id, candidate.model])
    return tuple(Condition(**row) for row in rows)


def paired_answers(
    ask: AskColumns, task: str, base: ModelOfRun, candidate: ModelOfRun, budget: int | None
) -> PairedAnswers:
    """At this budget; a side without scored answers there is empty."""
    named = "unlimited" if budget is None else str(budget)
    ours, theirs = (
        _by_question(ask(_ANSWERS, [side.run_id, side.model, task, named])) for side in (base, candidate)
    )
    return PairedAnswers(budget=budget, base=ours, candidate=theirs)


def _by_question(columns: Mapping[str, list[Any]]) -> dict[str, QuestionAnswers]:
    """Of rows that are sorted by question, the answers to each."""
    names, strata = columns["question"], columns["category"]
    figures = [columns[each] for each in ("score", "completion", "reasoning", "looped")]
    starts = [place for place in range(len(names)) if place == 0 or names[place] != names[place - 1]]
    found = {}
    for start, end in pairwise((*starts, len(names))):
        scores, completion, reasoning, looped = (column[start:end] for column in figures)
        found[names[start]] = QuestionAnswers(
            scores=tuple(scores),
            stratum=strata[start],
            completion_tokens=_known(completion),
            reasoning_tokens=_known(reasoning),
            loops=_known(looped),
        )
    return found


def _known(values: list[Any]) -> tuple[Any, ...]:
    return tuple(values) if None not in values else tuple(value for value in values if value is not None)
