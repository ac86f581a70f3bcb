"""What reading Java's and JavaScript's literals has in common."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re2

_LONGEST = 20_000
"""Characters of a literal that is read; a longer one stays text."""
BLANK = r"[\s\x0b\x1c-\x1f\x{85}\p{Z}]"
"""Python's `\\s`, in RE2's words, whose own is ASCII alone."""

_WHOLE = re.compile(r"-?\d{1,4000}")
_DECIMAL = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


@cache
def linear(pattern: str) -> re2._Regexp:
    """A compiled pattern whose time grows with the text alone; it finds what Python's own would."""
    import re2  # noqa: PLC0415 - needed for Java's and JavaScript's collections alone

    return re2.compile(pattern)


def searchable(text: str) -> bool:
    """Whether a collection may be looked for: not in a giant text, nor in one with half a character."""
    try:
        return len(text) <= _LONGEST and text.encode() is not None
    except UnicodeEncodeError:
        return False


def whole(text: str, suffix: str = "") -> int | str:
    """A whole number that ends in one of the characters of `suffix`, if any; else the text itself."""
    digits = _without(text, suffix)
    return int(digits) if digits is not None and _WHOLE.fullmatch(digits) else text


def decimal(text: str, suffix: str = "", *, exponent: bool = True) -> float | str:
    """The same for a number with or without a fraction."""
    digits = _without(text, suffix)
    if digits is None or not _DECIMAL.fullmatch(digits) or (not exponent and "e" in digits.lower()):
        return text
    return float(digits)


def guessed(text: str) -> object:
    """A number as Python reads one; else the text itself."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _without(text: str, suffix: str) -> str | None:
    text = text.removesuffix("\n")
    if not suffix:
        return text
    return text[:-1] if text and text[-1] in suffix else None
