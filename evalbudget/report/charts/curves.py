"""Accuracy over the thinking budget: one task, a line a model, with bands, and what was finished in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from evalbudget.report import words
from evalbudget.report.charts.log_axis import log_axis
from evalbudget.report.charts.style import HEIGHT, Style, model_colour, model_mark
from evalbudget.report.curves import ModelCurve, point_json
from evalbudget.store.queries import EffortPoint

if TYPE_CHECKING:
    import altair as alt

    from evalbudget.report.charts.style import Drawn

Over: TypeAlias = Literal["budget", "tokens"]
"""The horizontal axis: the budgets as they were asked for, or the mean tokens that answers really took."""

ALL: Final = "all answers"
STRICT: Final = "strict"
"""Only what finished within its budget by itself counts."""
_LINES: Final = (ALL, STRICT)
_DASHES: Final = ([1, 0], [5, 4])


def curve_rows(curves: Sequence[ModelCurve]) -> list[dict[str, Any]]:
    """A row for each model and budget, budgets rising and unlimited last: figures as in `cells`, shares 0 to
    1; `place` is the budget's on the axis."""
    budgets = sorted({cell.budget for curve in curves for cell in curve.cells}, key=_late)
    places = {budget: place for place, budget in enumerate(budgets)}
    return [
        {
            "model": cell.model,
            **point_json(cell),
            "budget": words.budget(cell.budget),
            "place": places[cell.budget],
        }
        for curve in curves
        for cell in curve.cells
    ]


def curves_chart(
    curves: Sequence[ModelCurve],
    models: Sequence[str],
    style: Style,
    *,
    over: Over = "budget",
    strict: bool = True,
    bands: bool = True,
    efforts: Sequence[EffortPoint] = (),
) -> Drawn:
    """The curves of one task. A ring: no other cell of the task is as accurate for as few tokens.

    `efforts` of the same task stand as points with their word, over tokens alone: a word is no budget. Where
    the tokens of a cell are not known, it has no place on that axis.
    """
    import altair as alt  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    rows = [row for row in curve_rows(curves) if over == "budget" or _positive(row["mean_completion_tokens"])]
    wide = pd.DataFrame(rows, columns=list(_FIELDS))
    long = pd.DataFrame(_lines(rows, strict=strict), columns=["line", "value", *_FIELDS])
    x = _axis(rows, over)
    colour = model_colour(models, style).legend(symbolOpacity=1)  # not as faint as the bands
    layers: list[alt.Chart] = []
    if bands:
        layers.append(_bands(alt.Chart(wide), x, colour, over))
    base = alt.Chart(long).encode(x=x, color=colour, tooltip=_tooltip())
    value = alt.Y("value:Q", title="accuracy", axis=alt.Axis(format=".0%"), scale=alt.Scale(zero=False))
    dash = alt.StrokeDash(
        "line:N",
        title=None,
        scale=alt.Scale(domain=list(_LINES), range=list(_DASHES)),
        legend=alt.Legend(symbolType="stroke", symbolStrokeColor=style.text) if strict else None,
    )
    detail = ["line:N"]
    layers.append(base.mark_line().encode(y=value, strokeDash=dash, order="place:Q", detail=detail))
    mark = model_mark(models)
    layers.append(
        base.transform_filter(alt.datum.line == ALL)
        .mark_point(filled=True, size=70, opacity=1)
        .encode(y=value, shape=mark)
    )
    layers.append(
        base.transform_filter((alt.datum.line == ALL) & (alt.datum.pareto == True))  # noqa: E712 - Vega's
        .mark_point(filled=False, size=240, strokeWidth=1.5, shape="circle")
        .encode(y=value, color=alt.value(style.text))
    )
    if over == "tokens" and efforts:
        layers += _effort_layers(efforts, colour, style)
    return alt.layer(*layers).properties(height=HEIGHT + 100)


def _late(budget: int | None) -> tuple[bool, int]:
    return (budget is None, budget or 0)


def _positive(tokens: float | None) -> bool:
    return tokens is not None and tokens > 0


