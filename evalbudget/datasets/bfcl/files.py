"""Where the files of a version of BFCL lie, and their lines.

v3 is on the Hub, as files that its library cannot read as one table; v4 travels in PyPI's package
`bfcl-eval`. A mirror (EVALBUDGET_HUB) goes before both.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from evalbudget.datasets.local import Row, json_lines, read_text
from evalbudget.datasets.mirror import VARIABLE
from evalbudget.errors import DataError

INSTALL = "pip install --no-deps bfcl-eval==2026.3.23"


class Files:
    """The files of one version."""

    def __init__(self, version: str, hub: str) -> None:
        self._prefix = f"BFCL_{version}_"
        self._hub = hub
        self._folder = _mirrored(hub) or (_packaged(hub) if version == "v4" else None)
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


def _packaged(hub: str) -> Path:
    found = find_spec("bfcl_eval")
    folder = Path(found.origin).parent / "data" if found is not None and found.origin else None
    if folder is None or not folder.is_dir():
        raise DataError(
            f"BFCL v4 travels in a package: {INSTALL} (or set {VARIABLE} to a folder with {hub}/)"
        )
    return folder


def _fetched(hub: str, file: str) -> Path:
    from huggingface_hub import hf_hub_download  # noqa: PLC0415 - takes half a second

    try:
        return Path(hf_hub_download(hub, file, repo_type="dataset"))
    except Exception as error:  # noqa: BLE001 - whatever the HTTP library raises, the file is not there
        said = " ".join(str(error).split())[:200]
        advice = f"connect to the internet, or set {VARIABLE} to a folder that holds {hub}/"
        raise DataError(
            f"{hub}: {file} could not be loaded from the Hub ({type(error).__name__}: {said}); {advice}"
        ) from None
