"""Which engine answers, from the pages that it shows: pure, so that recorded pages test it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from evalbudget.records import ServerFacts

Json = object
"""A decoded JSON document, or None where there was none."""

_OWNERS = {
    "vllm": "vllm",
    "sglang": "sglang",
    "llamacpp": "llama.cpp",
    "library": "ollama",
    "lmdeploy": "lmdeploy",
    "tensorrt_llm": "tensorrt-llm",
}
"""`owned_by` in the list of models → engine."""
_WORDS = {"Small": "s", "Medium": "m", "Large": "l"}
_SHORT_TYPES = {"bfloat16": "bf16", "float16": "f16", "float32": "f32"}

ENGINE_PAGES = ("/version", "/props", "/server_info", "/api/version")
"""vLLM and TensorRT-LLM; llama.cpp; SGLang, and vLLM in development mode; Ollama."""
OTHER_PAGE = "/openapi.json"
"""Asked for where nothing else tells: transformers serve, llama-cpp-python."""


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
            id=entry["id"],
            aliases=tuple(alias for alias in _list(entry.get("aliases")) if isinstance(alias, str)),
            owned_by=_text(entry.get("owned_by")) or "",
            entry=entry,
        )
        for entry in _list(_dict(page).get("data"))
        if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    )


def recognise(
    models: tuple[ListedModel, ...], served: ListedModel | None, pages: Mapping[str, Json]
) -> ServerFacts:
    """The engine, from the list of models and those of `ENGINE_PAGES` and `OTHER_PAGE` that answered."""
    props, info = _dict(pages.get("/props")), _dict(pages.get("/server_info"))
    name = engine_name(models, pages)
    entry = served.entry if served else {}
    vllm_config = str(info.get("vllm_config", ""))
    weight_dtype = _value(vllm_config, r"(?<!_)dtype=torch\.(\w+)") or _named(info.get("dtype"))
    return ServerFacts(
        engine=name,
        engine_version=_version(name, pages),
        max_model_len=_context(props, info, entry),
        quantization=_ftype(props, entry)
        or _named(info.get("quantization"))
        or _value(vllm_config, r"(?<!_)quantization='?([\w.-]+)")
        or (_SHORT_TYPES.get(weight_dtype or "") if info else None),
        weight_dtype=weight_dtype,
        kv_dtype=_value(vllm_config, r"kv_cache_dtype=([\w.]+)") or _text(info.get("kv_cache_dtype")),
    )


def engine_name(models: tuple[ListedModel, ...], pages: Mapping[str, Json]) -> str | None:
    """The engine; None where nothing tells."""
    if "build_info" in _dict(pages.get("/props")):
        return "llama.cpp"
    if "internal_states" in _dict(pages.get("/server_info")):
        return "sglang"
    owner = next((_OWNERS[model.owned_by] for model in models if model.owned_by in _OWNERS), None)
    if owner is not None:
        return owner
    if _dict(pages.get("/api/version")):
        return "ollama"
    other = _dict(pages.get(OTHER_PAGE))
    if "/load_model" in _dict(other.get("paths")):
        return "transformers"
    return "llama-cpp-python" if "llama.cpp" in str(_dict(other.get("info")).get("title")) else None


def _version(name: str | None, pages: Mapping[str, Json]) -> str | None:
    page, key = {
        "llama.cpp": ("/props", "build_info"),
        "sglang": ("/server_info", "version"),
        "ollama": ("/api/version", "version"),
        "vllm": ("/version", "version"),
        "tensorrt-llm": ("/version", "version"),
    }.get(name or "", ("", ""))
    return _text(_dict(pages.get(page)).get(key))


def _context(props: Mapping[str, Json], info: Mapping[str, Json], entry: Mapping[str, Json]) -> int | None:
    """llama.cpp: of one slot; vLLM and SGLang: max_model_len; routers: context_length."""
    found = (
        _dict(props.get("default_generation_settings")).get("n_ctx"),
        entry.get("max_model_len"),
        _dict(entry.get("meta")).get("n_ctx"),
        entry.get("context_length"),
        info.get("context_length"),
    )
    return next((figure for figure in found if isinstance(figure, int) and figure > 0), None)


def _ftype(props: Mapping[str, Json], entry: Mapping[str, Json]) -> str | None:
    """llama.cpp's file type, `(guessed) Q4_K - Medium`, as files are named: q4_k_m."""
    said = _text(props.get("model_ftype")) or _text(_dict(entry.get("meta")).get("ftype"))
    if said is None:
        return None
    kind, _, size = said.removeprefix("(guessed) ").partition(" - ")
    return f"{kind}_{_WORDS[size]}".lower() if size in _WORDS else kind.lower()


def _value(text: str, pattern: str) -> str | None:
    found = re.search(pattern, text)
    return _named(found[1]) if found else None


def _named(value: Json) -> str | None:
    """The word, unless it says that there is none or that something else decides."""
    return value if isinstance(value, str) and value not in {"", "None", "auto"} else None


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def _dict(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
