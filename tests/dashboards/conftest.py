"""The dashboard's pages over the store in `tmp_path`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboards.drawing import at_home, drawing


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Where the pages look for their store; nothing is there yet."""
    return tmp_path / "store.duckdb"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, db: Path) -> None:
    """This process is the dashboard's."""
    at_home(monkeypatch, db)


@pytest.fixture
def page() -> Callable[[str], AppTest]:
    """`page("loops")`: that page over the store, with the filters beside it, not run yet."""
    return drawing
