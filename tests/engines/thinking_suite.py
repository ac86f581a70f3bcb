"""A suite that asks the thinking model all that it can think about, and what its rows say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from embedded.thoughts import THOUGHTS, Thought
from tests import asking

OCTAVES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
MAX_TOKENS = 4400
"""Room for the longest budget with its answer; a thought without an end is cut here."""
CONTEXT = MAX_TOKENS + 512
SLOTS = 4


def write_suite(
    folder: Path,
    base_url: str,
    *,
    mode: str,
    budgets: Sequence[int | str] = (*OCTAVES, "unlimited"),
    thoughts: Iterable[Thought] = THOUGHTS.values(),
    **more: object,
) -> Path:
    """A suite in `folder`, made if need be, whose questions are these thoughts; `more` goes to its model."""
    return asking.write_suite(
        folder,
        [{"name": "thinker", "base_url": base_url, "concurrency": SLOTS, **more}],
        [(sample_id(each), f"Which digit is it? {each.mark}", str(each.target)) for each in thoughts],
        task={"name": "thoughts", "expected_tokens": 1000},
        name=f"curve-{mode}",
        sampling={"temperature": 0.6, "max_tokens": MAX_TOKENS},
        budgets=list(budgets),
        budget_mode=mode,
        repeats=1,
    )


def sample_id(thought: Thought) -> str:
    """The id of its question."""
    return f"thought-{thought.number:02}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What the cell of one budget says of the curve."""

    budget: int | None
    forced: float
    strict: float
    low: float
    high: float
    """The band of `forced`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one row of `attempts` says."""

    thought: Thought
    budget: int | None
    outcome: str | None
    extracted: str | None
    reasoning: int | None
    answer: int | None
    completion: int | None
    honoured: bool | None
    source: str | None
    force: dict[str, Any] | None
    """`details.force`."""

    @property
    def generated(self) -> int:
        """Tokens that the server generated for it, as a job of its own."""
        if self.force is None:
            return self.completion or 0
        opening = 1  # the marker, which this model writes itself
        return int(opening + self.force["kept"] + self.force["dropped"] + self.force["generated"])


def rows_of(folder: Path) -> list[Row]:
    """All rows of the only run in `folder`."""
    by_id = {sample_id(each): each for each in THOUGHTS.values()}
    found = asked(
        folder,
        "SELECT sample_id, budget, outcome, extracted, reasoning_tokens, answer_tokens, completion_tokens,"
        " budget_honoured, token_source, details FROM attempts ORDER BY budget NULLS LAST, sample_id",
    )
    return [
        Row(
            thought=by_id[row[0]],
            budget=row[1],
            outcome=row[2],
            extracted=row[3],
            reasoning=row[4],
            answer=row[5],
            completion=row[6],
            honoured=row[7],
            source=row[8],
            force=json.loads(row[9]).get("force"),
        )
        for row in found
    ]


def curve_of(folder: Path) -> list[Point]:
    """The curve of the only run in `folder`, by budget, the unlimited point last."""
    found = asked(
        folder,
        "SELECT budget, accuracy, accuracy_strict, curve_low, curve_high FROM cells"
        " ORDER BY budget NULLS LAST",
    )
    return [Point(budget=row[0], forced=row[1], strict=row[2], low=row[3], high=row[4]) for row in found]


def asked(folder: Path, sql: str) -> list[Any]:
    """What the store in `folder` answers."""
    with duckdb.connect(str(folder / "results" / "evalbudget.duckdb"), read_only=True) as store:
        return store.execute(sql).fetchall()


def tokens_of_one_trace(rows: Sequence[Row]) -> int:
    """Tokens generated for a whole curve in mode `trace`: the traces, and an answer at each cut."""
    traces = sum(row.completion or 0 for row in rows if row.budget is None)
    return traces + sum(row.force["generated"] for row in rows if row.budget is not None and row.force)


def tokens_of_separate_runs(rows: Sequence[Row]) -> int:
    """Tokens generated where every budget is asked for by itself, in mode `force`."""
    return sum(row.generated for row in rows)
