"""A mapping → its hash: the same on every machine, in every order of keys, for 1 and 1.0."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence

from evalbudget.records import JsonValue

_SHOWN = 16
"""Hexadecimal digits: 64 bits, so that among a million identities two are alike by chance once in 40 million
times."""
_DEEPEST = 40


def fingerprint_of(identity: Mapping[str, JsonValue]) -> str | None:
    """The hash of what is known: 16 hexadecimal digits of SHA-256 over sorted JSON; None where nothing is.

    A name without a value counts as absent, so that a name that a later version adds changes no hash of a
    server that does not tell it.
    """
    known = {name: value for name, value in identity.items() if value is not None}
    return digest(_canonical(plain_json(known))) if known else None


def digest(text: str | bytes) -> str:
    """The first 16 hexadecimal digits of a text's SHA-256; lone surrogates count as they are."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()[:_SHOWN]


def plain_json(value: object, depth: int = 0) -> JsonValue:
    """The value as JSON that is the same however it was written: keys are texts, 1.0 is 1, NaN is a word."""
    if depth > _DEEPEST:
        return "…"
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return {str(key): plain_json(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain_json(inner, depth + 1) for inner in value]
    return str(value)


def _number(value: float) -> JsonValue:
    if not math.isfinite(value):
        return str(value)
    return int(value) if value.is_integer() else value


def _canonical(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
