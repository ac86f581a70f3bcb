"""A Chromium for one module of tests; no store is made in its thread meanwhile, for its event loop runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from evalbudget.contracts import JournalRecord
from tests.browser.driver import a_browser, chromium
from tests.store.making import make_store


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless; where none is installed the tests are skipped, unless EVALBUDGET_BROWSER says that CI brings
    one."""
    if chromium() is None and not os.environ.get("EVALBUDGET_BROWSER"):
        pytest.skip("needs Debian's chromium (apt-get install chromium)")
    with a_browser() as found:
        yield found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, list[JournalRecord]], Path]:
    """Makes a store of records, in a thread of its own."""

    def make(name: str, records: list[JournalRecord]) -> Path:
        db = tmp_path_factory.mktemp(name) / "store.duckdb"
        with ThreadPoolExecutor(max_workers=1) as aside:
            aside.submit(make_store, db, records).result()
        return db

    return make
