"""What a server shows of its work: requests, use of the cache, a stream that was hung up."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from evalbudget.doctor.findings import Seen, counted, failed, missing, partly, unknown, works
from evalbudget.doctor.interview import Heard, Interview, soon, tokens_per_s
from evalbudget.doctor.mends import CACHED, METRICS, NOT_CACHED, mend
from evalbudget.records import Failure, Reading, Request

_ENDLESS = "Count from 1 to 5000 in words, one number a line, and leave none out."
_LONG_S = 12.0
"""Seconds that the reply would take."""
_FEWEST_TOKENS, _MOST_TOKENS = 1024, 8192
_IGNORE_END = frozenset({"vllm", "sglang", "llama.cpp"})
"""Engines that take `ignore_eos`: the reply then goes on to `max_tokens`, whatever the model wants."""
_NOTICED_S = 4.0
"""Within these the server has to notice."""
_LOOK_S = 0.2
_LAG_S = 2.5
"""For metrics that lag behind."""
_RUNS_S = 0.2
"""It runs so long before it is left."""
_READ_SOON_S = 0.05
_READ_S = 3.0
_TOO_SHORT = "the reply ended before it could be left"


async def hang_up(asked: Interview) -> Seen:
    """A stream that is left stops on the server, too: else a run's cut loops would go on there."""
    before = await _at_rest(asked)
    if before is None or before.running is None:
        return unknown("the server does not show its running requests", mend(METRICS, asked.record.engine))
    if before.running:
        return unknown(f"{counted(before.running, 'other request')} are running there")
    request = await _endless(asked)
    heard, clock = Heard(), asyncio.get_running_loop().time
    started = clock()
    asking = asyncio.ensure_future(asked.patient.endpoint.ask(request, heard))
    begun = asyncio.ensure_future(heard.begun.wait())
    try:
        await asyncio.wait((asking, begun), return_when=asyncio.FIRST_COMPLETED)
        first, first_at = heard.events, clock()
        await asyncio.wait((asking,), timeout=_RUNS_S)
        during = None if asking.done() else await _reading(asked)
        if asking.done():
            outcome = asking.result()
            return failed(outcome) if isinstance(outcome, Failure) else unknown(_TOO_SHORT)
        if during is None or not during.running:
            return unknown("its metrics did not show the request while it ran")
    finally:
        asking.cancel()
        begun.cancel()
        await asyncio.gather(asking, begun, return_exceptions=True)
    rate = (heard.events - first) / max(clock() - first_at, _RUNS_S / 2)
    ends_at = first_at + (request.sampling.max_tokens or 0) / max(rate, 1.0)
    return await _until_noticed(asked, started, ends_at)


async def _endless(asked: Interview) -> Request:
    """A request for more tokens than it will wait for."""
    speed = tokens_per_s(await asked.natural()) or 0.0
    context = asked.record.max_model_len or _MOST_TOKENS
    tokens = min(max(round(speed * _LONG_S), _FEWEST_TOKENS), max(context - 1024, context // 2), _MOST_TOKENS)
    request = asked.request(_ENDLESS, tokens)
    more = {"ignore_eos": True} if asked.record.engine in _IGNORE_END else {}
    return replace(request, extra_body={**request.extra_body, **more})


async def _at_rest(asked: Interview) -> Reading | None:
    """The first reading without a request of ours, where one comes soon."""
    clock = asyncio.get_running_loop().time
    until = clock() + _LAG_S
    while True:
        reading = await _reading(asked)
        if reading is None or not reading.running or clock() > until:
            return reading
        await asyncio.sleep(_LOOK_S)


async def _reading(asked: Interview) -> Reading | None:
    probe = asked.patient.probe
    return None if probe is None else await soon(probe, _READ_S)


async def _until_noticed(asked: Interview, started: float, ends_at: float) -> Seen:
    clock = asyncio.get_running_loop().time
    left_at = clock()
    while clock() - left_at < _NOTICED_S:
        reading = await _reading(asked)
        if reading is not None and reading.running == 0:
            if clock() > ends_at - _READ_SOON_S:
                return unknown(_TOO_SHORT)
            ran_s, later_s = left_at - started, clock() - left_at
            return works(f"left after {ran_s:.1f} s, the request was gone {later_s:.1f} s later")
        await asyncio.sleep(_LOOK_S)
    return missing(
        f"left, the request still runs {_NOTICED_S:.0f} s later",
        "update the server, or let the gateway before it pass on that a client has gone",
    )


async def metrics(asked: Interview) -> Seen:
    """Requests, use of the cache, preemptions: what a run's readings will hold."""
    if not asked.readings:
        return missing("nothing is shown while it works", mend(METRICS, asked.record.engine))
    shown = {
        "requests running": _most(asked.readings, "running"),
        "waiting": _most(asked.readings, "waiting"),
        "KV use": _most(asked.readings, "kv_usage"),
        "KV tokens": _most(asked.readings, "kv_used_tokens"),
        "preemptions": _most(asked.readings, "preemptions"),
        "prefix-cache hits": _most(asked.readings, "prefix_hits"),
    }
    there = [name for name, value in shown.items() if value is not None]
    lacks = [name for name, value in shown.items() if value is None]
    by = f" (by {asked.readings[-1].source})"
    said = f"shown: {', '.join(there)}{by}"
    if shown["KV use"] is None and shown["KV tokens"] is None:
        return partly(f"{said}; not shown: {', '.join(lacks)}", _NO_USE.get(asked.record.engine, ""))
    return works(said)


_NO_USE = {"llama.cpp": "llama.cpp shows no use of its cache: a run reckons it from tokens"}


def _most(readings: list[Reading], name: str) -> float | None:
    values = [value for reading in readings if (value := getattr(reading, name)) is not None]
    return max(values, default=None)


async def prefix_cache(asked: Interview) -> Seen:
    """A prompt that was just asked is taken from the prefix cache, and the usage says so."""
    reply = await asked.again()
    cached, prompt = reply.usage.cached_tokens, reply.usage.prompt_tokens
    engine, block = asked.record.engine, asked.record.kv_block_tokens or 1
    if cached is None:
        return unknown("the usage does not say how much of a prompt was cached", mend(CACHED, engine))
    of = "a prompt asked before" if prompt is None else f"{counted(prompt, 'prompt token')} asked before"
    if cached:
        return works(f"{cached:,} of {of} came from the cache")
    if prompt is not None and prompt <= block:
        return unknown(f"{of} do not fill a block of {block}")
    return missing(f"none of {of} came from the cache", mend(NOT_CACHED, engine))
