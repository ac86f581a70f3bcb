"""A run's figures for a terminal, made to be read at 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol, TypeVar

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from evalbudget.report import comparison, curve_words, memory, repeats, words
from evalbudget.report.curves import ModelCurve
from evalbudget.report.figures import RunFigures, TaskFigures
from evalbudget.report.meanings import meanings
from evalbudget.report.warnings import loop_lines, warnings
from evalbudget.store.memory import ModelMemory

_SPARE: Final = ("mean tokens", "mean thinking tokens")
"""Columns that a narrow terminal does without, in this order; Markdown and JSON always have them."""


def print_terminal(figures: RunFigures, console: Console) -> None:
    """Write the report; text from models and servers is shown as it is, never taken for markup."""
    _print(console, words.headline(figures.run), style="bold")
    _print(console, words.circumstances(figures.run), style="dim")
    _print(console, f"{figures.store} on {words.one_line(figures.run.host)}", style="dim")
    for note in (words.resume_hint(figures.run), *figures.notes):
        if note:
            _print(console, words.one_line(note), style="yellow")
    columns = words.columns(figures.tasks)
    for part in figures.tasks:
        console.print()
        for line, style in _table(part, columns, console.width):
            console.print(Text(line, style=style), no_wrap=True, overflow="ellipsis")
        _print_measures(part, console)
        for curve in part.curves:
            _print_curve(curve, console)
    if not figures.tasks:
        _print(console, "no attempt yet")
    _print_around(figures, console)


class _Titled(Protocol):
    """A column, of whatever."""

    @property
    def title(self) -> str: ...

    @property
    def short(self) -> str: ...


_Column = TypeVar("_Column", bound=_Titled)


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    texts: tuple[str, ...]
    """Empty for a heading, which takes the whole line."""


def _table(part: TaskFigures, columns: Sequence[words.Column], width: int) -> Iterator[tuple[str, str]]:
    """(line, style) of one task's table."""
    shown, rows = _narrowed(columns, lambda fewer: _rows(part, fewer, width), _SPARE, width)
    yield words.one_line(part.task), "bold"
    yield from _drawn(rows, shown)


def _narrowed(
    columns: Sequence[_Column],
    rows_of: Callable[[Sequence[_Column]], list[_Row]],
    spare: Collection[str],
    width: int,
) -> tuple[Sequence[_Column], list[_Row]]:
    """The columns and their rows, without as many of the spare ones as there is no room for."""
    shown, rows = columns, rows_of(columns)
    for title in spare:
        if _label_width(rows) <= width - sum(_widths(shown, rows)):
            break
        shown = [column for column in shown if column.title != title]
        rows = rows_of(shown)
    return shown, rows


def _drawn(rows: Sequence[_Row], shown: Sequence[_Titled]) -> Iterator[tuple[str, str]]:
    """(line, style): the columns' titles, then the rows."""
    widths = _widths(shown, rows)
    first = _label_width(rows)
    heads = [column.short.split("\n") for column in shown]
    tall = max(map(len, heads))
    for depth in range(tall):
        padded = [([""] * (tall - len(head)) + head)[depth] for head in heads]
        yield _line("", first, padded, widths), "dim"
    for row in rows:
        yield (_line(row.label, first, row.texts, widths) if row.texts else row.label), ""


def _rows(part: TaskFigures, columns: Sequence[words.Column], width: int) -> list[_Row]:
    """A row a model; with budgets, or where a name is too long, each model's name on a line of its own."""
    texts = {id(cell): tuple(column.text(cell) for column in columns) for cell in part.cells}
    flat = [_Row(words.one_line(cell.model), texts[id(cell)]) for cell in part.cells]
    if not part.has_budgets and _label_width(flat) <= width - sum(_widths(columns, flat)):
        return flat
    rows = []
    for model, cells in groupby(part.cells, key=lambda cell: cell.model):
        rows.append(_Row(words.one_line(model), ()))
        for cell in cells:
            label = f"  {words.budget(cell.budget)}" if part.has_budgets else ""
            rows.append(_Row(label, texts[id(cell)]))
    return rows


def _label_width(rows: Sequence[_Row]) -> int:
    return max(cell_len(row.label) for row in rows if row.texts)


