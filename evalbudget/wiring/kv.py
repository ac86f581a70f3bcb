"""A config.json, a folder with one or a GGUF → what its model keeps of a sequence; a log → the verdict."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from evalbudget.engines.gguf_header import read_header
from evalbudget.errors import EngineError, InputError
from evalbudget.kv import (
    CACHE_TYPES,
    READINGS,
    CacheType,
    KvModel,
    KvVerdict,
    Reading,
    cache_type,
    judge,
    model_of_config,
    model_of_gguf,
)
from evalbudget.probes.logs import facts_of_log
from evalbudget.yaml_source import nearest

_MOST_BYTES = 50_000_000
_MOST_LOG_BYTES = 64 * 1024 * 1024
"""Of a log, its beginning: what a server says of its start stands there."""


def read_kv_model(path: Path) -> KvModel:
    """The model that `path` describes; raises InputError where it describes none."""
    if path.is_dir():
        path = path / "config.json"
    try:
        with path.open("rb") as file:
            start = file.read(4)
            rest = b"" if start == b"GGUF" else file.read(_MOST_BYTES)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}): a config.json, its folder or a .gguf works"
        ) from error
    if start == b"GGUF":
        try:
            return model_of_gguf(read_header(path).metadata, str(path))
        except EngineError as error:
            raise InputError(str(error)) from error
    return _read_config(start + rest, path)


def _read_config(data: bytes, path: Path) -> KvModel:
    try:
        config = json.loads(data)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}:{error.lineno}: no JSON and no GGUF: a config.json, a folder with one or a .gguf works"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: no JSON and no GGUF: a config.json or a .gguf works") from error
    if not isinstance(config, dict):
        raise InputError(
            f"{path} is no model's config.json: it holds no mapping; the file beside the weights works"
        )
    return model_of_config(config, str(path))


def cache_types(word: str | None, model: KvModel) -> tuple[CacheType, CacheType]:
    """The types of keys and values: `q8_0` for both, `q8_0/q4_0` for each, None for the model's own."""
    if word is None or word.lower() == "auto":
        word = model.cache_type
    keys, _, values = word.partition("/")
    found = _cache_type(keys)
    return found, _cache_type(values) if values else found


def _cache_type(word: str) -> CacheType:
    found = cache_type(word)
    if found is None:
        raise InputError(f'--kv-dtype: unknown cache type "{word[:40]}"; {nearest(word, CACHE_TYPES)}')
    return found


def reading(word: str | None) -> Reading | None:
    """The wrong way of that name."""
    if word is None:
        return None
    if word not in READINGS:
        raise InputError(f'--as: unknown reading "{word[:40]}"; {nearest(word, READINGS)}')
    return READINGS[word]


def verdict_of_log(path: Path, model: KvModel, kv_dtype: str | None, ranks: int) -> KvVerdict:
    """Measured by a server's log, beside what the model needs; the user's words go before the log's.

    Raises InputError where there is no such log, or where it says nothing of a KV cache.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_LOG_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise InputError(f"--log: {path} cannot be read ({error.strerror or error})") from error
    facts = facts_of_log(text)
    if facts.pool is None:
        raise InputError(
            f"--log: {path} says nothing of a KV cache: the log of a start works, llama.cpp's with -lv 4"
        )
    if kv_dtype is not None:
        facts = replace(facts, kv_dtype=kv_dtype)
    return judge(model, replace(facts, ranks=ranks) if ranks > 1 else facts)
