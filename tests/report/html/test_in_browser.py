"""The HTML report in a real browser: it asks for nothing, says nothing, and follows light and dark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def file(hostile_page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run whose every text is hostile."""
    path = tmp_path_factory.mktemp("browser") / "report.html"
    path.write_text(hostile_page, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(file: Path) -> Iterator[Browser]:
    """Started after the file is made: Playwright's loop and one of ours cannot run in one thread."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("needs chromium on the PATH")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    assert file.is_file()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


def opened(browser: Browser, file: Path, *, scheme: str, width: int) -> tuple[Page, list[str]]:
    """The page, and what it asked for or complained about beyond the file itself."""
    trouble: list[str] = []
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page.on("console", lambda message: trouble.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.on("dialog", lambda dialog: trouble.append(f"dialog: {dialog.message}"))
    page.on("request", lambda asked: trouble.append(asked.url) if asked.url != file.as_uri() else None)
    page.goto(file.as_uri(), wait_until="load")
    return page, trouble


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 800), ("light", 1440)])
def test_it_asks_for_nothing_and_fits_its_place(
    browser: Browser, file: Path, scheme: str, width: int
) -> None:
    page, trouble = opened(browser, file, scheme=scheme, width=width)
    for folded in page.query_selector_all("summary"):
        folded.click()
    assert trouble == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.scripts.length") == 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(18, 21, 27)" if scheme == "dark" else "rgb(255, 255, 255)")
    text = page.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
    assert text == ("rgb(163, 171, 181)" if scheme == "dark" else "rgb(87, 96, 106)")
    page.close()


def test_on_paper_it_is_light_and_nothing_stays_folded(browser: Browser, file: Path) -> None:
    page, trouble = opened(browser, file, scheme="dark", width=800)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    heights = page.evaluate("[...document.querySelectorAll('details pre')].map(e => e.offsetHeight)")
    assert heights
    assert min(heights) > 0
    assert trouble == []
    page.close()
