"""One fake for each protocol of `evalbudget.contracts`, and an event loop whose time is virtual.

`run_virtual(coroutine)` runs on `VirtualLoop`: sleeping takes no time, the clock jumps to the next thing that
is due, and what would wait forever fails instead of hanging. The order of events is the same each time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from evalbudget.contracts import Assignment, JournalRecord, Lane, Meter
from evalbudget.records import (
    Attempt,
    Failure,
    FailureKind,
    Job,
    Message,
    Reading,
    Reply,
    Request,
    Sample,
    Sampling,
    Score,
    Timings,
    Usage,
)

T = TypeVar("T")

# ── time ──


class _Jump(selectors.DefaultSelector):
    """Never waits: where a selector would, it moves the loop's time instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise AssertionError("deadlock: everything waits for something that nothing will bring")
        self.loop.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only by waiting, and then at once."""

    def __init__(self, executor_s: float = 0.0) -> None:
        self.now = 0.0
        self.executor_s = executor_s
        """Virtual seconds that each call in an executor takes."""
        selector = _Jump()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Calls it here and now; the result is ready `executor_s` later."""
        future: asyncio.Future[Any] = self.create_future()
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001 - handed to who waits
            self.call_later(self.executor_s, _if_waiting, future.set_exception, future, error)
        else:
            self.call_later(self.executor_s, _if_waiting, future.set_result, future, result)
        return future


def _if_waiting(settle: Callable[[Any], None], future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        settle(value)


def run_virtual(work: Coroutine[Any, Any, T], *, executor_s: float = 0.0) -> T:
    """`asyncio.run` in virtual time; calls in an executor take `executor_s` virtual seconds each."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(executor_s)) as runner:
        return runner.run(work)


class FakeClock:
    """`contracts.Clock` on the running loop's time; virtual on a `VirtualLoop`."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def utc(self) -> str:
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())
        return moment.isoformat(timespec="milliseconds")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


# ── what a run is made of ──


def make_job(number: int, *, model: str = "m", task: str = "sums", budget: int | None = None) -> Job:
    """The n-th job of a model."""
    return Job(model=model, task=task, sample_id=f"s{number}", budget=budget, repeat=0)


def make_reply(
    answer: str = "42", *, reasoning: str = "so", latency_s: float = 1.0, completion_tokens: int = 10
) -> Reply:
    """A reply that was streamed and finished."""
    return Reply(
        reasoning=reasoning,
        answer=answer,
        finish_reason="stop",
        usage=Usage(prompt_tokens=5, completion_tokens=completion_tokens, reasoning_tokens=3),
        timings=Timings(latency_s=latency_s, ttft_s=0.0, first_answer_s=0.0),
    )


def make_failure(
    kind: FailureKind = FailureKind.SERVER,
    *,
    retryable: bool = True,
    retry_after_s: float | None = None,
    partial: Reply | None = None,
) -> Failure:
    """A failure of an endpoint."""
    return Failure(
        kind=kind,
        message=f"a {kind} failure",
        retryable=retryable,
        retry_after_s=retry_after_s,
        partial=partial,
    )


REFUSED = make_failure(FailureKind.RATE_LIMIT)
"""HTTP 429 that does not say how long to wait."""


def exact_match(sample: Sample, reply: Reply) -> Score:
    """A scorer: 1 where the answer is the target."""
    return Score(value=float(reply.answer == sample.target), extracted=reply.answer or None)


def open_job(job: Job) -> Assignment:
    """An assignment whose prompt is the sample's id and whose target is 42."""
    sample = Sample(id=job.sample_id, prompt=job.sample_id, target="42")
    request = Request(messages=(Message(role="user", content=job.sample_id),), sampling=Sampling())
    return Assignment(job=job, sample=sample, request=request, scorer=exact_match, budget_mode=None)


def make_lane(
    endpoint: FakeEndpoint | CallableEndpoint,
    jobs: int | Sequence[Job],
    *,
    model: str = "m",
    concurrency: int | None = 4,
    open_with: Callable[[Job], Assignment] = open_job,
    blocked: Failure | None = None,
    probe: FakeProbe | None = None,
    already_done: int = 0,
) -> Lane:
    """A lane of so many jobs, or of these."""
    listed = tuple(make_job(n, model=model) for n in range(jobs)) if isinstance(jobs, int) else tuple(jobs)
    return Lane(
        model=model,
        endpoint=endpoint,
        jobs=listed,
        already_done=already_done,
        concurrency=concurrency,
        open=open_with,
        blocked=blocked,
        probe=probe,
    )


