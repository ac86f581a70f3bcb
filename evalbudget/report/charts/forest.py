"""The difference of two models on each task, with both intervals, beside zero and the margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from evalbudget.report.charts.style import Style
from evalbudget.report.comparison import TARGETS, Compared
from evalbudget.report.comparison.words import place, signed
from evalbudget.report.words import one_line

if TYPE_CHECKING:
    import altair as alt

    from evalbudget.report.charts.style import Drawn

_ROW: Final = 52
"""Pixels of a task."""


def forest_rows(compared: Sequence[Compared]) -> list[dict[str, Any]]:
    """A row for each, in its order: differences in points of accuracy.

    `low` and `high` are of the target that the verdict is about, `other_…` of the second one.
    """
    pairs = {each.pair.title for each in compared}
    return [_row(each, several=len(pairs) > 1) for each in compared]


def forest_chart(compared: Sequence[Compared], style: Style) -> Drawn | None:
    """A line a task: the difference, thick its interval for the verdict's target, thin that for the other.

    The shaded zone lies within the margin; its left end is the line to the right of which a candidate must
    stay to be no worse. None where nothing was compared.
    """
    import altair as alt  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    rows = forest_rows(compared)
    if not rows:
        return None
    margin = max(each.found.margin for each in compared) * 100
    order = [row["label"] for row in rows]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False, labelPadding=10)),
        color=_by_verdict(style),
        tooltip=_tooltip(),
    )
    x = alt.X(
        "difference:Q",
        title="candidate less base, points of accuracy",
        scale=alt.Scale(domain=_reach(rows, margin), nice=False, clamp=True),
        axis=alt.Axis(labelExpr="datum.value ? format(datum.value, '+~g') : '0'", tickCount=7),
    )
    ends = pd.DataFrame([{"from": -margin, "to": margin, "zero": 0}])
    still = alt.Chart(ends)
    layers = [
        still.mark_rect(color=style.neutral, opacity=0.13).encode(x=alt.X("from:Q"), x2="to:Q"),
        still.mark_rule(color=style.bad, strokeDash=[5, 4], strokeWidth=1.5).encode(x="from:Q"),
        still.mark_rule(color=style.muted, strokeWidth=1.2).encode(x="zero:Q"),
        base.transform_filter("isValid(datum.other_low)")
        .mark_rule(strokeWidth=1.5, opacity=0.75, yOffset=9)
        .encode(x=alt.X("other_low:Q"), x2="other_high:Q"),
        base.mark_rule(strokeWidth=4, strokeCap="round").encode(x=alt.X("low:Q"), x2="high:Q"),
        base.mark_point(filled=True, size=130, opacity=1, shape="diamond").encode(x=x),
        base.mark_text(dy=-15, fontSize=12, stroke=style.ground, strokeWidth=4).encode(x=x, text="told:N"),
        base.mark_text(dy=-15, fontSize=12).encode(x=x, text="told:N", color=alt.value(style.text)),
    ]
    return alt.layer(*layers).properties(height=_ROW * len(rows) + 60)


def _row(each: Compared, *, several: bool) -> dict[str, Any]:
    judged = each.judged
    other = next((found for target, found in each.found.judged.items() if target != each.target), None)
    where = place(each.task, each.budget)
    return {
        "label": f"{one_line(each.pair.candidate.name, 40)} · {where}" if several else where,
        "difference": 100 * each.found.difference,
        "low": 100 * judged.low,
        "high": 100 * judged.high,
        "other_low": None if other is None else 100 * other.low,
        "other_high": None if other is None else 100 * other.high,
        "told": f"{signed(each.found.difference)} ({signed(judged.low)} to {signed(judged.high)})",
        "target": TARGETS[each.target],
        "margin": 100 * each.found.margin,
        "p": judged.p,
        "p_holm": each.p_holm,
        "verdict": each.verdict,
        "side": _side(each.verdict),
    }


def _side(verdict: str) -> str:
    return next((word for word in ("lower", "higher") if verdict.startswith(word)), "neither")


def _by_verdict(style: Style) -> alt.Color:
    import altair as alt  # noqa: PLC0415

    scale = alt.Scale(domain=["lower", "higher", "neither"], range=[style.bad, style.good, style.muted])
    return alt.Color("side:N", scale=scale, legend=None)


def _reach(rows: Sequence[dict[str, Any]], margin: float) -> list[float]:
    """Ends of the axis: every interval of a verdict, zero and the margin are on it; the other target's may be
    cut where it is far wider."""
    lows = [min(row["low"], -margin) for row in rows]
    highs = [max(row["high"], margin) for row in rows]
    low, high = min(lows), max(highs)
    wide = high - low
    known = [row for row in rows if row["other_low"] is not None]
    low = max(min([low, *(row["other_low"] for row in known)]), low - wide)
    high = min(max([high, *(row["other_high"] for row in known)]), high + wide)
    edge = 0.04 * (high - low)
    return [low - edge, high + edge]


def _tooltip() -> list[alt.Tooltip]:
    import altair as alt  # noqa: PLC0415

    points = "+.2f"
    return [
        alt.Tooltip("label:N", title="task"),
        alt.Tooltip("difference:Q", title="difference, points", format=points),
        alt.Tooltip("target:N", title="verdict about"),
        alt.Tooltip("low:Q", title="95 % from", format=points),
        alt.Tooltip("high:Q", title="to", format=points),
        alt.Tooltip("other_low:Q", title="other target from", format=points),
        alt.Tooltip("other_high:Q", title="to ", format=points),
        alt.Tooltip("p:Q", format=".4f"),
        alt.Tooltip("p_holm:Q", title="Holm's p", format=".4f"),
        alt.Tooltip("verdict:N"),
    ]
