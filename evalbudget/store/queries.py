"""Every question that is asked of the store, each a method with a type; nothing else of ours reads it.

The file is open only while a batch of questions is asked, so that a run's loader gets its turn:

    with store.batch():
        run = store.run("last")
        cells = store.cells(run.run_id)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from evalbudget.errors import InputError, StoreError
from evalbudget.measures import ScoredRow
from evalbudget.records import JsonValue, ServerRecord
from evalbudget.stats import Answer
from evalbudget.store.browse import Browse
from evalbudget.store.cells import Cell
from evalbudget.store.curves import ANSWERS
from evalbudget.store.database import READER_PATIENCE_S, first_line, reading
from evalbudget.store.looped import Looped
from evalbudget.store.loops import LOOP_COSTS, LoopCost
from evalbudget.store.memory import ModelMemory, Use, memory_of, use_over_time
from evalbudget.store.paired import (
    AnyBudget,
    Condition,
    KnownModel,
    ModelOfRun,
    PairedAnswers,
    common_conditions,
    known_models,
    paired_answers,
)
from evalbudget.store.private import OPTIONS, is_private_sql, private_tasks
from evalbudget.store.progress import RunProgress, progress_of
from evalbudget.store.repeats import REPEATS, RepeatedAnswers, repeated
from evalbudget.store.replay import Named, choose_run


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run as the store has it."""

    run_id: str
    name: str
    """The suite's name."""
    status: str
    """running, finished or interrupted."""
    started_at: datetime | None
    """With UTC as its zone, as all times here."""
    finished_at: datetime | None
    version: str
    """Of the evalbudget that ran it."""
    host: str
    options: Mapping[str, JsonValue]
    """What narrowed it on the command line."""
    conditions: Mapping[str, JsonValue]
    """Task → what its figures depend on besides the model."""
    attempts: int
    """Recorded so far, failed ones included."""
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Failed attempts of one model for one reason."""

    model: str
    kind: str
    """A `records.FailureKind`, or a word that a later version wrote."""
    attempts: int
    tasks: tuple[str, ...]
    example: str
    """The message of the newest of them: text from outside. Empty where all their tasks are private."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenShare:
    """How many scored attempts have their counts from one source."""

    model: str
    source: str | None
    """A `records.TokenSource`; None where the thinking could not be counted."""
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRow:
    """A scored attempt and the cell that it belongs to, beside run, task and model."""

    budget: int | None
    row: ScoredRow


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortPoint:
    """A model that was asked to think with an effort, given as a word, on one task without a budget."""

    task: str
    family: str
    """What its siblings with other words share; where the suite names none, the served model or label."""
    effort: str
    """The word: text from the suite."""
    model: str
    mean_reasoning_tokens: float | None
    """What it really thought; None where unknown."""
    mean_completion_tokens: float | None
    accuracy: float | None
    ci_low: float | None
    ci_high: float | None
    accuracy_strict: float | None


