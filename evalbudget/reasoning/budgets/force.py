"""The strings with which the thinking of each model family is closed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceString:
    """How the thinking of one family is opened, and closed from outside."""

    family: str
    """The family that it is for, or `generic`; kept in the row."""
    opening: str
    """Marker before the thinking, where the prompt does not open it."""
    closing: str
    """What is put behind thinking that was cut, the closing marker included."""
    empty: str
    """What is put behind the opening marker where nothing is thought (budget 0)."""


def force_string(*names: str | None) -> ForceString:
    """That of the family that one of these names tells of: label, served model, family, architecture."""
    raise NotImplementedError
