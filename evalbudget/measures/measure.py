"""The records of a task's own measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evalbudget.records import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRow:
    """One scored attempt, as far as measures need it; failed attempts are no rows."""

    sample_id: str
    repeat: int
    category: str | None
    score: float
    target: str | None
    extracted: str | None
    details: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One named number."""

    name: str
    """The field's word for it, such as `prompt-strict`."""
    value: float | None
    """A share from 0 to 1 unless `unit` says otherwise; None where `note` says why there is none."""
    n: int
    """Rows behind it."""
    low: float | None = None
    """95 % interval of the value, for questions like these; None where there is none. So is the next."""
    high: float | None = None
    unit: str = "share"
    """share, or what the value counts."""
    note: str = ""
    """Who publishes it, what is missing from it, or what to think of it: one line."""