def _widths(columns: Sequence[_Titled], rows: Sequence[_Row]) -> list[int]:
    """Each column's width with the space before it."""
    heads = [max(map(len, column.short.split("\n"))) for column in columns]
    return [
        1 + max(head, *(len(row.texts[place]) for row in rows if row.texts))
        for place, head in enumerate(heads)
    ]


def _line(label: str, first: int, texts: Sequence[str], widths: Sequence[int]) -> str:
    figures = "".join(text.rjust(width) for text, width in zip(texts, widths, strict=True))
    return (label + " " * (first - cell_len(label)) + figures).rstrip()


def _print_measures(part: TaskFigures, console: Console) -> None:
    """One line a measure, with as much of its note as there is room for."""
    for measured in part.measured:
        _print(console, words.measured_of(measured, part), indent=2, style="dim")
        for line in words.measure_lines(measured.measures):
            console.print(Text(f"  {line}"), no_wrap=True, overflow="ellipsis")


def _print_curve(curve: ModelCurve, console: Console) -> None:
    """One line a budget, and what the whole curve says."""
    console.print()
    _print(console, curve_words.title(curve), style="bold")
    columns = curve_words.COLUMNS
    rows = [
        _Row(f"  {words.budget(cell.budget)}", tuple(column.text(cell) for column in columns))
        for cell in curve.cells
    ]
    for line, style in _drawn(rows, columns):
        console.print(Text(line, style=style), no_wrap=True, overflow="ellipsis")
    for line in curve_words.summary(curve):
        _print(console, line, indent=2)


def _print_memory(figures: RunFigures, console: Console) -> None:
    """A line a model, below its name where that is long; then what does not agree."""
    told, notes = memory.shown(figures.memory), memory.notes(figures.memory)
    if told or notes:
        _print(console, f"\n{memory.TITLE}", style="bold")
    if told:
        columns, rows = _narrowed(
            memory.COLUMNS,
            lambda shown: _memory_rows(told, shown, console.width),
            memory.SPARE,
            console.width,
        )
        for line, style in _drawn(rows, columns):
            console.print(Text(line, style=style), no_wrap=True, overflow="ellipsis")
    for note in notes:
        _print(console, note, indent=2)


def _memory_rows(
    told: Sequence[ModelMemory], columns: Sequence[memory.MemoryColumn], width: int
) -> list[_Row]:
    texts = [tuple(column.text(each) for column in columns) for each in told]
    names = [words.one_line(each.model) for each in told]
    flat = [_Row(f"  {name}", row) for name, row in zip(names, texts, strict=True)]
    if _label_width(flat) <= width - sum(_widths(columns, flat)):
        return flat
    return [
        row
        for name, row_texts in zip(names, texts, strict=True)
        for row in (_Row(f"  {name}", ()), _Row("", row_texts))
    ]


def _print_around(figures: RunFigures, console: Console) -> None:
    """What surrounds the tables: servers, failures, how exact the counts are, what the interval means."""
    _print_listed(console, comparison.TITLE, [each.line for each in figures.compared])
    _print_listed(console, repeats.TITLE, repeats.sentences(figures.repeats))
    efforts = [words.effort(point) for point in figures.efforts]
    _print_listed(console, "effort words", efforts)
    _print_listed(console, "warnings", warnings(figures), style="yellow")
    _print_listed(console, "loops", loop_lines(figures.loops))
    if figures.servers:
        _print(console, "\nservers", style="bold")
    for record in figures.servers:
        _print(console, words.one_line(record.model), indent=2)
        _print(console, words.server(record), indent=4)
        _print(console, words.one_line(record.base_url or ""), indent=4)
    _print_memory(figures, console)
    if figures.failures:
        _print(console, "\nfailures", style="bold")
    for group in figures.failures:
        _print(console, words.failure(group), indent=2)
        _print(console, words.one_line(group.example, 200), indent=4, style="dim")
    _print_listed(console, "counts of thinking tokens", words.token_counts(figures.token_sources))
    for meaning in meanings(figures):
        _print(console, "\n" + meaning, style="dim")


def _print_listed(console: Console, title: str, lines: Sequence[str], *, style: str = "") -> None:
    if lines:
        _print(console, f"\n{title}", style="bold")
    for line in lines:
        _print(console, line, indent=2, style=style)


def _print(console: Console, text: str, *, indent: int = 0, style: str = "") -> None:
    for line in Text(text, style=style).wrap(console, max(20, console.width - indent)) if text else ():
        line.rstrip()
        console.print(Text(" " * indent) + line)
