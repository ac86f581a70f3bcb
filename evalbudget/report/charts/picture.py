"""Charts as pictures, drawn in this process: no browser, no network."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from evalbudget.report.charts.style import Drawn

SCALE = 2.0
"""Pixels of a PNG for each of the chart's."""
_NOWHERE: Final[list[str]] = []
"""No address that a chart may load data from: rows come with it. For a PNG, vl-convert 1.9 asks for images
without looking here: no chart of ours has any."""
_NO_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for (section 2.2)."""


def png(chart: Drawn, *, scale: float = SCALE) -> bytes:
    """A PNG of a finished chart."""
    import vl_convert  # noqa: PLC0415  (84 MB of code, for pictures alone)

    return bytes(vl_convert.vegalite_to_png(_drawable(chart), scale=scale, allowed_base_urls=_NOWHERE))


def svg(chart: Drawn) -> str:
    """An SVG of a finished chart: text stays text, escaped."""
    import vl_convert  # noqa: PLC0415

    return str(vl_convert.vegalite_to_svg(_drawable(chart), allowed_base_urls=_NOWHERE))


def plain(text: str) -> str:
    """The text without what XML cannot hold and what would turn the direction of what follows.

    vl-convert 1.9 measures text as XML: a control character in a label ends the whole process there, past any
    `except`.
    """
    kept = (char if char in "\t\n" or not _is_unseen(char) else " " for char in _NO_XML.sub(" ", text))
    return "".join(kept)


def _is_unseen(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"}


def _drawable(chart: Drawn) -> dict[str, Any]:
    spec = _cleaned(chart.to_dict())
    assert isinstance(spec, dict)  # noqa: S101 - so is every chart
    return spec


def _cleaned(value: object) -> object:
    """The same, every text in it plain: names of columns and their uses alike, so that they still meet."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {plain(str(name)): _cleaned(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    return value
