"""llama.cpp's /slots → Load: the tokens that running sequences keep in its cache."""

from __future__ import annotations

from evalbudget.probes.loads.counts import Entry, count, entries, part, whole
from evalbudget.records import Load


def read_slots(page: str) -> Load | None:
    """One observation; None where the page is no list of slots.

    A slot keeps what its last sequence left behind until another takes its place, so that the next one need
    not compute what both begin with. Like the prefix cache of other servers, that is no use: only slots that
    are processing count.
    """
    slots = [slot for slot in entries(page) if isinstance(slot.get("is_processing"), bool)]
    if not slots:
        return None
    running = [slot for slot in slots if slot["is_processing"]]
    tokens = [_tokens(slot) for slot in running]
    told = [number for number in tokens if number is not None]
    return Load(
        kv_used_tokens=whole(sum(told)) if len(told) == len(tokens) else None,
        running=len(running),
        source="slots",
    )


def _tokens(slot: Entry) -> int | None:
    """Tokens that it keeps by now: found in the cache, computed, and written since.

    `n_prompt_tokens` is what it will have read and what it has written, so it runs ahead while a prompt is
    computed. Older builds tell of neither, and leave a gap.
    """
    kept = [count(slot, name) for name in ("n_prompt_tokens_cache", "n_prompt_tokens_processed")]
    kept.append(count(part(slot, "next_token"), "n_decoded"))
    told = [number for number in kept if number is not None]
    return whole(sum(told)) if len(told) == len(kept) else None
