"""Logarithmic axes with few, round numbers: Vega's own draw a line for each digit."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import altair as alt

_MOST = 9


def round_numbers(values: Iterable[float | None]) -> list[float]:
    """1, 2 and 5 of each power of ten between the smallest and the largest value, powers alone where these
    are many; empty without a positive value, and where no such number lies between."""
    known = [value for value in values if value is not None and 0 < value < float("inf")]
    if not known:
        return []
    low, high = min(known), max(known)
    powers = range(floor(log10(low)), floor(log10(high)) + 1)
    found = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    between = [number for number in found if low <= number <= high]
    tens = [number for number in between if log10(number) == round(log10(number))]
    return between if len(between) <= _MOST else tens


def log_axis(values: Iterable[float | None], *, form: str = "~s") -> alt.Axis:
    """The axis for these values, which are where its scale begins and ends, or what is drawn on it."""
    import altair as alt  # noqa: PLC0415

    ticks = round_numbers(values)
    if len(ticks) < 2:
        return alt.Axis(format=form, tickCount=4, labelOverlap=True)
    return alt.Axis(format=form, values=ticks, labelOverlap=True)
