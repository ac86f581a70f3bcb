"""Runs a command so that nothing of it survives: python child_guard.py GRACE_S COMMAND [ARGUMENT …]

The guard ends the command when its own standard input ends, which the kernel sees to however the parent dies,
SIGKILL included; when it receives SIGTERM, SIGINT, SIGHUP or SIGQUIT, which a command may send to its whole
group; and when the command ends but leaves children behind. All get SIGTERM first, and SIGKILL after GRACE_S
seconds. On Linux the guard adopts descendants whose parents are gone, even in sessions of their own
(PR_SET_CHILD_SUBREAPER, prctl(2)), so that it finds these too.

It must lead a process group of its own, and it exits with the command's exit code, or 128 + the number of the
signal that ended it. It is run by its path with `python -I -S`: the standard library is all that it imports.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_OTHER = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF)
"""Would end the guard, which alone knows the command's children, and mean nothing to it."""
_KILL_S = 10.0
"""After so long a process that SIGKILL does not end, such as one stuck in a driver, is given up."""


def main(arguments: list[str]) -> int:
    """Run the command until it ends or has to; returns the exit code."""
    grace_s, command = float(arguments[0]), arguments[1:]
    _adopt_orphans()
    asked: list[int] = []
    # a handler, not SIG_IGN: what is ignored here would be ignored in the command too
    for number in _ENDING:
        signal.signal(number, lambda number, _frame: asked.append(number))
    for number in _OTHER:
        signal.signal(number, lambda _number, _frame: None)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603  (the user's own command)
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        return 127
    while child.poll() is None and not asked and not _parent_is_gone(wait_s=0.1):
        pass
    _end_all(child, grace_s)
    code = child.poll()
    return 1 if code is None else code if code >= 0 else 128 - code


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _parent_is_gone(wait_s: float) -> bool:
    """Nobody ever writes to our standard input, so it becomes readable only by ending."""
    return bool(select.select([0], [], [], wait_s)[0])


def _end_all(child: subprocess.Popen[bytes], grace_s: float) -> None:
    os.killpg(os.getpgrp(), signal.SIGTERM)
    told: set[int] = set()
    patience = time.monotonic() + grace_s
    while (alive := _children(child)) and time.monotonic() < patience:
        _send(signal.SIGTERM, alive - told)  # for those that left the group
        told |= alive
        time.sleep(0.02)
    patience = time.monotonic() + _KILL_S
    while (alive := _children(child)) and time.monotonic() < patience:
        _send(signal.SIGKILL, alive)
        time.sleep(0.02)


def _send(number: signal.Signals, processes: set[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)


def _children(child: subprocess.Popen[bytes]) -> set[int]:
    """Our living children, adopted ones included; those that have ended are reaped."""
    alive = set() if child.poll() is not None else {child.pid}
    for stat in Path("/proc").glob("[0-9]*/stat"):  # none outside Linux
        with suppress(OSError, ValueError):
            process = int(stat.parent.name)
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if int(parent) != os.getpid() or process == child.pid:
                continue
            if state == "Z":
                os.waitpid(process, os.WNOHANG)
            else:
                alive.add(process)
    return alive


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
