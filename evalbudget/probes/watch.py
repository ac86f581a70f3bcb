"""How busy one server is, looked at again and again while a run goes on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from evalbudget.probes.loads import pages_of, read_pages
from evalbudget.probes.loads.counts import whole
from evalbudget.probes.logs import LogWatch
from evalbudget.probes.pages import TROUBLES, Page, Pages
from evalbudget.records import KvScale, Load, Reading

_PAGE_S = 3.0
"""For a page: one that takes longer is a gap."""
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP errors that may be over at the next look."""
_SLASH_LACKS = frozenset({307, 308})
"""How Starlette leads from the place where a page of metrics is mounted to the page."""


@dataclass(slots=True, kw_only=True, eq=False)
class ServerWatch:
    """Implements `contracts.Probe`: by the pages that show it, else by the log, where there is one."""

    run_id: str
    model: str
    """The label."""
    base_url: str
    api_key: str | None = None
    engine: str | None = None
    served_model: str | None = None
    scale: KvScale = field(default_factory=KvScale)
    log: LogWatch | None = None
    _pages: Pages = field(init=False)
    _gone: set[str] = field(init=False, default_factory=set)
    """Paths of pages that the server does not have."""

    def __post_init__(self) -> None:
        self._pages = Pages(self.base_url, self.api_key)

    async def read(self) -> Reading | None:
        """One observation; None where the server shows nothing. Raises nothing that a server causes."""
        asked = datetime.now(UTC)
        load = await self._shown()
        at = asked + (datetime.now(UTC) - asked) / 2
        if load is None and self.log is not None:
            load, at = self.log.news(), datetime.now(UTC)
        return None if load is None else self._reading(load, at)

    async def close(self) -> None:
        """Let go of connections."""
        await self._pages.close()

    async def _shown(self) -> Load | None:
        """By the first pages of which the server has one; those that it lacks are never asked for again."""
        for together in pages_of(self.engine):
            paths = [path for path in together if path not in self._gone]
            texts = await asyncio.gather(*(self._text(path) for path in paths))
            if any(path not in self._gone for path in paths):
                there = zip(paths, texts, strict=True)
                return read_pages({path: text for path, text in there if text}, self.served_model)
        return None

    async def _text(self, path: str) -> str | None:
        """A page; None where it did not come, for now or for good."""
        url = self._pages.root + path
        try:
            page = await self._pages.get(url, _PAGE_S)
            if page.status in _SLASH_LACKS:
                page = await self._pages.get(f"{url}/", _PAGE_S)
        except TROUBLES:
            return None
        if _is_absent(page):
            self._gone.add(path)
        return page.text if page.status == 200 else None

    def _reading(self, load: Load, at: datetime) -> Reading:
        """`at`: midway between asking and hearing, which is nearer to what the page says than its arrival."""
        tokens = _tokens(load, self.scale)
        return Reading(
            run_id=self.run_id,
            model=self.model,
            at=at.isoformat(timespec="milliseconds"),
            kv_usage=_usage(load, self.scale),
            kv_used_tokens=tokens,
            kv_used_bytes=_bytes(load, self.scale),
            running=load.running,
            waiting=load.waiting,
            preemptions=load.preemptions,
            prefix_queries=load.prefix_queries,
            prefix_hits=load.prefix_hits,
            source=load.source,
        )


def _is_absent(page: Page) -> bool:
    """404, or 501 where a flag is missing, or another place: none of these changes while a server runs."""
    return page.status >= 300 and page.status not in _PASSING


def _usage(load: Load, scale: KvScale) -> float | None:
    """The share in use: as the server says, or of the room that it has."""
    if load.kv_usage is not None or load.kv_used_tokens is None or not scale.capacity_tokens:
        return load.kv_usage
    return min(1.0, load.kv_used_tokens / scale.capacity_tokens)


def _tokens(load: Load, scale: KvScale) -> int | None:
    """Tokens in use: as the server says, or its share of the room that it has."""
    if load.kv_used_tokens is not None or load.kv_usage is None or scale.capacity_tokens is None:
        return load.kv_used_tokens
    return round(load.kv_usage * scale.capacity_tokens)


def _bytes(load: Load, scale: KvScale) -> int | None:
    """Bytes in use, on one GPU.

    Tokens that the server counts are weighed with what a token takes, and each running sequence with what it
    takes besides. A share is of the whole cache, whatever stands in it.
    """
    if load.kv_used_tokens is not None and scale.bytes_per_token is not None:
        return whole(load.kv_used_tokens * scale.bytes_per_token + scale.fixed_bytes * (load.running or 0))
    if load.kv_usage is not None and scale.capacity_bytes is not None:
        return whole(load.kv_usage * scale.capacity_bytes)
    tokens = _tokens(load, scale)
    if tokens is None or scale.bytes_per_token is None:
        return None
    return whole(tokens * scale.bytes_per_token + scale.fixed_bytes * (load.running or 0))
