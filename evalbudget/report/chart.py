"""Accuracy over the budget of thinking, drawn in a terminal: a line a budget, accuracy from 0 to 100 on it.

Budgets that double from line to line are a logarithmic axis by nature. Effort words stand at the tokens that
were really thought.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from evalbudget.report import curve_words, words
from evalbudget.report.curves import ModelCurve
from evalbudget.report.figures import RunFigures, TaskFigures
from evalbudget.report.progress import shown
from evalbudget.store.queries import EffortPoint


@dataclass(frozen=True, slots=True)
class _Marks:
    """The characters that a chart is drawn with."""

    band: str
    accuracy: str
    strict: str
    edge: str
    between: str
    """Between the words of a label."""


_DRAWN: Final = _Marks("━", "●", "○", "│", "·")
_PLAIN: Final = _Marks("=", "*", "o", "|", "-")
"""Where the encoding has no better."""

_SHORTEST: Final = 21
"""Places of the axis that a narrow terminal still gets: 5 points each."""
_LONGEST: Final = 101
_LONGEST_LABEL: Final = 30


@dataclass(frozen=True, slots=True)
class _Line:
    """One budget, or one effort word."""

    label: str
    accuracy: float | None
    low: float | None
    high: float | None
    strict: float | None


@dataclass(frozen=True, slots=True)
class _Block:
    """One model's budgets, or one family's effort words."""

    title: str
    lines: tuple[_Line, ...]
    below: tuple[str, ...] = ()


def print_curves(figures: RunFigures, console: Console) -> None:
    """Draw the curves of a run, task by task, a model below the other on the same axis."""
    marks = _marks(console.encoding)
    _say(console, marks, words.headline(figures.run), "bold")
    drawn = False
    for part in figures.tasks:
        efforts = [point for point in figures.efforts if point.task == part.task]
        blocks = tuple(_blocks(part, efforts))
        if blocks:
            drawn = True
            _print_task(part.task, blocks, console, marks)
    if drawn:
        legend = (
            f"{marks.accuracy} accuracy, %   {marks.band} 95 % band   "
            f"{marks.strict} strict: finished within the budget by itself"
        )
        _say(console, marks, f"\n{legend}", "dim")
    else:
        told = (
            "no curve: this run has no budgets and no effort words; `budgets: [0, 512, 2048, unlimited]` in"
        )
        _say(console, marks, f"{told} the suite asks for one")


def _blocks(part: TaskFigures, efforts: Sequence[EffortPoint]) -> Iterator[_Block]:
    for curve in part.curves:
        yield _Block(curve_words.title(curve), tuple(_budget_lines(curve)), curve_words.summary(curve)[:2])
    for family, points in groupby(efforts, key=lambda point: point.family):
        title = f"{words.one_line(family)} · effort words, at the tokens that they really used"
        yield _Block(title, tuple(_effort_line(point) for point in points))


def _budget_lines(curve: ModelCurve) -> Iterator[_Line]:
    for cell in curve.cells:
        label = words.budget(cell.budget)
        yield _Line(label, cell.accuracy, cell.curve_low, cell.curve_high, cell.accuracy_strict)


def _effort_line(point: EffortPoint) -> _Line:
    used = words.UNKNOWN if point.mean_reasoning_tokens is None else f"{point.mean_reasoning_tokens:,.0f}"
    label = f"{words.one_line(point.effort)} · {used} tokens"
    return _Line(label, point.accuracy, point.ci_low, point.ci_high, point.accuracy_strict)


def _print_task(task: str, blocks: Sequence[_Block], console: Console, marks: _Marks) -> None:
    widest = max(cell_len(line.label) for block in blocks for line in block.lines)
    label = min(widest, _LONGEST_LABEL) + 2
    places = max(_SHORTEST, min(_LONGEST, console.width - label - len("  100.0 ") - 1))
    console.print()
    _say(console, marks, f"{words.one_line(task)} · accuracy over the budget of thinking", "bold")
    for block in blocks:
        console.print()
        _say(console, marks, block.title)
        _say(console, marks, f"{'':{label}} {_scale(places)}", "dim")
        for line in block.lines:
            text = Text(_fit(line.label, label, console, marks))
            console.print(text + _drawn(line, places, marks), no_wrap=True, overflow="crop")
        for told in block.below:
            _say(console, marks, f"  {told}", "dim")


def _scale(places: int) -> str:
    """0, 25, … 100 over their places."""
    row = [" "] * (places + 2)
    for percent in (0, 25, 50, 75, 100):
        text = str(percent)
        start = 1 + _place(percent / 100, places) - len(text) // 2
        row[start : start + len(text)] = text
    return "".join(row)


def _drawn(line: _Line, places: int, marks: _Marks) -> Text:
    """The axis with the band and the marks on it, and the accuracy in figures."""
    row = [" "] * places
    if line.low is not None and line.high is not None:
        for place in range(_place(line.low, places), _place(line.high, places) + 1):
            row[place] = marks.band
    if line.strict is not None:
        row[_place(line.strict, places)] = marks.strict
    if line.accuracy is not None:
        row[_place(line.accuracy, places)] = marks.accuracy
    figure = words.UNKNOWN if line.accuracy is None else f"{100 * line.accuracy:.1f}"
    text = Text(f" {marks.edge}{''.join(row)}{marks.edge}{figure:>6}")
    text.highlight_words([marks.band], "cyan")
    text.highlight_words([marks.accuracy], "bold green")
    return text


def _place(share: float, places: int) -> int:
    return round(min(max(share, 0.0), 1.0) * (places - 1))


def _fit(label: str, width: int, console: Console, marks: _Marks) -> str:
    """The label at the right of its column, its end cut off where it is too long."""
    text = _visible(label, console, marks)
    if cell_len(text) > width:
        text = set_cell_size(text, width)
    return " " * (width - cell_len(text)) + text


def _visible(text: str, console: Console, marks: _Marks) -> str:
    return shown(text.replace("·", marks.between), console.encoding)


def _marks(encoding: str) -> _Marks:
    try:
        "━●○│·".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return _PLAIN
    return _DRAWN


def _say(console: Console, marks: _Marks, text: str, style: str = "") -> None:
    for line in text.split("\n"):
        console.print(Text(_visible(line, console, marks), style=style), no_wrap=True, overflow="ellipsis")
