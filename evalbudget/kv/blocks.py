"""vLLM's one pool of blocks: how much of it each kind of layer takes.

vLLM sorts a model's layers into groups of equal size, and a block holds one page of each layer of one group
(v1/core/kv_cache_utils.py: `_get_kv_cache_groups_uniform_page_size`). A sequence takes

    layers that attend to everything   ceil(tokens / block) blocks for each of their groups
    layers with a window               ceil((window - 1 + tokens in flight) / block) + 1 for each group
    layers with a state                1 for each group, 2 with prefix caching (`mamba_cache_mode` "align")

(v1/kv_cache_interface.py: `max_memory_usage_bytes` of each spec), and the server prints how many sequences of
its longest length fit: `blocks / blocks of one sequence`. From this the groups of full attention are told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from evalbudget.kv.layers import Heads, Indexer, Latent, State
from evalbudget.kv.memory import KvBytes, window_tokens
from evalbudget.records import CachePool

_ALIKE: Final = 1.25
_UNLIKE: Final = 1.5
"""Where one kind has less than `_ALIKE` times as many layers as the other, all groups are as large as the
larger; from `_UNLIKE` times on, as the smaller. Between the two, releases differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The groups into which vLLM sorts a model's layers."""

    full: int
    """Groups of layers that attend to everything."""
    windows: tuple[tuple[int, int], ...]
    """Window in tokens, and its groups."""
    states: int
    """Groups of layers with a state."""
    padding: float
    """Layers of the full groups, empty ones included, by the layers that there are."""
    window_padding: float
    """The same of the groups with windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockBytes:
    """What one sequence takes of the pool."""

    every: float | None = None
    """Bytes for each token; None where it cannot be known, and `gap` says why."""
    windowed: float | None = None
    """Bytes for each token up to the windows."""
    fixed: float | None = None
    """Bytes for each sequence."""
    padding: float = 1.0
    window_padding: float = 1.0
    uniform: bool = True
    """Every layer keeps every token: tokens and blocks are two names of the same."""
    spread: float = 0.0
    """Share by which the figures may be off, beside the rounding of the pool's bytes."""
    gap: str = ""


def block_bytes(pool: CachePool, kv: KvBytes | None) -> BlockBytes:
    """What a sequence takes of a pool whose bytes are known; `kv` is what the architecture needs."""
    size = pool.bytes
    if size is None or size <= 0:
        return BlockBytes(gap="the server does not tell the bytes of its cache")
    mixed = kv is not None and (bool(kv.windows) or kv.fixed_bytes > 0)
    needed, longest = _blocks_of_the_longest(pool)
    if not mixed and (kv is not None or needed is None or needed == longest):
        return _uniform(pool, size)
    if needed is None or longest is None or not pool.blocks or not pool.block_tokens:
        return BlockBytes(
            uniform=False,
            gap="layers of several kinds share its memory, and how many blocks there are is not told",
        )
    each = size / pool.blocks
    if needed == longest:
        return BlockBytes(every=each / pool.block_tokens, windowed=0.0, fixed=0.0)
    if kv is None:
        return BlockBytes(uniform=False, gap="layers of several kinds share its blocks")
    return _mixed(pool.block_tokens, each, kv, needed, longest)


def _uniform(pool: CachePool, size: int) -> BlockBytes:
    tokens, spread = _tokens(pool)
    if not tokens:
        return BlockBytes(gap="the server does not tell for how many tokens its cache has room")
    return BlockBytes(every=size / tokens, fixed=0.0, spread=spread)


def _tokens(pool: CachePool) -> tuple[int | None, float]:
    """Tokens of a pool where every layer keeps every token, and by what share they may be more.

    vLLM from 0.26 on prints sequences × `max_model_len`, which leaves out what the longest sequence does not
    use of its last block (`get_kv_cache_capacity`).
    """
    own = [part.tokens for part in pool.parts if part.tokens]
    if own:  # of one engine of several, as the bytes are
        return min(own), 0.0
    blocks = pool.blocks * pool.block_tokens if pool.blocks and pool.block_tokens else None
    if not pool.tokens:
        return blocks, 0.0
    most = pool.block_tokens or 64
    if not pool.max_model_len or (pool.block_tokens and pool.max_model_len % pool.block_tokens == 0):
        return pool.tokens, 0.0
    missed = min(most / pool.max_model_len, 0.05)
    if blocks is not None and 0 <= blocks - pool.tokens <= pool.tokens * missed + most:
        return blocks, 0.0
    return pool.tokens, missed


