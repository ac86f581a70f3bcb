"""What a model card needs of a run: one small table, and how it was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evalbudget.fingerprint import LEFT_TO_SERVER
from evalbudget.records import JsonValue, ServerRecord
from evalbudget.report import words
from evalbudget.report.curve_words import MODES
from evalbudget.report.figures import RunFigures
from evalbudget.report.task_figures import TaskFigures
from evalbudget.store.cells import Cell

_IN_FULL: Final = 2
"""So many tasks leave room for tokens, and for loops where there are any, beside each accuracy."""
_SETTINGS: Final = ("temperature", "top_p", "top_k", "min_p", "max_tokens")
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Models by tasks, or tasks by models where there are more of these: accuracies with their intervals."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int
    """How many columns name the row."""
    note: str
    """What the figures are."""


def card(figures: RunFigures) -> Card | None:
    """The table; None without any attempt. Each figure is one of the full tables."""
    if not figures.tasks:
        return None
    models = tuple(dict.fromkeys(cell.model for part in figures.tasks for cell in part.cells))
    chosen = {(part.task, model): _chosen(part, model) for part in figures.tasks for model in models}
    tasks = [part.task for part in figures.tasks]
    if len(tasks) <= _IN_FULL or len(tasks) < len(models):
        head, rows, names = _by_model(figures.servers, models, tasks, chosen)
    else:
        head = ("task", *map(words.one_line, models))
        rows = [
            (words.one_line(task), *(_told(chosen[task, model], words.accuracy) for model in models))
            for task in tasks
        ]
        names = 1
    return Card(head=head, rows=tuple(rows), names=names, note=_note(chosen.values(), figures.run.failed))


def how_measured(figures: RunFigures) -> tuple[str, ...]:
    """A line a task: version, questions and repeats, sampling, budgets; a line for models served alike."""
    return (*_of_tasks(figures), *_of_servers(figures.servers))


def _by_model(
    servers: Sequence[ServerRecord],
    models: Sequence[str],
    tasks: Sequence[str],
    chosen: Mapping[tuple[str, str], Cell | None],
) -> tuple[tuple[str, ...], list[tuple[str, ...]], int]:
    quantizations = {record.model: words.one_line(record.quantization or "", 40) for record in servers}
    tells = any(word and word.lower() != _UNKNOWN for word in quantizations.values())
    columns = [_ACCURACY]
    if len(tasks) <= _IN_FULL:
        columns.append(_TOKENS)
        if any(cell is not None and cell.looped for cell in chosen.values()):
            columns.append(_LOOPS)
    head = ["model", *(["quantization"] if tells else [])]
    names = len(head)
    head += [title.format(task=words.one_line(task, 80)) for task in tasks for title, _ in columns]
    rows = []
    for model in models:
        named = [words.one_line(model), *([quantizations.get(model) or words.UNKNOWN] if tells else [])]
        figures = [_told(chosen[task, model], text) for task in tasks for _, text in columns]
        rows.append((*named, *figures))
    return tuple(head), rows, names


def _chosen(part: TaskFigures, model: str) -> Cell | None:
    """Without a budget, else at the largest: cells come by budget, unlimited last."""
    return next((cell for cell in reversed(part.cells) if cell.model == model), None)


def _told(cell: Cell | None, text: Callable[[Cell], str]) -> str:
    return words.UNKNOWN if cell is None else text(cell)


_ACCURACY: Final = ("{task} (95 %)", words.accuracy)
_TOKENS: Final = ("mean tokens", lambda cell: words.tokens(cell.mean_completion_tokens))
_LOOPS: Final = ("loops", lambda cell: words.share(cell.loop_rate))
"""Title and text."""


def _note(cells: Iterable[Cell | None], failed: int) -> str:
    """At which budget the figures stand, and what is in none of them."""
    budgets = {cell.budget for cell in cells if cell is not None}
    if budgets == {None}:
        where = "without a budget of thinking"
    elif None not in budgets:
        where = "at the largest budget of thinking"
    else:
        where = "without a budget of thinking where that was asked, else at the largest"
    missing = f" {failed:,} failed attempt{'s are' if failed > 1 else ' is'} in no figure." if failed else ""
    return f"Accuracy with its 95 % interval on questions like these, {where}.{missing}"


def _of_tasks(figures: RunFigures) -> Iterator[str]:
    for part in figures.tasks:
        told = figures.run.conditions.get(part.task)
        if isinstance(told, Mapping):
            yield f"{words.one_line(part.task)}: {'; '.join(_of_task(part, told))}"


def _of_task(part: TaskFigures, told: Mapping[str, JsonValue]) -> Iterator[str]:
    version, repeats, seed = told.get("task_version"), told.get("repeats"), told.get("seed")
    if version is not None:
        yield f"version {_said(version)}"
    asked = max(cell.questions for cell in part.cells)
    yield f"{asked:,} question{'s' * (asked != 1)}" + _repeated(repeats)
    sampling = told.get("sampling")
    if isinstance(sampling, Mapping):
        yield ", ".join(_of_sampling(sampling))
    budgets = sorted({cell.budget for cell in part.cells}, key=lambda budget: (budget is None, budget or 0))
    if part.has_budgets:
        mode = told.get("budget_mode")
        how = MODES.get(mode, "") if isinstance(mode, str) else ""
        yield f"budgets {', '.join(map(words.budget, budgets))}" + (f": {how}" if how else "")
    if seed is not None:
        yield f"seed {_said(seed)}"


def _repeated(repeats: JsonValue) -> str:
    if repeats is None:
        return ""
    return ", each answered once" if repeats == 1 else f", each answered {_said(repeats)} times"


def _of_sampling(sampling: Mapping[str, JsonValue]) -> Iterator[str]:
    left = []
    for name in _SETTINGS:
        value = sampling.get(name)
        if value == LEFT_TO_SERVER:
            left.append(name)
        elif value is not None:
            yield f"{name} {_said(value)}"
    if left:
        yield f"{' and '.join(left)} {LEFT_TO_SERVER}"


def _said(value: JsonValue) -> str:
    return words.one_line(f"{value:,}" if isinstance(value, int) and value > 9_999 else str(value), 60)


def _of_servers(servers: Sequence[ServerRecord]) -> Iterator[str]:
    """Engine, cache and context of models that are served alike."""
    groups: dict[str, list[str]] = {}
    for record in servers:
        told = words.engine(record)
        if told:
            groups.setdefault(told, []).append(words.one_line(record.model))
    for told, models in groups.items():
        yield f"{', '.join(models)}: {told}"
