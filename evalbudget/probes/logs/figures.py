"""Numbers as logs print them → bytes, and by how much they may be off."""

from __future__ import annotations

import math
from typing import Final

NUMBER: Final = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
"""Regular expression of a printed size; longer ones are no engine's."""
COUNT: Final = r"[0-9]{1,12}"
"""Of a printed number of tokens, cells or blocks, without separators."""
GROUPED: Final = r"[0-9,]{1,16}"
"""The same, its thousands apart: 310,688."""

KIB: Final = 1 << 10
MIB: Final = 1 << 20
GIB: Final = 1 << 30


def size(text: str, unit: int) -> int:
    """`text` matches `NUMBER`. → bytes."""
    return round(float(text) * unit)


def half_digit(text: str, unit: int) -> int:
    """Bytes by which a printed size may be off: half of its last digit."""
    digits = len(text.partition(".")[2])
    return math.ceil(unit / 2 / float(10**digits))


def count(text: str | None) -> int | None:
    """A printed whole number, its thousands apart or not; None for what is none, and for zero."""
    digits = (text or "").replace(",", "")
    return int(digits) if digits.isdecimal() and int(digits) > 0 else None


def plain(text: str) -> str:
    """Text of a log, fit to be stored and shown: without control characters and halves of characters."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(char if char.isprintable() else " " for char in whole).strip()
