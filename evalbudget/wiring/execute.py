"""One execution of a run: everything it records is in its journal first, and in the store soon after."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import signal
import sys
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from platform import node
from typing import TypeAlias, TypeVar

from evalbudget import __version__
from evalbudget.contracts import Clock, Lane
from evalbudget.dialogues import MemoryBanks
from evalbudget.errors import InputError
from evalbudget.records import Job, JsonValue, RunRecord
from evalbudget.report.differences import lines_of_resume
from evalbudget.report.live import open_view
from evalbudget.runner.clock import SystemClock
from evalbudget.runner.resume import pending
from evalbudget.runner.run import RunSummary, run_lanes
from evalbudget.store.journal import Journal, journal_path
from evalbudget.store.load import Loader
from evalbudget.store.private import PRIVATE_TASKS
from evalbudget.store.replay import choose_run, durable_jobs, first_run, journaled_runs
from evalbudget.suite import Model, Suite, api_key, check_ready
from evalbudget.wiring.conditions import conditions_of
from evalbudget.wiring.opening import Opening
from evalbudget.wiring.prepare import Options, Prepared, prepare, read_suite
from evalbudget.wiring.servers import Servers
from evalbudget.wiring.shifts import shifts

_T = TypeVar("_T")
Done: TypeAlias = tuple[tuple[Job, str, str | None], ...]
"""What the journal holds from before: job, status, kind of error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How an execution ended."""

    run_id: str
    exit_code: int
    """0 done, 1 done with failures, 130 interrupted."""
    lines: tuple[str, ...]
    """What the user should know besides the table."""


def run_suite(suite_name: str, db: Path, options: Options, *, resume: str | None = None) -> RunEnd:
    """Run a suite to its end, or until Ctrl-C; with `resume`, what that run left. Raises EvalbudgetError."""
    suite = read_suite(suite_name)
    if resume is None:
        execution = _new(_ready(suite, options), options, db)
        journal = Journal.create(db, execution.run_id)
    else:
        run_id = choose_run(resume, journaled_runs(db), db)
        before = first_run(journal_path(db, run_id))
        _refuse_other_suite(suite, before)
        options = _options_of(before, options)
        prepared = _ready(suite, options)
        execution = _Execution(
            run_id=run_id,
            prepared=prepared,
            options=options,
            db=db,
            started_at=before.started_at,
            conditions={**before.conditions, **conditions_of(prepared)},
        )
        for line in lines_of_resume(before.conditions, execution.conditions):
            _say(line)
        journal = Journal.resume(db, run_id)
    try:
        return asyncio.run(execution.carry_out(journal))
    finally:
        journal.abandon()


def _ready(suite: Suite, options: Options) -> Prepared:
    prepared = prepare(suite, options)
    check_ready(suite, {model.name for model in prepared.models})
    return prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Execution:
    """One execution, before anything is started."""

    run_id: str
    prepared: Prepared
    options: Options
    db: Path
    started_at: str
    """Of the run: its first execution, ISO 8601, UTC."""
    conditions: Mapping[str, JsonValue]
    """`RunRecord.conditions`."""

    async def carry_out(self, journal: Journal) -> RunEnd:
        """From the first server to the last row."""
        done = tuple(durable_jobs(journal.path))
        clock = SystemClock()
        await journal.append(self._record("running"))
        loader = Loader(self.db, self.run_id, notice=_say)
        loader.start()
        try:
            for note in self.prepared.notes:
                _say(note)
            summary, interrupted = await self._in_shifts(journal, done, clock)
            await journal.append(self._record("interrupted" if interrupted else "finished", clock.utc()))
        finally:
            complete = await loader.close()
            await journal.close()
        return self._end(interrupted=interrupted, failed=summary.failed, complete=complete)

    async def _in_shifts(self, journal: Journal, done: Done, clock: Clock) -> tuple[RunSummary, bool]:
        """What became of all lanes, and whether the user stopped the run before its end."""
        summary = RunSummary(lanes=())
        with _stopped_by_signals() as stop:
            for models in shifts(self.prepared.models, os.environ):
                async with AsyncExitStack() as stack:
                    lanes = await _unless(stop, self._lanes(models, journal, stack, done))
                    if lanes is None:
                        return summary, True
                    view = stack.enter_context(open_view(sys.stderr))
                    summary += await run_lanes(
                        lanes, run_id=self.run_id, sink=journal, watcher=view, clock=clock, stop=stop
                    )
        return summary, summary.interrupted

    async def _lanes(
        self,
        models: Sequence[Model],
        journal: Journal,
        stack: AsyncExitStack,
        done: Done,
    ) -> list[Lane]:
        """Start and ask each server in turn; one that cannot be reached blocks its own lane alone.

        A server that is ours to start stays down where none of its jobs is left.
        """
        servers = Servers(
            run_id=self.run_id,
            prepared=self.prepared,
            keys={model.name: api_key(model) for model in models},
            logs=journal.path.parent / "logs",
            say=_say,
        )
        banks = MemoryBanks(journal.path.parent / "memory")
        opening = Opening(prepared=self.prepared, banks=banks, journal=journal.path)
        lanes = []
        for model in models:
            jobs = self.prepared.jobs[model.name]
            left = pending(jobs, done)
            if not left and (model.serve or model.gguf):
                continue
            server = await stack.enter_async_context(servers.opened(model))
            await journal.append(server.record)
            lanes.append(server.lane(left, len(jobs) - len(left), opening))
        return lanes

    def _record(self, status: str, finished_at: str | None = None) -> RunRecord:
        return RunRecord(
            run_id=self.run_id,
            name=self.prepared.suite.name,
            status=status,
            started_at=self.started_at,
            finished_at=finished_at,
            suite=self.prepared.suite.source,
            version=__version__,
            host=node(),
            options=self.options.record() | self._private_tasks(),
            conditions=self.conditions,
        )

    def _private_tasks(self) -> dict[str, JsonValue]:
        """The names of all that the suite has, also where `--only` leaves them out now."""
        names: list[JsonValue] = [task.name for task in self.prepared.suite.loaded if task.is_private]
        return {PRIVATE_TASKS: names} if names else {}

    def _end(self, *, interrupted: bool, failed: int, complete: bool) -> RunEnd:
        lines = []
        if not complete:
            lines.append(
                "The store is held by another process; everything is in"
                f" {self.db.parent / self.run_id}, and the next `evalbudget report` loads it."
            )
        again = f"evalbudget run {self.prepared.suite.path} --db {self.db} --resume {self.run_id}"
        if interrupted:
            lines.append(f"Interrupted; nothing recorded is lost. Go on with:\n  {again}")
        elif failed:
            lines.append(f"{failed} attempts failed and are in no average. Try them again with:\n  {again}")
        lines.append(f"Store: {self.db}   run: {self.run_id}")
        lines.append(f"Dashboard: evalbudget dashboard --db {self.db}")
        code = 130 if interrupted else 1 if failed else 0
        return RunEnd(run_id=self.run_id, exit_code=code, lines=tuple(lines))


def _new(prepared: Prepared, options: Options, db: Path) -> _Execution:
    now = datetime.now(UTC)
    slug = re.sub(r"[^a-z0-9]+", "-", prepared.suite.name.lower()).strip("-")[:40] or "run"
    return _Execution(
        run_id=f"{slug}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        prepared=prepared,
        options=options,
        db=db,
        started_at=now.isoformat(timespec="milliseconds"),
        conditions=conditions_of(prepared),
    )


def _refuse_other_suite(suite: Suite, before: RunRecord) -> None:
    if suite.source != before.suite:
        raise InputError(
            f"{suite.path} is not the suite that {before.run_id} was started with (its text is in"
            " runs.suite): restore it to resume, or start a new run without --resume"
        )


def _options_of(before: RunRecord, now: Options) -> Options:
    """A resume narrows as the run did, unless it says otherwise."""
    limit, only = before.options.get("limit"), before.options.get("only")
    return Options(
        limit=now.limit or (limit if isinstance(limit, int) else None),
        only=now.only or (only if isinstance(only, str) else None),
    )


def _say(line: str) -> None:
    """On what standard error is now: an embedded engine's log may have moved it."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


async def _unless(stop: asyncio.Event, work: Coroutine[None, None, _T]) -> _T | None:
    """The result of `work`; None where the stop came first, which cancels `work`."""
    task = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return await task
        task.cancel()
        await asyncio.wait((task,))
        return None
    finally:
        stopped.cancel()


@contextmanager
def _stopped_by_signals() -> Iterator[asyncio.Event]:
    """Ctrl-C and SIGTERM set the event once; a second one ends the process as usual."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def halt() -> None:
        stop.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, halt)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
