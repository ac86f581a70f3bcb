"""A finished chart as an SVG that stands in a page: no colour fixed, nothing in it that loads or acts.

Colours of the light style become custom properties (`var(--text)`), which the stylesheet defines for light,
dark and print. Elements and attributes that are not known here are left out, whatever drew the chart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

from markupsafe import Markup

from evalbudget.report.charts.picture import plain, svg
from evalbudget.report.charts.style import LIGHT, Style, styled

if TYPE_CHECKING:
    from evalbudget.report.charts.style import Drawn

_SVG: Final = "{http://www.w3.org/2000/svg}"
_ELEMENTS: Final = frozenset(
    {"svg", "g", "path", "line", "rect", "circle", "text", "tspan", "defs", "clipPath"}
)
_GEOMETRY: Final = "d x y x1 y1 x2 y2 dx dy cx cy r rx ry width height viewBox transform"
_LOOKS: Final = """opacity fill-opacity stroke-opacity stroke-width stroke-dasharray stroke-dashoffset
    stroke-linecap stroke-linejoin stroke-miterlimit text-anchor font-size font-weight font-style
    dominant-baseline"""
_ATTRIBUTES: Final = frozenset({*_GEOMETRY.split(), *_LOOKS.split()})
_COLOURED: Final = frozenset({"fill", "stroke"})
_NO_COLOUR: Final = frozenset({"none", "transparent"})
_HERE: Final = re.compile(r"url\(#([\w-]+)\)")
_ALMOST_NOTHING: Final = re.compile(r"(\.\d{2})\d+")
"""Digits that no screen shows."""


def properties(style: Style) -> dict[str, str]:
    """Name of each custom property → its colour in this style."""
    found: dict[str, str] = {}
    for each in fields(style):
        value = getattr(style, each.name)
        if each.name == "series":
            found |= {f"--series-{place}": colour for place, colour in enumerate(value, start=1)}
        elif each.name != "name":
            found[f"--{each.name}"] = value
    return found


_PROPERTY_OF: Final = {colour: f"var({name})" for name, colour in reversed(properties(LIGHT).items())}
"""Colour of the light style → what stands for it; the first of several that share it."""


def inline_svg(drawn: Drawn, title: str, key: str) -> Markup:
    """The chart in the page's colours; `title` says what it shows; `key`: letters and digits, another for
    each chart of the page, so that no two of its ids are the same."""
    root = ElementTree.fromstring(svg(styled(drawn, LIGHT)))  # noqa: S314 - our own chart, not a file
    clean = _cleaned(root, key)
    clean.set("role", "img")
    clean.set("aria-labelledby", f"{key}-title")
    clean.set("xmlns", "http://www.w3.org/2000/svg")
    named = ElementTree.Element("title", {"id": f"{key}-title"})
    named.text = plain(title)
    clean.insert(0, named)
    text = ElementTree.tostring(clean, encoding="unicode", short_empty_elements=False)
    return Markup(text)  # noqa: S704 - built of known elements alone, every text escaped by ElementTree


def _cleaned(element: ElementTree.Element, key: str) -> ElementTree.Element:
    made = ElementTree.Element(element.tag.removeprefix(_SVG), dict(_attributes(element, key)))
    made.text = element.text
    for child in element:
        if child.tag.removeprefix(_SVG) in _ELEMENTS and not _is_empty(child):
            made.append(_cleaned(child, key))
    return made


def _is_empty(element: ElementTree.Element) -> bool:
    """Vega's backgrounds and foregrounds that paint nothing."""
    is_ground = element.get("class") in ("background", "foreground")
    return is_ground and element.get("fill") is None and element.get("stroke") is None


def _attributes(element: ElementTree.Element, key: str) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        here = _HERE.fullmatch(value)
        if name in _COLOURED:
            yield name, _coloured(value)
        elif name == "id":
            yield name, f"{key}-{value}"
        elif name == "clip-path" and here:
            yield name, f"url(#{key}-{here[1]})"
        elif name == "opacity" and value == "1":
            continue
        elif name in _ATTRIBUTES:
            yield name, _ALMOST_NOTHING.sub(r"\1", value)


def _coloured(value: str) -> str:
    """A custom property for a colour of the light style; what is drawn in any other is drawn as text is."""
    plain_value = value.strip().lower()
    if plain_value in _NO_COLOUR:
        return plain_value
    return _PROPERTY_OF.get(plain_value, "var(--text)")
