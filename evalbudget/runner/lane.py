"""One lane of a run: a model's jobs, from the first request to the last durable row.

    dispatch   one job after the other, in order: open it, wait for a slot, start its road
    road       ask, in the slot, as often as `retry` allows → free the slot → judge → append → tell
               → the same for each job that takes up its reply

A slot is free the moment its reply is complete, and the next request goes out at once: judging and waiting
for durability happen outside. Both are bounded, so memory does not grow with the number of jobs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

from evalbudget.contracts import Assignment, Clock, Dialogue, Follower, Lane, Sink, Watcher
from evalbudget.errors import where_raised
from evalbudget.privacy import unquoting
from evalbudget.records import Attempt, Failure, FailureKind, Reply, Request
from evalbudget.runner.attempts import Ending, judge, whole_result
from evalbudget.runner.concurrency import Climb, Gauge
from evalbudget.runner.notices import Notices
from evalbudget.runner.readings import Readings
from evalbudget.runner.retry import Circuit, RetryPolicy, Tries, given_up, may_succeed_later, retrying
from evalbudget.runner.slots import Hold, Pace, Slot, Slots

Result: TypeAlias = Reply | Failure

LOOKS_EVERY_S = 0.25
"""Between two looks at a window of the automatic concurrency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all lanes of a run share."""

    run_id: str
    sink: Sink
    watcher: Watcher
    clock: Clock
    policy: RetryPolicy
    judges: Executor
    """Where scorers run, so that a slow one does not hold up the streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSummary:
    """What became of one lane in this execution."""

    model: str
    jobs: int
    """Jobs that were to be sent."""
    ok: int
    """Of these, scored and durable."""
    failed: int
    """Of these, durable with a failure."""
    requests: int
    """Requests sent, retries included."""
    gave_up: Failure | None
    """Why the lane's last jobs were recorded without being sent; None where all were sent."""

    @property
    def unrecorded(self) -> int:
        """Jobs that a resume would send: the run was stopped before they were durable."""
        return self.jobs - self.ok - self.failed


@dataclass(slots=True, eq=False)
class _Road:
    """One job under way."""

    assignment: Assignment
    request: Request
    """The job's, or the dialogue's next."""
    hold: Hold
    """Its slots."""
    started_at: str
    tries: Tries = field(default_factory=Tries)
    """Of this request."""
    sent_before: int = 0
    """Requests sent for the dialogue's earlier steps."""
    result: Result | None = None
    """The last try's, until it is recorded."""


class _TryMeter:
    """`contracts.Meter` of one request."""

    __slots__ = ("_begun", "_lane", "_slot")

    def __init__(self, lane: LaneRun, slot: Slot) -> None:
        self._lane = lane
        self._slot = slot
        self._begun = False

    def streamed(self, events: int) -> None:
        lane = self._lane
        if not self._begun:
            self._begun = True
            lane.begun(self._slot)
        lane.gauge.work += events
        lane.around.watcher.streamed(lane.lane.model, events)


