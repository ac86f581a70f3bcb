"""A log's text → the lines worth reading, without what terminals, containers and journals put around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

_STRETCH = 256 * 1024
"""Characters that are searched at once for a mark, before any line is looked at."""
_MOST_LINE = 64 * 1024
"""Characters of a line; what stands behind them is left out. The longest line of a start that was seen,
SGLang's arguments, has some 20,000."""
_MOST_LINES = 250_000
"""Lines with a mark that are read of one text; a start has a few thousand."""

_COLOUR = re.compile(r"\x1b\[[\d;]{0,16}m")
_OUTER = re.compile(
    r"(?:[\w.-]{1,64} {0,40}\| )?"
    r"(?:\S{3,6} {1,2}\d{1,2} \d\d:\d\d:\d\d \S{1,64} [^\s\[\]]{1,64}\[\d{1,8}\]: )?"
    r"(?:\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:\d\d) )?"
)
"""docker compose's name, journald's date, host and process, the time that `docker logs -t` adds."""
_ENDS = re.compile(r"[\r\n]")


def lines_with(text: str, marks: tuple[str, ...]) -> Iterator[str]:
    """The lines with at least one of the marks, in order, up to `_MOST_LINES` of them.

    The work grows with the text alone; a copy is made of one stretch at a time.
    """
    return islice(_lines_with(text, marks), _MOST_LINES)


def _lines_with(text: str, marks: tuple[str, ...]) -> Iterator[str]:
    begin = 0
    while begin < len(text):
        end, following = _stretch(text, begin)
        stretch = text[begin:end]
        present = tuple(mark for mark in marks if mark in stretch)
        if present:
            for line in _ENDS.split(stretch):
                if any(mark in line for mark in present):
                    yield bare(line)
        begin = following


def bare(line: str) -> str:
    """The line as the engine wrote it."""
    line = line[:_MOST_LINE]
    if "\x1b" in line:
        line = _COLOUR.sub("", line)
    outer = _OUTER.match(line)
    return line[outer.end() :] if outer else line


def _stretch(text: str, begin: int) -> tuple[int, int]:
    """Where whole lines end, and where the next ones begin; of a line that is too long, the beginning."""
    limit = begin + _STRETCH
    if limit >= len(text):
        return len(text), len(text)
    newline = text.rfind("\n", begin, limit)
    if newline >= 0:
        return newline + 1, newline + 1
    newline = text.find("\n", limit)
    return limit, len(text) if newline < 0 else newline + 1
