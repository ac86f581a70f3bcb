"""The part of a log that an error message ends in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalbudget.engines.redaction import hide

_READ_BYTES = 64 * 1024


def last_lines(log: Path, start: int = 0, count: int = 10, *, secrets: Sequence[str] = ()) -> list[str]:
    """The last `count` lines that are not blank, of what was written to `log` after byte `start`.

    Each of `secrets` is replaced by *** before lines are shortened: half a key would be too much. A log that
    cannot be read has none.
    """
    try:
        with log.open("rb") as file:
            begin = max(start, file.seek(0, 2) - _READ_BYTES)
            file.seek(begin)
            text = file.read(_READ_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return []
    if begin > start:  # it may begin in the middle of a secret
        text = text[max(map(len, secrets), default=0) :]
    lines = [printable(line) for line in hide(text, secrets).splitlines()]
    return [line for line in lines if line.strip()][-count:]


def printable(line: str) -> str:
    """The line without control characters: a server's log must not steer the user's terminal."""
    return "".join(character if character.isprintable() else " " for character in line).rstrip()[:400]


def log_size(log: Path) -> int:
    """Bytes in `log`; 0 where there is none."""
    return log.stat().st_size if log.exists() else 0
