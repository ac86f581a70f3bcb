"""How busy one server is, looked at again and again while a run goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from evalbudget.probes.load import read_load
from evalbudget.probes.logs import LogWatch
from evalbudget.probes.pages import TROUBLES, Pages
from evalbudget.records import KvScale, Load, Reading

_PAGE_S = 3.0
_PASSING = frozenset({429, 500, 502, 503, 504})
"""HTTP errors that may be over at the next look."""


@dataclass(slots=True, kw_only=True, eq=False)
class ServerWatch:
    """Implements `contracts.Probe`: by the page that shows it, else by the log, where there is one."""

    run_id: str
    model: str
    """The label."""
    base_url: str
    api_key: str | None = None
    engine: str | None = None
    served_model: str | None = None
    scale: KvScale = field(default_factory=KvScale)
    log: LogWatch | None = None
    _shows_metrics: bool = True

    async def read(self) -> Reading | None:
        """One observation; None where the server shows nothing."""
        load = await self._metrics() if self._shows_metrics else None
        if load is None and self.log is not None:
            load = self.log.news()
        return None if load is None else self._reading(load)

    async def close(self) -> None:
        """Let go of connections."""

    @property
    def _pages(self) -> Pages:
        return Pages(self.base_url, self.api_key)

    async def _metrics(self) -> Load | None:
        try:
            page = await self._pages.get(f"{self._pages.root}/metrics", _PAGE_S)
        except TROUBLES:
            return None
        self._shows_metrics = page.status < 400 or page.status in _PASSING
        return read_load(page.text, self.served_model) if page.status == 200 else None

    def _reading(self, load: Load) -> Reading:
        tokens, used = _used(load, self.scale)
        return Reading(
            run_id=self.run_id,
            model=self.model,
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            kv_usage=load.kv_usage,
            kv_used_tokens=tokens,
            kv_used_bytes=used,
            running=load.running,
            waiting=load.waiting,
            preemptions=load.preemptions,
            prefix_queries=load.prefix_queries,
            prefix_hits=load.prefix_hits,
            source=load.source,
        )


def _used(load: Load, scale: KvScale) -> tuple[int | None, int | None]:
    """Tokens and bytes in use. A share is of the whole cache, whatever stands in it; a number of tokens is
    weighed with what a token takes, and each running sequence with what it takes besides."""
    tokens, used = load.kv_used_tokens, None
    if load.kv_usage is not None:
        if tokens is None and scale.capacity_tokens is not None:
            tokens = round(load.kv_usage * scale.capacity_tokens)
        if scale.capacity_bytes is not None:
            used = round(load.kv_usage * scale.capacity_bytes)
    if used is None and tokens is not None and scale.bytes_per_token is not None:
        used = round(tokens * scale.bytes_per_token + scale.fixed_bytes * (load.running or 0))
    return tokens, used
