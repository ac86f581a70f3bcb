"""A log's text → what it tells of its server."""

from __future__ import annotations

from evalbudget.records import ServerFacts


def facts_of_log(text: str) -> ServerFacts:
    """What the log of a server's start tells, whichever engine wrote it; of several starts, the last."""
    return ServerFacts()
