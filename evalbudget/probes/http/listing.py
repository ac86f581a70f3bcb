"""What an entry of `/v1/models` tells on any server: hosted ones and routers tell no more."""

from __future__ import annotations

from evalbudget.probes.http.engine import Engine, Told, pages
from evalbudget.probes.values import mapping, named, whole
from evalbudget.records import ServerFacts


def context(told: Told) -> int | None:
    """Tokens of one sequence: vLLM and SGLang, LM Studio, OpenRouter; in that order."""
    entry = told.entry
    figures = (
        entry.get("max_model_len"),
        entry.get("loaded_context_length"),
        entry.get("context_length"),
        mapping(entry.get("top_provider")).get("context_length"),
        entry.get("max_context_length"),
    )
    return next((length for length in map(whole, figures) if length is not None), None)


def _read(told: Told) -> ServerFacts:
    quantization = named(told.entry.get("quantization"))
    return ServerFacts(
        max_model_len=context(told), quantization=quantization.lower() if quantization else None
    )


ENGINE = Engine(wants=pages(), read=_read)
