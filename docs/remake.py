"""Makes anew what README.md shows of the quickstart: its output, and a picture of the dashboard on its store.

python docs/remake.py        (make readme; needs Debian's chromium)
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

REPOSITORY = Path(__file__).parents[1]
README, PICTURE = REPOSITORY / "README.md", REPOSITORY / "docs" / "dashboard.png"
WIDTH, HEIGHT = 1440, 1500
_DRAWN_S = 10.0
"""Streamlit has drawn everything by then."""
_COMMAND = [sys.executable, "-m", "evalbudget"]


def main() -> None:
    """Run the quickstart in a folder of its own, and write both."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "COLUMNS": "80"}
        done = subprocess.run(
            [*_COMMAND, "run", "quickstart"],
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        README.write_text(shown(README.read_text(encoding="utf-8"), done.stdout), encoding="utf-8")
        with dashboard(Path(folder)) as url:
            PICTURE.write_bytes(asyncio.run(picture(url)))


def shown(readme: str, output: str) -> str:
    """The page with this output between its marks; the machine's name stays out."""
    output = re.sub(r"(?m)^(results/\S+) on \S+$", r"\1 on my-machine", output.rstrip())
    begin, end = "<!-- quickstart:begin -->", "<!-- quickstart:end -->"
    head, _, rest = readme.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n```\n{output}\n```\n{end}{tail}"


@contextmanager
def dashboard(folder: Path) -> Iterator[str]:
    """The dashboard on the store in `folder`; gives its address."""
    port = _free_port()
    server = subprocess.Popen(
        [*_COMMAND, "dashboard", "--port", str(port)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, 15)
        server.wait(20)


async def picture(url: str) -> bytes:
    """A PNG of the page, taken by Chromium over its DevTools protocol: its own `--screenshot` does not wait
    for what comes over a socket."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise SystemExit("chromium is not installed")
    port = _free_port()
    with tempfile.TemporaryDirectory() as profile:
        words = ["--headless", "--no-sandbox", "--disable-gpu", f"--remote-debugging-port={port}"]
        words += [f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}", "about:blank"]
        process = await asyncio.create_subprocess_exec(
            browser, *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await asyncio.to_thread(_wait_for, port)
            return await _taken(f"http://127.0.0.1:{port}/json", url)
        finally:
            process.terminate()
            await process.wait()


async def _taken(tabs: str, url: str) -> bytes:
    async with aiohttp.ClientSession() as session:
        async with session.get(tabs) as response:
            listed = await response.json()
        page = next(tab for tab in listed if tab["type"] == "page")["webSocketDebuggerUrl"]
        async with session.ws_connect(page, max_msg_size=1 << 28) as devtools:

            async def call(number: int, method: str, **given: object) -> dict[str, Any]:
                await devtools.send_json({"id": number, "method": method, "params": given})
                while (said := json.loads((await devtools.receive()).data)).get("id") != number:
                    pass
                result: dict[str, Any] = said["result"]
                return result

            await call(1, "Page.navigate", url=url)
            await asyncio.sleep(_DRAWN_S)
            return base64.b64decode((await call(2, "Page.captureScreenshot", format="png"))["data"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise SystemExit(f"nothing listens on port {port}")


if __name__ == "__main__":
    main()
