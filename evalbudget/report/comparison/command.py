"""The command `compare`: two words and options in, the printed comparison and the gate's exit code out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from evalbudget.errors import InputError
from evalbudget.report.comparison.comparing import Asked, compare_pairs
from evalbudget.report.comparison.gate import gate_of
from evalbudget.report.comparison.names import Taken, near, taken_for
from evalbudget.report.comparison.printing import json_text, markdown, print_comparisons
from evalbudget.report.comparison.records import Comparisons
from evalbudget.report.words import one_line
from evalbudget.stats.comparison import Target
from evalbudget.store.load import catch_up
from evalbudget.store.paired import AnyBudget
from evalbudget.store.queries import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, as it was written."""

    task: str | None = None
    margin: float
    """In points, above 0."""
    target: Target | None = None
    budget: str | None = None
    """A number of tokens, or unlimited."""
    run: str | None = None
    gate: bool = False


def print_compared(db: Path, base: str, candidate: str, options: Options, form: str) -> int:
    """Compare, print as terminal, markdown or json, and give the exit code: 1 where a gate was asked for and
    missed, else 0.

    Raises `InputError` for words that mean nothing or the same, values that make no sense, and where there is
    nothing to compare.
    """
    asked = Asked(
        task=options.task,
        margin=_margin(options.margin),
        target=options.target,
        budget=_budget(options.budget),
        every_budget=True,
    )
    state = catch_up(db)
    store = Store(db)
    with store.batch():
        taken = taken_for(store, base, candidate, options.run)
        told = compare_pairs(store, taken.pairs, asked)
        if not told.compared:
            raise InputError(_nothing(store, taken, told, options.task))
    notes = [*taken.lines]
    if not state.complete:
        notes.append(f"newer attempts may be missing here: {one_line(str(state.trouble))}")
    gate = gate_of(told) if options.gate else None
    if form == "terminal":
        console = Console(highlight=False, markup=False, emoji=False)
        print_comparisons(told, notes, gate, console)
    else:
        text = markdown if form == "markdown" else json_text
        click.echo(text(told, notes, gate), nl=False)
    return 1 if gate is not None and not gate.passed else 0


def _margin(points: float) -> float:
    if not math.isfinite(points) or not 0 < points < 100:
        raise InputError(
            f"--margin {points:g}: it should be a number of points above 0 and below 100, such as 2"
        )
    return points / 100


def _budget(word: str | None) -> AnyBudget:
    if word is None:
        return "largest"
    plain = word.strip().lower().replace(",", "")
    if plain == "unlimited":
        return None
    if not plain.isascii() or not plain.isdigit() or len(plain) > 15:
        raise InputError(f"--budget {one_line(word, 40)}: it should be a number of tokens, or unlimited")
    return int(plain)


def _nothing(store: Store, taken: Taken, told: Comparisons, task: str | None) -> str:
    """Why nothing can be compared, in one line."""
    if told.not_compared:
        whys = [f"{one_line(each.task, 80)}: {each.why}" for each in told.not_compared]
        more = f" (and {len(whys) - 3} more)" if len(whys) > 3 else ""
        return f"nothing in common to compare: {'; '.join(whys[:3])}{more}"
    sides = {side for pair in taken.pairs for side in pair}
    tasks = dict.fromkeys(
        cell.task
        for run_id in dict.fromkeys(side.run_id for side in sides)
        for cell in store.cells(run_id)
        if any(cell.model == side.model for side in sides)
    )
    return f'no task "{one_line(task or "", 80)}" in what is compared; {near(task or "", list(tasks))}'
