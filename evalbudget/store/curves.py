"""The curves of a run: accuracy over the budget of each model and task, from the attempts in the store."""

from __future__ import annotations

from typing import Any, Final

import duckdb

from evalbudget.stats import Answer, Curve, curve
from evalbudget.store.conditions import CLOSED, SCORE

ONE_TRACE: Final = "trace"
"""The budget mode whose answers at all budgets come from one thinking."""

ANSWERS: Final = f"""
SELECT sample_id AS question, repeat, budget, {SCORE} AS score, reasoning_tokens, completion_tokens,
    coalesce({CLOSED}, false) AS forced, extracted
FROM attempts
WHERE run_id = ? AND model = ? AND task = ? AND status = 'ok' AND score IS NOT NULL
    AND coalesce(budget, 0) >= 0
ORDER BY sample_id, repeat, budget NULLS LAST
"""  # noqa: S608 - our own words
"""The fields of `stats.Answer`, of one model on one task: the repeats of a question together, each along its
budgets, unlimited last. A budget below 0 is none: only a damaged journal has it."""


def curve_of(
    connection: duckdb.DuckDBPyConnection, run_id: str, model: str, task: str, *, mode: str | None
) -> Curve:
    """The curve of one model on one task, whose budgets were kept in this mode."""
    return curve(answers_in(connection, run_id, model, task), one_trace=mode == ONE_TRACE)


def answers_in(connection: duckdb.DuckDBPyConnection, run_id: str, model: str, task: str) -> list[Answer]:
    """The scored answers of one model on one task, as `ANSWERS` orders them."""
    cursor = connection.execute(ANSWERS, [run_id, model, task])
    names = [column[0] for column in cursor.description or ()]
    rows: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [Answer(**row) for row in rows]
