"""A page of the dashboard over a store, drawn by Streamlit itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

DASHBOARDS = Path(__file__).parents[2] / "dashboards"
PAGES = ("overview", "budgets", "compare", "loops", "memory", "answers", "runs")
_COMPONENTS = "streamlit.components.v2.manifest_scanner"
_PAGE = """
from board.frame import draw, open_view, store_path
from board.pages import {name}

view = open_view(store_path())
if view is not None:
    draw({name}.show, view)
"""


def at_home(patch: pytest.MonkeyPatch, db: Path) -> None:
    """This process becomes the dashboard's over a store, until the patch ends."""
    patch.setattr("sys.argv", ["app.py", str(db)])
    patch.syspath_prepend(str(DASHBOARDS))
    # AppTest leaves its script as the main module, which worker processes of later tests would begin with.
    patch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    # Each `AppTest.run` would read the metadata of every installed package, for components that nobody has.
    patch.setattr(f"{_COMPONENTS}.scan_component_manifests", lambda *_, **__: [], raising=False)


def drawing(name: str) -> AppTest:
    """That page with the filters beside it, not run yet."""
    return AppTest.from_string(_PAGE.format(name=name), default_timeout=30)
