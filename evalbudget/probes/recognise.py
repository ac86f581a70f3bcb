"""Which engine answers, from the pages that it shows: pure, so that recorded pages test it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evalbudget.probes.values import Json, entries, mapping, text

_OWNERS = {
    "vllm": "vllm",
    "sglang": "sglang",
    "llamacpp": "llama.cpp",
    "library": "ollama",
    "lmdeploy": "lmdeploy",
    "tensorrt_llm": "tensorrt-llm",
}
"""`owned_by` in the list of models → engine."""

ENGINE_PAGES = ("/version", "/props", "/server_info", "/api/version", "/openapi.json")
"""vLLM and TensorRT-LLM; llama.cpp; SGLang, and vLLM in development mode; Ollama; transformers serve and
llama-cpp-python, which show nothing else."""
_INTERFACE = "/openapi.json"

ROUTERS = frozenset({"openrouter"})
"""Engines that are none: they hand requests on to servers of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """One entry of `/v1/models`."""

    id: str
    aliases: tuple[str, ...]
    """Other names under which the server takes requests for it."""
    owned_by: str
    entry: Mapping[str, Json]


def listed_models(page: Json) -> tuple[ListedModel, ...]:
    """The models of `/v1/models`, whatever else stands there."""
    return tuple(
        ListedModel(
            id=name,
            aliases=tuple(alias for alias in map(text, entries(entry.get("aliases"))) if alias),
            owned_by=text(entry.get("owned_by")) or "",
            entry=entry,
        )
        for entry in map(mapping, entries(mapping(page).get("data")))
        if (name := text(entry.get("id"))) is not None
    )


def engine_name(models: tuple[ListedModel, ...], pages: Mapping[str, Json]) -> str | None:
    """The engine, from the list of models and those of `ENGINE_PAGES` that answered; None: nothing tells.

    A gateway that hands the list of another server on (dynamo, LiteLLM) is taken for that server where it
    keeps `owned_by`, and for unknown where it does not.
    """
    if "build_info" in mapping(pages.get("/props")):
        return "llama.cpp"
    if "internal_states" in mapping(pages.get("/server_info")):
        return "sglang"
    owner = next((_OWNERS[model.owned_by] for model in models if model.owned_by in _OWNERS), None)
    if owner is not None:
        return owner
    if mapping(pages.get("/api/version")):
        return "ollama"
    if any(_is_openrouters(model.entry) for model in models):
        return "openrouter"
    return _by_interface(mapping(pages.get(_INTERFACE)))


def _by_interface(described: Mapping[str, Json]) -> str | None:
    if "/load_model" in mapping(described.get("paths")):
        return "transformers"
    title = text(mapping(described.get("info")).get("title")) or ""
    return "llama-cpp-python" if "llama.cpp" in title else None


def _is_openrouters(entry: Mapping[str, Json]) -> bool:
    """OpenRouter's list alone names the best provider of each model (its API reference, `GET /models`)."""
    return {"top_provider", "canonical_slug", "pricing"} <= entry.keys()
