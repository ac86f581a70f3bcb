"""The visual language of every chart: colours that the colour-blind tell apart, marks, axes, light and dark.

A model keeps its colour and its mark in all charts of a run, whatever is filtered away. Colours are never the
only sign: lines carry marks of different shapes. The hues are those of Okabe & Ito 2008 (Color Universal
Design), lightened for dark grounds so that each keeps a contrast of 3 : 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    import altair as alt

    Drawn: TypeAlias = alt.Chart | alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart
    """A whole chart."""

FONT: Final = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"
HEIGHT: Final = 300
"""Of one plain chart, in pixels; its width is that of its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What differs between light and dark. Colours are #rrggbb."""

    name: str
    """light or dark."""
    ground: str
    """Behind the page; charts themselves are transparent."""
    text: str
    muted: str
    """Axis titles, captions, reference lines."""
    grid: str
    series: tuple[str, ...]
    """Models, in the order of the run; a run of more begins anew, with other marks."""
    bad: str
    """Failures, loops, what is worse."""
    good: str
    neutral: str
    """What is not decided, expected beside measured."""


LIGHT: Final = Style(
    name="light",
    ground="#ffffff",
    text="#24292f",
    muted="#57606a",
    grid="#e4e8ec",
    series=("#0072b2", "#d55e00", "#008a65", "#b8558a", "#a87400", "#3d8fc4", "#5b5fc7", "#6e6259"),
    bad="#d55e00",
    good="#0072b2",
    neutral="#8c959f",
)
DARK: Final = Style(
    name="dark",
    ground="#12151b",
    text="#e6e8eb",
    muted="#a3abb5",
    grid="#2d333b",
    series=("#56a8e0", "#f4894f", "#2fc79d", "#e39bc3", "#e8b64c", "#9fd3f5", "#a5a8f5", "#bfb3a8"),
    bad="#f4894f",
    good="#56a8e0",
    neutral="#8b949e",
)
MARKS: Final = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
"""Shapes of points, in Vega's words: of another number than the colours, so that pairs repeat late."""


def model_colour(models: Sequence[str], style: Style, *, title: str | None = "model") -> alt.Color:
    """The colour channel of the field `model`; `models`: all of the run, in its order, not only those
    shown."""
    import altair as alt  # noqa: PLC0415  (half a second, for charts alone)

    colours = [style.series[place % len(style.series)] for place in range(len(models))]
    return alt.Color("model:N", title=title, scale=alt.Scale(domain=list(models), range=colours))


def model_mark(models: Sequence[str], *, title: str | None = "model") -> alt.Shape:
    """The shape channel of the field `model`, in step with `model_colour`."""
    import altair as alt  # noqa: PLC0415

    shapes = [MARKS[place % len(MARKS)] for place in range(len(models))]
    return alt.Shape("model:N", title=title, scale=alt.Scale(domain=list(models), range=shapes))


def styled(chart: Drawn, style: Style) -> Drawn:
    """The chart with the language's axes, legend, title and ground; call it once, on the outermost chart."""
    import altair as alt  # noqa: PLC0415

    axis = alt.AxisConfig(
        labelColor=style.muted,
        titleColor=style.muted,
        labelFontSize=12,
        titleFontSize=12,
        titleFontWeight="normal",
        gridColor=style.grid,
        domainColor=style.grid,
        tickColor=style.grid,
        labelLimit=260,
    )
    legend = alt.LegendConfig(
        orient="bottom",
        labelColor=style.text,
        titleColor=style.muted,
        labelFontSize=12,
        titleFontWeight="normal",
        labelLimit=320,
        columns=4,
        symbolOpacity=1,
    )
    title = alt.TitleConfig(color=style.text, fontSize=14, fontWeight=600, anchor="start", offset=12)
    header = alt.HeaderConfig(labelColor=style.text, titleColor=style.muted, labelFontSize=13)
    config = alt.Config(
        axis=axis,
        legend=legend,
        title=title,
        header=header,
        font=FONT,
        background="transparent",
        view=alt.ViewConfig(stroke=None),
        line=alt.LineConfig(strokeWidth=2),
    )
    return chart.properties(config=config)
