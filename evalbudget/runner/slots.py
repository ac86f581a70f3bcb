"""A lane's slots: who may send, and when.

One slot is one request in flight. Waiting jobs get slots in the order of their positions in the lane, so a
job that comes back for another try goes before every job that was never sent.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import random
from dataclasses import dataclass
from typing import TypeAlias

from evalbudget.contracts import Clock
from evalbudget.runner.retry import RetryPolicy


@dataclass(slots=True, eq=False)
class Slot:
    """One request's place in flight."""

    sent_at: float
    """The clock's seconds."""
    proven: bool = False
    """The server has taken the request: something of its reply has arrived."""


Claim: TypeAlias = "asyncio.Future[Slot | None]"
"""A place in the line for a slot."""


class Pace:
    """Holds a lane back after HTTP 429, then lets it start slowly.

    After a refusal nothing is sent for as long as the server asked, or else for a time that doubles from one
    refusal to the next; then one request is sent, and each that the server takes doubles how many may follow
    at once (slow start, as RFC 5681 does for TCP). Refusals of requests already under way count as one.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self.unproven_allowed: float = math.inf
        """Requests that may be under way without a sign that the server takes them."""
        self._policy = policy
        self._refusals = 0
        self._asked_until = -math.inf
        self._held_until = -math.inf

    @property
    def not_before(self) -> float:
        """Nothing is sent before this, in the clock's seconds."""
        return max(self._asked_until, self._held_until)

    def refused(self, *, sent_at: float, now: float, retry_after_s: float | None) -> None:
        """A request that was sent then got HTTP 429 now."""
        self.unproven_allowed = 1
        if retry_after_s is not None:
            self.asked(now + max(retry_after_s, self._policy.first_wait_s))
        elif sent_at >= self.not_before:
            bound = min(
                self._policy.longest_wait_s, self._policy.first_wait_s * 2.0 ** min(self._refusals, 30)
            )
            self._refusals += 1
            # Half of the bound is certain: full jitter spreads many clients, and here is only one.
            self._held_until = now + random.uniform(bound / 2, bound)  # noqa: S311

    def asked(self, until: float) -> None:
        """The server asked to be left alone until then."""
        self._asked_until = max(self._asked_until, until)

    def proven(self, limit: int) -> None:
        """The server takes requests again."""
        self._refusals = 0
        self.unproven_allowed *= 2
        if self.unproven_allowed >= limit:
            self.unproven_allowed = math.inf

    def replied(self, now: float) -> None:
        """A reply is complete, so there may be room for one more: wait only for what the server asked."""
        self._held_until = min(self._held_until, now)


class Slots:
    """As many requests in flight as the limit allows, given out in order."""

    def __init__(self, limit: int, pace: Pace, clock: Clock) -> None:
        self.in_flight = 0
        self.closed = asyncio.Event()
        self._limit = limit
        self._pace = pace
        self._clock = clock
        self._unproven = 0
        self._waiting: list[tuple[int, Claim]] = []
        self._opener: asyncio.Task[None] | None = None
        self._opens_at = -math.inf

    @property
    def limit(self) -> int:
        """Requests allowed in flight; a lower limit takes effect as requests end."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        self._give_out()

    async def acquire(self, position: int) -> Slot | None:
        """A slot, when this position's turn has come; None when the lane was closed. Positions are unique."""
        return await self.redeem(self.claim(position))

    def claim(self, position: int) -> Claim:
        """A place in the line, to be redeemed or waived."""
        claim: Claim = asyncio.get_running_loop().create_future()
        if self.closed.is_set():
            claim.set_result(None)
        else:
            heapq.heappush(self._waiting, (position, claim))
            self._give_out()
        return claim

    async def redeem(self, claim: Claim) -> Slot | None:
        """Its slot, when its turn has come; None when the lane was closed."""
        try:
            return await claim
        except asyncio.CancelledError:
            self.waive(claim)
            raise

    def waive(self, claim: Claim) -> None:
        """It is not needed any more."""
        slot = claim.result() if claim.done() and not claim.cancelled() else None
        claim.cancel()
        if slot is not None:
            self.release(slot)

    def proven(self, slot: Slot) -> None:
        """Something of the reply has arrived."""
        if slot.proven:
            return
        slot.proven = True
        self._unproven -= 1
        if slot.sent_at >= self._pace.not_before:
            self._pace.proven(self._limit)
        self._give_out()

    def refused(self, slot: Slot, retry_after_s: float | None) -> None:
        """The server answered HTTP 429; to be told before the slot is released."""
        self._pace.refused(sent_at=slot.sent_at, now=self._clock.monotonic(), retry_after_s=retry_after_s)

    def asked(self, seconds: float) -> None:
        """The server asked to be left alone for so long."""
        self._pace.asked(self._clock.monotonic() + seconds)

    def replied(self, slot: Slot) -> None:
        """The reply is complete; to be told before the slot is released."""
        self.proven(slot)
        self._pace.replied(self._clock.monotonic())

    def release(self, slot: Slot) -> None:
        """The request has ended: its slot goes to the next in line."""
        self.in_flight -= 1
        if not slot.proven:
            self._unproven -= 1
        self._give_out()

    def close(self) -> None:
        """Give out no more: everyone who waits gets None."""
        self.closed.set()
        if self._opener is not None:
            self._opener.cancel()
        for _, turn in self._waiting:
            if not turn.done():
                turn.set_result(None)
        self._waiting.clear()

    def _give_out(self) -> None:
        now = self._clock.monotonic()
        while self._waiting and not self.closed.is_set():
            if self._waiting[0][1].done():  # its task was cancelled
                heapq.heappop(self._waiting)
            elif self.in_flight >= self._limit or self._unproven >= self._pace.unproven_allowed:
                return
            elif now < self._pace.not_before:
                self._open_later()
                return
            else:
                self.in_flight += 1
                self._unproven += 1
                heapq.heappop(self._waiting)[1].set_result(Slot(sent_at=now))

    def _open_later(self) -> None:
        if self._opener is not None and self._opens_at == self._pace.not_before:
            return
        if self._opener is not None:
            self._opener.cancel()
        self._opens_at = self._pace.not_before
        self._opener = asyncio.get_running_loop().create_task(self._wait_and_open())

    async def _wait_and_open(self) -> None:
        await self._clock.sleep(max(0.0, self._opens_at - self._clock.monotonic()))
        self._opener = None
        self._give_out()


class Hold:
    """What one road has of its lane's slots: one to send with, or a claim to the next.

    Requests that follow on each other at once keep their slot between them, as far as no earlier job waits:
    a server still has the beginning of the second in its cache.
    """

    def __init__(self, slots: Slots, position: int, slot: Slot | None) -> None:
        self._slots = slots
        self._position = position
        self._slot = slot
        self._claim: Claim | None = None

    @property
    def ready(self) -> bool:
        """A slot is here."""
        return self._slot is not None

    async def take(self) -> Slot | None:
        """A slot to send with; None when the lane was closed."""
        slot, self._slot = self._slot, None
        claim, self._claim = self._claim, None
        if slot is not None:
            return slot
        return await self._slots.redeem(claim or self._slots.claim(self._position))

    def ended(self, slot: Slot, *, goes_on: bool) -> None:
        """The slot's request has ended; `goes_on`: another follows at once."""
        if goes_on:
            self._claim = self._slots.claim(self._position)
        self._slots.release(slot)

    def let_go(self) -> None:
        """Give back what is not used."""
        slot, self._slot = self._slot, None
        claim, self._claim = self._claim, None
        if slot is not None:
            self._slots.release(slot)
        if claim is not None:
            self._slots.waive(claim)
