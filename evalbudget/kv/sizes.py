"""Sizes of memory as people write them: 24GiB, 24 GB, 13.5G."""

from __future__ import annotations

import re
from typing import Final

from evalbudget.errors import InputError

_SIZE: Final = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt])(i?b)?\s*", re.IGNORECASE)
_POWERS: Final = {"k": 1, "m": 2, "g": 3, "t": 4}


def size_in_bytes(text: str) -> int:
    """Bytes of a size with its unit: GiB is 2^30, GB is 10^9, and a bare G is the GiB that tools print."""
    found = _SIZE.fullmatch(text)
    if not found:
        raise InputError(
            f'"{text[:40]}" is no size of memory: a number with its unit works, such as 24GiB or 24 GB'
        )
    number, unit, ending = found.groups()
    base = 1000 if (ending or "").lower() == "b" else 1024
    power: int = base ** _POWERS[unit.lower()]
    return round(float(number) * power)
