"""One run on fakes, in virtual time, and all that was seen of it."""

from __future__ import annotations

import asyncio

from evalbudget.contracts import Lane, Sink
from evalbudget.runner.retry import RetryPolicy
from evalbudget.runner.run import RunSummary, run_lanes
from tests.fakes import FakeClock, MemorySink, RecordingWatcher, run_virtual


class Outing:
    """One run of some lanes, and all that was seen of it."""

    def __init__(
        self,
        *lanes: Lane,
        sink: Sink | None = None,
        stop_at: float | None = None,
        executor_s: float = 0.0,
    ) -> None:
        self.memory = MemorySink()
        self.watcher = RecordingWatcher()
        self.took_s = 0.0
        self._lanes = lanes
        self._sink = sink or self.memory
        self._stop_at = stop_at
        self.summary = run_virtual(self._run(), executor_s=executor_s)

    async def _run(self) -> RunSummary:
        stop = asyncio.Event()
        if self._stop_at is not None:
            asyncio.get_running_loop().call_later(self._stop_at, stop.set)
        summary = await run_lanes(
            self._lanes,
            run_id="r",
            sink=self._sink,
            watcher=self.watcher,
            clock=FakeClock(),
            policy=RetryPolicy(),
            stop=stop,
        )
        self.took_s = asyncio.get_running_loop().time()
        return summary

    def row(self, number: int) -> tuple[str, str | None, int]:
        """(status, error_kind, tries) of the n-th job."""
        [attempt] = [a for a in self.memory.attempts if a.sample_id == f"s{number}"]
        return (attempt.status, attempt.error_kind, attempt.tries)
