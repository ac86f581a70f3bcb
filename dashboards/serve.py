"""The app as it is served: `app.py`, with one line for the browser in front of Streamlit's own page.

A link to a page, such as /compare?run=…, would make Streamlit's client look for its server below /compare
first and log two errors before it finds it. That line tells it where the server is.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from board.pages import PAGES

_LINE = b"<head><script>window.__streamlit={BACKEND_BASE_URL:new URL('.',location.href).href}</script>"


class _TellWhere:
    """Adds the line to HTML pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Only whole pages can be changed.
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        start: Message = {}
        body = b""

        async def changed(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
            elif start and message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    told = body.replace(b"<head>", _LINE, 1)
                    headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
                    start["headers"] = [*headers, (b"content-length", str(len(told)).encode())]
                    await send(start)
                    await send({"type": "http.response.body", "body": told})
            else:
                await send(message)

        await self._app(scope, receive, changed)


def _is_page(start: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in start["headers"]
    )


# Loaded before the first reader comes, who would wait seconds for it.
for page in PAGES:
    import_module(f"board.pages.{page}")

app = st.App(Path(__file__).with_name("app.py"), middleware=[Middleware(_TellWhere)])
