"""The dashboard's pages, drawn by Streamlit itself over the store in `tmp_path`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

_DASHBOARDS = Path(__file__).parent.parent.parent / "dashboards"
_COMPONENTS = "streamlit.components.v2.manifest_scanner"
_PAGE = """
from board.frame import draw, open_view, store_path
from board.pages import {name}

view = open_view(store_path())
if view is not None:
    draw({name}.show, view)
"""


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Where the pages look for their store; nothing is there yet."""
    return tmp_path / "store.duckdb"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, db: Path) -> Callable[[str], AppTest]:
    """`page("loops")`: that page over the store, with the filters beside it, not run yet."""
    monkeypatch.setattr("sys.argv", ["app.py", str(db)])
    monkeypatch.syspath_prepend(str(_DASHBOARDS))
    # Each `AppTest.run` would read the metadata of every installed package, for components that nobody has.
    monkeypatch.setattr(f"{_COMPONENTS}.scan_component_manifests", lambda *_, **__: [], raising=False)
    return lambda name: AppTest.from_string(_PAGE.format(name=name), default_timeout=30)
