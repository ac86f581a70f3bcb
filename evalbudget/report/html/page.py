"""The page: blocks in a template that escapes every text, with a stylesheet inside."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from evalbudget.report import words
from evalbudget.report.charts.picture import plain
from evalbudget.report.charts.style import DARK, LIGHT, Style
from evalbudget.report.figures import RunFigures
from evalbudget.report.html.sections import Beside, opening, sections
from evalbudget.report.html.svg import properties

if TYPE_CHECKING:
    from jinja2 import Template

_PANEL: Final = {"light": "#f6f8fa", "dark": "#1a1f27"}
"""Behind lines that stand out, and code."""


def html_page(figures: RunFigures, more: Beside) -> str:
    """The report as one file; text from outside is shown in it, and does nothing."""
    text = _template().render(
        title=words.headline(figures.run),
        circumstances=words.circumstances(figures.run),
        style=_stylesheet(),
        opening=opening(figures),
        sections=sections(figures, more),
    )
    return f"{text.strip()}\n"


def _template() -> Template:
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415  (for this kind of report alone)

    environment = Environment(
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(_packaged("page.html"))


def _shown(value: Any) -> Any:  # noqa: ANN401 - jinja2's own
    """Text without what steers instead of standing there."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else plain(value)


def _packaged(name: str) -> str:
    return (files("evalbudget.report.html") / name).read_text(encoding="utf-8")


def _stylesheet() -> Markup:
    """Both palettes, light the first and the one for paper."""
    dark = f"@media screen and (prefers-color-scheme: dark) {{ {_palette(DARK)} }}"
    return Markup("\n".join([_palette(LIGHT), dark, _packaged("page.css")]))  # noqa: S704 - our own files


def _palette(style: Style) -> str:
    colours = {**properties(style), "--panel": _PANEL[style.name]}
    return f":root {{ color-scheme: {style.name}; {' '.join(f'{n}: {c};' for n, c in colours.items())} }}"
