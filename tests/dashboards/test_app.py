"""The dashboard's page, run by Streamlit itself over a real store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from evalbudget.records import Attempt, RunRecord
from evalbudget.store.journal import Journal
from evalbudget.store.load import catch_up
from tests.report.test_memory import a_run_with_memory
from tests.store.making import make_run, make_server, make_store

APP = Path(__file__).parent.parent.parent / "dashboards" / "app.py"
HOSTILE = "<b>bold</b> **stars** <script>alert(1)</script>"


async def record(db: Path) -> None:
    """A finished run of two answers, one of them a failure whose text would like to be markup."""
    journal = Journal.create(db, "seen")
    stamp = "2026-11-21T10:00:00+00:00"
    run = RunRecord(
        run_id="seen",
        name="seen",
        status="finished",
        started_at=stamp,
        finished_at=stamp,
        suite="",
        version="0",
        host="h",
    )
    common = {"run_id": "seen", "model": "m", "task": "t", "budget": None, "started_at": stamp}
    await journal.append(run)
    await journal.append(
        Attempt(**common, sample_id="1", repeat=0, status="ok", outcome="correct", score=1.0, correct=True)
    )
    await journal.append(
        Attempt(**common, sample_id="2", repeat=0, status="failed", error_kind="server", error=HOSTILE)
    )
    await journal.close()


def charts(page: AppTest) -> int:
    """Charts on the page, under the name that Streamlit gives them now or gave them before."""
    return sum(len(page.get(name)) for name in ("vega_lite_chart", "arrow_vega_lite_chart"))


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AppTest:
    """The page over the store in `tmp_path`."""
    monkeypatch.setattr("sys.argv", ["app.py", str(tmp_path / "store.duckdb")])
    return AppTest.from_file(str(APP), default_timeout=30)


def test_without_a_store_the_page_says_what_to_do(page: AppTest) -> None:
    page.run()
    assert not page.exception
    assert "evalbudget run quickstart" in page.info[0].value


def test_the_page_shows_the_run_with_its_cells_and_its_failures(page: AppTest, tmp_path: Path) -> None:
    asyncio.run(record(tmp_path / "store.duckdb"))
    catch_up(tmp_path / "store.duckdb")
    page.run()
    assert not page.exception
    assert [metric.value for metric in page.metric] == ["finished", "2", "1"]
    cells = page.dataframe[0].value
    assert list(cells["accuracy"]) == [1.0]
    assert list(cells["failed"]) == [1]
    assert HOSTILE in page.dataframe[1].value.to_string()
    assert all("<script>" not in each.value for each in page.markdown)


def test_the_memory_of_the_servers_is_a_table_with_what_differs_and_a_chart(
    page: AppTest, tmp_path: Path
) -> None:
    make_store(tmp_path / "store.duckdb", a_run_with_memory())
    page.run()
    assert not page.exception
    assert "Memory" in [each.value for each in page.subheader]
    table = page.dataframe[-1].value
    assert list(table["model"]) == ["flash-bf16-kv", "GLM-4.7-Flash-REAP-NVFP4-before", "silent", "tiny-q8_0"]
    assert list(table["measured by expected"]) == ["agrees", "17.8 ×", "-", "agrees"]
    told = [each.value for each in page.text]
    assert any("loaded as full attention" in line for line in told)
    assert any("include recomputation" in line for line in told)
    assert charts(page) == 1


def test_a_server_that_would_like_to_be_markup_stays_text_in_the_memory(
    page: AppTest, tmp_path: Path
) -> None:
    server = replace(make_server(model=HOSTILE), kv_dtype=HOSTILE, kv_verdict="differs", kv_advice=HOSTILE)
    make_store(tmp_path / "store.duckdb", [make_run(), server])
    page.run()
    assert not page.exception
    assert any(HOSTILE in each.value for each in page.text)
    assert all("<script>" not in each.value for each in (*page.markdown, *page.caption))
    assert charts(page) == 0
