"""KV memory: bytes per token as expected and as measured, how full caches were over time, what fits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from evalbudget.report.charts.log_axis import log_axis
from evalbudget.report.charts.style import HEIGHT, Style, model_colour, model_mark
from evalbudget.report.memory import COLUMNS
from evalbudget.report.memory_room import Fitting
from evalbudget.report.words import UNKNOWN
from evalbudget.store.memory import ModelMemory, Use

if TYPE_CHECKING:
    from datetime import datetime

    import altair as alt

    from evalbudget.report.charts.style import Drawn

Shown: TypeAlias = Literal["kv_usage", "kv_used_bytes", "kv_used_tokens"]
USE_TITLES: Final[dict[Shown, str]] = {
    "kv_usage": "share of the KV cache in use",
    "kv_used_bytes": "bytes of the KV cache in use",
    "kv_used_tokens": "tokens in the KV cache",
}
_FORMATS: Final[dict[Shown, str]] = {"kv_usage": ".0%", "kv_used_bytes": "~s", "kv_used_tokens": "~s"}
_DAY: Final = timedelta(days=1)
_AXIS_WIDTH: Final = 60
"""Pixels of every y-axis, so that charts of the same time lie below each other."""


def per_token_rows(memory: Sequence[ModelMemory]) -> list[dict[str, Any]]:
    """A row for each model of which bytes per token are known: measured, expected, or both."""
    beside = next(column.text for column in COLUMNS if column.title == "measured by expected")
    return [
        {
            "model": each.model,
            "measured": each.bytes_per_token,
            "expected": each.bytes_per_token_expected,
            "ratio": each.ratio,
            "told": "" if beside(each) == UNKNOWN else beside(each),
            "verdict": each.verdict or UNKNOWN,
            "cache": each.kv_dtype or UNKNOWN,
        }
        for each in memory
        if (each.bytes_per_token or 0) > 0 or (each.bytes_per_token_expected or 0) > 0
    ]


def per_token_chart(memory: Sequence[ModelMemory], models: Sequence[str], style: Style) -> Drawn | None:
    """A line a model: a tick where its bytes per token should be, its mark where they are, and the ratio.

    None where nothing is known.
    """
    import altair as alt  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    rows = per_token_rows(memory)
    if not rows:
        return None
    sizes = [size for row in rows for size in (row["measured"], row["expected"]) if size]
    ends = [min(sizes) / 1.6, max(sizes) * 2.2]
    scale = alt.Scale(type="log", domain=ends, nice=False)
    tooltip = [
        alt.Tooltip("model:N"),
        alt.Tooltip("measured:Q", title="measured, bytes per token", format=",.0f"),
        alt.Tooltip("expected:Q", title="expected", format=",.0f"),
        alt.Tooltip("ratio:Q", title="measured by expected", format=".2f"),
        alt.Tooltip("verdict:N"),
        alt.Tooltip("cache:N", title="cache type"),
    ]
    order = [row["model"] for row in rows]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        y=alt.Y("model:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False)), tooltip=tooltip
    )
    measured = alt.X(
        "measured:Q",
        scale=scale,
        title="bytes per token: line = expected, mark = measured",
        axis=log_axis(ends),
    )
    known = base.transform_filter("isValid(datum.measured)")
    both = known.transform_filter("isValid(datum.expected)")
    layers = [
        both.mark_rule(color=style.neutral, strokeWidth=3, opacity=0.6).encode(x=measured, x2="expected:Q"),
        base.transform_filter("isValid(datum.expected)")
        .mark_tick(color=style.text, thickness=3, size=24)
        .encode(x=alt.X("expected:Q", scale=scale)),
        known.mark_point(filled=True, size=120, opacity=1).encode(
            x=measured,
            color=model_colour(models, style).legend(None),
            shape=model_mark(models).legend(None),
        ),
        known.mark_text(align="left", dx=14, color=style.text, fontSize=12).encode(x=measured, text="told:N"),
    ]
    return alt.layer(*layers).properties(height=38 * len(rows))


def use_rows(use: Sequence[Use]) -> list[dict[str, Any]]:
    """A row for each stretch of time of a model; `at` is ISO 8601, UTC."""
    return [
        {
            "at": each.at.isoformat(),
            "model": each.model,
            "kv_usage": each.kv_usage,
            "kv_used_bytes": each.kv_used_bytes,
            "kv_used_tokens": each.kv_used_tokens,
            "running": each.running,
            "waiting": each.waiting,
        }
        for each in use
    ]


def shown_use(use: Sequence[Use]) -> tuple[Shown, ...]:
    """Which of share, bytes and tokens any server showed."""
    return tuple(name for name in USE_TITLES if any(getattr(each, name) is not None for each in use))


def use_chart(use: Sequence[Use], models: Sequence[str], style: Style, what: Shown) -> Drawn:
    """How full each model's cache was over time, the fullest moment of each stretch."""
    import altair as alt  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    rows = [row for row in use_rows(use) if row[what] is not None]
    chart = alt.Chart(pd.DataFrame(rows, columns=list(_USE)))
    drawn: alt.Chart = (
        chart.mark_line(interpolate="step-after", strokeWidth=1.6)
        .encode(
            x=_time(use),
            y=alt.Y(
                f"{what}:Q", title=USE_TITLES[what], axis=_tall(_FORMATS[what]), scale=alt.Scale(domainMin=0)
            ),
            color=model_colour(models, style),
            tooltip=_use_tooltip(),
        )
        .properties(height=HEIGHT - 20)
    )
    return drawn


