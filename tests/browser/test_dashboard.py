"""The dashboard in a real browser: every page, its filters and links, hostile text, a run that goes on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser

from evalbudget.contracts import JournalRecord
from tests.browser.driver import Looked, dashboard_on, looking
from tests.store.making import make_attempt, make_failed, make_run, make_server

PAGES = ["overview", "budgets", "compare", "loops", "memory", "answers", "runs"]
HOSTILE = (
    "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
    "</pre></textarea><svg onload=\"document.title = 'taken'\">![picture](http://127.0.0.1:9/seen.png) "
    "[link](javascript:document.title='taken') $\\href{javascript:alert(1)}{x}$ **bold** :red[x] &lt;b&gt;"
)


@pytest.fixture(scope="module")
def full(browser: Browser, quickstart: tuple[Path, str]) -> Iterator[str]:
    """The dashboard on the quickstart's store."""
    with dashboard_on(quickstart[0] / "results" / "evalbudget.duckdb") as address:
        yield address


@pytest.fixture(scope="module")
def empty(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard where there is no store."""
    with dashboard_on(tmp_path_factory.mktemp("empty") / "evalbudget.duckdb") as address:
        yield address


@pytest.fixture
def looked(browser: Browser) -> Iterator[Looked]:
    """A fresh page; whatever went wrong on it fails the test."""
    with looking(browser) as page:
        yield page
        assert page.exceptions() == []
        assert page.troubles == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_quickstart_without_any_trouble(full: str, looked: Looked, page: str) -> None:
    looked.open(f"{full}/{page}")
    assert page.capitalize() in looked.page.inner_text("[data-testid=stMain] h2")
    assert "Nothing to show yet" not in looked.text()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_an_empty_store_says_what_to_do(empty: str, looked: Looked, page: str) -> None:
    looked.open(f"{empty}/{page}")
    assert "evalbudget run quickstart" in looked.text()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_in_the_dark_on_a_small_screen_is_without_trouble(
    browser: Browser, full: str, page: str
) -> None:
    with looking(browser, width=800, scheme="dark") as looked:
        looked.open(f"{full}/{page}")
        wide = looked.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert wide <= 800
        assert (looked.exceptions(), looked.troubles) == ([], [])


def asked_for(looked: Looked) -> dict[str, list[str]]:
    return parse_qs(urlsplit(looked.page.url).query)


def test_a_filter_goes_into_the_address_and_the_address_gives_the_same_view(
    browser: Browser, full: str, looked: Looked
) -> None:
    looked.open(f"{full}/overview")
    looked.page.get_by_test_id("stSidebar").get_by_role("combobox", name="Models").click()
    looked.page.get_by_role("option", name="tiny-w3", exact=True).click()
    looked.page.wait_for_url("**models=tiny-w3**")
    looked.page.keyboard.press("Escape")
    looked.page.get_by_role("link", name="Budgets").click()
    looked.page.wait_for_url("**/budgets**")
    looked.settle()
    assert asked_for(looked)["models"] == ["tiny-w3"]
    with looking(browser) as other:
        other.open(looked.page.url)
        sidebar = other.page.inner_text("[data-testid=stSidebar]")
        assert "tiny-w3" in sidebar
        assert asked_for(other) == asked_for(looked)
        assert other.troubles == []


def hostile_records() -> list[JournalRecord]:
    """Names, texts and errors that would like to be markup, and an answer of 5 MB."""
    label = f"m {HOSTILE}"
    run = make_run("hostile", status="finished")
    looped = replace(
        make_attempt(1, run_id="hostile", model=label, outcome="looped", text=HOSTILE + " and again" * 200),
        loop_kind="exact",
        loop_doom=True,
        loop_onset_token=20,
        loop_period_tokens=2,
        loop_repeats=200.0,
        loop_wasted_tokens=400,
    )
    long = replace(
        make_attempt(2, run_id="hostile", model=label, text=HOSTILE * 10), answer=HOSTILE * (5_000_000 // 300)
    )
    return [
        replace(run, name=HOSTILE, suite=f"name: {HOSTILE}\n"),
        replace(make_server("hostile", label), family=HOSTILE, kv_advice=HOSTILE, kv_dtype=HOSTILE),
        replace(make_attempt(0, run_id="hostile", model=label, task=HOSTILE), extracted=HOSTILE),
        looped,
        long,
        make_failed(3, run_id="hostile", model=label, error=HOSTILE),
    ]


@pytest.fixture(scope="module")
def hostile(browser: Browser, made: Callable[[str, list[JournalRecord]], Path]) -> Iterator[str]:
    """The dashboard on hostile records."""
    with dashboard_on(made("hostile", hostile_records())) as address:
        yield address


@pytest.mark.parametrize("page", [*PAGES, "answers?answer_sample=s2", "answers?answer_sample=s3"])
def test_hostile_text_stays_text(hostile: str, looked: Looked, page: str) -> None:
    looked.open(f"{hostile}/{page}")
    for folded in looked.page.query_selector_all("[data-testid=stMain] details:not([open]) summary"):
        folded.click()
    looked.settle()
    main = looked.page.locator("[data-testid=stMain]")
    assert looked.page.title() != "taken"
    assert main.locator("img[src='x'], img[src*='seen.png'], svg[onload], a[href^='javascript']").count() == 0
    assert main.locator("script").count() == 0
    assert len(main.inner_html()) < 1_500_000


def test_a_run_that_goes_on_is_followed(browser: Browser, looked: Looked, tmp_path: Path) -> None:
    with dashboard_on(tmp_path / "results" / "evalbudget.duckdb") as address:
        looked.open(f"{address}/overview")
        assert "evalbudget run quickstart" in looked.text()
        status = looked.page.get_by_test_id("stMetricValue")
        words = ("run", "quickstart", "--only", "model=tiny-f16", "--limit", "40")
        run = subprocess.Popen(
            [sys.executable, "-m", "evalbudget", *words],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            status.get_by_text("running").wait_for(timeout=60_000)
            assert run.poll() is None
        finally:
            assert run.wait(120) == 0
        status.get_by_text("finished").wait_for(timeout=60_000)
