"""The configurations under suites/configs, and pools of servers made from figures."""

from __future__ import annotations

import json
from pathlib import Path

from evalbudget.kv import KvModel, model_of_config
from evalbudget.records import CachePart, CachePool, ServerFacts

CONFIGS = Path(__file__).parents[2] / "suites" / "configs"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.json"))
GIB, MIB = 2**30, 2**20


def model(name: str) -> KvModel:
    """One of suites/configs."""
    return model_of_config(json.loads((CONFIGS / f"{name}.json").read_text()))


def part(gib: float, tokens: int | None, **more: object) -> CachePart:
    """Of a log that prints two digits behind the point."""
    return CachePart(bytes=round(gib * GIB), rounding=GIB // 200, tokens=tokens, **more)  # type: ignore[arg-type]


def vllm(gib: float, tokens: int, *, kv_dtype: str = "auto", **more: object) -> ServerFacts:
    """A vLLM with layers of one kind, as its log shows it."""
    pool = CachePool(source="log", parts=(part(gib, None),), tokens=tokens)
    return ServerFacts(engine="vllm", kv_dtype=kv_dtype, pool=pool, **more)  # type: ignore[arg-type]


def llamacpp(mib: float, cells: int, *, keys: str = "f16", **more: object) -> ServerFacts:
    """A llama.cpp, as its log shows it."""
    found = CachePart(bytes=round(mib * MIB), rounding=5243, tokens=cells, keys=keys, values=keys)
    pool = CachePool(source="log", parts=(found,))
    return ServerFacts(engine="llama.cpp", kv_dtype=keys, pool=pool, **more)  # type: ignore[arg-type]


def exact(per_token: float, tokens: int = 100_000, **more: object) -> ServerFacts:
    """A server whose cache takes so much for each token, to the byte."""
    found = CachePart(bytes=round(per_token * tokens), tokens=tokens)
    return ServerFacts(pool=CachePool(source="http", parts=(found,)), **more)  # type: ignore[arg-type]
