"""The page whose every text is hostile, made once."""

from __future__ import annotations

import pytest

from tests.report.html.pages import hostile_run, page_of
from tests.store.making import make_store


@pytest.fixture(scope="session")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(make_store(tmp_path_factory.mktemp("hostile") / "s.duckdb", hostile_run()))
