"""A server's cache as it tells of it → bytes of a token, of a sequence and of a window's token."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from evalbudget.kv.blocks import BlockBytes, block_bytes
from evalbudget.kv.memory import KvBytes
from evalbudget.records import CachePart, CachePool

_SLOT_BYTES: Final = 8
"""A saved slot of llama.cpp holds up to so many bytes more for each token than keys and values: with windows,
a second cache writes each token's position and the number of its sequences, too (llama-kv-cache.cpp,
state_write_meta)."""
_MOST_BATCH: Final = 4096
"""Tokens by which llama.cpp's windows are larger at most: the micro-batch, of 512 where nobody sets it."""
_USUAL_SLOTS: Final = 4
"""Of llama-server, where nobody says how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a sequence takes, on one GPU. None = not told."""

    every: float | None = None
    """Bytes for each token: attention and indexers; draft layers left out where they are told apart."""
    windowed: float | None = None
    """Bytes for each token up to the windows."""
    fixed: float | None = None
    """Bytes for each sequence."""
    fixed_rounding: float = 0.0
    """Bytes by which `fixed` may be off."""
    draft: float | None = None
    """Bytes for each token of draft layers, where told apart."""
    spread: float = 0.0
    """Share by which `every` (of windows alone: `windowed`) may be off: printed figures are rounded."""
    padding: float = 1.0
    """Layers that blocks are shaped for, by layers that there are."""
    window_padding: float = 1.0
    """The same of layers with windows."""
    endless_windows: bool = False
    """The part for windows has room for as many tokens as the rest, far more than windows need."""
    whole: bool = False
    """Windows could not be told from the rest: saved slots."""
    uniform: bool = True
    """Every token takes the same, and nothing else takes anything, as far as is known."""
    values: bool | None = None
    """Whether it keeps values beside keys; a latent has none."""
    gap: str = ""
    """Why `every` is not known."""


def measure(pool: CachePool, kv: KvBytes | None, longest: int | None) -> Measured:
    """Bytes of a token and of a sequence; `kv` is what the architecture needs, `longest` a sequence's most
    tokens.

    SGLang's and llama.cpp's parts have tokens of their own; SGLang's count of them includes the page that is
    left empty. vLLM has one pool for all layers (`blocks`).
    """
    if pool.bytes_per_token is not None:
        return _of_slots(pool.bytes_per_token, pool.fixed_bytes, kv)
    alike = kv is not None and not kv.windows and not kv.fixed_bytes
    if not pool.parts:
        return Measured(uniform=alike, gap="the server does not tell the bytes of its cache")
    if pool.overridden:
        return Measured(
            uniform=alike,
            gap="its number of blocks was set by hand, so the bytes that it names are not those that it took",
        )
    own_tokens = all(part.tokens for part in pool.parts if part.kind == "attention")
    if pool.blocks is not None or pool.concurrency is not None or not own_tokens:
        return _of_blocks(pool, block_bytes(pool, kv))
    widest = max((term.window for term in kv.windows), default=0) if kv is not None else 0
    return _of_parts(pool, longest, widest)


def _of_slots(per_token: float, fixed: float | None, kv: KvBytes | None) -> Measured:
    """The saved sequences are shorter than any window, so that layers with one count like the others: each
    gets its share of what it needs, and whether windows end where they should stays open."""
    full = kv.bytes_per_token if kv is not None else 0
    windowed = sum(term.bytes_per_token for term in kv.windows) if kv is not None else 0
    share = windowed / (full + windowed) if windowed else 0.0
    return Measured(
        every=per_token * (1 - share),
        windowed=per_token * share if windowed else None,
        fixed=fixed,
        spread=_SLOT_BYTES / per_token if per_token > 0 else 0.0,
        whole=True,
        uniform=not fixed and not windowed,
    )


def _of_blocks(pool: CachePool, found: BlockBytes) -> Measured:
    size = pool.bytes or 1
    rounding = sum(part.rounding for part in pool.parts) / size
    one_block = 1 / pool.blocks if pool.blocks else 0.0
    return Measured(
        every=found.every,
        windowed=found.windowed,
        fixed=found.fixed,
        spread=rounding + found.spread + min(one_block, 0.02),
        padding=found.padding,
        window_padding=found.window_padding,
        uniform=found.uniform,
        gap=found.gap,
    )


def _of_parts(pool: CachePool, longest: int | None, widest: int) -> Measured:
    full = [part for part in pool.parts if part.kind in ("attention", "indexer")]
    windows = [part for part in pool.parts if part.kind == "window"]
    states = [part for part in pool.parts if part.kind == "state"]
    every, spread = _per_token(full, pool.tokens)
    windowed, window_spread = _per_token(windows, None)
    draft, _ = _per_token([part for part in pool.parts if part.kind == "draft"], pool.tokens)
    found = Measured(
        every=every,
        windowed=windowed,
        fixed=_per_sequence(states),
        fixed_rounding=sum(part.rounding / (part.sequences or 1) for part in states),
        draft=draft,
        spread=spread if full else window_spread,
        endless_windows=_endless(full, windows, longest, widest),
        uniform=not windows and not states,
        values=_values(full),
    )
    if full and every is None:
        return replace(found, gap="the server does not tell for how many tokens its cache has room")
    return found


def _per_token(parts: list[CachePart], tokens: int | None) -> tuple[float | None, float]:
    """Bytes of one token in all of these parts, and by what share they may be off."""
    total, off = 0.0, 0.0
    for part in parts:
        room = part.tokens or tokens
        if not room:
            return None, 0.0
        size, rounding = _sharpened(part)
        total += size / room
        off += rounding / room
    return (total, off / total) if total else (None, 0.0)


def _sharpened(part: CachePart) -> tuple[float, float]:
    """Bytes of a part and by how many they may be off: where keys and values are printed apart, too, and
    rounded alike, the three figures together leave less open than one."""
    low, high = float(part.bytes - part.rounding), float(part.bytes + part.rounding)
    if part.key_bytes is not None and part.value_bytes is not None:
        both = part.key_bytes + part.value_bytes
        low, high = max(low, both - 2 * part.rounding), min(high, both + 2 * part.rounding)
    if low > high:  # the figures contradict each other: the whole is believed
        return float(part.bytes), float(part.rounding)
    return (low + high) / 2, (high - low) / 2


def _per_sequence(states: list[CachePart]) -> float | None:
    if not states or not all(part.sequences for part in states):
        return None
    return sum(part.bytes / (part.sequences or 1) for part in states)


def _values(parts: list[CachePart]) -> bool | None:
    """Whether values are kept; None where keys and values are not told apart."""
    sizes = [part.value_bytes for part in parts]
    return None if not sizes or None in sizes else any(sizes)


def _endless(full: list[CachePart], windows: list[CachePart], longest: int | None, widest: int) -> bool:
    """Whether windows keep everything (llama.cpp's --swa-full): their part has as many cells as the rest.

    With a short context it has, too, without that flag: llama.cpp gives windows
    pad256(min(n_ctx, window · sequences + micro-batch)) cells (llama-kv-cache-iswa.cpp). Neither sequences
    nor micro-batch are told for certain, so only a room that no usual number of them explains counts.
    """
    if not full or not windows or not widest:
        return False
    room = max(part.tokens or 0 for part in full)
    slots = max(_USUAL_SLOTS, room // longest if longest else 1)
    return all((part.tokens or 0) >= room > widest * slots + _MOST_BATCH for part in windows)
