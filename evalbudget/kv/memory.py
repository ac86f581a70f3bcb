"""Layers and a cache type → bytes. Everything is of one sequence, and of one GPU where there are several.

bytes = fixed + tokens · every + Σ min(tokens, window) · windowed

heads     layers · KV heads · (key + value)              every token, or up to the window
latent    layers · (rank + rope): one vector for K and V (DeepSeek-V2, arXiv 2405.04434, section 2.1)
indexer   layers · (dim + 4 · ceil(dim / 128)) in FP8    (vLLM, DeepSeek-V3.2's indexer cache)
state     layers · (convolution + recurrent state)       once a sequence
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evalbudget.errors import InputError
from evalbudget.kv.cache_types import CacheType
from evalbudget.kv.layers import Heads, Indexer, Latent, LayerGroup, State


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTerm:
    """Layers that keep the latest tokens alone."""

    window: int
    """Tokens."""
    bytes_per_token: int
    """For each token up to the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupBytes:
    """What one group of layers takes."""

    group: LayerGroup
    every: int = 0
    """Bytes for each token of the sequence."""
    windowed: int = 0
    """Bytes for each token up to the group's window."""
    fixed: int = 0
    """Bytes for each sequence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KvBytes:
    """What all layers take."""

    groups: tuple[GroupBytes, ...]

    @property
    def bytes_per_token(self) -> int:
        """For each token, however long the sequence: windows and states left out."""
        return sum(each.every for each in self.groups)

    @property
    def fixed_bytes(self) -> int:
        """For each sequence, however long."""
        return sum(each.fixed for each in self.groups)

    @property
    def windows(self) -> tuple[WindowTerm, ...]:
        """One for each width of window, narrow ones first."""
        found: dict[int, int] = {}
        for each in self.groups:
            if isinstance(each.group, Heads) and each.group.window is not None:
                found[each.group.window] = found.get(each.group.window, 0) + each.windowed
        return tuple(WindowTerm(window=width, bytes_per_token=found[width]) for width in sorted(found))

    def total(self, tokens: int, *, block: int = 1) -> int:
        """Bytes of a sequence of so many tokens, in whole blocks of `block` tokens.

        A window takes as many blocks as it can touch: ceil((window - 1) / block) + 1 (vLLM,
        SlidingWindowSpec.max_memory_usage_bytes with one token in flight; a long prompt takes more while it
        is read).
        """
        kept = rounded(tokens, block)
        windowed = sum(
            term.bytes_per_token * min(kept, window_tokens(term.window, block)) for term in self.windows
        )
        return self.fixed_bytes + self.bytes_per_token * kept + windowed

    def tokens_in(self, memory: int, *, block: int = 1) -> int | None:
        """Tokens that one sequence can have in so many bytes; None where its length does not matter."""
        if self.total(0) > memory:
            return 0
        if not self.bytes_per_token and self.total(_beyond(self.windows, block), block=block) <= memory:
            return None
        low, high = 0, memory // max(self.bytes_per_token, 1) + _beyond(self.windows, block)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.total(middle, block=block) <= memory else (low, middle)
        return low // block * block

    def sequences_in(self, memory: int, tokens: int, *, block: int = 1) -> int | None:
        """Sequences of so many tokens in so many bytes; None where they take nothing."""
        each = self.total(tokens, block=block)
        return max(memory, 0) // each if each else None


def kv_bytes(
    groups: Iterable[LayerGroup], keys: CacheType, values: CacheType | None = None, *, tp: int = 1
) -> KvBytes:
    """What layers take on one of `tp` GPUs; `values` where values are kept in another type than keys."""
    values = values or keys
    return KvBytes(groups=tuple(_group_bytes(each, keys, values, tp) for each in groups))


def _group_bytes(group: LayerGroup, keys: CacheType, values: CacheType, tp: int) -> GroupBytes:
    match group:
        case Heads():
            heads = heads_per_gpu(group.kv_heads, tp)
            size = group.layers * heads * (keys.vector(group.key_dim) + values.vector(group.value_dim))
            if group.window is None:
                return GroupBytes(group=group, every=size)
            return GroupBytes(group=group, windowed=size)
        case Latent():
            return GroupBytes(group=group, every=group.layers * keys.latent(group.rank, group.rope_dim))
        case Indexer():
            size = group.dim + 4 * -(-group.dim // 128) if group.fp8 else keys.vector(group.dim)
            return GroupBytes(group=group, every=group.layers * size)
        case State():
            return GroupBytes(group=group, fixed=-(-group.layers * group.bytes_per_layer // tp))


def heads_per_gpu(kv_heads: int, tp: int) -> int:
    """KV heads that each of `tp` GPUs keeps: a share, or one, repeated, where there are more GPUs than heads.

    Latents have no heads: every GPU keeps all of them. Source: vLLM, ModelConfig.get_num_kv_heads.
    """
    if kv_heads % tp and tp % kv_heads:
        raise InputError(
            f"{kv_heads} KV heads cannot be shared by {tp} GPUs: a number that divides {kv_heads}, or a "
            "multiple of it, works"
        )
    return max(1, kv_heads // tp)


def rounded(tokens: int, block: int) -> int:
    """Tokens in whole blocks."""
    return -(-tokens // block) * block


def usable_tokens(blocks: int, block: int, *, null_blocks: int = 1) -> int:
    """Tokens in a pool of blocks; vLLM keeps block 0 as its null block, which holds nothing."""
    return max(blocks - null_blocks, 0) * block


def window_tokens(window: int, block: int) -> int:
    """Tokens for which a full window has room: whole blocks, as many as it can touch."""
    return window if block == 1 else (-(-(window - 1) // block) + 1) * block


def _beyond(windows: tuple[WindowTerm, ...], block: int) -> int:
    """Tokens at which every window is full."""
    return max((term.window for term in windows), default=0) + 2 * block + 1
