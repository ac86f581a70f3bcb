"""A server's pages, fetched within short limits: a probe must never hold up a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from evalbudget.records import JsonValue
from evalbudget.urls import is_loopback, shown_url

TROUBLES = (aiohttp.ClientError, TimeoutError, OSError, ValueError)
"""What fetching a page raises where a server or a network gives trouble."""

_PAGE_BYTES = 8 * 1024 * 1024
_AT_ONCE = 16
"""Connections to one server at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What came."""

    status: int
    text: str

    @property
    def json(self) -> object:
        """The document; None where it is none, or where the status is no success."""
        try:
            return json.loads(self.text) if self.status == 200 else None
        except (ValueError, RecursionError):
            return None

    @property
    def told(self) -> object:
        """The document, or else the text, as of a page of metrics; None where the status is no success."""
        document = self.json
        return self.text if document is None and self.status == 200 else document


class Pages:
    """Fetches pages of one server over connections that stay open; may be made outside an event loop."""

    def __init__(self, base_url: str, api_key: str | None = None) -> None:
        self.base_url = base_url
        """Where requests go; it ends in /v1 on most servers."""
        self.api_key = api_key
        self._session: aiohttp.ClientSession | None = None

    @property
    def shown(self) -> str:
        """The base URL without user name, password and query."""
        return shown_url(self.base_url)

    @property
    def root(self) -> str:
        """The server's root, where the pages about itself are."""
        return self.shown.removesuffix("/v1")

    async def get(self, url: str, seconds: float) -> Page:
        """One page. Raises one of TROUBLES; reads no more than 8 MiB, and follows no redirect."""
        return await self._fetch("GET", url, seconds, None)

    async def post(self, url: str, body: Mapping[str, JsonValue], seconds: float) -> Page:
        """The answer to a JSON document, within the limits of `get`."""
        return await self._fetch("POST", url, seconds, body)

    async def get_json(self, path: str, seconds: float) -> object:
        """A page below the server's root as JSON; None where there is none."""
        try:
            return (await self.get(self.root + path, seconds)).json
        except TROUBLES:
            return None

    async def told(self, path: str, seconds: float, body: Mapping[str, JsonValue] | None = None) -> object:
        """A page below the server's root as JSON or as text, or the answer to `body` there; None where there
        is none."""
        url = self.root + path
        try:
            page = await (self.get(url, seconds) if body is None else self.post(url, body, seconds))
        except TROUBLES:
            return None
        return page.told

    async def close(self) -> None:
        """Close the connections; the next page would open new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _fetch(
        self, method: str, url: str, seconds: float, body: Mapping[str, JsonValue] | None
    ) -> Page:
        limits = aiohttp.ClientTimeout(total=seconds)
        async with self._opened().request(
            method, url, json=body, timeout=limits, allow_redirects=False
        ) as response:
            data = bytearray()
            async for piece in response.content.iter_any():
                data += piece
                if len(data) > _PAGE_BYTES:
                    raise ValueError(f"a page of more than {_PAGE_BYTES} bytes")
            return Page(status=response.status, text=data.decode("utf-8", "replace"))

    def _opened(self) -> aiohttp.ClientSession:
        """The session; it keeps no cookie, for a probe is nobody that comes back."""
        if self._session is None or self._session.closed:
            key = {} if self.api_key is None else {"Authorization": f"Bearer {self.api_key}"}
            self._session = aiohttp.ClientSession(
                headers={"Accept-Encoding": "identity", **key},
                connector=aiohttp.TCPConnector(limit=_AT_ONCE),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=not is_loopback(self.base_url),
            )
        return self._session