def requests_chart(use: Sequence[Use], models: Sequence[str], style: Style) -> Drawn:
    """Requests that each server answered at once, and those that waited for their turn."""
    import altair as alt  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    kinds = ("running", "waiting")
    rows = [
        {**row, "requests": row[kind], "kind": kind}
        for row in use_rows(use)
        for kind in kinds
        if row[kind] is not None
    ]
    dash = alt.StrokeDash(
        "kind:N",
        title=None,
        scale=alt.Scale(domain=list(kinds), range=[[1, 0], [4, 3]]),
        legend=alt.Legend(symbolType="stroke", symbolStrokeColor=style.text),
    )
    drawn: alt.Chart = (
        alt.Chart(pd.DataFrame(rows, columns=["requests", "kind", *_USE]))
        .mark_line(interpolate="step-after", strokeWidth=1.6)
        .encode(
            x=_time(use),
            y=alt.Y(
                "requests:Q",
                title="requests",
                axis=_tall("d"),
                scale=alt.Scale(domainMin=0),
            ),
            color=model_colour(models, style, title=None).legend(None),
            strokeDash=dash,
            tooltip=_use_tooltip(),
        )
        .properties(height=160)
    )
    return drawn


_USE: Final = ("at", "model", "kv_usage", "kv_used_bytes", "kv_used_tokens", "running", "waiting")


def fits_rows(fitting: Sequence[tuple[int, Sequence[Fitting]]]) -> list[dict[str, Any]]:
    """A row for each model, memory and way: tokens that fit beside the weights. `fitting`: GiB of the GPU and
    what fits on it."""
    return [
        {"model": each.model, "memory": gib, "by": by, "tokens": room.tokens}
        for gib, found in fitting
        for each in found
        for by, room in (("measured", each.measured), ("expected", each.expected))
        if room is not None and room.tokens
    ]


def fits_chart(
    fitting: Sequence[tuple[int, Sequence[Fitting]]], models: Sequence[str], style: Style, chosen: int
) -> Drawn | None:
    """Tokens that fit over the GPU's memory, both axes logarithmic; a line marks the chosen GiB. None where
    nothing fits or the bytes per token are not known."""
    import altair as alt  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    rows = fits_rows(fitting)
    if not rows:
        return None
    values = [gib for gib, _ in fitting]
    x = alt.X(
        "memory:Q",
        title="memory of the GPU, GiB",
        scale=alt.Scale(type="log", base=2, domain=[min(values), max(values)], nice=False),
        axis=alt.Axis(values=values, format="d", grid=False, labelOverlap=True),
    )
    dash = alt.StrokeDash(
        "by:N",
        title=None,
        scale=alt.Scale(domain=["measured", "expected"], range=[[1, 0], [5, 4]]),
        legend=alt.Legend(symbolType="stroke", symbolStrokeColor=style.text),
    )
    lines = (
        alt.Chart(pd.DataFrame(rows))
        .mark_line(point=alt.OverlayMarkDef(size=36))
        .encode(
            x=x,
            y=alt.Y(
                "tokens:Q",
                title="tokens that fit",
                scale=alt.Scale(type="log"),
                axis=log_axis(row["tokens"] for row in rows),
            ),
            color=model_colour(models, style),
            strokeDash=dash,
            tooltip=[
                alt.Tooltip("model:N"),
                alt.Tooltip("memory:Q", title="GiB"),
                alt.Tooltip("by:N", title="bytes per token"),
                alt.Tooltip("tokens:Q", title="tokens that fit", format=",.0f"),
            ],
        )
    )
    rule = alt.Chart(pd.DataFrame([{"memory": chosen}])).mark_rule(color=style.muted, strokeDash=[2, 2])
    return alt.layer(rule.encode(x=x), lines).properties(height=HEIGHT + 60)


def _time(use: Sequence[Use]) -> alt.X:
    """One axis for all charts of a run."""
    import altair as alt  # noqa: PLC0415

    ends: list[datetime] = sorted(each.at for each in use)
    domain = [ends[0].isoformat(), ends[-1].isoformat()] if ends else alt.Undefined
    short = not ends or ends[-1] - ends[0] < _DAY
    form = "%H:%M:%S" if short and len(ends) > 1 and ends[-1] - ends[0] < _DAY / 48 else "%H:%M"
    axis = alt.Axis(labelOverlap=True, tickCount=8, format=form if short else "%m-%d %H:%M")
    scale = alt.Scale(type="utc") if len(ends) < 2 else alt.Scale(type="utc", domain=domain)
    return alt.X("at:T", title="time (UTC)", scale=scale, axis=axis)


def _tall(form: str) -> alt.Axis:
    import altair as alt  # noqa: PLC0415

    return alt.Axis(format=form, minExtent=_AXIS_WIDTH, maxExtent=_AXIS_WIDTH, tickCount=5)


def _use_tooltip() -> list[alt.Tooltip]:
    import altair as alt  # noqa: PLC0415

    return [
        alt.Tooltip("model:N"),
        alt.Tooltip(
            "at:T",
            title="time (UTC)",
            format="%Y-%m-%d %H:%M:%S",
            timeUnit="utcyearmonthdatehoursminutesseconds",
        ),
        alt.Tooltip("kv_usage:Q", title="share in use", format=".1%"),
        alt.Tooltip("kv_used_bytes:Q", title="bytes", format=".4s"),
        alt.Tooltip("kv_used_tokens:Q", title="tokens", format=",.0f"),
        alt.Tooltip("running:Q"),
        alt.Tooltip("waiting:Q"),
    ]
