"""llama.cpp's slots, saved: the one way to learn over HTTP what its cache takes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from evalbudget.probes.loads.counts import Entry, count
from evalbudget.probes.pages import TROUBLES, Pages
from evalbudget.records import CachePool, JsonValue

FILE = "evalbudget-slot.bin"
"""What stays behind in the server's folder: an empty slot, of some hundred bytes."""

_LONG = (24, 44, 64)
"""Tokens of the sequences whose sizes give the slope. Three, because they must lie on one line; few, because
a cache of a megabyte a token would be written to a disk."""
_SHORT = 2
"""Tokens of the one that gives what every sequence takes. Behind a prompt of five tokens or more, llama.cpp
keeps a second copy of a recurrent state, a checkpoint, which it saves too."""
_CELL_BYTES = 16
"""Beside a token's keys and values: its id, its position, the number of its sequences and the sequence.

Source: llama.cpp, `llama_kv_cache::state_write_meta` and `llama_context::state_seq_save_file`.
"""
_TOKEN = 100
"""Every vocabulary has one of this number, and its meaning does not matter."""
_ALL_S = 10.0
_TIDY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """One saved sequence."""

    tokens: int
    bytes: int
    """Of the file."""


async def measure_slots(base_url: str, api_key: str | None) -> CachePool | None:
    """Bytes per token and per sequence, from sequences of four lengths, each written into a slot and saved.

    None where the server has no `--slot-save-path`, is busy or too slow (10 s), or is no llama.cpp. One slot
    loses what it kept of an earlier sequence. Layers with a sliding window count like the others, for the
    sequences are shorter than any window.
    """
    pages = Pages(base_url, api_key)
    try:
        async with asyncio.timeout(_ALL_S):
            return await _measure(pages)
    except (TimeoutError, *TROUBLES):
        return None
    finally:
        await pages.close()


async def _measure(pages: Pages) -> CachePool | None:
    number = _free_slot(await pages.get_json("/slots", _ALL_S))
    if number is None:
        return None
    slot = _Slot(pages, number)
    if await slot.do("erase") is None:
        return None
    try:
        long = [await slot.save(length) for length in _LONG]
        short = await slot.save(_SHORT)
    finally:
        empty = await slot.tidied()
    return pool_of_saves([save for save in (short, *long) if save is not None], empty)


def _free_slot(page: object) -> int | None:
    """Where nothing is running: a slot that nobody has used, or else the last one."""
    slots = [slot for slot in page if isinstance(slot, dict)] if isinstance(page, list) else []
    if not slots or any(slot.get("is_processing") is not False for slot in slots):
        return None
    unused = next((slot for slot in slots if "id_task" not in slot), slots[-1])
    return count(unused, "id")


@dataclass(frozen=True, slots=True)
class _Slot:
    """One slot, written and saved."""

    pages: Pages
    number: int

    async def save(self, tokens: int) -> Save | None:
        """The size of a sequence of so many tokens; None where the server would not."""
        await self._post(
            "/completion",
            {
                "prompt": [_TOKEN] * tokens,
                "id_slot": self.number,
                "n_predict": 0,
                "cache_prompt": False,  # what is kept from before would leave checkpoints of its own
            },
        )
        return _saved(await self.do("save"))

    async def do(self, action: str) -> Entry | None:
        """What the server answers; None where it is no success."""
        return await self._post(f"/slots/{self.number}?action={action}", {"filename": FILE})

    async def tidied(self) -> int:
        """The slot empty, and the file too; its size, which is all headers. However the measurement went."""
        with suppress(TimeoutError, *TROUBLES):
            async with asyncio.timeout(_TIDY_S):
                await self.do("erase")
                empty = _saved(await self.do("save"))
                return 0 if empty is None or empty.tokens else empty.bytes
        return 0

    async def _post(self, path: str, body: dict[str, JsonValue]) -> Entry | None:
        answer = (await self.pages.post(self.pages.root + path, body, _ALL_S)).json
        return answer if isinstance(answer, dict) else None


def _saved(answer: Entry | None) -> Save | None:
    tokens, size = (None, None) if answer is None else (count(answer, "n_saved"), count(answer, "n_written"))
    return None if tokens is None or size is None else Save(tokens=tokens, bytes=size)


def pool_of_saves(saves: Sequence[Save], empty: int) -> CachePool | None:
    """What the cache takes, from the sizes of a short sequence and of three longer ones.

    `empty`: bytes of a file without any token. None where the longer ones do not lie on one line.
    """
    if len(saves) != 1 + len(_LONG):
        return None
    short, first, middle, last = sorted(saves, key=lambda save: save.tokens)
    if not short.tokens < first.tokens < middle.tokens < last.tokens:
        return None
    slope = (last.bytes - first.bytes) / (last.tokens - first.tokens)
    off = abs(middle.bytes - first.bytes - slope * (middle.tokens - first.tokens))
    per_token = slope - _CELL_BYTES
    if off > 0.005 * slope * (middle.tokens - first.tokens) or per_token < 0:
        return None
    besides = short.bytes - short.tokens * slope - empty
    # What is left of headers, 12 to 24 bytes a layer, is less than one token's keys and values.
    return CachePool(
        source="slots",
        bytes_per_token=per_token,
        fixed_bytes=besides if besides > per_token else 0.0,
    )
