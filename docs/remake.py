"""Makes anew what the documents show of the quickstart: its output, and pictures of the dashboard.

python -m docs.remake [--store FILE]        (make readme; needs Debian's chromium)
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser

from tests.browser.driver import a_browser, dashboard_on, looking

REPOSITORY = Path(__file__).parents[1]
README = REPOSITORY / "README.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of the dashboard."""

    file: str
    """In docs/."""
    address: str
    """Page and filters."""
    scheme: Literal["light", "dark"] = "light"
    width: int = 1440
    height: int = 1100
    """Pixels of what is shown; what lies below is cut off."""


PICTURES = (
    Picture(file="overview.png", address="", height=1560),
    Picture(file="budgets.png", address="budgets", scheme="dark", height=1150),
    Picture(file="compare.png", address="compare?base=tiny-f16&candidate=tiny-w3", height=1400),
)
SHOWN = {"quickstart": ("run", "quickstart"), "compare": ("compare", "tiny-f16", "tiny-w3")}
"""Marks in README.md → the command whose output stands between them, in this order, in one folder."""


def main() -> None:
    """Run the quickstart in a folder of its own, or take a store that is there, and write all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", type=Path, help="only the pictures, of this store")
    store = parser.parse_args().store
    if store is not None:
        take(store)
        return
    with tempfile.TemporaryDirectory() as folder:
        for mark, words in SHOWN.items():
            done = subprocess.run(
                [sys.executable, "-m", "evalbudget", *words],
                cwd=folder,
                env={**os.environ, "COLUMNS": "80"},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            page = shown(README.read_text(encoding="utf-8"), done.stdout, mark)
            README.write_text(page, encoding="utf-8")
        take(Path(folder) / "results" / "evalbudget.duckdb")


def shown(readme: str, output: str, mark: str = "quickstart") -> str:
    """The page with this output between its marks; the machine's name stays out."""
    output = re.sub(r"(?m)^(results/\S+) on \S+$", r"\1 on my-machine", output.rstrip())
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    head, _, rest = readme.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n```\n{output}\n```\n{end}{tail}"


def take(store: Path) -> None:
    """All pictures of the dashboard on this store."""
    with dashboard_on(store) as address, a_browser() as browser:
        for picture in PICTURES:
            (REPOSITORY / "docs" / picture.file).write_bytes(taken(browser, address, picture))


def taken(browser: Browser, address: str, picture: Picture) -> bytes:
    """A PNG of one page. Raises `RuntimeError` where something went wrong on it."""
    with looking(browser, width=picture.width, height=picture.height, scheme=picture.scheme) as looked:
        looked.open(f"{address}/{picture.address}")
        looked.page.wait_for_timeout(1500)
        wrong = [*looked.exceptions(), *looked.troubles]
        if wrong:
            raise RuntimeError(f"{picture.address}: {wrong}")
        return looked.page.screenshot()


if __name__ == "__main__":
    main()
