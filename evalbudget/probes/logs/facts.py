"""A log's text → what it tells of its server."""

from __future__ import annotations

from evalbudget.probes.logs.lines import lines_with
from evalbudget.probes.logs.registry import ENGINES
from evalbudget.records import ServerFacts

_MARKS = tuple({mark: None for engine in ENGINES for mark in engine.start.marks})


def facts_of_log(text: str) -> ServerFacts:
    """What the log of a server's start tells, whichever engine wrote it; of several starts, the last.

    Nothing that stands in a log raises; what is unknown or broken leaves a gap. The work grows with the
    length of the text, whatever it holds.
    """
    readers = [engine.start() for engine in ENGINES]
    began = [0] * len(readers)
    for number, line in enumerate(lines_with(text, _MARKS), start=1):
        for place, reader in enumerate(readers):
            if any(mark in line for mark in reader.marks) and reader.read(line):
                began[place] = number
    found = [
        (began[place], place, facts)
        for place, reader in enumerate(readers)
        if (facts := reader.facts()) is not None
    ]
    return max(found, key=lambda each: each[:2])[2] if found else ServerFacts()
