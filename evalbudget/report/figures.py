"""One run's figures, gathered once: the terminal, Markdown and JSON show these and cannot differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from evalbudget.measures import MEASURES
from evalbudget.records import ServerRecord
from evalbudget.report.comparison import Compared, compared_in
from evalbudget.report.repeats import Repeats, repeats_in
from evalbudget.report.task_figures import CellMeasures, TaskFigures
from evalbudget.store.cells import Cell
from evalbudget.store.load import catch_up
from evalbudget.store.loops import LoopCost
from evalbudget.store.memory import ModelMemory
from evalbudget.store.queries import EffortPoint, FailureGroup, RunRow, Store, TokenShare
from evalbudget.tasks import scorer_of

__all__ = ["CellMeasures", "RunFigures", "TaskFigures", "gather"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """All that a report says of a run."""

    run: RunRow
    store: str
    """The store's file."""
    tasks: tuple[TaskFigures, ...]
    servers: tuple[ServerRecord, ...]
    memory: tuple[ModelMemory, ...]
    """KV memory of each of these servers."""
    failures: tuple[FailureGroup, ...]
    token_sources: tuple[TokenShare, ...]
    loops: tuple[LoopCost, ...]
    """By task and model; only where there is something to say."""
    efforts: tuple[EffortPoint, ...]
    """By task, family and what was really thought."""
    compared: tuple[Compared, ...]
    """Models of one family beside the one with the widest weights."""
    repeats: tuple[Repeats, ...] = ()
    """By task and model; only where any question was answered twice."""
    notes: tuple[str, ...]
    """What limits the figures: a journal that could not be loaded, lines that could not be read."""


def gather(db: Path, word: str | None) -> RunFigures:
    """The figures of the run that `word` means, the journals loaded first as far as the store lets us.

    Raises `InputError` for no store or no such run, `StoreBusyError` where the store cannot be read.
    """
    state = catch_up(db)
    notes = []
    if not state.complete:
        notes.append(f"newer attempts may be missing here: {state.trouble}")
    if state.skipped:
        notes.append(f"{state.skipped} lines of the journals could not be read and are passed over")
    store = Store(db)
    with store.batch():
        run = store.run(word)
        tasks, servers = _by_task(store, run.run_id), store.servers(run.run_id)
        return RunFigures(
            run=run,
            store=str(db),
            tasks=tasks,
            servers=servers,
            memory=store.memory(run.run_id),
            failures=store.failures(run.run_id),
            token_sources=store.token_sources(run.run_id),
            loops=store.loop_costs(run.run_id),
            efforts=store.efforts(run.run_id),
            compared=compared_in(store, run.run_id, servers),
            repeats=tuple(repeats_in(store.repeats(run.run_id), store.cells(run.run_id))),
            notes=tuple(notes),
        )


def _by_task(store: Store, run_id: str) -> tuple[TaskFigures, ...]:
    parts: dict[str, list[Cell]] = {}
    for cell in store.cells(run_id):
        parts.setdefault(cell.task, []).append(cell)
    return tuple(
        TaskFigures(task=task, cells=tuple(found), measured=tuple(_measured(store, run_id, task, found)))
        for task, found in parts.items()
    )


def _measured(store: Store, run_id: str, task: str, cells: Sequence[Cell]) -> Iterator[CellMeasures]:
    """A model at a time: the rows of all of them may be a million."""
    measure = MEASURES.get(scorer_of(task) or "")
    if measure is None:
        return
    for model in dict.fromkeys(cell.model for cell in cells):
        rows = store.scored_rows(run_id, task, model)
        for budget, found in groupby(rows, key=lambda row: row.budget):
            measures = measure([each.row for each in found])
            if measures:
                yield CellMeasures(task=task, model=model, budget=budget, measures=measures)
