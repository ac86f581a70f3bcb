"""What one engine's file provides: a reader of its start, and one of its use where its log tells that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from evalbudget.records import Load, ServerFacts


class StartReader(Protocol):
    """Reads the lines of one log, in their order, for what an engine tells of its start."""

    marks: ClassVar[tuple[str, ...]]
    """A line without any of these tells nothing; it need not be read."""

    def read(self, line: str) -> bool:
        """Whether an engine begins its start here: what was read before is of another."""
        ...

    def facts(self) -> ServerFacts | None:
        """What was told; None where no line was this engine's."""
        ...


class UseReader(Protocol):
    """Reads the lines of one log, in their order, for how busy an engine is."""

    marks: ClassVar[tuple[str, ...]]
    """A line without any of these tells nothing; it need not be read."""

    def read(self, line: str) -> Load | None:
        """The figures as of this line; None where it tells none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One engine's readers."""

    start: type[StartReader]
    use: type[UseReader] | None = None
