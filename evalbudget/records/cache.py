"""What a server tells of its KV cache, by whichever way: its log, its pages, or the slots that it saves.

Bytes are of one GPU, and of everything that the server set aside, whether in use or not.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal, TypeAlias

PartKind: TypeAlias = Literal["attention", "window", "state", "indexer", "draft"]
"""attention: every token of a sequence; window: the latest alone; state: the same for a sequence of any
length; indexer: sparse attention's keys; draft: layers that predict tokens ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePart:
    """One pool of memory of a cache. None = the server does not say."""

    kind: PartKind = "attention"
    bytes: int
    """Of the whole part; rounded as the server rounds it."""
    rounding: int = 0
    """Bytes by which `bytes` may be off, because the server prints few digits."""
    tokens: int | None = None
    """Tokens for which there is room, of all sequences together; None for a state."""
    sequences: int | None = None
    """Sequences for which there is room, where that is what limits it: of a state."""
    layers: int | None = None
    """Layers that keep something in it, as the server counts them."""
    key_bytes: int | None = None
    """Of `bytes`, where keys and values are told apart; a latent has no values."""
    value_bytes: int | None = None
    keys: str | None = None
    """The cache type of keys, in the server's word: f16, q8_0, torch.bfloat16, …"""
    values: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePool:
    """A server's whole cache."""

    source: Literal["log", "http", "slots"]
    """Where this was read; slots: measured by saving sequences of different lengths."""
    parts: tuple[CachePart, ...] = ()
    """Each with its bytes; empty where the server tells of none."""
    tokens: int | None = None
    """Tokens for which it has room, as the server says: vLLM's and SGLang's capacity."""
    block_tokens: int | None = None
    """Tokens in a block; memory is given out in whole ones."""
    blocks: int | None = None
    """Blocks of the pool, the null block included."""
    max_model_len: int | None = None
    """vLLM: the length for which `concurrency` holds."""
    concurrency: float | None = None
    """vLLM: so many sequences of `max_model_len` fit at once."""
    bytes_per_token: float | None = None
    """Measured directly, where it was: slots."""
    fixed_bytes: float | None = None
    """Of one sequence, measured directly."""
    overridden: bool = False
    """The number of blocks was set by hand, so `parts` may say more than was set aside."""

    @property
    def bytes(self) -> int | None:
        """Of all parts together; None where no part is told."""
        return sum(part.bytes for part in self.parts) if self.parts else None

    def over(self, other: CachePool) -> CachePool:
        """This pool, and the other's figures where this one is silent: a log tells the bytes of vLLM's cache,
        its pages the number of blocks. Where both tell bytes, those with the least rounding count. Whose the
        bytes are, his is `source`; and who knows bytes and blocks knows whether they belong together
        (`overridden`).
        """
        told = {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not None}
        sized = min((pool for pool in (self, other) if pool._has_bytes), key=_rounding, default=self)
        told |= {"source": sized.source, "parts": sized.parts}
        if not (sized.parts and sized.blocks is not None):
            told["overridden"] = self.overridden or other.overridden
        else:
            told["overridden"] = sized.overridden
        return replace(other, **told)

    @property
    def _has_bytes(self) -> bool:
        return bool(self.parts) or self.bytes_per_token is not None


def _rounding(pool: CachePool) -> int:
    return sum(part.rounding for part in pool.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class KvScale:
    """What turns a server's figures of use into tokens and bytes. None = not known."""

    capacity_tokens: int | None = None
    capacity_bytes: int | None = None
    """Of what can be in use: without vLLM's null block."""
    bytes_per_token: float | None = None
    fixed_bytes: float = 0
    """Of each sequence."""
