"""What the runner needs from the rest: `wiring` brings the real ones, tests/fakes.py the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from evalbudget.records import (
    Attempt,
    Failure,
    Job,
    Reading,
    Reply,
    Request,
    RunRecord,
    Sample,
    Score,
    ServerRecord,
)

Scorer: TypeAlias = Callable[[Sample, Reply], Score]
"""A pure function, called from several threads; what it raises becomes a `Failure` of kind `scorer`."""

JournalRecord: TypeAlias = RunRecord | ServerRecord | Attempt | Reading
"""What a run's journal holds."""


class Meter(Protocol):
    """Hears of a reply's progress while it streams: once for each piece of bytes, so it must be cheap."""

    def streamed(self, events: int) -> None:
        """So many more events of the stream have arrived."""


class Endpoint(Protocol):
    """One model behind one server."""

    async def ask(self, request: Request, meter: Meter) -> Reply | Failure:
        """Send one request, once. Raises for nothing that a server or a network does; cancellation passes."""

    async def close(self) -> None:
        """Let go of connections."""


class Dialogue(Protocol):
    """A job of more than one request: what is asked next follows from what was replied.

    The runner calls `begin`, sends each request as it would any other (slots, retries), gives each reply to
    `heard`, and stops at None or at the first failure; then it takes `reply` and calls `close`.
    """

    async def begin(self) -> Request | Failure | None:
        """The first request; may wait for what another dialogue prepares. A failure ends the job; None where
        nothing need be asked, because `reply` has it already."""

    async def heard(self, reply: Reply) -> Request | Failure | None:
        """The next request; None at the end."""

    def reply(self) -> Reply | None:
        """All replies so far as one, for the scorer; None where there was none."""

    async def close(self) -> None:
        """Let go of what it holds, however it ended."""


class Probe(Protocol):
    """Looks at a server, again and again, while a run goes on."""

    async def read(self) -> Reading | None:
        """One observation; None where the server shows nothing. A probe's trouble is a gap, never a stop."""


class Sink(Protocol):
    """Where records go."""

    async def append(self, record: JournalRecord) -> None:
        """Returns when the record is durable."""


class Clock(Protocol):
    """Time, so that tests need not wait for it."""

    def monotonic(self) -> float:
        """Seconds, from some start."""

    def utc(self) -> str:
        """Now, ISO 8601."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Watcher(Protocol):
    """Hears what the run does: the live display, or plain lines."""

    def planned(self, model: str, jobs: int, already_done: int) -> None:
        """A model's jobs are known; `already_done` of them are in the journal from before."""

    def sent(self, job: Job) -> None:
        """A try of this job was sent."""

    def ended(self, job: Job) -> None:
        """A try of this job has ended, well or badly: its slot is free, its attempt not durable yet."""

    def streamed(self, model: str, events: int) -> None:
        """So many stream events more of this model."""

    def finished(self, attempt: Attempt) -> None:
        """An attempt is durable."""

    def limit(self, model: str, concurrency: int) -> None:
        """The number of requests allowed in flight changed."""

    def notice(self, model: str, line: str) -> None:
        """Something that the user should read, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A job, opened: all that the runner needs to carry it out."""

    job: Job
    sample: Sample
    request: Request
    scorer: Scorer
    budget_mode: str | None
    dialogue: Callable[[], Dialogue] | None = None
    """Makes the dialogue that the job consists of; None where one request is all."""
    at_once: bool = False
    """Whether what follows its first request, of its dialogue or its followers, follows without delay."""
    followers: tuple[Follower, ...] = ()
    """Carried out one after the other right behind this one, with its reply. Where it has none, they fail."""
    reads_thinking: bool = False
    """Whether the scorer can look for the answer in the thinking, where the reply does not give it."""
    private: bool = False
    """Whether nothing that is shown may quote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """A job that takes up another's reply: the answer under a budget, from the trace of the unlimited one."""

    assignment: Assignment
    """Without a dialogue, and without followers of its own."""
    dialogue: Callable[[Reply], Dialogue]
    """Makes its dialogue from that reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One model's part of a run."""

    model: str
    endpoint: Endpoint
    jobs: tuple[Job, ...]
    """In the order to send; those that the journal already holds are left out."""
    already_done: int
    """Jobs of this model that the journal already holds."""
    following: int = 0
    """Jobs besides `jobs`: their assignments' followers."""
    budget_ignored: Callable[[int], str] | None = None
    """What would help where this budget is not kept; None = nothing is said."""
    concurrency: int | None
    """Requests in flight; None = find it out."""
    open: Callable[[Job], Assignment]
    blocked: Failure | None = None
    """Set where the server could not be reached at the start: every job is recorded with this failure."""
    probe: Probe | None = None
    kv_bytes: Callable[[int], float | None] | None = None
    """Bytes of KV memory that one sequence of so many tokens takes; None = not known."""
