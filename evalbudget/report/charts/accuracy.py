"""Accuracy of models by task with its intervals: a forest of dots and whiskers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor
from typing import TYPE_CHECKING, Final

from evalbudget.report.charts.style import Style
from evalbudget.report.charts.whiskers import whiskers
from evalbudget.report.words import budget, one_line
from evalbudget.store.cells import Cell

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from evalbudget.report.charts.style import Drawn


def at_largest_budget(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Of each model and task the cell with the largest budget, unlimited above all; in their order."""
    chosen: dict[tuple[str, str], Cell] = {}
    for cell in cells:
        before = chosen.get((cell.task, cell.model))
        if before is None or _size(cell) > _size(before):
            chosen[cell.task, cell.model] = cell
    return tuple(chosen.values())


def accuracy_frame(cells: Iterable[Cell]) -> pd.DataFrame:
    """What the chart shows: a row for each cell whose accuracy is known."""
    import pandas as pd  # noqa: PLC0415  (half a second, for charts alone)

    rows = [
        {
            "task": cell.task,
            "model": cell.model,
            "budget": budget(cell.budget),
            "accuracy": cell.accuracy,
            "ci_low": cell.ci_low,
            "ci_high": cell.ci_high,
            "questions": cell.questions,
            "scored": cell.attempts - cell.failed,
            "failed": cell.failed,
        }
        for cell in cells
        if cell.accuracy is not None and cell.ci_low is not None and cell.ci_high is not None
    ]
    return pd.DataFrame(rows, columns=[*_COLUMNS])


_COLUMNS: Final = (
    *("task", "model", "budget", "accuracy", "ci_low", "ci_high", "questions", "scored", "failed"),
)


def accuracy(cells: Iterable[Cell], models: Sequence[str], style: Style) -> Drawn:
    """Accuracy with its 95 % interval, by task and model: one dot and whisker for each of these cells, which
    are of one budget for each model and task. One task alone names its models beside the dots."""
    import altair as alt  # noqa: PLC0415  (half a second, for charts alone)

    frame = accuracy_frame(cells)
    return whiskers(
        frame,
        ("accuracy", "ci_low", "ci_high"),
        models,
        style,
        across=(share_scale(frame), alt.Axis(title="accuracy", format=".0%", tickCount=6)),
        label=alt.Text("accuracy:Q", format=".1%"),
        tooltip=_tooltip(),
    )


def share_scale(frame: pd.DataFrame) -> alt.Scale:
    """An axis for `ci_low` to `ci_high`, in whole tenths: dots and whiskers need no zero."""
    import altair as alt  # noqa: PLC0415

    if frame.empty:
        return alt.Scale(domain=[0, 1], nice=False)
    low, high = floor(10 * float(frame["ci_low"].min())), ceil(10 * float(frame["ci_high"].max()))
    return alt.Scale(domain=[max(0, low) / 10, min(10, max(high, low + 1)) / 10], nice=False)


def _tooltip() -> list[alt.Tooltip]:
    import altair as alt  # noqa: PLC0415

    return [
        alt.Tooltip("task:N", title="task"),
        alt.Tooltip("model:N", title="model"),
        alt.Tooltip("budget:N", title="budget"),
        alt.Tooltip("accuracy:Q", title="accuracy", format=".1%"),
        alt.Tooltip("ci_low:Q", title="from", format=".1%"),
        alt.Tooltip("ci_high:Q", title="to", format=".1%"),
        alt.Tooltip("questions:Q", title="questions", format=","),
        alt.Tooltip("scored:Q", title="scored attempts", format=","),
        alt.Tooltip("failed:Q", title="failed, in no average", format=","),
    ]


def described(cells: Iterable[Cell]) -> str:
    """The chart in words, for who does not see it."""
    told = [
        f"{one_line(cell.model, 60)} on {one_line(cell.task, 60)} {cell.accuracy:.1%}"
        for cell in cells
        if cell.accuracy is not None
    ]
    return "Accuracy with its 95 % interval: " + "; ".join(told[:40])


def _size(cell: Cell) -> float:
    return float("inf") if cell.budget is None else cell.budget
