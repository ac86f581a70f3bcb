"""Suite → tasks → samples → jobs, before anything is sent or started."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from evalbudget.contracts import Assignment
from evalbudget.datasets import left_out, load_samples
from evalbudget.jobs import PlanRow, TaskPart, opener, parse_only, plan_jobs, plan_rows, task_part
from evalbudget.records import Job, JsonValue, Sample
from evalbudget.suite import Model, Suite, find_suite, load_suite

_TEMPLATE_TOKENS = 256
"""Room for a chat template's own words."""
_RESULTS_TOKENS = 16384
"""Room for what tools return in a dialogue."""
_UNBOUNDED_TOKENS = 4096
"""Room for a completion that nothing limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What narrows a suite on the command line."""

    limit: int | None = None
    """Only the first so many samples of each task."""
    only: str | None = None
    """`model=A,task=B`: only these."""

    def record(self) -> dict[str, JsonValue]:
        """For `runs.options`: what is set."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A suite with its samples and its jobs."""

    suite: Suite
    models: tuple[Model, ...]
    """Those that run, in the suite's order."""
    parts: tuple[TaskPart, ...]
    """The tasks that run."""
    rows: tuple[PlanRow, ...]
    """What each model is asked of each task."""
    jobs: Mapping[str, tuple[Job, ...]]
    """Model → its jobs in the order to send."""
    open: Callable[[Job], Assignment]
    notes: tuple[str, ...] = ()
    """What is left out of a task, and why: one line each."""
    limit: int | None = None
    """The command line's `--limit`: only the first so many samples of each task."""

    @property
    def longest_sequence(self) -> int:
        """Tokens that hold the longest prompt with the longest completion, for an engine that we start."""
        return max(map(_longest_sequence, self.parts), default=_UNBOUNDED_TOKENS)


def prepare(suite: Suite, options: Options) -> Prepared:
    """Read the samples of a suite's tasks and plan its jobs. Raises InputError."""
    only = parse_only(options.only, suite)
    entries = [
        (entry, task)
        for entry, task in zip(suite.tasks, suite.loaded, strict=True)
        if only.tasks is None or task.name in only.tasks
    ]
    parts = tuple(
        task_part(
            suite,
            entry,
            task,
            load_samples(task, _limit(entry.limit, options.limit), categories=entry.categories),
        )
        for entry, task in entries
    )
    _refuse_cuts(suite, parts)
    return Prepared(
        suite=suite,
        models=tuple(model for model in suite.models if only.models is None or model.name in only.models),
        parts=parts,
        rows=plan_rows(suite, parts, only),
        jobs=plan_jobs(suite, parts, only),
        open=opener(suite, parts),
        notes=(
            *(line for entry, task in entries for line in left_out(task, entry.categories)),
            *_about_budgets(suite, parts),
        ),
        limit=options.limit,
    )


def can_be_cut(sample: Sample) -> bool:
    """Whether an answer to it can be continued: tool calls are read by the server's chat alone."""
    return not sample.tools and "turns" not in sample.extra


def _refuse_cuts(suite: Suite, parts: Sequence[TaskPart]) -> None:
    """A thinking that we cut is continued as text, in which no server looks for calls."""
    for part in parts:
        if part.cuts_thinking and not all(map(can_be_cut, part.samples)):
            place = suite.loaded.index(part.task)
            message = (
                f"{part.task.name} calls tools, which a server cannot do behind a thinking that was cut"
                f" (`budget_mode: {part.budget_mode}`); write `budget_mode: server` or `max_tokens`,"
                " or `budgets: [unlimited]` for this task"
            )
            raise suite.error(("tasks", place), message)


def _about_budgets(suite: Suite, parts: Sequence[TaskPart]) -> Iterator[str]:
    for part in parts:
        entry = suite.tasks[suite.loaded.index(part.task)]
        if (
            part.cuts_thinking
            and part.budget_mode == "trace"
            and None not in (entry.budgets or suite.budgets)
        ):
            yield f"{part.task.name}: the unlimited answer is asked for as well; the others are its prefixes"
        if suite.loops == "rescue" and not all(map(can_be_cut, part.samples)):
            yield f"{part.task.name}: loops in answers with tools are stopped, not rescued"


def read_suite(name: str) -> Suite:
    """The suite at this path, or the shipped one of this name. Raises InputError."""
    return load_suite(find_suite(name))


def _limit(entry: int | None, command: int | None) -> int | None:
    limits = [limit for limit in (entry, command) if limit is not None]
    return min(limits) if limits else None


def _longest_sequence(part: TaskPart) -> int:
    """A prompt has no more tokens than bytes; beside a long completion that is little to set aside."""
    longest = max(map(_sequence, part.samples), default=0)
    return longest + _TEMPLATE_TOKENS + (part.sampling.max_tokens or _UNBOUNDED_TOKENS)


def _sequence(sample: Sample) -> int:
    """Bytes of messages and tools; of a dialogue those of all turns, and room for what its tools return."""
    said = "".join(message.content for message in sample.conversation)
    tools = len(json.dumps(sample.tools, default=dict)) if sample.tools else 0
    turns = len(json.dumps(sample.extra["turns"])) + _RESULTS_TOKENS if "turns" in sample.extra else 0
    return len(said.encode("utf-8", "replace")) + tools + turns
