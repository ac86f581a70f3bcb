"""The run: every lane at the same time, until each job is durable or the user stops it.

    Lane ─ jobs in order → slot → Endpoint.ask, retried → Reply | Failure → scorer → Attempt → Sink → Watcher

What a resume sends is `resume.pending`: all that is not durable, and the failures that another try may mend.
A stop records nothing for the requests that it cuts off: they are simply missing, so a resume sends them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from evalbudget.contracts import Clock, Lane, Sink, Watcher
from evalbudget.runner.lane import LaneRun, LaneSummary, Surroundings
from evalbudget.runner.retry import RetryPolicy

_DEFAULT_POLICY = RetryPolicy()
_JUDGES = 4
"""Threads for scorers: one that waits for its worker process (`evalbudget.isolation`) holds up no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What became of a run in this execution."""

    lanes: tuple[LaneSummary, ...]
    """In the order of the lanes that were given."""

    def __add__(self, later: RunSummary) -> RunSummary:
        """Of lanes that ran one after the other."""
        return RunSummary(lanes=self.lanes + later.lanes)

    @property
    def ok(self) -> int:
        """Attempts scored and durable."""
        return sum(lane.ok for lane in self.lanes)

    @property
    def failed(self) -> int:
        """Attempts durable with a failure."""
        return sum(lane.failed for lane in self.lanes)

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped before every job was durable."""
        return any(lane.unrecorded for lane in self.lanes)


async def run_lanes(
    lanes: Sequence[Lane],
    *,
    run_id: str,
    sink: Sink,
    watcher: Watcher,
    clock: Clock,
    policy: RetryPolicy = _DEFAULT_POLICY,
    stop: asyncio.Event | None = None,
) -> RunSummary:
    """Carry out all lanes at once; when `stop` is set, cut off what has no reply and return what is durable.

    Raises StoreError when the sink cannot write, and whatever `Lane.open` raises, after cancelling all that
    is in flight. Endpoints and probes stay open: who made them closes them.
    """
    judges = ThreadPoolExecutor(max_workers=_JUDGES, thread_name_prefix="judge")
    around = Surroundings(
        run_id=run_id, sink=sink, watcher=watcher, clock=clock, policy=policy, judges=judges
    )
    try:
        return await _together([LaneRun(lane, around) for lane in lanes], stop or asyncio.Event())
    except BaseExceptionGroup as group:
        raise _first(group) from None
    finally:
        judges.shutdown(wait=False, cancel_futures=True)


async def _together(lanes: Sequence[LaneRun], stop: asyncio.Event) -> RunSummary:
    async with asyncio.TaskGroup() as group:
        halter = group.create_task(_halt_when(stop, lanes))
        running = [group.create_task(lane.run()) for lane in lanes]
        if running:
            await asyncio.wait(running)
        halter.cancel()
    return RunSummary(lanes=tuple(task.result() for task in running))


async def _halt_when(stop: asyncio.Event, lanes: Sequence[LaneRun]) -> None:
    await stop.wait()
    for lane in lanes:
        lane.halt()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the run: the tasks that it took along only say that they were cancelled."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
