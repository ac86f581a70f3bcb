"""Whether processes live, for tests of ending them."""

from __future__ import annotations

import time
from pathlib import Path


def alive(process: int) -> bool:
    """Whether it runs: a zombie that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(path: Path, count: int) -> list[int]:
    """The process ids that `path` holds as soon as there are so many."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        found = path.read_text(encoding="utf-8").split() if path.exists() else []
        if len(found) >= count:
            return [int(word) for word in found]
        time.sleep(0.02)
    raise AssertionError(f"{path} never held {count} process ids")


def wait_until_gone(processes: list[int]) -> None:
    """Until none of them runs."""
    limit = time.monotonic() + 60
    while any(map(alive, processes)):
        assert time.monotonic() < limit, [process for process in processes if alive(process)]
        time.sleep(0.02)
