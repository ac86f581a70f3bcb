"""Fixtures that several parts share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from tests.command import evalbudget

settings.register_profile("no test is timed", deadline=None)
settings.load_profile("no test is timed")

REPOSITORY = Path(__file__).parent.parent
SHARED = Path(os.environ.get("EVALBUDGET_SHARED", REPOSITORY.parent / "shared")).resolve()
if (SHARED / "nltk_data").is_dir():
    os.environ.setdefault(
        "NLTK_DATA", str(SHARED / "nltk_data")
    )  # worker processes inherit it at their start


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data and recorded streams beside the checkout; tests that need it skip without it."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder `shared` beside the checkout (EVALBUDGET_SHARED)")
    return SHARED


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> tuple[Path, str]:
    """The folder of a finished quickstart and what it printed: run once, whichever worker comes first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "quickstart"
    printed = folder / "printed.txt"
    with FileLock(f"{folder}.lock"):
        if not printed.exists():
            folder.mkdir()
            done = evalbudget(folder, "run", "quickstart", enough_s=300)
            assert done.returncode == 0, done.stderr
            printed.write_text(done.stdout, encoding="utf-8")
    return folder, printed.read_text(encoding="utf-8")
