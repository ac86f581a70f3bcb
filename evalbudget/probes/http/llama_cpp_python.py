"""llama-cpp-python: the description of its interface tells its version (llama_cpp/server/app.py)."""

from __future__ import annotations

from evalbudget.probes.http.engine import Engine, Told, pages
from evalbudget.probes.http.listing import context
from evalbudget.probes.values import mapping, text
from evalbudget.records import ServerFacts


def _read(told: Told) -> ServerFacts:
    about = mapping(mapping(told.pages.get("/openapi.json")).get("info"))
    return ServerFacts(engine_version=text(about.get("version")), max_model_len=context(told))


ENGINE = Engine(wants=pages("/openapi.json"), read=_read)