def _blocks_of_the_longest(pool: CachePool) -> tuple[int | None, int | None]:
    """Blocks that a sequence of `max_model_len` takes, and blocks that its tokens fill; None = not known."""
    length, block, blocks, many = pool.max_model_len, pool.block_tokens, pool.blocks, pool.concurrency
    if not length or not block or not blocks or not many or many <= 0:
        return None, None
    digits = 0.005
    if pool.tokens and abs(pool.tokens / length - many) <= digits:
        many, digits = pool.tokens / length, 1 / length
    needed = round(blocks / many)
    off = blocks / many * digits / many
    if off > 0.5 or abs(blocks / many - needed) > off + 1e-9 * needed:
        return None, None
    return needed, -(-length // block)


def _mixed(block: int, each: float, kv: KvBytes, needed: int, longest: int) -> BlockBytes:
    """Of layers of several kinds; `each`: bytes of a block."""
    groups = layout(kv)
    if groups is None:
        return BlockBytes(uniform=False, gap="how vLLM groups these layers into blocks is not known here")
    rest = needed - groups.full * longest
    gap = _implausible(groups, rest, block, longest)
    if gap:
        return BlockBytes(uniform=False, gap=gap)
    windows = sum(number for _, number in groups.windows)
    fixed = None if windows and groups.states else (rest * each if groups.states else 0.0)
    return BlockBytes(
        every=groups.full * each / block,
        windowed=windows * each / block,
        fixed=fixed,
        padding=groups.padding,
        window_padding=groups.window_padding,
        uniform=False,
    )


def _implausible(groups: Layout, rest: int, block: int, longest: int) -> str:
    """Why these groups cannot be those of the server, which has `rest` blocks for all but full attention."""
    least = groups.states + sum(
        number * min(window_tokens(width, block) // block, longest) for width, number in groups.windows
    )
    most = groups.states * max(longest - 1, 1) + sum(number * (longest + 1) for _, number in groups.windows)
    if not least <= rest <= most:
        return "its blocks are shared otherwise than this model's layers would share them"
    if groups.states and not groups.windows and rest % groups.states:
        return "its states take another number of blocks than this model's would"
    return ""


def layout(kv: KvBytes) -> Layout | None:
    """How vLLM groups the layers; None where it is not known: pages of different sizes, groups of a size that
    differs between releases, an indexer beside other kinds."""
    kinds: dict[object, int] = {}
    pages: set[int] = set()
    for each in kv.groups:
        match each.group:
            case Indexer():
                return None
            case State():
                kinds["state", each.group.bytes_per_layer] = each.group.layers
            case Heads() | Latent():
                window = each.group.window if isinstance(each.group, Heads) else None
                pages.add((each.every or each.windowed) // each.group.layers)
                kinds[window] = kinds.get(window, 0) + each.group.layers
    if len(pages) != 1 or not kinds:
        return None
    fewest, largest = min(kinds.values()), max(kinds.values())
    if fewest * _ALIKE <= largest < fewest * _UNLIKE:
        return None
    size = largest if largest < fewest * _ALIKE else fewest
    parts = {kind: -(-layers // size) for kind, layers in kinds.items()}
    full = parts.get(None, 0)
    windows = [kind for kind in kinds if isinstance(kind, int)]
    return Layout(
        full=full,
        windows=tuple((kind, parts[kind]) for kind in windows),
        states=sum(number for kind, number in parts.items() if isinstance(kind, tuple)),
        padding=full * size / kinds[None] if full else 1.0,
        window_padding=sum(parts[kind] for kind in windows) * size / sum(kinds[kind] for kind in windows)
        if windows
        else 1.0,
    )
