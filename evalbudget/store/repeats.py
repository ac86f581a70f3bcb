"""How several answers to one question fall: counted in the store, without their texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from evalbudget.stats import Votes


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedAnswers:
    """What a model answered to a task at its largest budget, unlimited above all; failed attempts are left
    out."""

    task: str
    model: str
    budget: int | None
    votes: tuple[Votes, ...]
    """Of questions whose answers fall alike, together; one of them at least was answered twice."""


REPEATS: Final = """
WITH largest AS (
    SELECT task, model, CASE WHEN bool_or(budget IS NULL) THEN NULL ELSE max(budget) END AS budget
    FROM attempts
    WHERE run_id = ? AND status = 'ok' AND score IS NOT NULL AND coalesce(budget, 0) >= 0
    GROUP BY task, model
), judged AS (
    SELECT task, model, largest.budget AS budget, sample_id,
        coalesce(outcome = 'correct', false) AS is_right, extracted
    FROM attempts JOIN largest USING (task, model)
    WHERE run_id = ? AND status = 'ok' AND score IS NOT NULL
        AND attempts.budget IS NOT DISTINCT FROM largest.budget
), classes AS (
    SELECT task, model, budget, sample_id, is_right, CASE WHEN NOT is_right THEN extracted END AS given,
        count(*) AS times
    FROM judged GROUP BY ALL
), questions AS (
    SELECT task, model, budget, sample_id, sum(times)::BIGINT AS answers,
        coalesce(sum(times) FILTER (is_right), 0)::BIGINT AS right_ones,
        coalesce(list(times ORDER BY times) FILTER (NOT is_right AND given IS NOT NULL), []) AS wrong
    FROM classes GROUP BY task, model, budget, sample_id
)
SELECT task, model, budget, answers, right_ones, wrong, count(*) AS questions
FROM questions GROUP BY task, model, budget, answers, right_ones, wrong
ORDER BY lower(task), task, lower(model), model, answers DESC, right_ones DESC, wrong
"""


def repeated(rows: Iterable[Mapping[str, Any]]) -> tuple[RepeatedAnswers, ...]:
    """By task and model, from the rows of `REPEATS`; only where any question was answered twice."""
    found = []
    for (task, model, budget), rows_of in groupby(
        rows, key=lambda row: (row["task"], row["model"], row["budget"])
    ):
        votes = tuple(
            Votes(
                answers=row["answers"],
                right=row["right_ones"],
                wrong=tuple(row["wrong"]),
                questions=row["questions"],
            )
            for row in rows_of
        )
        if any(each.answers > 1 for each in votes):
            found.append(RepeatedAnswers(task=task, model=model, budget=budget, votes=votes))
    return tuple(found)
