"""A file → what its model keeps of a sequence: a config.json, a folder with one, or a GGUF."""

from __future__ import annotations

import json
from pathlib import Path

from evalbudget.engines.gguf_header import read_header
from evalbudget.errors import EngineError, InputError
from evalbudget.kv import (
    CACHE_TYPES,
    READINGS,
    CacheType,
    KvModel,
    Reading,
    cache_type,
    model_of_config,
    model_of_gguf,
)
from evalbudget.yaml_source import nearest

_MOST_BYTES = 50_000_000


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
