"""What a check found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from evalbudget.records import Failure, FailureKind

_LONGEST = 240
"""Characters of a server's own words."""
_PLACE = re.compile(r"(?<=HTTP \d{3}) from \S+(?=: )|^https?://\S+: ")
"""How the endpoint's failures name the server (endpoints/failures.py)."""
_REFUSALS = frozenset({FailureKind.REQUEST, FailureKind.AUTH, FailureKind.CONTENT_FILTER})


class Verdict(StrEnum):
    """How a check ended."""

    WORKS = "works"
    PARTLY = "partly"
    MISSING = "missing"
    UNKNOWN = "unknown"
    """It could not be told: why stands in the evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of what the doctor says."""

    name: str
    group: str
    """The heading under which it stands."""
    verdict: Verdict
    evidence: str
    """One line of what was seen."""
    mend: str = ""
    """The flag or the setting that mends it; empty where all is well, or where nothing is known to."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check's function returns; its name and its group are the check's."""

    verdict: Verdict
    evidence: str
    mend: str = ""


class UntoldError(Exception):
    """A check cannot go on: it found this instead."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(seen.evidence)
        self.seen = seen


def works(evidence: str) -> Seen:
    """All is well."""
    return Seen(Verdict.WORKS, evidence)


def partly(evidence: str, mend: str = "") -> Seen:
    """It can be used, with less than there might be."""
    return Seen(Verdict.PARTLY, evidence, mend)


def missing(evidence: str, mend: str = "") -> Seen:
    """The server does not do it."""
    return Seen(Verdict.MISSING, evidence, mend)


def unknown(evidence: str, mend: str = "") -> Seen:
    """It could not be told."""
    return Seen(Verdict.UNKNOWN, evidence, mend)


def failed(failure: Failure, mend: str = "") -> Seen:
    """No reply: a refusal says that the server does not do it, any other trouble says nothing of that."""
    said = shortened(failure.message)
    if failure.kind in _REFUSALS:
        return missing(f"refused: {said}", mend)
    return unknown(f"no reply: {said}")


def shortened(text: str) -> str:
    """A server's words on one line, without its URL: all is about one server."""
    line = _PLACE.sub("", " ".join(text.split()))
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def counted(number: int, noun: str) -> str:
    """Such as 1 token, 1,024 tokens."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
