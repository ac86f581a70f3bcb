"""What each job of a lane consists of: one request, a dialogue, or the prefix of another job's trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from evalbudget.contracts import Assignment, Dialogue, Follower
from evalbudget.dialogues import MemoryBanks, dialogue_for
from evalbudget.dialogues.closing import Closing, Prefix
from evalbudget.jobs import TaskPart
from evalbudget.reasoning.budgets import OF_A_CUT
from evalbudget.reasoning.budgets.force import ForceString, custom, force_string
from evalbudget.records import (
    Attempt,
    Failure,
    FailureKind,
    Job,
    Reply,
    ServerRecord,
    Timings,
    TokenCounts,
    TokenSource,
)
from evalbudget.store.replay import read_journal
from evalbudget.suite import Model
from evalbudget.wiring.prepare import Prepared, can_be_cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The jobs of one lane, ready to be carried out."""

    jobs: tuple[Job, ...]
    """In the order to send."""
    following: int
    """Jobs that follow one of them."""
    open: Callable[[Job], Assignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Opens the jobs of one execution."""

    prepared: Prepared
    banks: MemoryBanks
    """Of BFCL's memory tasks, shared by all jobs."""
    journal: Path
    """Where the traces of an interrupted run stand."""

    def lane(self, model: Model, record: ServerRecord, left: Sequence[Job]) -> Opened:
        """The jobs that are left of one model's; `record`: who its server is."""
        followers = self._followers(left)
        following = {job for behind in followers.values() for job in behind}
        heads = tuple(job for job in left if job not in following)
        force = closing_of(model, record)
        alone = [job for job in heads if self._is_prefix(job)]
        traces = _recorded(self.journal, {replace(job, budget=None) for job in alone}) if alone else {}

        def opened(job: Job) -> Assignment:
            if self._is_prefix(job):
                assignment, trace = self.prepared.open(job), traces.get(replace(job, budget=None))
                prefix = partial(self._prefix, assignment, force)
                return replace(assignment, dialogue=_NoTrace if trace is None else partial(prefix, trace))
            behind = tuple(self._follower(each, force) for each in followers.get(job, ()))
            alone = self._alone(job, force)
            return replace(alone, at_once=alone.at_once or bool(behind), followers=behind)

        return Opened(jobs=heads, following=len(following), open=opened)

    def _followers(self, left: Sequence[Job]) -> Mapping[Job, list[Job]]:
        """Trace → its prefixes, where both are still to be done."""
        there, found = set(left), dict[Job, list[Job]]()
        for job in left:
            if self._is_prefix(job) and (lead := replace(job, budget=None)) in there:
                found.setdefault(lead, []).append(job)
        return found

    def _alone(self, job: Job, force: ForceString) -> Assignment:
        assignment, part = self.prepared.open(job), self._part(job)
        sample, request = assignment.sample, assignment.request
        talk = dialogue_for(sample, request, job, self.banks)
        cut = job.budget if part.budget_mode == "force" else None
        rescue = self.prepared.suite.loops == "rescue" and can_be_cut(sample)
        closes = talk is None and (cut is not None or rescue)
        if closes:
            talk = partial(
                Closing, request, force, budget=cut, rescue=rescue, answer_tokens=part.answer_tokens
            )
        return replace(assignment, dialogue=talk, at_once=closes)

    def _follower(self, job: Job, force: ForceString) -> Follower:
        assignment = replace(self.prepared.open(job), at_once=True)
        return Follower(assignment=assignment, dialogue=partial(self._prefix, assignment, force))

    def _prefix(self, assignment: Assignment, force: ForceString, trace: Reply) -> Dialogue:
        job, request = assignment.job, replace(assignment.request, stop_loops=True)
        answer_tokens = self._part(job).answer_tokens
        return Prefix(request, force, budget=job.budget or 0, trace=trace, answer_tokens=answer_tokens)

    def _is_prefix(self, job: Job) -> bool:
        return job.budget is not None and self._part(job).budget_mode == "trace"

    def _part(self, job: Job) -> TaskPart:
        return next(part for part in self.prepared.parts if part.task.name == job.task)


def closing_of(model: Model, record: ServerRecord) -> ForceString:
    """What closes this model's thinking: the suite's own string, else its family's."""
    family = force_string(model.family, record.served_model, model.name, record.architecture)
    return family if model.force_string is None else custom(model.force_string, family)


class _NoTrace:
    """`contracts.Dialogue` of a prefix whose trace failed for good."""

    async def begin(self) -> Failure:
        """The reason."""
        return Failure(kind=FailureKind.REQUEST, message="without its trace: that attempt failed")

    async def heard(self, reply: Reply) -> None:
        """Nothing was asked."""

    def reply(self) -> None:
        """There is none."""

    async def close(self) -> None:
        """Nothing is held."""


def _recorded(journal: Path, wanted: set[Job]) -> Mapping[Job, Reply]:
    """The replies of these jobs, as the journal has them."""
    attempts = (record for record, _ in read_journal(journal) if isinstance(record, Attempt))
    return {
        attempt.job: _reply(attempt)
        for attempt in attempts
        if attempt.status == "ok" and attempt.job in wanted
    }


def _reply(attempt: Attempt) -> Reply:
    """An attempt's reply, as far as a prefix of it needs it."""
    answered = bool(attempt.answer.strip() or attempt.tool_calls)
    return Reply(
        reasoning=attempt.reasoning,
        answer=attempt.answer,
        tool_calls=attempt.tool_calls,
        finish_reason=attempt.finish_reason,
        thinking_closed=(answered or attempt.finish_reason == "stop") if attempt.reasoning else None,
        timings=Timings(
            latency_s=attempt.latency_s, ttft_s=attempt.ttft_s, first_answer_s=attempt.first_answer_s
        ),
        counts=TokenCounts(
            prompt=attempt.prompt_tokens,
            reasoning=attempt.reasoning_tokens,
            answer=attempt.answer_tokens,
            completion=attempt.completion_tokens,
            cached=attempt.cached_tokens,
            source=TokenSource(attempt.token_source) if attempt.token_source else None,
        ),
        notes={name: attempt.details[name] for name in OF_A_CUT if name in attempt.details},
    )