# ── the protocols ──


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a fake endpoint does with one request: stream for so long, then give the result."""

    takes_s: float = 1.0
    result: Reply | Failure = field(default_factory=make_reply)
    events: int = 1
    """Stream events reported at the start; 0 for a server that does not stream."""


@dataclass(slots=True)
class FakeEndpoint:
    """`contracts.Endpoint` by script: a list of steps for a prompt, the last of them again and again."""

    script: dict[str, list[Step]] = field(default_factory=dict)
    """Prompt → its steps, one for each try."""
    otherwise: Step = field(default_factory=Step)
    sent: list[tuple[float, str]] = field(default_factory=list)
    """(time, prompt) of each request, in order."""
    in_flight: int = 0
    peak: int = 0
    closed: bool = False

    async def ask(self, request: Request, meter: Meter) -> Reply | Failure:
        prompt = request.messages[-1].content
        steps = self.script.get(prompt)
        step = self.otherwise if not steps else steps.pop(0) if len(steps) > 1 else steps[0]
        self.sent.append((asyncio.get_running_loop().time(), prompt))
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            if step.events:
                meter.streamed(step.events)
            await asyncio.sleep(step.takes_s)
            return step.result
        finally:
            self.in_flight -= 1

    async def close(self) -> None:
        self.closed = True


@dataclass(slots=True)
class CallableEndpoint:
    """`contracts.Endpoint` made of a function."""

    answer: Callable[[Request, Meter], Awaitable[Reply | Failure]]

    async def ask(self, request: Request, meter: Meter) -> Reply | Failure:
        return await self.answer(request, meter)

    async def close(self) -> None:
        """Nothing to let go of."""


@dataclass(slots=True)
class FakeProbe:
    """`contracts.Probe` that shows what a function gives; what it raises stands for a probe's bug."""

    show: Callable[[], Reading | None] = lambda: None
    reads: int = 0

    async def read(self) -> Reading | None:
        self.reads += 1
        return self.show()


@dataclass(slots=True)
class MemorySink:
    """`contracts.Sink` in a list; durable after `takes_s`."""

    takes_s: float = 0.0
    records: list[JournalRecord] = field(default_factory=list)
    waiting: int = 0
    peak_waiting: int = 0
    keep: bool = True

    async def append(self, record: JournalRecord) -> None:
        self.waiting += 1
        self.peak_waiting = max(self.peak_waiting, self.waiting)
        await asyncio.sleep(self.takes_s)
        self.waiting -= 1
        if self.keep:
            self.records.append(record)

    @property
    def attempts(self) -> list[Attempt]:
        """The attempts, in the order in which they became durable."""
        return [record for record in self.records if isinstance(record, Attempt)]

    @property
    def readings(self) -> list[Reading]:
        """The readings."""
        return [record for record in self.records if isinstance(record, Reading)]


@dataclass(slots=True)
class RecordingWatcher:
    """`contracts.Watcher` that notes what it hears."""

    plans: dict[str, tuple[int, int]] = field(default_factory=dict)
    sends: list[Job] = field(default_factory=list)
    ends: list[Job] = field(default_factory=list)
    events: dict[str, int] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    limits: list[tuple[str, int]] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)

    def planned(self, model: str, jobs: int, already_done: int) -> None:
        self.plans[model] = (jobs, already_done)

    def sent(self, job: Job) -> None:
        self.sends.append(job)

    def ended(self, job: Job) -> None:
        self.ends.append(job)

    def streamed(self, model: str, events: int) -> None:
        self.events[model] = self.events.get(model, 0) + events

    def finished(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)

    def limit(self, model: str, concurrency: int) -> None:
        self.limits.append((model, concurrency))

    def notice(self, model: str, line: str) -> None:
        self.notices.append((model, line))


class NullMeter:
    """`contracts.Meter` that forgets."""

    def streamed(self, events: int) -> None:
        """Nothing."""


class SlotServer:
    """A server that decodes at most `slots` requests at once; the others queue, in order, or are refused."""

    def __init__(self, *, slots: int, tpot_s: float = 0.02, refuses_over: int | None = None) -> None:
        self.in_flight = 0
        self.refused = 0
        self.tokens = 0
        self._refuses_over = refuses_over
        self._tpot_s = tpot_s
        self._free = asyncio.Semaphore(slots)
        self._slots = slots
        self._decoding = 0

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return self.in_flight - self._decoding

    async def answer(self, tokens: int, meter: Meter) -> Reply | Failure:
        """One request; a slot gives one event each `tpot_s`, reported in pieces of five."""
        if self._refuses_over is not None and self.in_flight >= self._refuses_over:
            self.refused += 1
            return REFUSED
        self.in_flight += 1
        try:
            async with self._free:
                self._decoding += 1
                try:
                    for piece in _pieces(tokens, 5):
                        await asyncio.sleep(piece * self._tpot_s)
                        self.tokens += piece
                        meter.streamed(piece)
                finally:
                    self._decoding -= 1
            return make_reply(completion_tokens=tokens)
        finally:
            self.in_flight -= 1


def _pieces(total: int, size: int) -> Iterable[int]:
    return [min(size, total - start) for start in range(0, total, size)]
