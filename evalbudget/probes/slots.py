"""llama.cpp's slots, saved: the one way to learn over HTTP what its cache takes."""

from __future__ import annotations

from evalbudget.records import CachePool


async def measure_slots(base_url: str, api_key: str | None) -> CachePool | None:
    """Bytes per token and per sequence, from sequences of two lengths, each written into a slot and saved.

    None where the server has no `--slot-save-path`, is busy, or is no llama.cpp.
    """
    return None
