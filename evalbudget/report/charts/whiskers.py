"""Dot and whisker: one figure of each model with its interval, a line each, by task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from evalbudget.report.charts.style import model_colour, model_mark

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from evalbudget.report.charts.style import Drawn, Style

_ROW: Final = 24
"""Pixels of one model's line."""
_BETWEEN: Final = 14
"""Pixels between two tasks."""


def whiskers(
    frame: pd.DataFrame,
    columns: tuple[str, str, str],
    models: Sequence[str],
    style: Style,
    *,
    across: tuple[alt.Scale, alt.Axis],
    label: alt.Text,
    tooltip: Sequence[alt.Tooltip],
) -> Drawn:
    """One row of the frame (with `task` and `model`) a line; `columns`: those of the figure and of its
    interval's ends; `across`: their scale and axis; `label` stands behind the whisker. One task alone names
    its models beside the dots."""
    import altair as alt  # noqa: PLC0415  (half a second, for charts alone)

    value, low, high = columns
    scale, axis = across
    tasks = list(dict.fromkeys(frame["task"]))
    shown = [model for model in models if model in set(frame["model"])]
    colour, shape = model_colour(models, style), model_mark(models)
    named = alt.Axis(title=None, labelLimit=200, labelPadding=10, ticks=False, domain=False)
    if len(tasks) < 2:
        colour, shape = colour.legend(None), shape.legend(None)
    base = alt.Chart(frame).encode(color=colour, tooltip=list(tooltip))
    if len(tasks) < 2:
        base = base.encode(y=alt.Y("model:N", sort=shown, axis=named))
    else:
        base = base.encode(
            y=alt.Y("task:N", sort=tasks, axis=named), yOffset=alt.YOffset("model:N", sort=shown)
        )
    whisker = base.mark_rule(strokeWidth=2).encode(
        x=alt.X(f"{low}:Q", scale=scale, axis=axis), x2=f"{high}:Q"
    )
    dot = base.mark_point(size=80, filled=True, opacity=1).encode(
        x=alt.X(f"{value}:Q", scale=scale), shape=shape
    )
    told = base.mark_text(align="left", dx=8, fontSize=12).encode(
        x=alt.X(f"{high}:Q", scale=scale), text=label, color=alt.value(style.text)
    )
    height = max(1, len(tasks)) * (max(1, len(shown)) * _ROW + _BETWEEN)
    # Axis and legend come on top of the height, so that a line has its pixels whatever stands below.
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    return alt.layer(whisker, dot, told).properties(height=max(height, 2 * _ROW), autosize=fit)
