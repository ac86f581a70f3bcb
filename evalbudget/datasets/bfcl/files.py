"""Where the files of a version of BFCL lie, and their lines.

Each travels in a release of PyPI's package `bfcl-eval`; v3 is on the Hub as well, as files that its library
cannot read as one table. A mirror (EVALBUDGET_HUB) goes before all.
"""

from __future__ import annotations

import os
from pathlib import Path

from evalbudget.datasets.hub import refuse_without_hub
from evalbudget.datasets.local import Row, json_lines, read_text
from evalbudget.datasets.mirror import VARIABLE
from evalbudget.errors import DataError, InputError
from evalbudget.scoring.bfcl.simulated.sources import package

INSTALL = "pip install --no-deps bfcl-eval==2026.3.23"


class Files:
    """The files of one version."""

    def __init__(self, version: str, hub: str) -> None:
        self._prefix = f"BFCL_{version}_"
        self._hub = hub
        self._folder = _mirrored(hub) or _packaged(version, hub)
        self._read: dict[str, list[Row]] = {}

    @property
    def place(self) -> str:
        """Where they lie, for errors."""
        return str(self._folder) if self._folder is not None else f"{self._hub} on the Hub"

    def questions(self, name: str) -> list[Row]:
        """The rows of a category's file."""
        return self.rows(f"{self._prefix}{name}.json")

    def answers(self, name: str) -> list[Row]:
        """The possible answers to these rows, in the same order."""
        return self.rows(f"possible_answer/{self._prefix}{name}.json")

    def rows(self, file: str) -> list[Row]:
        """The lines of a file, by its path. Raises DataError."""
        if file not in self._read:
            path = self._path(file)
            self._read[file] = json_lines(read_text(path), path)
        return self._read[file]

    def _path(self, file: str) -> Path:
        if self._folder is None:
            return _fetched(self._hub, file)
        path = self._folder / file
        if not path.is_file():
            raise DataError(f"no file {file} in {self._folder}")
        return path


def _mirrored(hub: str) -> Path | None:
    root = os.environ.get(VARIABLE)
    folder = Path(root).expanduser() / hub if root else None
    return folder if folder is not None and folder.is_dir() else None


def _packaged(version: str, hub: str) -> Path | None:
    """The data of the release that belongs to the version; None where v3's is not installed."""
    try:
        return package(version) / "data"
    except InputError:
        if version == "v3":
            return None
        raise DataError(
            f"BFCL v4 travels in a package: {INSTALL} (or set {VARIABLE} to a folder with {hub}/)"
        ) from None


def _fetched(hub: str, file: str) -> Path:
    from huggingface_hub import hf_hub_download  # noqa: PLC0415 - takes half a second

    refuse_without_hub(hub, None, f", or set {VARIABLE} to a folder that holds {hub}/")
    try:
        return Path(hf_hub_download(hub, file, repo_type="dataset"))
    except Exception as error:  # noqa: BLE001 - whatever the HTTP library raises, the file is not there
        said = " ".join(str(error).split())[:200]
        advice = f"connect to the internet, or set {VARIABLE} to a folder that holds {hub}/"
        raise DataError(
            f"{hub}: {file} could not be loaded from the Hub ({type(error).__name__}: {said}); {advice}"
        ) from None
