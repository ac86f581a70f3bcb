"""Processes of a server whose guard was killed: found by a mark in their environment, and ended.

The kernel gives a process its parent's environment, so that all descendants carry the mark, sessions of their
own or not. Linux alone shows it (`/proc/PID/environ`, proc(5)); elsewhere nothing is found.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from contextlib import suppress
from pathlib import Path

_VARIABLE = "EVALBUDGET_SERVED"
_PATIENCE_S = 5.0


def new_mark() -> dict[str, str]:
    """The variable to start a server with."""
    return {_VARIABLE: secrets.token_hex(16)}


def end_marked(mark: dict[str, str]) -> None:
    """Kill every living process that carries the mark; blocks until there is none, 5 s at most."""
    wanted = "".join(f"{name}={value}" for name, value in mark.items()).encode()
    limit = time.monotonic() + _PATIENCE_S
    while (found := _carrying(wanted)) and time.monotonic() < limit:
        for process in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.02)


def _carrying(wanted: bytes) -> set[int]:
    """Processes with this variable; one that has ended shows no environment."""
    found = set()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in environ.read_bytes().split(b"\0"):
                found.add(int(environ.parent.name))
    return found - {os.getpid()}
