"""What a page is made of. Every text is plain: the template escapes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; the first columns name the row."""

    kind: ClassVar[str] = "table"
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Each as long as `head`."""
    names: int = 1
    """How many columns name the row; they stand at the left."""
    words: frozenset[int] = frozenset()
    """Places of the other columns that hold words, from 0; figures stand at the right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """A list."""

    kind: ClassVar[str] = "lines"
    lines: tuple[str, ...]
    looks: str = ""
    """verdict, warning, plain or empty: a class of the stylesheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A paragraph of small words."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart with its caption."""

    kind: ClassVar[str] = "chart"
    svg: Markup
    """From `svg.inline_svg` alone."""
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Text with its line breaks."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Names with what they are."""

    kind: ClassVar[str] = "facts"
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What a reader opens to see; open where it is printed."""

    kind: ClassVar[str] = "folded"
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a section, under a heading of its own."""

    kind: ClassVar[str] = "part"
    title: str
    blocks: tuple[Block, ...]


Block: TypeAlias = Table | Lines | Paragraph | Chart | Code | Facts | Folded | Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the page, in its table of contents."""

    id: str
    """Of the element: letters, digits and hyphens of our own."""
    title: str
    blocks: tuple[Block, ...]
