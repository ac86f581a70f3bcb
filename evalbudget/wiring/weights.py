"""Weights on this machine → what tells them from others, and the chat template beside them.

Small files are hashed whole. Of large ones the size and pieces spread evenly over them are hashed: two models
that differ in less than those pieces are taken for one, and the name says which way it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from evalbudget.engines.gguf_header import GgufHeader, read_header
from evalbudget.errors import EngineError
from evalbudget.fingerprint import digest

WHOLE_BYTES = 256 * 1024 * 1024
"""Files up to this size are hashed whole: 0.2 s where they are in the page cache."""
_PIECE, _PIECES = 256 * 1024, 33
"""Bytes and number of the pieces that are read of a larger file; the first holds its header's beginning."""
_SHARD_PIECES = 5
_TEXT_BYTES = 32 * 1024 * 1024
_MOST_FILES = 2000
_SPLIT = re.compile(r"-\d{5}-of-(\d{5})\.gguf$")
_SHARD = re.compile(r"\.(?:safetensors|bin|pt|pth|gguf)$")
_OF_PLACE = ("_name_or_path", "transformers_version")
"""Keys of a config.json that say where it came from, not what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalWeights:
    """What the files say. None = they do not."""

    file: str | None = None
    """Of a GGUF: `sha256 …` of the whole file, or `sampled …` with its size."""
    folder: str | None = None
    """Of a folder: a hash of its config.json, of its weights' index and of pieces of each file of weights."""
    architecture: str | None = None
    base_model: str | None = None
    quantization: str | None = None
    weight_dtype: str | None = None
    template: str | None = None
    """The chat template itself."""


def read_weights(path: Path) -> LocalWeights | None:
    """The weights at this path: a GGUF, or a folder with a config.json; None where there are none to read."""
    with suppress(OSError, ValueError):
        if path.is_dir():
            return _folder(path) if (path / "config.json").is_file() else None
        if _is_gguf(path):
            return _gguf(path)
    return None


def _is_gguf(path: Path) -> bool:
    """A regular file that begins as one; whatever else a server may name is not read."""
    if not stat.S_ISREG(path.stat().st_mode):
        return False
    with path.open("rb") as file:
        return file.read(4) == b"GGUF"


def _gguf(path: Path) -> LocalWeights:
    try:
        header = read_header(path)
    except EngineError:
        header = GgufHeader(metadata={}, weights={})
    parts = _parts(path)
    total = sum(part.stat().st_size for part in parts)
    hashes = [_hash(part, whole=total <= WHOLE_BYTES, pieces=_PIECES) for part in parts]
    kind = "sha256" if total <= WHOLE_BYTES else "sampled"
    told = hashes[0] if len(hashes) == 1 else digest(" ".join(hashes))
    size = "" if kind == "sha256" else f" of {total} bytes"
    return LocalWeights(
        file=f"{kind} {told}{size}",
        architecture=header.architecture,
        base_model=_base_model(header),
        quantization=header.quantization,
        weight_dtype=header.weight_dtype,
        template=_word(header, "tokenizer.chat_template"),
    )


def _base_model(header: GgufHeader) -> str | None:
    """The name without the quantization, as converters write it: LFM2.5-Thinking 1.2B."""
    named = [_word(header, f"general.{key}") for key in ("basename", "finetune", "size_label")]
    return " ".join(filter(None, named)) or _word(header, "general.name") if named[0] else None


def _word(header: GgufHeader, key: str) -> str | None:
    value = header.metadata.get(key)
    return value if isinstance(value, str) and value else None


def _parts(path: Path) -> Sequence[Path]:
    """All files of a split model, or the one."""
    split = _SPLIT.search(path.name)
    if split is None:
        return [path]
    stem = path.name[: split.start()]
    numbered = (
        path.with_name(f"{stem}-{number:05d}-of-{split[1]}.gguf") for number in range(1, int(split[1]) + 1)
    )
    return [part for part in numbered if part.is_file()][:_MOST_FILES] or [path]


def _folder(folder: Path) -> LocalWeights:
    config = _json(folder / "config.json")
    hashed = hashlib.sha256(_canonical({key: config[key] for key in config if key not in _OF_PLACE}))
    shards = sorted(each for each in folder.iterdir() if _SHARD.search(each.name) and each.is_file())
    for index in sorted(folder.glob("*.index.json"))[:10]:
        hashed.update(_bytes(index))
    for shard in shards[:_MOST_FILES]:
        size = shard.stat().st_size
        told = _hash(shard, whole=size <= _PIECE * _SHARD_PIECES, pieces=_SHARD_PIECES)
        hashed.update(f"{shard.name} {size} {told}\n".encode())
    architectures = config.get("architectures")
    architecture = architectures[0] if isinstance(architectures, list) and architectures else None
    found = architecture if isinstance(architecture, str) else config.get("model_type")
    quantized = config.get("quantization_config")
    method = (
        quantized.get("quant_algo") or quantized.get("quant_method") if isinstance(quantized, dict) else None
    )
    dtype = config.get("dtype") or config.get("torch_dtype")
    return LocalWeights(
        folder=f"sampled {hashed.hexdigest()[:32]} of {len(shards)} files",
        architecture=found if isinstance(found, str) else None,
        quantization=method if isinstance(method, str) else None,
        weight_dtype=dtype if isinstance(dtype, str) else None,
        template=_template(folder),
    )


def _template(folder: Path) -> str | None:
    """`chat_template.jinja`, which transformers prefers, else that of `tokenizer_config.json`."""
    own = folder / "chat_template.jinja"
    if own.is_file():
        return _bytes(own).decode("utf-8", "replace")
    with suppress(OSError, ValueError):
        told = _json(folder / "tokenizer_config.json").get("chat_template")
        if isinstance(told, list):
            named = [each for each in told if isinstance(each, dict)]
            default = [each for each in named if each.get("name") == "default"]
            told = (default or named or [{}])[0].get("template")
        return told if isinstance(told, str) and told else None
    return None


def _json(path: Path) -> dict[str, object]:
    """Raises OSError and ValueError."""
    try:
        found = json.loads(_bytes(path))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return found if isinstance(found, dict) else {}


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_TEXT_BYTES)


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _hash(path: Path, *, whole: bool, pieces: int) -> str:
    """Hexadecimal digits; the same file is read once, as long as it does not change."""
    seen = path.stat()
    return _hash_of(str(path), (seen.st_size, seen.st_mtime_ns, seen.st_ino), whole, pieces)


@lru_cache(maxsize=4096)
def _hash_of(path: str, seen: tuple[int, int, int], whole: bool, pieces: int) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 - a text is what the cache compares
        if whole:
            return hashlib.file_digest(file, "sha256").hexdigest()
        hashed = hashlib.sha256(str(seen[0]).encode())
        for start in _starts(seen[0], pieces):
            file.seek(start, os.SEEK_SET)
            hashed.update(file.read(_PIECE))
        return hashed.hexdigest()[:32]


def _starts(size: int, pieces: int) -> Iterator[int]:
    last = max(0, size - _PIECE)
    for number in range(pieces):
        yield number * last // max(1, pieces - 1)
