"""A lane's readings of its server: taken at fixed times, kept where they tell something new."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from evalbudget.contracts import Clock, Probe, Sink
from evalbudget.records import Reading
from evalbudget.runner.concurrency import Gauge

READS_EVERY_S = 0.3
"""Between two readings: short enough that no peak of the KV cache is missed, which grows over seconds, while
requests are written, and falls when they end."""
KEEPS_EVERY_S = 2.0
"""A reading that says the same as the one before is kept at least this often: long idle stretches stay small
and yet show no hole."""


@dataclass(slots=True, eq=False)
class Readings:
    """Reads one server until it is cancelled."""

    probe: Probe
    sink: Sink
    clock: Clock
    gauge: Gauge
    _last: Reading | None = None
    """The one that was kept last."""
    _last_at: float = 0.0

    async def run(self) -> None:
        """For ever; raises what the sink raises. A probe's trouble is a gap.

        A reading that takes longer than the time between two lets those in between out, so that a slow
        server is never asked twice at once.
        """
        begun = self.clock.monotonic()
        while True:
            await self._read()
            await self.clock.sleep(_until_next(self.clock.monotonic() - begun))

    async def _read(self) -> None:
        try:
            reading = await self.probe.read()
        except Exception:  # noqa: BLE001 - a probe's trouble is a gap, never a stop
            reading = None
        if reading is None:
            self._last = None
            return
        self.gauge.queue(reading.waiting)
        if self._is_news(reading):
            await self.sink.append(reading)

    def _is_news(self, reading: Reading) -> bool:
        """Whether to keep it. Every change is kept, so that no peak is lost."""
        now = self.clock.monotonic()
        same = self._last is not None and replace(reading, at=self._last.at) == self._last
        if same and now - self._last_at < KEEPS_EVERY_S - READS_EVERY_S:
            return False
        self._last, self._last_at = reading, now
        return True


def _until_next(since: float) -> float:
    """Seconds until the next reading is due. A clock that woke us a moment too early gives no second one."""
    return (math.floor(since / READS_EVERY_S + 0.05) + 1) * READS_EVERY_S - since
