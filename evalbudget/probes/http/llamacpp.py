"""llama.cpp: `/props` tells the file, the template and the slots; nothing tells of the cache.

Source: tools/server/server-context.cpp and README.md (`/props`, `/v1/models` with its `meta`).
"""

from __future__ import annotations

from collections.abc import Mapping

from evalbudget.probes.http.engine import Engine, Told, pages
from evalbudget.probes.http.listing import context
from evalbudget.probes.http.settings import settings
from evalbudget.probes.values import Json, mapping, named, text, whole
from evalbudget.records import JsonValue, ServerFacts

_WORDS = {"Small": "s", "Medium": "m", "Large": "l"}


def _read(told: Told) -> ServerFacts:
    props, meta = mapping(told.pages.get("/props")), mapping(told.entry.get("meta"))
    size, values = whole(meta.get("size")), whole(meta.get("n_params"))
    of_slot = whole(mapping(props.get("default_generation_settings")).get("n_ctx"))
    return ServerFacts(
        engine_version=text(props.get("build_info")),
        model_path=named(props.get("model_path")),
        quantization=_file_type(props.get("model_ftype")) or _file_type(meta.get("ftype")),
        max_model_len=of_slot or context(told) or whole(meta.get("n_ctx")),
        weights=f"{size} bytes, {values} values" if size and values else None,
        template=text(props.get("chat_template")),
        flags=_flags(props, meta, size, values),
    )


def _flags(
    props: Mapping[str, Json], meta: Mapping[str, Json], size: int | None, values: int | None
) -> dict[str, JsonValue]:
    return settings(
        {
            "total_slots": props.get("total_slots"),
            "n_ctx_train": meta.get("n_ctx_train"),
            "bits_per_weight": round(8 * size / values, 3) if size and values else None,
        }
    )


def _file_type(said: Json) -> str | None:
    """llama.cpp's file type, `(guessed) Q4_K - Medium`, as files are named: q4_k_m."""
    word = named(said)
    if word is None:
        return None
    kind, _, size = word.removeprefix("(guessed) ").partition(" - ")
    return f"{kind}_{_WORDS[size]}".lower() if size in _WORDS else kind.lower()


ENGINE = Engine(wants=pages("/props"), read=_read)
