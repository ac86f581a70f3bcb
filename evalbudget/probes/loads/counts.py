"""Numbers out of a server's JSON, whatever else stands there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

Entry: TypeAlias = Mapping[str, Any]
_MOST = 2**62
"""No server counts further, and no further goes an integer of the store."""


def entries(page: str) -> tuple[Entry, ...]:
    """The objects of a JSON list, or the one that stands alone; empty where the page is something else."""
    try:
        read = json.loads(page)
    except (ValueError, RecursionError):
        return ()
    return tuple(each for each in (read if isinstance(read, list) else [read]) if isinstance(each, dict))


def part(entry: Entry, name: str) -> Entry:
    """An object inside another, or first in a list there; empty where there is none."""
    inner = entry.get(name)
    if isinstance(inner, list):
        inner = inner[0] if inner else None
    return inner if isinstance(inner, dict) else {}


def count(entry: Entry, name: str) -> int | None:
    """A number of things; None where it is none."""
    value = entry.get(name)
    return None if isinstance(value, bool) or not isinstance(value, int | float) else whole(value)


def whole(number: float | None) -> int | None:
    """The number of things that it is, rounded; None where it can be none."""
    return round(number) if number is not None and 0 <= number <= _MOST else None
