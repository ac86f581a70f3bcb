"""A function call, as far as the checker needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LONGEST_SHOWN = 300
"""Characters of one call in details."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call."""

    name: str
    arguments: Mapping[str | None, object]
    """Parameter → value. The key None stands for an argument without a name, or for `**arguments`."""


class NotDecodedError(ValueError):
    """A reply does not hold calls in the syntax that was asked for; the message says why, in a few words."""


def shown(calls: Sequence[Call]) -> str:
    """The calls as one line of text, in Python's syntax."""
    return ", ".join(map(shown_call, calls))


def shown_call(call: Call) -> str:
    """One call as text, cut where it is long; a surrogate without its other half is written as its number."""
    arguments = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    text = f"{call.name}({arguments})".encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
