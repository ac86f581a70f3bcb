"""Accuracy against the tokens that it takes, with the frontier that nothing else beats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log10
from typing import TYPE_CHECKING, Final

from evalbudget.report.charts.accuracy import share_scale
from evalbudget.report.charts.style import HEIGHT, Style, model_colour, model_mark
from evalbudget.report.words import budget, one_line
from evalbudget.store.cells import Cell

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from evalbudget.report.charts.style import Drawn

_LABEL_WIDE: Final = 0.16
"""A name takes up about so much of the chart's width, and the next of its height."""
_LABEL_HIGH: Final = 0.07
_COLUMNS: Final = (
    *("task", "model", "budget", "tokens", "thinking_tokens", "accuracy", "ci_low", "ci_high"),
    *("on_frontier", "name"),
)


def frontier_frame(cells: Iterable[Cell]) -> pd.DataFrame:
    """What the chart shows: a row for each cell whose accuracy and tokens are known, by model and tokens;
    `name` where there is room for it."""
    import pandas as pd  # noqa: PLC0415  (half a second, for charts alone)

    placed = [cell for cell in cells if _is_placed(cell)]
    named = _named(placed)
    rows = [
        {
            "task": cell.task,
            "model": cell.model,
            "budget": budget(cell.budget),
            "tokens": cell.mean_completion_tokens,
            "thinking_tokens": cell.mean_reasoning_tokens,
            "accuracy": cell.accuracy,
            "ci_low": cell.ci_low,
            "ci_high": cell.ci_high,
            "on_frontier": bool(cell.pareto),
            "name": _name(cell) if place in named else None,
        }
        for place, cell in enumerate(placed)
    ]
    return pd.DataFrame(rows, columns=[*_COLUMNS])


def on_frontier(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """The cells that no other of their task and run beats, by their tokens."""
    found = [cell for cell in cells if _is_placed(cell) and cell.pareto]
    return tuple(sorted(found, key=lambda cell: cell.mean_completion_tokens or 0))


def frontier(cells: Iterable[Cell], models: Sequence[str], style: Style) -> Drawn:
    """Mean completion tokens (log) against accuracy with its 95 % interval: a point for each cell of one
    task. A thin line joins a model's budgets, a broken one the frontier (`Cell.pareto`)."""
    import altair as alt  # noqa: PLC0415  (half a second, for charts alone)

    frame = frontier_frame(cells)
    tokens = alt.X(
        "tokens:Q", scale=_scale(frame), axis=alt.Axis(title="mean completion tokens, log scale", format="~s")
    )
    share = share_scale(frame)
    accuracy = alt.Y("accuracy:Q", scale=share, axis=alt.Axis(title="accuracy", format=".0%", tickCount=6))
    # The lines are pale, the legend must not be.
    colour = model_colour(models, style).legend(symbolOpacity=1)
    base = alt.Chart(frame).encode(x=tokens)
    joined = (
        base.transform_filter("datum.on_frontier")
        .mark_line(strokeDash=[6, 4], strokeWidth=2, color=style.neutral)
        .encode(y=accuracy, order="tokens:Q")
    )
    budgets = base.mark_line(strokeWidth=1, opacity=0.4).encode(y=accuracy, color=colour, order="tokens:Q")
    whisker = base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(
        y=alt.Y("ci_low:Q", scale=share), y2="ci_high:Q", color=colour
    )
    point = base.mark_point(size=75, filled=True, opacity=1).encode(
        y=accuracy, color=colour, shape=model_mark(models), tooltip=_tooltip()
    )
    name = (
        base.transform_filter("datum.name")
        .mark_text(align="right", dx=-9, dy=-8, fontSize=11, color=style.text, limit=220)
        .encode(y=accuracy, text="name:N")
    )
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    layers = alt.layer(joined, budgets, whisker, point, name)
    return layers.properties(height=HEIGHT + 20, autosize=fit)


def described(cells: Iterable[Cell]) -> str:
    """The chart in words, for who does not see it."""
    told = [f"{_name(cell)} {cell.accuracy:.1%}" for cell in on_frontier(cells)]
    return "Accuracy against mean completion tokens. On the frontier: " + ("; ".join(told) or "nothing")


def _name(cell: Cell) -> str:
    """Text from the suite, on one line."""
    model = one_line(cell.model, 60)
    return model if cell.budget is None else f"{model} at {budget(cell.budget)}"


def _is_placed(cell: Cell) -> bool:
    return cell.accuracy is not None and (cell.mean_completion_tokens or 0) > 0


def _named(cells: Sequence[Cell]) -> set[int]:
    """Places of the points that get their names: of the frontier, the most accurate first, none over
    another."""
    if not cells:
        return set()
    logs = [log10(cell.mean_completion_tokens or 1) for cell in cells]
    wide = max(max(logs) - min(logs), 0.1)
    chosen: list[int] = []
    best_first = sorted(range(len(cells)), key=lambda place: (-(cells[place].accuracy or 0), logs[place]))
    for place in best_first:
        here = cells[place].accuracy or 0
        if cells[place].pareto and not any(
            abs(logs[place] - logs[other]) / wide < _LABEL_WIDE
            and abs(here - (cells[other].accuracy or 0)) < _LABEL_HIGH
            for other in chosen
        ):
            chosen.append(place)
    return set(chosen)


def _scale(frame: pd.DataFrame) -> alt.Scale:
    """Room at the left, where names stand."""
    import altair as alt  # noqa: PLC0415

    if frame.empty:
        return alt.Scale(type="log")
    low, high = float(frame["tokens"].min()), float(frame["tokens"].max())
    room = max((high / low) ** 0.18, 1.3)
    return alt.Scale(type="log", domain=[low / room, high * room**0.3], nice=False)


def _tooltip() -> list[alt.Tooltip]:
    import altair as alt  # noqa: PLC0415

    return [
        alt.Tooltip("model:N", title="model"),
        alt.Tooltip("budget:N", title="budget"),
        alt.Tooltip("tokens:Q", title="mean completion tokens", format=",.0f"),
        alt.Tooltip("thinking_tokens:Q", title="of these, thinking", format=",.0f"),
        alt.Tooltip("accuracy:Q", title="accuracy", format=".1%"),
        alt.Tooltip("ci_low:Q", title="from", format=".1%"),
        alt.Tooltip("ci_high:Q", title="to", format=".1%"),
        alt.Tooltip("on_frontier:N", title="on the frontier"),
    ]
