"""Readings in virtual time: taken at fixed times, kept where they tell something new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.records import Reading
from evalbudget.runner.concurrency import Gauge
from evalbudget.runner.readings import KEEPS_EVERY_S, READS_EVERY_S, Readings
from tests.fakes import FakeClock, MemorySink, run_virtual

PER_LOOK = 1 / READS_EVERY_S


@dataclass
class Server:
    """`contracts.Probe`: a figure for each look, and how long each look takes."""

    figures: Callable[[int], int | None]
    takes: Callable[[int], float] = lambda _look: 0.0
    looked_at: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def read(self) -> Reading | None:
        look = len(self.looked_at)
        now = asyncio.get_running_loop().time()
        self.looked_at.append(now)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.takes(look))
        self.at_once -= 1
        used = self.figures(look)
        if used is None:
            return None
        if used < 0:
            raise RuntimeError("the probe's bug")
        return Reading(run_id="r", model="m", at=f"{now:.3f}", kv_used_tokens=used, waiting=used)


def kept(server: Server, seconds: float, sink: MemorySink | None = None) -> list[Reading]:
    """What is in the journal after so many virtual seconds."""
    sink = sink or MemorySink()

    async def go() -> None:
        readings = Readings(server, sink, FakeClock(), Gauge(0.0))
        task = asyncio.create_task(readings.run())
        await asyncio.sleep(seconds)
        task.cancel()

    run_virtual(go())
    return sink.readings


def test_a_server_is_looked_at_two_to_five_times_a_second() -> None:
    server = Server(lambda look: look)
    assert len(kept(server, 59.95)) == 200
    assert 2 <= PER_LOOK <= 5


def test_an_idle_hour_is_small_and_has_no_hole() -> None:
    readings = kept(Server(lambda _look: 0), 3600)
    assert len(readings) <= 3600 / (KEEPS_EVERY_S - READS_EVERY_S)
    times = [float(reading.at) for reading in readings]
    assert all(later - sooner <= KEEPS_EVERY_S for sooner, later in pairwise(times))


def test_a_peak_of_one_look_in_an_idle_hour_is_kept_with_its_end() -> None:
    readings = kept(Server(lambda look: 500 if look == 7001 else 0), 3600)
    used = [reading.kv_used_tokens for reading in readings]
    at = used.index(500)
    assert used.count(500) == 1
    assert float(readings[at + 1].at) - float(readings[at].at) == pytest.approx(READS_EVERY_S)


@given(st.lists(st.none() | st.integers(-1, 3), max_size=60))
def test_no_change_is_lost(figures: list[int | None]) -> None:
    """With gaps and bugs between: what was kept, repeats left out, is what was shown, repeats left out."""

    def distinct(values: list[int | None]) -> list[int | None]:
        return [value for before, value in pairwise([None, *values]) if value != before]

    readings = kept(Server(lambda look: figures[look]), max(0.0, (len(figures) - 0.5) * READS_EVERY_S))
    shown = [figure for figure in figures if figure is not None and figure >= 0]
    assert distinct([reading.kv_used_tokens for reading in readings]) == distinct(list(shown))


def test_a_slow_page_lets_looks_out_and_never_piles_up() -> None:
    server = Server(lambda look: look, takes=lambda look: 1.0 if look == 2 else 0.0)
    kept(server, 2.2)
    times = [0, 1, 2, 6, 7]  # the third takes until 1.6 s; what was due in between is let out
    assert server.looked_at == pytest.approx([time * READS_EVERY_S for time in times])
    assert server.most_at_once == 1


def test_slow_looks_and_a_slow_disk_do_not_shift_the_times() -> None:
    server = Server(lambda look: look, takes=lambda _look: 0.1)
    kept(server, 59.95, MemorySink(takes_s=0.1))
    assert server.looked_at == pytest.approx([look * READS_EVERY_S for look in range(200)])


def test_after_a_gap_the_next_reading_is_kept() -> None:
    readings = kept(Server(lambda look: None if look == 1 else 5), 0.65)
    assert [reading.at for reading in readings] == ["0.000", "0.600"]


def test_every_look_tells_the_climb_of_the_queue() -> None:
    heard: list[int | None] = []

    class Ears(Gauge):
        def queue(self, waiting: int | None) -> None:
            heard.append(waiting)

    async def go() -> None:
        readings = Readings(Server(lambda _look: 3), MemorySink(), FakeClock(), Ears(0.0))
        task = asyncio.create_task(readings.run())
        await asyncio.sleep(0.95)
        task.cancel()

    run_virtual(go())
    assert heard == [3, 3, 3, 3]