class LaneRun:
    """Carries out one lane."""

    def __init__(self, lane: Lane, around: Surroundings) -> None:
        self.lane = lane
        self.around = around
        self.gauge = Gauge(around.clock.monotonic())
        self._climb = Climb() if lane.concurrency is None else None
        limit = self._climb.limit if self._climb is not None else max(1, lane.concurrency or 1)
        self._slots = Slots(limit, Pace(around.policy), around.clock)
        self._circuit = Circuit(around.policy)
        self._heard_at = around.clock.monotonic()
        self._gave_up: Failure | None = None
        self._halted = asyncio.Event()
        self._jobs = self._undispatched = len(lane.jobs) + lane.following
        self._roads = self._between_tries = 0
        self._unanswered: set[asyncio.Task[Any]] = set()
        self._changed = asyncio.Event()
        self._ok = self._failed = self._requests = 0
        self._notices = Notices(lane, around.watcher)

    async def run(self) -> LaneSummary:
        """All the way; raises what the sink raises, after everything in flight was cancelled."""
        self._announce()
        async with asyncio.TaskGroup() as company:
            watching = [company.create_task(work) for work in self._companions()]
            async with asyncio.TaskGroup() as roads:
                await self._dispatch(roads)
            self._slots.close()
            for task in watching:
                task.cancel()
        return LaneSummary(
            model=self.lane.model,
            jobs=self._jobs,
            ok=self._ok,
            failed=self._failed,
            requests=self._requests,
            gave_up=self._gave_up,
        )

    def halt(self) -> None:
        """Send nothing more and drop what has no reply yet; replies that are there still become durable."""
        self._halted.set()
        self._slots.close()
        for task in self._unanswered:
            task.cancel()
        self._changed.set()

    def begun(self, slot: Slot) -> None:
        """The first piece of a reply is here."""
        self._heard_at = self.around.clock.monotonic()
        self.gauge.first_token(self._heard_at - slot.sent_at)
        self._slots.proven(slot)

    def _announce(self) -> None:
        lane = self.lane
        self.around.watcher.planned(lane.model, self._jobs + lane.already_done, lane.already_done)
        self.around.watcher.limit(lane.model, self._slots.limit)
        if lane.blocked is not None and lane.jobs:
            self._give_up(lane.blocked)

    def _companions(self) -> list[Coroutine[Any, Any, None]]:
        companions = []
        if self.lane.probe is not None and self.lane.blocked is None:
            readings = Readings(self.lane.probe, self.around.sink, self.around.clock, self.gauge)
            companions.append(readings.run())
        if self._climb is not None:
            companions.append(self._tune(self._climb))
        return companions

    # ── dispatch ──

    async def _dispatch(self, roads: asyncio.TaskGroup) -> None:
        for position, job in enumerate(self.lane.jobs):
            await self._room()
            if self._halted.is_set():
                return
            assignment = self.lane.open(job)
            slot = await self._slots.acquire(position)
            if self._halted.is_set():
                return
            self._undispatched -= 1 + len(assignment.followers)
            road = self._road(assignment, Hold(self._slots, position, slot))
            self._roads += 1
            roads.create_task(self._carry(road)).add_done_callback(self._ended)

    async def _room(self) -> None:
        """Wait until one more job may be opened: roads and jobs between two tries are bounded."""
        while not self._halted.is_set() and self._full():
            self._changed.clear()
            await self._changed.wait()

    def _full(self) -> bool:
        limit = self._slots.limit
        return self._roads >= 5 * limit + 64 or self._between_tries >= limit + self.around.policy.waiting_over

    def _ended(self, _road: asyncio.Task[None]) -> None:
        self._roads -= 1
        self._changed.set()

    # ── a job's road ──

    def _road(self, assignment: Assignment, hold: Hold) -> _Road:
        request, now = assignment.request, self.around.clock.utc()
        return _Road(assignment=assignment, request=request, hold=hold, started_at=now)

    async def _carry(self, road: _Road) -> None:
        """A job, and those that take up its reply."""
        try:
            if road.hold.ready:
                await self._answer(road)
            lead = await self._settle(road)
            for follower in road.assignment.followers:
                await self._follow(follower, lead, road.hold)
        finally:
            road.hold.let_go()

    async def _follow(self, follower: Follower, lead: Result | None, hold: Hold) -> None:
        """A job that takes up another's reply, in that one's place in the line; it fails where that did."""
        road = self._road(follower.assignment, hold)
        if isinstance(lead, Failure):
            road.result = replace(lead, message=f"without its trace: {lead.message}", partial=None)
        elif lead is not None and not self._halted.is_set():
            road.assignment = replace(follower.assignment, dialogue=partial(follower.dialogue, lead))
            await self._answer(road)
        await self._settle(road)

    async def _settle(self, road: _Road) -> Result | None:
        """Record what came of it; None where nothing did, because the user stopped the run."""
        result, road.result = self._result(road), None
        if result is not None:
            await self._record(road, result)
        return result

    def _result(self, road: _Road) -> Result | None:
        return road.result or self._gave_up

    async def _answer(self, road: _Road) -> None:
        """Until there is a reply, or a failure to keep; left without either where the lane was closed."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._unanswered.add(task)
        try:
            if road.assignment.dialogue is None:
                await self._request(road)
            else:
                await self._converse(road, road.assignment.dialogue())
        finally:
            self._unanswered.discard(task)

    async def _request(self, road: _Road) -> None:
        """Ask one request's question until there is a reply, or a failure to keep."""
        failure = await self._try(road)
        if failure is not None:
            await self._try_again(road, failure)

    async def _converse(self, road: _Road, dialogue: Dialogue) -> None:
        """Step by step. Where the steps do not follow at once, each has a slot of its own."""
        if not road.assignment.at_once:
            road.hold.let_go()
        try:
            said: Request | Failure | None = await dialogue.begin()
            while isinstance(said, Request):
                road.sent_before += road.tries.sent
                road.request, road.tries, road.result = said, Tries(), None
                await self._request(road)
                result = self._result(road)
                if result is None:
                    return  # stopped by the user
                said = await dialogue.heard(result) if isinstance(result, Reply) else result
            road.result = whole_result(said, dialogue)
        except Exception as error:  # noqa: BLE001 - a tool's or a dialogue's bug must not end a run of hours
            message = f"the dialogue raised {type(error).__name__} at {where_raised(error)}"
            failure = Failure(kind=FailureKind.SCORER, message=message)
            road.result = whole_result(failure, dialogue)
        finally:
            await dialogue.close()

    async def _try_again(self, road: _Road, first: Failure) -> None:
        """Go on after a first failure. Replies at the first try, nearly all, are spared tenacity's 80 µs."""
        known = [first]

        async def next_result() -> Failure | None:
            return known.pop() if known else await self._try(road)

        give_up = partial(self._out_of_tries, road.tries)
        await retrying(self.around.policy, give_up, self._rest)(next_result)

    async def _rest(self, seconds: float) -> None:
        """Between two tries, without a slot; ends early when the lane closes."""
        self._between_tries += 1
        if seconds <= 0:
            return
        nap = asyncio.ensure_future(self.around.clock.sleep(seconds))
        closed = asyncio.ensure_future(self._slots.closed.wait())
        try:
            await asyncio.wait((nap, closed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            closed.cancel()

    async def _try(self, road: _Road) -> Failure | None:
        again = road.tries.sent > 0
        slot = await road.hold.take()
        if again:
            self._between_tries -= 1
            self._changed.set()
        if slot is None:
            return None  # closed: the failure of the try before stands
        self._requests += 1
        self.around.watcher.sent(road.assignment.job)
        try:
            road.result = unquoting(await self._ask(road.request, slot), road.assignment)
            failure = replace(road.result, partial=None) if isinstance(road.result, Failure) else None
            road.tries.note(failure, self.around.clock.monotonic())
            self._learn(slot, road.result)
            self._weigh(road.tries, failure)
        finally:
            goes_on = road.assignment.at_once and isinstance(road.result, Reply)
            road.hold.ended(slot, goes_on=goes_on)
            self.around.watcher.ended(road.assignment.job)
        return failure

    async def _ask(self, request: Request, slot: Slot) -> Result:
        try:
            return await self.lane.endpoint.ask(request, _TryMeter(self, slot))
        except Exception as error:  # noqa: BLE001 - a bug met in one reply must not end a run of hours
            # The error's own text may quote what was sent; its type and place are enough to find the bug.
            message = f"evalbudget failed on this reply: {type(error).__name__} at {where_raised(error)}"
            return Failure(kind=FailureKind.BAD_STREAM, message=message)

    def _learn(self, slot: Slot, result: Result) -> None:
        """What one request's result says about the server; before its slot goes to the next."""
        if isinstance(result, Reply):
            self._heard_at = self.around.clock.monotonic()
            self._slots.replied(slot)
            self.gauge.replied(streamed=result.timings.ttft_s is not None)
        elif result.kind is FailureKind.RATE_LIMIT:
            self.gauge.refused(self._slots.in_flight - 1)
            self._slots.refused(slot, result.retry_after_s)
        elif result.retry_after_s is not None:
            self._slots.asked(result.retry_after_s)

    def _weigh(self, tries: Tries, failure: Failure | None) -> None:
        """Whether the lane is of any more use; before the slot goes to the next."""
        if failure is not None and may_succeed_later(failure) and not self._out_of_tries(tries, failure):
            return
        opened = self._circuit.opened_by(failure, self._slots.limit)
        if opened and failure is not None and self._gave_up is None:
            self._give_up(failure)

    def _out_of_tries(self, tries: Tries, failure: Failure) -> bool:
        now = self.around.clock.monotonic()
        return self._slots.closed.is_set() or given_up(
            self.around.policy, tries, failure, now=now, heard_at=self._heard_at
        )

    async def _record(self, road: _Road, result: Result) -> None:
        sent = road.sent_before + road.tries.sent
        ending = Ending(result=result, tries=sent, started_at=road.started_at, kv_bytes=self.lane.kv_bytes)
        attempt: Attempt = await asyncio.get_running_loop().run_in_executor(
            self.around.judges, judge, self.around.run_id, road.assignment, ending
        )
        await self.around.sink.append(attempt)
        if attempt.status == "ok":
            self._ok += 1
        else:
            self._failed += 1
        self._notices.look_at(attempt)
        self.around.watcher.finished(attempt)

    # ── the lane as a whole ──

    def _give_up(self, failure: Failure) -> None:
        """The server is of no use: what was not sent is recorded with this failure, and a resume sends it."""
        self._gave_up = failure
        left = self._undispatched + self._between_tries
        self._slots.close()
        self._notices.know(failure.kind)
        if left:
            line = f"{failure.message}; {left} jobs recorded as failed, `--resume` sends them again"
            self._notices.tell(line)
        self._changed.set()

    async def _tune(self, climb: Climb) -> None:
        while True:
            await self.around.clock.sleep(LOOKS_EVERY_S)
            now = self.around.clock.monotonic()
            self.gauge.sample(self._slots.in_flight)
            window = self.gauge.window(now, self._slots.limit)
            if window is None or climb.feed(window) == self._slots.limit:
                continue
            self.gauge.settle(now)
            self._slots.limit = climb.limit
            self.around.watcher.limit(self.lane.model, climb.limit)
            self._changed.set()
