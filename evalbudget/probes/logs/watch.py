"""A log that grows → how busy its server is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from evalbudget.probes.logs.lines import lines_with
from evalbudget.probes.logs.registry import ENGINES
from evalbudget.records import Load

_MOST_BYTES = 4 * 1024 * 1024
"""Of one look. What a log grew by between two of them is far less; of more, the latest is read."""


class LogWatch:
    """Follows one log, by the byte; nothing that stands in it, or happens to it, raises."""

    def __init__(self, path: Path, start: int = 0) -> None:
        """`start`: the byte behind which the log is of this server."""
        self._path = path
        self._read_to = start
        self._file: tuple[int, int] | None = None
        self._within_a_line = False
        """The last look ended in a line that was too long to be read: what is left of it is passed over."""
        self._readers = [engine.use() for engine in ENGINES if engine.use is not None]
        self._marks = tuple(mark for reader in self._readers for mark in reader.marks)

    def news(self) -> Load | None:
        """The newest figures of use among the lines that were written since the last look; None without.

        A line that is not finished waits for the next look. Counters go on from look to look, also when the
        log was cut off or another file took its place: then it is read from its beginning.
        """
        try:
            with self._path.open("rb") as file:
                text = self._written(file)
        except OSError:
            return None
        newest = None
        for line in lines_with(text, self._marks):
            for reader in self._readers:
                newest = reader.read(line) or newest
        return newest

    def _written(self, file: BinaryIO) -> str:
        """The finished lines since the last look."""
        status = os.fstat(file.fileno())
        this = (status.st_dev, status.st_ino)
        if status.st_size < self._read_to or (self._file is not None and self._file != this):
            self._read_to, self._within_a_line = 0, False
        self._file = this
        if status.st_size - self._read_to > _MOST_BYTES:
            self._read_to, self._within_a_line = status.st_size - _MOST_BYTES, True
        file.seek(self._read_to)
        written = file.read(_MOST_BYTES)
        begin = written.find(b"\n") + 1 if self._within_a_line else 0
        end = written.rfind(b"\n") + 1
        if end == 0:
            if len(written) == _MOST_BYTES:
                self._read_to, self._within_a_line = self._read_to + len(written), True
            return ""
        self._read_to, self._within_a_line = self._read_to + end, False
        return written[begin:end].decode("utf-8", "replace")
