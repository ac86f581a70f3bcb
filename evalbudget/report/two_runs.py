"""Two runs beside each other: which of their models belong together, their cells, their suites."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from evalbudget.records import ServerRecord
from evalbudget.report.differences import Side, lines_between
from evalbudget.report.words import one_line
from evalbudget.store.cells import Cell
from evalbudget.store.queries import RunRow

_MOST_LINES: Final = 3_000
"""Of each suite: what is longer is compared up to here, for the time it takes grows with both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoCells:
    """The cells of one task and budget, of a model of each run. None = that run has no such cell."""

    task: str
    budget: int | None
    model: str
    """Of this run."""
    other_model: str
    """Of the other; so is the next."""
    cell: Cell | None
    other: Cell | None


def same_labels(models: Iterable[str], others: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The models that have the same label in both runs, as pairs, in the order of this run."""
    known = set(others)
    return tuple((model, model) for model in models if model in known)


def lines_between_runs(
    run: RunRow,
    servers: Sequence[ServerRecord],
    other: RunRow,
    others: Sequence[ServerRecord],
    pair: tuple[str, str],
) -> tuple[str, ...] | None:
    """What differs between a model of this run and one of the other (`differences.lines_between`): the other
    run is the base. None where nothing is recorded of one of the two; empty where nothing known differs."""
    mine = next((each for each in servers if each.model == pair[0]), None)
    theirs = next((each for each in others if each.model == pair[1]), None)
    if mine is None or theirs is None:
        return None
    same = pair[0] == pair[1]
    return lines_between(
        Side(
            label="the other run" if same else pair[1],
            record=theirs,
            conditions=other.conditions,
        ),
        Side(
            label="this run" if same else pair[0],
            record=mine,
            conditions=run.conditions,
        ),
    )


def cells_beside(
    cells: Iterable[Cell], others: Iterable[Cell], pairs: Sequence[tuple[str, str]]
) -> tuple[TwoCells, ...]:
    """The cells of these pairs, by pair, task and budget, unlimited last; those that only one run has
    included."""
    mine = {(cell.model, cell.task, cell.budget): cell for cell in cells}
    theirs = {(cell.model, cell.task, cell.budget): cell for cell in others}
    found = []
    for model, other_model in pairs:
        places = {(task, budget) for label, task, budget in mine if label == model}
        places |= {(task, budget) for label, task, budget in theirs if label == other_model}
        found += [
            TwoCells(
                task=task,
                budget=budget,
                model=model,
                other_model=other_model,
                cell=mine.get((model, task, budget)),
                other=theirs.get((other_model, task, budget)),
            )
            for task, budget in sorted(places, key=_place)
        ]
    return tuple(found)


def suite_diff(run: RunRow, suite: str, other: RunRow, other_suite: str) -> str:
    """The difference of two suites as a unified diff, from the other run's to this run's; empty where they
    are the same. Text from outside."""
    lines = difflib.unified_diff(
        list(islice(other_suite.splitlines(), _MOST_LINES)),
        list(islice(suite.splitlines(), _MOST_LINES)),
        fromfile=one_line(other.run_id),
        tofile=one_line(run.run_id),
        lineterm="",
    )
    return "\n".join(lines)


def _place(place: tuple[str, int | None]) -> tuple[str, bool, int]:
    task, budget = place
    return task.lower(), budget is None, budget or 0
