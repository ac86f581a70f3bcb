"""Ollama: `/api/show` tells the GGUF's metadata, `/api/ps` what is loaded, `/api/tags` the digests.

Sources: ollama's api/types.go and docs/api.md; server/routes.go, `getModelData` (which lists it leaves out).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from evalbudget.probes.http.engine import Ask, Engine, Told
from evalbudget.probes.http.listing import context
from evalbudget.probes.http.settings import settings
from evalbudget.probes.values import Json, decimal, entries, mapping, named, readable, text, whole
from evalbudget.records import JsonValue, ServerFacts

_SHOW, _ALL = "/api/show", "/api/show, all"
_MOST: Final = 1024
"""Entries of a list: one a layer at most; the vocabulary has more."""
_NUM_CTX = re.compile(r"^num_ctx +(\d{1,18})$", re.MULTILINE)


def _wants(name: str | None) -> tuple[Ask, ...]:
    lists = (Ask(path="/api/version"), Ask(path="/api/ps"), Ask(path="/api/tags"))
    if name is None:
        return lists
    full = Ask(path=_SHOW, name=_ALL, body={"model": name, "verbose": True})
    return (*lists, Ask(path=_SHOW, body={"model": name}), full)


def _read(told: Told) -> ServerFacts:
    show = mapping(told.pages.get(_SHOW)) or mapping(told.pages.get(_ALL))
    loaded, kept = _of(told.pages.get("/api/ps"), told.name), _of(told.pages.get("/api/tags"), told.name)
    details = mapping(show.get("details")) or mapping(kept.get("details"))
    quantization = named(details.get("quantization_level"))
    digest = named(kept.get("digest")) or named(loaded.get("digest"))
    metadata = _metadata(told)
    parameters = text(show.get("parameters")) or ""
    set_by_hand = _NUM_CTX.search(parameters)
    return ServerFacts(
        engine_version=text(mapping(told.pages.get("/api/version")).get("version")),
        architecture=named(metadata.get("general.architecture")) or named(details.get("family")),
        quantization=quantization.lower() if quantization else None,
        max_model_len=whole(loaded.get("context_length"))
        or (whole(set_by_hand[1]) if set_by_hand else None)
        or context(told),
        weights=digest if digest is None or ":" in digest else f"sha256:{digest}",
        template=text(show.get("template")),
        metadata=metadata,
        flags=settings({"parameters": _lines(parameters), "remote_host": show.get("remote_host")}),
    )


def _of(page: Json, name: str | None) -> Mapping[str, Json]:
    """The model's entry; without its tag, a name means the latest."""
    wanted = {name, f"{name}:latest"} - {None}
    found = (mapping(entry) for entry in entries(mapping(page).get("models")))
    return next(
        (entry for entry in found if any(entry.get(key) in wanted for key in ("name", "model"))),
        {},
    )


def _lines(parameters: str) -> str:
    return "\n".join(" ".join(line.split()) for line in parameters.splitlines())


def _metadata(told: Told) -> dict[str, JsonValue]:
    """What the file says of the model, without its vocabulary.

    The short answer may lack lists of one value a layer; the full one has them, if it is not too long. With
    a list missing, what the model keeps would be misread, so then there is nothing at all.
    """
    short, full = (mapping(mapping(told.pages.get(key)).get("model_info")) for key in (_SHOW, _ALL))
    given = full or short
    if any(_is_hole(name, value) for name, value in given.items()):
        return {}
    kept = ((readable(name), _value(value)) for name, value in given.items() if not _is_vocabulary(name))
    return {name: value for name, value in kept if value is not None}


def _is_vocabulary(name: str) -> bool:
    return name.startswith("tokenizer.")


def _is_hole(name: str, value: Json) -> bool:
    """A list that was left out: `[]`, or null with newer versions."""
    return not _is_vocabulary(name) and not name.startswith("general.") and value in (None, [])


def _value(value: Json) -> JsonValue:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return decimal(value)
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, list) and len(value) <= _MOST:
        return [_value(each) for each in value if isinstance(each, bool | int | float | str)]
    return None


ENGINE = Engine(wants=_wants, read=_read)
