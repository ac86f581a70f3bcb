"""TensorRT-LLM's page of iterations, a JSON list → Load."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from evalbudget.probes.loads.counts import Entry, count, entries, part, whole
from evalbudget.records import Load

Number = TypeVar("Number", int, float)


def read_iterations(page: str) -> Load | None:
    """One observation from all iterations since the page was last read: the fullest that the cache was, and
    the requests as they were at the end; None where the page holds none.

    Source: the JSON of tensorrt_llm's `IterationStats` (tests/unittest/metrics of that project has one);
    `attentionDpRank` tells engines apart.
    """
    iterations = entries(page)
    caches = [part(each, "kvCacheStats") for each in iterations]
    latest = {count(each, "attentionDpRank"): each for each in iterations}.values()
    queries, hits = _prefixes(caches[-1]) if caches else (None, None)
    load = Load(
        kv_usage=_most(_share(each) for each in caches),
        kv_used_tokens=_most(_tokens(each, "usedNumBlocks") for each in caches),
        running=_total(latest, "numActiveRequests"),
        waiting=_total(latest, "numQueuedRequests"),
        prefix_queries=queries,
        prefix_hits=hits,
    )
    return None if load == Load() else load


def _share(cache: Entry) -> float | None:
    used, most = count(cache, "usedNumBlocks"), count(cache, "maxNumBlocks")
    return used / most if used is not None and most and used <= most else None


def _tokens(cache: Entry, blocks: str) -> int | None:
    number, size = count(cache, blocks), count(cache, "tokensPerBlock")
    return None if number is None or size is None else whole(number * size)


def _prefixes(cache: Entry) -> tuple[int | None, int | None]:
    """Tokens of the blocks that were looked up since the start, and of those that were found."""
    hits, misses = _tokens(cache, "reusedBlocks"), _tokens(cache, "missedBlocks")
    return None if hits is None or misses is None else whole(hits + misses), hits


def _most(values: Iterable[Number | None]) -> Number | None:
    return max((value for value in values if value is not None), default=None)


def _total(iterations: Iterable[Entry], name: str) -> int | None:
    told = [value for each in iterations if (value := count(each, name)) is not None]
    return whole(sum(told)) if told else None
