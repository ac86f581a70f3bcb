"""The command, as a user runs it: in a process and a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ENOUGH_S = 120


def evalbudget(
    folder: Path, *words: str, hub: Path | None = None, enough_s: float = ENOUGH_S
) -> subprocess.CompletedProcess[str]:
    """`evalbudget` run to its end in `folder`, 80 columns wide; `hub` is the mirror of data sets."""
    env = {**os.environ, "COLUMNS": "80", **({"EVALBUDGET_HUB": str(hub)} if hub else {})}
    return subprocess.run(
        [sys.executable, "-m", "evalbudget", *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=enough_s,
        check=False,
    )
