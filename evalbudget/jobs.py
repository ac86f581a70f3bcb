"""Suite and samples → jobs in the order to send, and each job opened into what the runner carries out.

entry + task + samples → TaskPart
suite + parts + Only → plan_jobs → model → (Job, …)         opener(suite, parts): Job → Assignment
                     └→ plan_rows → what it would cost
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from evalbudget.choices import arranged
from evalbudget.contracts import Assignment
from evalbudget.errors import InputError
from evalbudget.records import Job, Request, Sample, Sampling
from evalbudget.suite import BudgetMode, Model, Suite, SuiteTask
from evalbudget.tasks import DEFAULT_SAMPLING, Task
from evalbudget.yaml_source import nearest

_SLOTS_IF_UNKNOWN = 32
"""Requests in flight assumed for the order where `concurrency` is `auto`."""
_CHARACTERS_PER_TOKEN = 4
"""Of English text, roughly; only for the plan's estimate."""
_SHORT_ANSWER, _LONG_ANSWER = 1024, 2048
"""Tokens of an answer behind a thinking that was cut."""
_EXPECTED_ANSWER = 300
"""Tokens that a reasoning model answers with behind its thinking, roughly."""
_ANSWERS_AT_LENGTH = frozenset({"ifeval"})
_SHOWS_ANSWER = frozenset({"integer", "number", "choice", "math_verify"})
"""Scorers that find an answer in thinking, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPart:
    """A task as a suite runs it."""

    task: Task
    samples: tuple[Sample, ...]
    sampling: Sampling
    """The entry's over the suite's over the task's over `tasks.DEFAULT_SAMPLING`."""
    repeats: int
    budgets: tuple[int | None, ...]
    """In the order to send: in mode `trace` the unlimited answer first, of which the others are prefixes."""
    budget_mode: BudgetMode = "trace"
    answer_tokens: int = 1024
    """Of an answer behind a thinking that was cut."""

    @property
    def is_limited(self) -> bool:
        """Whether any of its budgets limits the thinking."""
        return any(budget is not None for budget in self.budgets)

    @property
    def tells_server(self) -> bool:
        """Whether some of its requests carry a budget that the server is to keep."""
        return (self.is_limited and self.budget_mode == "server") or (
            0 in self.budgets and self.budget_mode == "max_tokens"
        )

    @property
    def cuts_thinking(self) -> bool:
        """Whether some of its answers are continued behind a thinking that was cut."""
        return self.is_limited and self.budget_mode in {"trace", "force"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Only:
    """What `--only` leaves of a suite; None = all."""

    models: frozenset[str] | None = None
    tasks: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """What one model would be asked of one task."""

    model: str
    task: str
    samples: int
    repeats: int
    budgets: int
    jobs: int
    prompt_tokens_estimate: int
    """Of all jobs: characters / 4, without the chat template."""
    completion_tokens_bound: int | None
    """The most that its replies can be together; None where nothing limits them."""
    expected_completion_tokens: int
    """From the task's typical completion, for a reasoning model; models differ several times over."""
    budget_mode: str | None = None
    """How budgets are held; None without."""


def task_part(suite: Suite, entry: SuiteTask, task: Task, samples: tuple[Sample, ...]) -> TaskPart:
    """The task of one entry of `suite.tasks`, with what the entry, the suite and the task say about it."""
    sampling = DEFAULT_SAMPLING
    for layer in (task.defaults.sampling, suite.sampling, entry.sampling):
        sampling = layer.over(sampling)
    budgets = entry.budgets or suite.budgets
    traced = suite.holds_budgets_by == "trace" and any(budget is not None for budget in budgets)
    answer_tokens = _LONG_ANSWER if task.scorer.name in _ANSWERS_AT_LENGTH else _SHORT_ANSWER
    return TaskPart(
        task=task,
        samples=samples,
        sampling=sampling,
        repeats=entry.repeats or suite.repeats or task.defaults.repeats,
        budgets=_trace_first(budgets) if traced else budgets,
        budget_mode=suite.holds_budgets_by,
        answer_tokens=suite.answer_tokens or answer_tokens,
    )


def _trace_first(budgets: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """The unlimited answer, also where the suite does not name it, and its prefixes, the longest first: what
    a server keeps of the trace's prompt serves them all."""
    return (None, *sorted({budget for budget in budgets if budget is not None}, reverse=True))


def parse_only(text: str | None, suite: Suite) -> Only:
    """`--only`: `model=A,task=B`, a key given twice for two values. Raises InputError."""
    if text is None:
        return Only()
    known = {"model": {model.name for model in suite.models}, "task": {task.name for task in suite.loaded}}
    chosen: dict[str, set[str]] = {}
    for item in text.split(","):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not value:
            raise InputError(f'--only: "{item.strip()}" is not of the form model=NAME or task=NAME')
        if key not in known:
            raise InputError(f'--only: unknown key "{key}", {nearest(key, known)}')
        if value not in known[key]:
            raise InputError(
                f'--only: the suite has no {key} "{value}", {nearest(value, sorted(known[key]))}'
            )
        chosen.setdefault(key, set()).add(value)
    models, tasks = chosen.get("model"), chosen.get("task")
    return Only(models=frozenset(models) if models else None, tasks=frozenset(tasks) if tasks else None)


def plan_jobs(
    suite: Suite, parts: Sequence[TaskPart], only: Only | None = None
) -> Mapping[str, tuple[Job, ...]]:
    """Each model's jobs in the order to send; the same for the same input.

    Repeat 0 of everything comes before repeat 1. Within a repeat the tasks are spread evenly over it, so that
    they end together, and those with long completions somewhat tighter, so that none of theirs starts last.
    """
    only = only or Only()
    chosen = [part for part in parts if _in(part.task.name, only.tasks)]
    models = [model for model in suite.models if _in(model.name, only.models)]
    return {model.name: _jobs(model, chosen) for model in models}


def opener(suite: Suite, parts: Sequence[TaskPart]) -> Callable[[Job], Assignment]:
    """What turns a job of this suite into an assignment. Raises KeyError for a job that is not of it."""
    models = {model.name: model for model in suite.models}
    by_name = {part.task.name: part for part in parts}
    samples = {(part.task.name, sample.id): sample for part in parts for sample in part.samples}
    scorers = {part.task.name: part.task.score_under(part.sampling) for part in parts}

    def open_job(job: Job) -> Assignment:
        part, model = by_name[job.task], models[job.model]
        sample = arranged(samples[job.task, job.sample_id], job.repeat)
        request = Request(
            messages=sample.conversation,
            sampling=part.sampling,
            seed=request_seed(suite.seed, job),
            effort=model.effort,
            stop_loops=suite.loops != "measure",
            extra_body=model.extra_body,
            tools=sample.tools,
        )
        return Assignment(
            job=job,
            sample=sample,
            request=_limited(request, job.budget, part),
            scorer=scorers[job.task],
            budget_mode=None if job.budget is None else part.budget_mode,
            reads_thinking=part.task.scorer.name in _SHOWS_ANSWER,
            private=part.task.is_private,
        )

    return open_job


def _limited(request: Request, budget: int | None, part: TaskPart) -> Request:
    """With the budget, where the server holds it. What we hold ourselves takes several requests."""
    if part.budget_mode in {"trace", "force"}:
        return request
    if budget is not None and (part.budget_mode == "server" or budget == 0):
        return replace(request, thinking_budget=budget)
    request = replace(request, beside_budgets=part.tells_server)
    if budget is None:
        return request
    limit = min(budget, request.sampling.max_tokens or budget)
    return replace(request, sampling=replace(request.sampling, max_tokens=limit))


def request_seed(suite_seed: int, job: Job) -> int:
    """31 bits that follow from the suite's seed, task, sample and repeat; the same for each model and budget.

    31, because servers read the field as a signed 32-bit number.
    """
    identity = repr((suite_seed, job.task, job.sample_id, job.repeat)).encode()
    return int.from_bytes(hashlib.blake2b(identity, digest_size=4).digest(), "big") >> 1


def plan_rows(suite: Suite, parts: Sequence[TaskPart], only: Only | None = None) -> tuple[PlanRow, ...]:
    """What each model would be asked of each task, in the suite's order. No request is sent."""
    only = only or Only()
    return tuple(
        _plan_row(model, part)
        for model in suite.models
        if _in(model.name, only.models)
        for part in parts
        if _in(part.task.name, only.tasks)
    )


def _plan_row(model: Model, part: TaskPart) -> PlanRow:
    jobs = part.repeats * len(part.budgets) * len(part.samples)
    characters = sum(map(_characters, part.samples))
    answers = part.repeats * len(part.samples)
    bounds = [_longest(part, budget) for budget in part.budgets]
    return PlanRow(
        model=model.name,
        task=part.task.name,
        samples=len(part.samples),
        repeats=part.repeats,
        budgets=len(part.budgets),
        jobs=jobs,
        prompt_tokens_estimate=-(-characters // _CHARACTERS_PER_TOKEN) * part.repeats * len(part.budgets),
        completion_tokens_bound=None if None in bounds else sum(each or 0 for each in bounds) * answers,
        expected_completion_tokens=sum(_expected(part, budget) for budget in part.budgets) * answers,
        budget_mode=part.budget_mode if part.is_limited else None,
    )


def _longest(part: TaskPart, budget: int | None) -> int | None:
    """Tokens that one answer can take. A prefix of a trace was paid for with the trace."""
    most = part.sampling.max_tokens
    if budget is None:
        return most
    if part.budget_mode == "max_tokens":
        return most if budget == 0 else min(budget, most or budget)
    if part.budget_mode == "server":
        return most
    cut = part.answer_tokens + (budget if part.budget_mode == "force" else 0)
    return cut if most is None else min(cut, most)


def _expected(part: TaskPart, budget: int | None) -> int:
    expected = min(part.task.expected_tokens, part.sampling.max_tokens or part.task.expected_tokens)
    if budget is None:
        return expected
    if part.budget_mode == "trace":
        return min(expected, _EXPECTED_ANSWER)
    return min(expected, budget + _EXPECTED_ANSWER)


def _characters(sample: Sample) -> int:
    """Of the messages and of the tools, which the chat template writes out."""
    tools = len(json.dumps(sample.tools, default=dict)) if sample.tools else 0
    return tools + sum(len(message.content) for message in sample.conversation)


def _in(name: str, chosen: Collection[str] | None) -> bool:
    return chosen is None or name in chosen


def _jobs(model: Model, parts: Sequence[TaskPart]) -> tuple[Job, ...]:
    return tuple(
        Job(model=model.name, task=part.task.name, sample_id=sample.id, budget=budget, repeat=repeat)
        for repeat in range(max((part.repeats for part in parts), default=0))
        for part, sample in _interleaved(
            [part for part in parts if repeat < part.repeats],
            model.concurrency or model.slots or _SLOTS_IF_UNKNOWN,
        )
        for budget in part.budgets
    )


def _interleaved(parts: Sequence[TaskPart], slots: int) -> list[tuple[TaskPart, Sample]]:
    """The samples of all parts, each part spread evenly over its `_span`; of equals the longer first."""
    work = sum(len(part.samples) * part.task.expected_tokens for part in parts)
    placed = []
    for place, part in enumerate(parts):
        step = _span(part, work, slots) / max(1, len(part.samples))
        for number, sample in enumerate(part.samples, 1):
            placed.append(((number * step, -part.task.expected_tokens, place, number), part, sample))
    return [(part, sample) for _, part, sample in sorted(placed, key=lambda each: each[0])]


def _span(part: TaskPart, work: int, slots: int) -> float:
    """The share of the time within which a task's samples start.

    All of it takes `work / slots` token steps; the last sample needs `expected_tokens` of them, and should
    start that much before the end. At least half, because an expectation can be wrong.
    """
    return max(0.5, 1.0 - part.task.expected_tokens * slots / max(1, work))