class Store:
    """A store's file, for reading."""

    def __init__(self, path: Path, *, patience_s: float = READER_PATIENCE_S) -> None:
        self.path = path
        self._patience_s = patience_s
        self._open: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def batch(self) -> Iterator[Store]:
        """Several questions at one opening, all of them about one state of the store; not for several
        threads.

        Raises `InputError` where there is no store, `StoreBusyError` where its turn does not come.
        """
        if self._open is not None:
            yield self
            return
        if not self.path.is_file():
            raise InputError(f"no store at {self.path}: run `evalbudget run suites/quickstart.yaml` first")
        with reading(self.path, patience_s=self._patience_s) as connection:
            self._open = connection
            try:
                yield self
            finally:
                self._open = None

    def runs(self) -> tuple[RunRow, ...]:
        """All runs, the newest first."""
        return tuple(_run(row) for row in self._rows(_RUNS, []))

    def run(self, word: str | None = None) -> RunRow:
        """The run that a word means: `replay.choose_run`. Raises `InputError` where it means none or
        several."""
        runs = self.runs()
        named = (Named(run.run_id, str(run.started_at or "")) for run in runs)
        run_id = choose_run(word, named, self.path)
        return next(run for run in runs if run.run_id == run_id)

    def progress(self) -> tuple[RunProgress, ...]:
        """How far each run is, the newest first."""
        return progress_of(self._rows)

    def suite(self, run_id: str) -> str:
        """The YAML that a run read; empty where the run is unknown."""
        rows = self._rows("SELECT suite FROM runs WHERE run_id = ?", [run_id])
        return str(rows[0]["suite"] or "") if rows else ""

    def cells(self, run_id: str) -> tuple[Cell, ...]:
        """A run's cells, by task, model and budget, unlimited last."""
        rows = self._rows(
            f"SELECT {_columns_of(Cell)} FROM cells WHERE run_id = ? "  # noqa: S608 - our own names
            "ORDER BY lower(task), task, lower(model), model, budget NULLS LAST",
            [run_id],
        )
        return tuple(Cell(**row) for row in rows)

    def servers(self, run_id: str) -> tuple[ServerRecord, ...]:
        """What is known of a run's servers, by model."""
        rows = self._rows(
            f"SELECT {_columns_of(ServerRecord)} FROM servers WHERE run_id = ? "  # noqa: S608
            "ORDER BY lower(model), model",
            [run_id],
        )
        return tuple(
            ServerRecord(**{**row, **{name: _json(row[name]) for name in ("flags", "patches", "identity")}})
            for row in rows
        )

    def models(self, run_id: str) -> tuple[str, ...]:
        """The labels of a run's servers, in the order in which the run recorded them."""
        rows = self._rows("SELECT model FROM servers WHERE run_id = ? ORDER BY rowid", [run_id])
        return tuple(row["model"] for row in rows)

    def scored_rows(self, run_id: str, task: str, model: str) -> tuple[CellRow, ...]:
        """The scored attempts of one model on one task, without their texts, by budget, sample and repeat."""
        rows = self._rows(_SCORED_ROWS, [run_id, task, model])
        return tuple(
            CellRow(
                budget=row.pop("budget"),
                row=ScoredRow(**{**row, "details": _json(row["details"])}),
            )
            for row in rows
        )

    def failures(self, run_id: str) -> tuple[FailureGroup, ...]:
        """Failed attempts by model and kind, the most frequent first; private tasks give no example."""
        with self.batch():
            private = private_tasks(row["options"] for row in self._rows(OPTIONS, []))
            rows = self._rows(_FAILURES.format(private=is_private_sql(private)), [run_id])
        return tuple(FailureGroup(**{**row, "tasks": tuple(row["tasks"])}) for row in rows)

    def token_sources(self, run_id: str) -> tuple[TokenShare, ...]:
        """Where the counts of a run's scored attempts come from, by model."""
        return tuple(TokenShare(**row) for row in self._rows(_TOKEN_SOURCES, [run_id]))

    def answers(self, run_id: str, model: str, task: str) -> tuple[Answer, ...]:
        """The scored answers of one model on one task, as the curves take them."""
        return tuple(Answer(**row) for row in self._rows(ANSWERS, [run_id, model, task]))

    def known_models(self) -> tuple[KnownModel, ...]:
        """The models that have attempts, of every run, the newest run first."""
        return known_models(self._rows)

    def common_conditions(self, base: ModelOfRun, candidate: ModelOfRun) -> tuple[Condition, ...]:
        """The tasks and budgets at which two models, of one run or of two, both have scored answers: by task,
        the largest budget first, unlimited above all."""
        return common_conditions(self._rows, base, candidate)

    def paired(
        self, task: str, base: ModelOfRun, candidate: ModelOfRun, budget: AnyBudget = "largest"
    ) -> PairedAnswers | None:
        """What two models, of one run or of two, answered to one task: by question, without texts; None where
        they do not both have scored answers at this budget."""
        with self.batch():
            common = [each.budget for each in self.common_conditions(base, candidate) if each.task == task]
            chosen = [each for each in common if budget in ("largest", each)][:1]
            return paired_answers(self._columns, task, base, candidate, chosen[0]) if chosen else None

    def efforts(self, run_id: str) -> tuple[EffortPoint, ...]:
        """Where the effort words of a run lie, by task, family and what was really thought."""
        return tuple(EffortPoint(**row) for row in self._rows(_EFFORTS, [run_id]))

    def loop_costs(self, run_id: str) -> tuple[LoopCost, ...]:
        """What loops cost, by task and model; only where one was certain, or a stream was ended for one."""
        return tuple(LoopCost(**row) for row in self._rows(LOOP_COSTS, [run_id]))

    @property
    def browse(self) -> Browse:
        """Attempts one by one: filtered, paged, searched and read."""
        return Browse(self._rows)

    @property
    def looped(self) -> Looped:
        """Loops by kind, and where they begin."""
        return Looped(self._rows)

    def repeats(self, run_id: str) -> tuple[RepeatedAnswers, ...]:
        """How several answers to one question fall, by task and model, at the largest budget of each; only
        where any question was answered twice."""
        return repeated(self._rows(REPEATS, [run_id, run_id]))

    def memory(self, run_id: str) -> tuple[ModelMemory, ...]:
        """What each model of a run keeps in its KV cache: expected, measured, in use; by model."""
        with self.batch():
            return memory_of(self._rows, run_id)

    def use_over_time(self, run_id: str, points: int = 500) -> tuple[Use, ...]:
        """How full each model's server was, by model and time: at most so many points of each, no peak left
        out."""
        return use_over_time(self._rows, run_id, points)

    def _columns(self, sql: str, values: Sequence[str | int]) -> dict[str, list[Any]]:
        """Column → its values, None where NULL."""
        with self.batch():
            assert self._open is not None  # noqa: S101 - `batch` opened it
            try:
                columns = self._open.execute(sql, list(values)).fetchnumpy()
            except duckdb.Error as error:
                raise StoreError(f"{self.path}: {first_line(error)}") from None
        return {name: column.tolist() for name, column in columns.items()}

    def _rows(self, sql: str, values: Sequence[str | int]) -> list[dict[str, Any]]:
        with self.batch():
            assert self._open is not None  # noqa: S101 - `batch` opened it
            try:
                cursor = self._open.execute(sql, list(values))
                names = [column[0] for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            except duckdb.Error as error:
                raise StoreError(f"{self.path}: {first_line(error)}") from None


_RUNS = """
SELECT run_id, name, status, started_at, finished_at, version, host, options, conditions,
    coalesce(attempts, 0) AS attempts, coalesce(failed, 0) AS failed
FROM runs LEFT JOIN (
    SELECT run_id, count(*) AS attempts, count(*) FILTER (status <> 'ok') AS failed
    FROM attempts GROUP BY run_id
) USING (run_id)
ORDER BY started_at DESC, run_id DESC
"""

_FAILURES = """
SELECT model, coalesce(error_kind, 'unknown') AS kind, count(*) AS attempts,
    list_sort(list(DISTINCT task)) AS tasks,
    coalesce(arg_max(error, started_at) FILTER (NOT {private}), '') AS example
FROM attempts WHERE run_id = ? AND status <> 'ok'
GROUP BY model, kind ORDER BY attempts DESC, model, kind
"""

# A dialogue's steps are the bulk of its details, and no measure asks for them.
_SCORED_ROWS = """
SELECT budget, sample_id, repeat, category, score, target, extracted,
    CASE WHEN contains(details::VARCHAR, '"steps"') THEN json_merge_patch(details, '{"steps": null}')
        ELSE details END AS details
FROM attempts WHERE run_id = ? AND task = ? AND model = ? AND status = 'ok'
ORDER BY budget NULLS LAST, sample_id, repeat
"""

_TOKEN_SOURCES = """
SELECT model, CASE WHEN reasoning_tokens IS NOT NULL THEN token_source END AS source, count(*) AS attempts
FROM attempts WHERE run_id = ? AND status = 'ok'
GROUP BY model, source ORDER BY lower(model), model, attempts DESC, source
"""

_EFFORTS = """
SELECT task, coalesce(family, served_model, model) AS family, effort, model, mean_reasoning_tokens,
    mean_completion_tokens, accuracy, ci_low, ci_high, accuracy_strict
FROM servers JOIN cells USING (run_id, model)
WHERE run_id = ? AND effort IS NOT NULL AND budget IS NULL
ORDER BY lower(task), task, lower(family), family, mean_reasoning_tokens NULLS LAST, lower(model), model
"""


def _run(row: Mapping[str, Any]) -> RunRow:
    times = {name: _utc(row[name]) for name in ("started_at", "finished_at")}
    said = {name: _json(row[name]) for name in ("options", "conditions")}
    return RunRow(**{**row, **times, **said})


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=UTC)


def _json(text: str | None) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def _columns_of(record: type[Cell] | type[ServerRecord]) -> str:
    return ", ".join(one.name for one in fields(record))
