"""Loops: how often models end in one, and where loops begin, how long their unit is, how often it comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from evalbudget.report.charts.accuracy import at_largest_budget
from evalbudget.report.charts.style import Style, model_colour
from evalbudget.report.charts.whiskers import whiskers
from evalbudget.report.words import budget, share
from evalbudget.store.cells import Cell
from evalbudget.store.looped import LoopBin, LoopFigure

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from evalbudget.report.charts.style import Drawn

_BINS_HEIGHT: Final = 220

AXES: Final[dict[LoopFigure, str]] = {
    "onset": "tokens before the loop begins",
    "period": "tokens of the repeated unit",
    "repeats": "times that the unit comes",
    "wasted": "tokens behind the first period",
}
"""Figure → the title of its axis."""

_RATES: Final = ("task", "model", "budget", "rate", "low", "high", "scored", "waste", "told")
_BINS: Final = ("model", "from", "to", "below", "attempts", "doom", "recovered")


def generated(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """The cells whose replies were generated: what was forced from another's trace repeats its loop."""
    return tuple(cell for cell in cells if cell.budget is None or cell.budget_mode != "trace")


def loop_rate_frame(cells: Iterable[Cell]) -> pd.DataFrame:
    """What the chart of the rates shows: of each model and task its largest budget, unlimited above all."""
    import pandas as pd  # noqa: PLC0415  (half a second, for charts alone)

    rows = [
        {
            "task": cell.task,
            "model": cell.model,
            "budget": budget(cell.budget),
            "rate": cell.loop_rate,
            "low": cell.loop_rate_low,
            "high": cell.loop_rate_high,
            "scored": cell.attempts - cell.failed,
            "waste": cell.waste_share,
            "told": share(cell.loop_rate),
        }
        for cell in at_largest_budget(generated(cells))
        if cell.loop_rate is not None
    ]
    return pd.DataFrame(rows, columns=[*_RATES])


def loop_rates(frame: pd.DataFrame, models: Sequence[str], style: Style) -> Drawn:
    """The share of attempts that ended in a doom loop, with its 95 % interval: `loop_rate_frame`."""
    import altair as alt  # noqa: PLC0415

    return whiskers(
        frame,
        ("rate", "low", "high"),
        models,
        style,
        across=(
            alt.Scale(domainMin=0, nice=True),
            alt.Axis(title="attempts that end in a loop", format=".0%", tickMinStep=0.01, tickCount=6),
        ),
        label=alt.Text("told:N"),
        tooltip=_rate_tooltip(),
    )


def loop_bins_frame(bins: Iterable[LoopBin], figure: LoopFigure) -> pd.DataFrame:
    """What the chart of one figure shows: a row for each model and octave."""
    import pandas as pd  # noqa: PLC0415

    rows = [
        {
            "model": each.model,
            "from": each.low,
            "to": each.high - 1,
            "below": each.high,
            "attempts": each.attempts,
            "doom": each.doom,
            "recovered": each.attempts - each.doom,
        }
        for each in bins
        if each.figure == figure
    ]
    return pd.DataFrame(rows, columns=[*_BINS])


def loop_bins(frame: pd.DataFrame, figure: LoopFigure, models: Sequence[str], style: Style) -> Drawn:
    """How many loops lie in each octave of a figure, on a logarithmic axis, models stacked."""
    import altair as alt  # noqa: PLC0415

    low, high = (int(frame["from"].min()), int(frame["below"].max())) if len(frame) else (1, 2)
    # Of many octaves every second is named, that the names stay apart on narrow pages.
    step = 2 if high // low <= 2**8 else 4
    ticks = [low * step**place for place in range(32) if low * step**place <= high]
    axis = alt.Axis(title=AXES[figure], values=ticks, format="~s", grid=False)
    across = alt.Scale(type="log", base=2, domain=[low, high], nice=False)

    drawn: Drawn = (
        alt.Chart(frame)
        .mark_bar(stroke=style.ground, strokeWidth=0.5)
        .encode(
            x=alt.X("from:Q", bin="binned", scale=across, axis=axis),
            x2="below:Q",
            y=alt.Y(
                "sum(attempts):Q",
                stack="zero",
                axis=alt.Axis(title="attempts", format="~s", tickMinStep=1, tickCount=5),
            ),
            color=model_colour(models, style, title=None),
            tooltip=[
                alt.Tooltip("model:N", title="model"),
                alt.Tooltip("from:Q", title="from", format=","),
                alt.Tooltip("to:Q", title="to", format=","),
                alt.Tooltip("attempts:Q", title="loops", format=","),
                alt.Tooltip("doom:Q", title="ended in it", format=","),
                alt.Tooltip("recovered:Q", title="left it", format=","),
            ],
        )
        .properties(height=_BINS_HEIGHT)
    )
    return drawn


def _rate_tooltip() -> list[alt.Tooltip]:
    import altair as alt  # noqa: PLC0415

    return [
        alt.Tooltip("task:N", title="task"),
        alt.Tooltip("model:N", title="model"),
        alt.Tooltip("budget:N", title="budget"),
        alt.Tooltip("rate:Q", title="doom loops", format=".2%"),
        alt.Tooltip("low:Q", title="from", format=".2%"),
        alt.Tooltip("high:Q", title="to", format=".2%"),
        alt.Tooltip("scored:Q", title="scored attempts", format=","),
        alt.Tooltip("waste:Q", title="tokens wasted", format=".1%"),
    ]
