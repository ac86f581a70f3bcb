"""What a server's cache should take: the model's layers in the type that the server says, on one GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from evalbudget.errors import InputError
from evalbudget.kv.cache_types import CACHE_TYPES, CacheType, cache_type
from evalbudget.kv.layers import KvModel, LayerGroup
from evalbudget.kv.memory import KvBytes, kv_bytes
from evalbudget.records import CachePool, ServerFacts

_FLOATS: Final = ("bf16", "fp16", "f32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the architecture needs."""

    groups: tuple[LayerGroup, ...]
    """Of a GGUF that lacks what engines look for: as the architecture needs them, not as they are loaded."""
    keys: CacheType
    values: CacheType
    ranks: int
    """GPUs that share each layer; 1 where the server names no number."""
    kv: KvBytes

    @property
    def type_name(self) -> str:
        """bf16, or q8_0/fp16 where keys and values differ."""
        keys, values = self.keys.name, self.values.name
        return keys if keys == values else f"{keys}/{values}"


def expected_of(model: KvModel, facts: ServerFacts) -> Expected | None:
    """What this model should take there; None where the type is unknown or does not go with the model."""
    keys, values = _types(model, facts)
    if keys is None or values is None:
        return None
    groups = model.native or model.groups
    ranks = max(facts.ranks or 1, 1)
    try:
        kv = kv_bytes(groups, keys, values, tp=ranks)
    except InputError:
        return None
    return Expected(groups=groups, keys=keys, values=values, ranks=ranks, kv=kv)


def _types(model: KvModel, facts: ServerFacts) -> tuple[CacheType | None, CacheType | None]:
    """The types of keys and values.

    What it was asked for goes before what it says of its parts, so that a cache in another type than asked is
    found; only where keys and values differ do the parts know more.
    """
    parts = _types_of_parts(facts.pool)
    if parts is not None and parts[0] != parts[1]:
        return parts
    word = (facts.kv_dtype or "auto").strip().lower()
    if word not in ("auto", "none", ""):
        keys, _, values = word.partition("/")
        found = cache_type(keys)
        return found, cache_type(values) if values else found
    if parts is not None:
        return parts
    own = CACHE_TYPES.get(_auto(model, facts))
    return own, own


def _types_of_parts(pool: CachePool | None) -> tuple[CacheType, CacheType] | None:
    for part in pool.parts if pool is not None else ():
        if part.kind in ("attention", "window") and part.keys is not None:
            keys = cache_type(part.keys)
            values = keys if part.values is None or part.value_bytes == 0 else cache_type(part.values)
            if keys is not None and values is not None:
                return keys, values
    return None


def _auto(model: KvModel, facts: ServerFacts) -> str:
    """What `auto` means: a type that the checkpoint declares, else that in which the weights compute."""
    declared = model.cache_type not in _FLOATS
    weights = cache_type(facts.weight_dtype) if facts.weight_dtype else None
    if declared or weights is None or weights.name not in _FLOATS:
        return model.cache_type
    return weights.name
