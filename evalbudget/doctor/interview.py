"""The questions that one server is asked, each once, and the replies that several checks read."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from evalbudget.contracts import Endpoint, Probe
from evalbudget.doctor.findings import UntoldError, failed, unknown
from evalbudget.kv import KvVerdict
from evalbudget.reasoning.budgets import ForceString, force_string
from evalbudget.reasoning.counting import count_tokens
from evalbudget.records import (
    Failure,
    FailureKind,
    JsonValue,
    Message,
    Reading,
    Reply,
    Request,
    Sampling,
    ServerRecord,
)

QUESTION = (
    "Ann has 17 boxes with 23 pens in each. She gives 45 pens away and packs the others into bags of 6. "
    "How many bags are full, and how many pens are left over? Work it out, then write both numbers on the "
    "last line."
)
"""Makes a model think; long enough to fill blocks of a prefix cache."""

SHORT = 6
"""Tokens of the first reply, which tells whether anything works, and how fast."""
AGAIN = 48
"""Tokens of the question asked again."""
_NATURAL_S = 14.0
"""Seconds that the natural reply may take, as far as the first one told."""
_FEWEST, _MOST, _USUAL = 64, 512, 192
"""Tokens of the natural reply: at least, at most, and where the speed is not known."""
_NATURAL_MOST_S, _ONE_S = 35.0, 25.0
"""Seconds for the natural reply, and for any other."""
_OFF = 48
_SEEN_S = 0.01
"""A reply whose tokens came within less came in one piece, which tells nothing of its speed."""
NO_THINKING = "no thinking was seen to try it on"
_LOOKS_EVERY_S = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """One model behind one server."""

    name: str
    """The model's label."""
    record: ServerRecord
    endpoint: Endpoint
    probe: Probe | None = None
    kv: KvVerdict = field(default_factory=KvVerdict)
    force: ForceString = field(default_factory=force_string)
    """What closes this model's thinking."""
    effort: str | None = None
    extra_body: Mapping[str, JsonValue] = field(default_factory=dict)
    at_once: int = 4
    """Questions in flight, where several may be."""


class Heard:
    """`contracts.Meter` that counts, and tells when the first event of a stream has come."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.events = 0

    def streamed(self, events: int) -> None:
        """Events have arrived."""
        self.events += events
        if events > 0:
            self.begun.set()


class Interview:
    """Asks one patient; `first` is its first reply."""

    def __init__(self, patient: Patient, first: Reply) -> None:
        self.patient = patient
        self.record = patient.record
        self.first = first
        self.readings: list[Reading] = []
        """What the probe saw while questions were being answered."""
        self._slots = asyncio.Semaphore(max(1, patient.at_once))
        self._asked: dict[str, asyncio.Task[Reply | Failure]] = {}
        self._watching = asyncio.ensure_future(self._watch())

    async def close(self) -> None:
        """Ends what is under way."""
        tasks = [self._watching, *self._asked.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def outcome(self, request: Request, within_s: float = _ONE_S) -> Reply | Failure:
        """One request, when a slot is free; a failure, too, where no reply came in time."""
        async with self._slots:
            try:
                async with asyncio.timeout(within_s):
                    return await self.patient.endpoint.ask(request, Heard())
            except TimeoutError:
                what = f"not complete within {within_s:.0f} s"
                return Failure(kind=FailureKind.TIMEOUT, message=what, retryable=True)

    async def ask(self, request: Request, mend: str = "") -> Reply:
        """The reply to one request. Raises UntoldError where there was none; `mend`: what mends a refusal."""
        return _reply(await self.outcome(request), mend)

    async def natural(self) -> Reply:
        """The question, at temperature 0, with as many tokens as the server makes in a few seconds.

        Raises UntoldError.
        """
        request = self.request(QUESTION, self.tokens(_NATURAL_S))
        asking = self.outcome(replace(request, beside_budgets=False), _NATURAL_MOST_S)
        return _reply(await self._once("natural", asking))

    async def trace(self) -> Reply:
        """The same, where it holds thinking. Raises UntoldError."""
        reply = await self.natural()
        if not thinks(reply):
            raise UntoldError(unknown(NO_THINKING))
        return reply

    async def again(self) -> Reply:
        """The natural question once more, shorter. Raises UntoldError."""
        request = self.request(QUESTION, AGAIN)
        asking = self.outcome(replace(request, beside_budgets=False))
        return _reply(await self._once("again", asking))

    async def unthought(self) -> Reply | Failure:
        """The same with thinking switched off."""
        request = self.request(QUESTION, _OFF)
        return await self._once("unthought", self.outcome(replace(request, thinking_budget=0)))

    def request(self, text: str, max_tokens: int) -> Request:
        """A question as this model's jobs are asked, at temperature 0, beside others with budgets."""
        return _request(self.patient, text, max_tokens)

    def tokens(self, seconds: float) -> int:
        """Tokens that it makes in so many seconds, within what is worth asking for."""
        speed = tokens_per_s(self.first)
        wanted = _USUAL if speed is None else round(speed * seconds)
        return min(max(wanted, _FEWEST), _MOST)

    async def _once(self, name: str, asking: Coroutine[Any, Any, Reply | Failure]) -> Reply | Failure:
        if name in self._asked:
            asking.close()
        else:
            self._asked[name] = asyncio.ensure_future(asking)
        return await asyncio.shield(self._asked[name])

    async def _watch(self) -> None:
        while self.patient.probe is not None:
            reading = await self.patient.probe.read()
            if reading is not None:
                self.readings.append(reading)
            await asyncio.sleep(_LOOKS_EVERY_S)


def _reply(outcome: Reply | Failure, mend: str = "") -> Reply:
    if isinstance(outcome, Failure):
        raise UntoldError(failed(outcome, mend))
    return outcome


async def first_reply(patient: Patient) -> Reply | Failure:
    """The first few tokens, with patience for a server that is still loading."""
    request = replace(_request(patient, QUESTION, SHORT), beside_budgets=False)
    for wait_s in (1.0, 3.0, None):
        outcome = await patient.endpoint.ask(request, Heard())
        if isinstance(outcome, Reply) or not outcome.retryable or wait_s is None:
            break
        await asyncio.sleep(wait_s)
    return outcome


def _request(patient: Patient, text: str, max_tokens: int) -> Request:
    return Request(
        messages=(Message(role="user", content=text),),
        sampling=Sampling(temperature=0.0, max_tokens=max_tokens),
        effort=patient.effort,
        beside_budgets=True,
        extra_body=patient.extra_body,
    )


def tokens_per_s(reply: Reply) -> float | None:
    """How fast a reply was written, from its first token on; None where that cannot be told."""
    counts, timings = count_tokens(reply), reply.timings
    if not counts.completion or not timings.latency_s:
        return None
    writing_s = timings.latency_s - (timings.ttft_s or 0.0)
    if timings.ttft_s is not None and counts.completion > 1 and writing_s > _SEEN_S:
        return (counts.completion - 1) / writing_s
    return counts.completion / timings.latency_s


def thinks(reply: Reply) -> bool:
    """Whether there is thinking in it."""
    return bool(reply.reasoning.strip())


async def soon(probe: Probe, seconds: float) -> Reading | None:
    """One reading; None where none comes in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await probe.read()
    return None
