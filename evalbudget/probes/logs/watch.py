"""A log that grows → how busy its server is."""

from __future__ import annotations

from pathlib import Path

from evalbudget.records import Load


class LogWatch:
    """Follows one log."""

    def __init__(self, path: Path, start: int = 0) -> None:
        """`start`: the byte behind which the log is of this server."""
        self._path = path
        self._read_to = start

    def news(self) -> Load | None:
        """The newest figures of use among the lines that were written since the last look; None without."""
        return None
