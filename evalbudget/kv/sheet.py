"""What one wants to know of a model's KV memory at once: the figures behind `evalbudget kv`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from evalbudget.errors import InputError
from evalbudget.kv.cache_types import CacheType
from evalbudget.kv.layers import KvModel
from evalbudget.kv.memory import KvBytes, kv_bytes
from evalbudget.kv.readings import Reading, read_as

_USUAL: Final = 32_768
"""Tokens of a sequence where nobody says how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user wants to know."""

    tokens: int | None = None
    """Of one sequence; None = 32k and what the model was made for."""
    memory: int | None = None
    """Bytes of one GPU."""
    weights: int = 0
    """Bytes of weights on it."""
    tp: int = 1
    """GPUs that share each layer."""
    block: int = 1
    """Tokens in a block of the server's cache; from 2 on, one stays empty, as vLLM's null block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """One length of sequence."""

    tokens: int
    bytes: int
    sequences: int | None
    """So many of them fit beside the weights; None without a memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One way to read the model."""

    reading: Reading | None
    """None = as it is."""
    kv: KvBytes
    totals: tuple[Total, ...]
    fits: int | None
    """Tokens that one sequence can have beside the weights; None without a memory, and without a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KvSheet:
    """Everything that is printed."""

    file: str
    model: KvModel
    keys: CacheType
    values: CacheType
    asked: Asked
    right: Column
    wrong: Column | None
    draft: KvBytes
    native: KvBytes | None

    @property
    def ratio(self) -> float | None:
        """The wrong reading's bytes by the right one's, of the first length of sequence."""
        if self.wrong is None or not self.right.totals[0].bytes:
            return None
        return self.wrong.totals[0].bytes / self.right.totals[0].bytes


def kv_sheet(
    file: str, model: KvModel, types: tuple[CacheType, CacheType], asked: Asked, reading: Reading | None
) -> KvSheet:
    """All figures; raises InputError where a type or a number of GPUs does not go with the model."""
    if asked.memory is not None and asked.weights >= asked.memory:
        raise InputError("the weights leave nothing of the memory: --memory has to be more than --weights")
    keys, values = types
    wrong = None
    if reading is not None:
        groups = read_as(model.groups, reading)
        if groups is None:
            raise InputError(
                f"{file}: read as {reading.name} ({reading.means}), this model is what it is anyway"
            )
        wrong = _column(model, kv_bytes(groups, keys, values, tp=asked.tp), asked, reading)
    native = model.native
    return KvSheet(
        file=file,
        model=model,
        keys=keys,
        values=values,
        asked=asked,
        right=_column(model, kv_bytes(model.groups, keys, values, tp=asked.tp), asked, None),
        wrong=wrong,
        draft=kv_bytes(model.draft, keys, values, tp=asked.tp),
        native=None if native is None else kv_bytes(native, keys, values, tp=asked.tp),
    )


def _column(model: KvModel, kv: KvBytes, asked: Asked, reading: Reading | None) -> Column:
    lengths = (asked.tokens,) if asked.tokens else tuple(sorted({_USUAL, model.context or _USUAL}))
    room = None if asked.memory is None else asked.memory - asked.weights
    fits = None
    if room is not None:
        if asked.block > 1:
            room -= kv.bytes_per_token * asked.block
        fits = kv.tokens_in(max(room, 0), block=asked.block)
    totals = tuple(
        Total(
            tokens=tokens,
            bytes=kv.total(tokens, block=asked.block),
            sequences=None if room is None else kv.sequences_in(room, tokens, block=asked.block),
        )
        for tokens in lengths
    )
    return Column(reading=reading, kv=kv, totals=totals, fits=fits)
