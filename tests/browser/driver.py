"""The dashboard served as users have it, and a headless Chromium that looks at it: for tests, pictures and
benchmarks.

Playwright drives Debian's Chromium. Nothing outside this machine is reached: requests to other hosts are
refused, and told.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

STARTS_WITHIN_S = 60.0
DRAWN_WITHIN_MS = 60_000
_AT_REST = """
() => {
    const app = document.querySelector('[data-testid=stApp]')
    const main = document.querySelector('[data-testid=stMain]')
    if (app?.getAttribute('data-test-script-state') !== 'notRunning' || !main) return false
    return main.querySelector('h1, h2, h3, [data-testid=stAlert]') !== null
        && main.querySelector('[data-testid=stSkeleton]') === null
}
"""
"""Streamlit has run the page's script and drawn what it gave."""


def chromium() -> str | None:
    """Where Chromium is; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def a_browser() -> Iterator[Browser]:
    """A headless Chromium; as root it has no sandbox. Raises `FileNotFoundError` where there is none."""
    path = chromium()
    if path is None:
        raise FileNotFoundError("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def dashboard_on(db: Path) -> Iterator[str]:
    """`evalbudget dashboard` on a store; gives its address, and ends it."""
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "evalbudget", "dashboard", "--db", str(db), "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, 15)
        server.wait(20)


@dataclass(slots=True)
class Looked:
    """A page that is open, and what went wrong on it."""

    page: Page
    troubles: list[str] = field(default_factory=list)
    """Errors of the console and of scripts, answers that are errors, requests to other hosts."""

    def open(self, address: str) -> None:
        """Go there and wait until it is drawn."""
        self.page.goto(address)
        self.settle()

    def settle(self) -> None:
        """Wait until the page is at rest."""
        self.page.wait_for_function(_AT_REST, timeout=DRAWN_WITHIN_MS)

    def text(self) -> str:
        """What stands in the page's main part."""
        return self.page.inner_text("[data-testid=stMain]")

    def exceptions(self) -> list[str]:
        """What Streamlit shows of exceptions."""
        return [each.inner_text() for each in self.page.query_selector_all("[data-testid=stException]")]


@contextmanager
def looking(
    browser: Browser,
    *,
    width: int = 1440,
    height: int = 1000,
    scheme: Literal["light", "dark"] = "light",
) -> Iterator[Looked]:
    """A fresh page of the browser."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    looked = Looked(page)
    page.on("console", lambda said: _if(said.type == "error", looked, f"console: {said.text}"))
    page.on("pageerror", lambda error: looked.troubles.append(f"script: {error}"))
    page.on("response", lambda told: _if(told.status >= 400, looked, f"{told.status}: {told.url}"))
    page.on("requestfailed", lambda request: looked.troubles.append(f"failed: {request.url}"))
    page.on("dialog", lambda dialog: (looked.troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.route(
        lambda url: not url.startswith(("http://127.0.0.1", "data:", "blob:", "file:")),
        lambda route: (looked.troubles.append(f"outside: {route.request.url}"), route.abort()),
    )
    try:
        yield looked
    finally:
        page.close()


def _if(wrong: bool, looked: Looked, words: str) -> None:
    if wrong:
        looked.troubles.append(words)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RuntimeError(f"the dashboard ended with {server.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")
