"""Jobs of several requests: the runner's side of `contracts.Dialogue`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from evalbudget.contracts import Assignment, Dialogue
from evalbudget.records import (
    Failure,
    FailureKind,
    Job,
    Message,
    Reply,
    Request,
    Step,
)
from tests.fakes import FakeEndpoint, make_failure, make_lane, make_reply, open_job
from tests.fakes import Step as Served
from tests.runner.outing import Outing


@dataclass(slots=True)
class Questions:
    """A dialogue that asks `<id>/0`, `<id>/1`, … and ends after so many replies."""

    job: Job
    count: int
    first: Request
    wait: Callable[[], asyncio.Event] | None = None
    breaks_at: int | None = None
    heard_replies: list[Reply] = field(default_factory=list)
    closed: int = 0

    async def begin(self) -> Request | Failure:
        if self.wait is not None:
            await self.wait().wait()
        return self._next()

    async def heard(self, reply: Reply) -> Request | Failure | None:
        self.heard_replies.append(reply)
        if self.breaks_at == len(self.heard_replies):
            raise ZeroDivisionError("a secret of the prompt")
        return None if len(self.heard_replies) == self.count else self._next()

    def reply(self) -> Reply | None:
        if not self.heard_replies:
            return None
        steps = tuple(
            Step(turn=n, answer=reply.answer, results=("done",)) for n, reply in enumerate(self.heard_replies)
        )
        return replace(self.heard_replies[-1], steps=steps)

    async def close(self) -> None:
        self.closed += 1

    def _next(self) -> Request:
        text = f"{self.job.sample_id}/{len(self.heard_replies)}"
        return replace(self.first, messages=(Message(role="user", content=text),))


def opening(made: list[Questions], count: int = 3, **settings: object) -> Callable[[Job], Assignment]:
    """Opens each job with a dialogue, which is put into `made`."""

    def make(job: Job, first: Request) -> Dialogue:
        made.append(Questions(job, count, first, **settings))  # type: ignore[arg-type]
        return made[-1]

    def open_with(job: Job) -> Assignment:
        assignment = open_job(job)
        return replace(assignment, dialogue=partial(make, job, assignment.request))

    return open_with


def test_each_step_is_a_request_of_its_own_and_all_become_one_row() -> None:
    endpoint, made = FakeEndpoint(), list[Questions]()
    outing = Outing(make_lane(endpoint, 2, open_with=opening(made)))
    assert sorted(prompt for _, prompt in endpoint.sent) == ["s0/0", "s0/1", "s0/2", "s1/0", "s1/1", "s1/2"]
    assert outing.row(0) == ("ok", None, 3)
    [row] = [attempt for attempt in outing.memory.attempts if attempt.sample_id == "s0"]
    assert row.outcome == "correct"
    assert [step["turn"] for step in row.details["steps"]] == [0, 1, 2]  # type: ignore[index, union-attr, call-overload]
    assert [dialogue.closed for dialogue in made] == [1, 1]


def test_a_step_that_fails_is_tried_again_without_repeating_the_others() -> None:
    script = {"s0/1": [Served(result=make_failure()), Served(result=make_failure()), Served()]}
    endpoint = FakeEndpoint(script=script)
    outing = Outing(make_lane(endpoint, 1, open_with=opening([])))
    assert [prompt for _, prompt in endpoint.sent] == ["s0/0", "s0/1", "s0/1", "s0/1", "s0/2"]
    assert outing.row(0) == ("ok", None, 5)


def test_a_step_out_of_tries_ends_the_job_and_keeps_what_had_come() -> None:
    refusal = make_failure(FailureKind.CONTEXT_OVERFLOW, retryable=False)
    endpoint, made = FakeEndpoint(script={"s0/2": [Served(result=refusal)]}), list[Questions]()
    outing = Outing(make_lane(endpoint, 1, open_with=opening(made)))
    [row] = outing.memory.attempts
    assert (row.status, row.error_kind, row.tries) == ("failed", "context_overflow", 3)
    assert len(row.details["steps"]) == 2  # type: ignore[arg-type]
    assert made[0].closed == 1


def test_a_bug_of_the_dialogue_is_a_failure_that_quotes_nothing() -> None:
    outing = Outing(make_lane(FakeEndpoint(), 2, open_with=opening([], breaks_at=2)))
    for row in outing.memory.attempts:
        assert (row.status, row.error_kind) == ("failed", "scorer")
        assert "ZeroDivisionError" in (row.error or "") and "secret" not in (row.error or "")


def test_dialogues_that_wait_for_another_hold_no_slot() -> None:
    """With one slot, the second could never finish if the first kept it while it waits."""
    ready = asyncio.Event()
    made: list[Questions] = []

    def open_with(job: Job) -> Assignment:
        assignment = open_job(job)
        waits = job.sample_id == "s0"

        def make() -> Dialogue:
            made.append(Questions(job, 2, assignment.request, (lambda: ready) if waits else None))
            return made[-1] if waits else Opening(made[-1], ready)

        return replace(assignment, dialogue=make)

    outing = Outing(make_lane(FakeEndpoint(), 2, concurrency=1, open_with=open_with))
    assert [outing.row(0)[0], outing.row(1)[0]] == ["ok", "ok"]


@dataclass(slots=True)
class Opening:
    """A dialogue that, at its end, lets the others begin."""

    inner: Questions
    ready: asyncio.Event

    async def begin(self) -> Request | Failure:
        return await self.inner.begin()

    async def heard(self, reply: Reply) -> Request | Failure | None:
        return await self.inner.heard(reply)

    def reply(self) -> Reply | None:
        return self.inner.reply()

    async def close(self) -> None:
        self.ready.set()


def test_a_stop_between_two_steps_records_nothing_and_closes_the_dialogue() -> None:
    made: list[Questions] = []
    outing = Outing(make_lane(FakeEndpoint(), 3, concurrency=1, open_with=opening(made)), stop_at=1.5)
    assert outing.memory.attempts == []
    assert outing.summary.interrupted
    assert all(dialogue.closed == 1 for dialogue in made)


def test_a_server_that_is_gone_fails_open_dialogues_with_what_they_had() -> None:
    gone = Served(result=make_failure(FailureKind.AUTH, retryable=False))
    script = {"s0/0": [Served(takes_s=1.0)], "s1/0": [Served(takes_s=1.5, result=gone.result)]}
    endpoint = FakeEndpoint(script=script, otherwise=Served(takes_s=9.0, result=make_reply()))
    outing = Outing(make_lane(endpoint, 3, concurrency=2, open_with=opening([])))
    assert outing.row(1)[:2] == ("failed", "auth")
    assert {outing.row(0)[0], outing.row(2)[0]} == {"failed"}
