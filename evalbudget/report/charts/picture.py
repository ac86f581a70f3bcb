"""Charts as pictures, drawn in this process: no browser, no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalbudget.report.charts.style import Drawn

SCALE = 2.0
"""Pixels of a PNG for each of the chart's."""


def png(chart: Drawn, *, scale: float = SCALE) -> bytes:
    """A PNG of a finished chart."""
    import vl_convert  # noqa: PLC0415  (84 MB of code, for pictures alone)

    return bytes(vl_convert.vegalite_to_png(chart.to_json(), scale=scale))


def svg(chart: Drawn) -> str:
    """An SVG of a finished chart: text stays text, escaped."""
    import vl_convert  # noqa: PLC0415

    return str(vl_convert.vegalite_to_svg(chart.to_json()))
