"""The dashboard as it starts: its frame around the page that opens first."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboards.reading import texts
from tests.store.making import make_attempt, make_run, make_store

APP = Path(__file__).parent.parent.parent / "dashboards" / "app.py"


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, db: Path) -> AppTest:
    """The app over the store, not run yet."""
    monkeypatch.setattr("sys.argv", ["app.py", str(db)])
    monkeypatch.syspath_prepend(str(APP.parent))
    return AppTest.from_file(str(APP), default_timeout=30)


def test_without_a_store_it_says_what_to_do(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert "Nothing to show yet" in app.info[0].value
    assert app.code[0].value == "evalbudget run quickstart"


def test_it_opens_with_the_overview_of_the_newest_run(app: AppTest, db: Path) -> None:
    make_store(db, [make_run(), make_attempt()])
    make_store(db, [make_run("r2", started_at="2026-11-21T12:00:00+00:00")], "r2")
    app.run()
    assert not app.exception
    assert [each.value for each in app.header] == ["Overview"]
    assert "run r2" in texts(app)


def test_a_broken_store_is_told_in_a_line(app: AppTest, db: Path) -> None:
    db.write_bytes(b"no store at all" * 1000)
    app.run()
    assert not app.exception
    assert "cannot be opened" in texts(app)


_CHANGES_MEANWHILE = """
import os
import streamlit as st
from board.frame import follow, open_view, store_path

db = store_path()
open_view(db)
st.session_state["drawn"] = st.session_state.get("drawn", 0) + 1
os.utime(db, (1, st.session_state["drawn"]))
follow(db)
"""


def test_a_store_that_changes_while_the_page_is_drawn_does_not_begin_it_anew_at_once(
    app: AppTest, db: Path
) -> None:
    make_store(db, [make_run(), make_attempt()])
    page = AppTest.from_string(_CHANGES_MEANWHILE, default_timeout=30).run()
    assert not page.exception
    assert page.session_state["drawn"] == 1
