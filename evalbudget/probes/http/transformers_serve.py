"""transformers serve: it tells who it is and no more; its interface's version is FastAPI's own default."""

from __future__ import annotations

from evalbudget.probes.http.engine import Engine, Told, pages
from evalbudget.probes.http.listing import context
from evalbudget.records import ServerFacts


def _read(told: Told) -> ServerFacts:
    return ServerFacts(max_model_len=context(told))


ENGINE = Engine(wants=pages("/openapi.json"), read=_read)
