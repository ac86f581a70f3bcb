"""The dashboard's server: Streamlit in a process of its own, on 127.0.0.1."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from evalbudget.shipped import shipped_folder

_SETTINGS: Final[Mapping[str, str]] = {
    "server.address": "127.0.0.1",
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "runner.magicEnabled": "false",
    "theme.light.primaryColor": "#0072b2",
    "theme.dark.primaryColor": "#56a8e0",
}


def serve(db: Path, port: int) -> int:
    """Serve the store at `db` until Ctrl-C; 0, or 1 where the server ended with an error."""
    app = shipped_folder("dashboards") / "serve.py"
    settings = {**_SETTINGS, "server.port": str(port)}
    options = [word for key, value in settings.items() for word in (f"--{key}", value)]
    command = [sys.executable, "-m", "streamlit", "run", str(app), *options, "--", str(db.resolve())]
    try:
        return 1 if subprocess.call(command) else 0  # noqa: S603 - our own words
    except KeyboardInterrupt:
        return 0