_FIGURES: Final = (
    ("accuracy", "accuracy", ".1%"),
    ("low", "95 % band from", ".1%"),
    ("high", "to", ".1%"),
    ("strict", "strict", ".1%"),
    ("forced_share", "share forced", ".1%"),
    ("mean_reasoning_tokens", "tokens thought", ",.0f"),
    ("mean_completion_tokens", "tokens in all", ",.0f"),
    ("tokens_per_correct", "tokens per correct", ",.0f"),
    ("ock_score", "OckScore", ".1f"),
)
"""Field, title and format."""
_FIELDS: Final = ("model", "budget", "place", *(field for field, _, _ in _FIGURES), "pareto")


def _lines(rows: Sequence[dict[str, Any]], *, strict: bool) -> list[dict[str, Any]]:
    """A row for each point of a line; a figure that is not known leaves a gap."""
    found = [{"line": ALL, "value": row["accuracy"], **row} for row in rows]
    if strict:
        found += [{"line": STRICT, "value": row["strict"], **row} for row in rows]
    return [row for row in found if row["value"] is not None]


def _axis(rows: Sequence[dict[str, Any]], over: Over) -> alt.X:
    import altair as alt  # noqa: PLC0415

    if over == "tokens":
        axis = log_axis(row["mean_completion_tokens"] for row in rows)
        scale = alt.Scale(type="log", nice=False, padding=16)
        return alt.X("mean_completion_tokens:Q", title="mean tokens of an answer", scale=scale, axis=axis)
    in_order = sorted(rows, key=lambda row: row["place"])
    labels = list(dict.fromkeys(row["budget"] for row in in_order))
    return alt.X(
        "budget:O",
        sort=labels,
        title="thinking tokens allowed",
        axis=alt.Axis(labelAngle=0, labelOverlap=True),
    )


def _bands(chart: alt.Chart, x: alt.X, colour: alt.Color, over: Over) -> alt.Chart:
    """An area over budgets; whiskers over tokens, where a budget has no neighbour to be joined to."""
    import altair as alt  # noqa: PLC0415

    low = alt.Y("low:Q", title="accuracy")
    known = chart.transform_filter("isValid(datum.low) && isValid(datum.high)")
    drawn = known.mark_area(opacity=0.14) if over == "budget" else known.mark_rule(opacity=0.5, strokeWidth=2)
    encoded: alt.Chart = drawn.encode(x=x, y=low, y2="high:Q", color=colour)
    return encoded


def _tooltip() -> list[alt.Tooltip]:
    import altair as alt  # noqa: PLC0415

    named = [alt.Tooltip("model:N"), alt.Tooltip("budget:N"), alt.Tooltip("line:N")]
    figures = [alt.Tooltip(f"{field}:Q", title=title, format=form) for field, title, form in _FIGURES]
    return [*named, *figures, alt.Tooltip("pareto:N", title="Pareto")]


def _effort_layers(efforts: Sequence[EffortPoint], colour: alt.Color, style: Style) -> list[alt.Chart]:
    """A diamond with its interval and its word; only where its tokens and its accuracy are known."""
    import altair as alt  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    rows = [
        {
            "model": each.model,
            "effort": words.one_line(each.effort, 24),
            "mean_completion_tokens": each.mean_completion_tokens,
            "accuracy": each.accuracy,
            "low": each.ci_low,
            "high": each.ci_high,
        }
        for each in efforts
        if each.accuracy is not None and _positive(each.mean_completion_tokens)
    ]
    if not rows:
        return []
    tooltip = [
        alt.Tooltip("model:N"),
        alt.Tooltip("effort:N"),
        alt.Tooltip("accuracy:Q", format=".1%"),
        alt.Tooltip("low:Q", title="95 % from", format=".1%"),
        alt.Tooltip("high:Q", title="to", format=".1%"),
        alt.Tooltip("mean_completion_tokens:Q", title="tokens in all", format=",.0f"),
    ]
    base = alt.Chart(pd.DataFrame(rows)).encode(x="mean_completion_tokens:Q", tooltip=tooltip)
    accuracy = alt.Y("accuracy:Q")
    return [
        base.mark_rule(strokeWidth=1.5).encode(y="low:Q", y2="high:Q", color=colour),
        base.mark_point(shape="diamond", filled=False, size=110, strokeWidth=2).encode(
            y=accuracy, color=colour
        ),
        base.mark_text(dy=-14, color=style.text, fontSize=12).encode(y=accuracy, text="effort:N"),
    ]
