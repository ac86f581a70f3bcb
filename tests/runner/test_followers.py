"""Jobs that take up another's reply: the runner's side of budgets on one trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from evalbudget.contracts import Assignment, Dialogue, Follower
from evalbudget.records import Failure, FailureKind, Job, Message, Reply, Request
from tests.fakes import FakeEndpoint, make_failure, make_job, make_lane, make_reply, open_job
from tests.fakes import Step as Served
from tests.runner.outing import Outing

BUDGETS = (64, 16)


@dataclass(slots=True)
class Taking:
    """Asks once, with the trace's thinking in the prompt; budgets of 64 and more need not ask."""

    request: Request
    budget: int
    trace: Reply
    answer: Reply | None = None

    async def begin(self) -> Request | None:
        if self.budget >= 64:
            self.answer = self.trace
            return None
        said = self.request.messages[-1].content
        text = f"{said}/{self.budget}/{self.trace.reasoning}"
        return replace(self.request, messages=(Message(role="user", content=text),))

    async def heard(self, reply: Reply) -> None:
        self.answer = reply

    def reply(self) -> Reply | None:
        return self.answer

    async def close(self) -> None:
        pass


def opening(budgets: Sequence[int] = BUDGETS) -> Callable[[Job], Assignment]:
    """Opens each job as a trace with these budgets behind it."""

    def take(request: Request, budget: int, trace: Reply) -> Dialogue:
        return Taking(request, budget, trace)

    def opened(job: Job) -> Assignment:
        behind = []
        for budget in budgets:
            limited = open_job(replace(job, budget=budget))
            assignment = replace(limited, budget_mode="trace", at_once=True)
            behind.append(Follower(assignment=assignment, dialogue=partial(take, assignment.request, budget)))
        return replace(open_job(job), at_once=True, followers=tuple(behind))

    return opened


def outing(endpoint: FakeEndpoint, jobs: int = 1, stop_at: float | None = None) -> Outing:
    lane = make_lane(endpoint, jobs, concurrency=1, open_with=opening())
    return Outing(replace(lane, following=jobs * len(BUDGETS)), stop_at=stop_at)


def rows(seen: Outing) -> list[tuple[str, int | None, str, int]]:
    return [(row.sample_id, row.budget, row.status, row.tries) for row in seen.memory.attempts]


def test_budgets_are_asked_right_behind_their_trace_before_the_next_one_begins() -> None:
    endpoint = FakeEndpoint()
    seen = outing(endpoint, 2)
    assert [prompt for _, prompt in endpoint.sent] == ["s0", "s0/16/so", "s1", "s1/16/so"]
    assert rows(seen) == [
        (sample, budget, "ok", 0 if budget == 64 else 1)
        for sample in ("s0", "s1")
        for budget in (None, 64, 16)
    ]
    [lane] = seen.summary.lanes
    assert (lane.jobs, lane.ok, lane.requests, lane.unrecorded) == (6, 6, 4, 0)
    assert seen.watcher.plans["m"] == (6, 0)


def test_a_trace_that_failed_fails_its_budgets_without_a_request() -> None:
    endpoint = FakeEndpoint({"s0": [Served(result=make_failure(FailureKind.REQUEST, retryable=False))]})
    seen = outing(endpoint, 2)
    assert [prompt for _, prompt in endpoint.sent] == ["s0", "s1", "s1/16/so"]
    failed = [row for row in seen.memory.attempts if row.status == "failed"]
    assert [(row.budget, row.error_kind, row.tries) for row in failed] == [
        (None, "request", 1),
        (64, "request", 0),
        (16, "request", 0),
    ]
    assert failed[1].error == "without its trace: a request failure"
    assert len(seen.watcher.notices) == 1


def test_a_budget_that_failed_leaves_the_others_alone() -> None:
    broken = make_failure(FailureKind.REQUEST, retryable=False)
    seen = outing(FakeEndpoint({"s0/16/so": [Served(result=broken)]}))
    assert rows(seen) == [("s0", None, "ok", 1), ("s0", 64, "ok", 0), ("s0", 16, "failed", 1)]


def test_a_stop_behind_the_trace_keeps_it_and_leaves_its_budgets_to_the_next_run() -> None:
    endpoint = FakeEndpoint({"s0/16/so": [Served(takes_s=10.0)]})
    seen = outing(endpoint, stop_at=5.0)
    assert rows(seen) == [("s0", None, "ok", 1), ("s0", 64, "ok", 0)]
    assert seen.summary.interrupted


def test_a_server_that_is_gone_fails_traces_and_budgets_alike() -> None:
    gone: Failure = make_failure(FailureKind.AUTH, retryable=False)
    lane = make_lane(FakeEndpoint(), 3, open_with=opening(), blocked=gone)
    seen = Outing(replace(lane, following=6))
    assert len(seen.memory.attempts) == 9
    assert {row.status for row in seen.memory.attempts} == {"failed"}
    [(_, line)] = seen.watcher.notices
    assert "9 jobs recorded as failed" in line


def test_the_first_budget_that_is_not_kept_is_told_with_what_would_help() -> None:
    def limited(job: Job) -> Assignment:
        return replace(open_job(job), budget_mode="server")

    long = replace(make_reply(reasoning="so " * 400), usage=replace(make_reply().usage, reasoning_tokens=400))
    long = replace(long, usage=replace(long.usage, completion_tokens=420))
    jobs = [make_job(number, budget=16) for number in range(3)]
    lane = make_lane(FakeEndpoint(otherwise=Served(result=long)), jobs, open_with=limited)
    seen = Outing(replace(lane, budget_ignored="set --flag {}".format))
    assert [row.budget_honoured for row in seen.memory.attempts] == [False] * 3
    [(_, line)] = seen.watcher.notices
    assert line.startswith("the budget of 16 thinking tokens was not kept (first: sums, sample s")
    assert line.endswith("; set --flag 16")
