"""Text in Markdown, such that nothing in names and messages acts."""

from __future__ import annotations

import re
from collections.abc import Iterable


def row(texts: Iterable[str]) -> str:
    """A line of a table; each text escaped already."""
    return f"| {' | '.join(texts)} |"


def escaped(text: str) -> str:
    """Text in which Markdown and HTML find nothing to act on."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|~#@])", r"\\\1", plain)


def code_span(text: str) -> str:
    """A code span, its fence longer than any run of backticks inside."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"
