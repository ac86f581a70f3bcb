"""The runner on fakes, in virtual time."""

from __future__ import annotations

import asyncio
import gc
import heapq
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.contracts import Assignment, Meter
from evalbudget.errors import StoreError
from evalbudget.records import Failure, FailureKind, Job, Reading, Reply, Request, Sample, Score
from evalbudget.runner.clock import SystemClock
from evalbudget.runner.run import RunSummary, run_lanes
from tests.fakes import (
    REFUSED,
    CallableEndpoint,
    FakeClock,
    FakeEndpoint,
    FakeProbe,
    MemorySink,
    RecordingWatcher,
    Step,
    make_failure,
    make_job,
    make_lane,
    make_reply,
    open_job,
    run_virtual,
)
from tests.runner.outing import Outing


def timed(durations: Sequence[float]) -> FakeEndpoint:
    """An endpoint whose n-th job takes the n-th duration."""
    return FakeEndpoint(script={f"s{n}": [Step(takes_s=seconds)] for n, seconds in enumerate(durations)})


def greedy_makespan(durations: Sequence[float], slots: int) -> float:
    """The end of the schedule that gives each job, in order, to the slot that is free first."""
    free = [0.0] * slots
    for seconds in durations:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


# ── slots and order ──


@given(
    durations=st.lists(st.integers(1, 50), min_size=1, max_size=60),
    slots=st.integers(1, 9),
    judging_s=st.sampled_from([0.0, 7.0]),
)
@settings(max_examples=60, deadline=None)
def test_no_slot_is_idle_while_jobs_wait(durations: list[int], slots: int, judging_s: float) -> None:
    endpoint = timed(durations)
    lane = make_lane(endpoint, len(durations), concurrency=slots)
    Outing(lane, executor_s=judging_s)
    ends = [start + durations[int(prompt[1:])] for start, prompt in endpoint.sent]
    assert max(ends) == pytest.approx(greedy_makespan(durations, slots))


def test_jobs_are_sent_in_order() -> None:
    endpoint = timed([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8])
    Outing(make_lane(endpoint, 12, concurrency=3))
    assert [prompt for _, prompt in endpoint.sent] == [f"s{n}" for n in range(12)]


def test_every_job_is_recorded_exactly_once() -> None:
    outing = Outing(make_lane(FakeEndpoint(), 50, concurrency=7))
    assert sorted(a.sample_id for a in outing.memory.attempts) == sorted(f"s{n}" for n in range(50))
    assert (outing.summary.ok, outing.summary.failed, outing.summary.interrupted) == (50, 0, False)


def test_a_slow_sink_does_not_hold_a_slot() -> None:
    endpoint = FakeEndpoint()
    Outing(make_lane(endpoint, 20, concurrency=2), sink=MemorySink(takes_s=30.0))
    assert endpoint.sent[-1][0] == pytest.approx(9.0)


def test_what_waits_for_durability_is_bounded() -> None:
    sink = MemorySink(takes_s=1e6)
    endpoint = FakeEndpoint()
    Outing(make_lane(endpoint, 1000, concurrency=4), sink=sink)
    assert sink.peak_waiting <= 5 * 4 + 64


def test_lanes_run_at_the_same_time() -> None:
    slow = make_lane(FakeEndpoint(otherwise=Step(takes_s=10)), 4, model="slow", concurrency=1)
    fast = make_lane(FakeEndpoint(otherwise=Step(takes_s=1)), 40, model="fast", concurrency=1)
    assert Outing(slow, fast).took_s == pytest.approx(40.0)


def test_a_run_without_jobs_ends_at_once() -> None:
    outing = Outing(make_lane(FakeEndpoint(), 0, already_done=5))
    assert outing.watcher.plans == {"m": (5, 5)}
    assert not outing.summary.interrupted


def test_memory_does_not_grow_with_the_number_of_jobs() -> None:
    async def at_once(request: Request, meter: Meter) -> Reply:
        meter.streamed(1)
        await asyncio.sleep(0)
        return make_reply(reasoning="x" * 2000 + request.messages[0].content)

    class Forgetful(RecordingWatcher):
        def sent(self, job: Job) -> None: ...
        def ended(self, job: Job) -> None: ...
        def finished(self, attempt: object) -> None: ...

    def peak_of(jobs: int) -> int:
        lane = make_lane(CallableEndpoint(at_once), jobs, concurrency=64)
        work = run_lanes(
            [lane], run_id="r", sink=MemorySink(keep=False), watcher=Forgetful(), clock=FakeClock()
        )
        gc.collect()
        tracemalloc.start()
        summary = run_virtual(work)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert summary.ok == jobs
        return peak

    assert peak_of(3000) < 2 * peak_of(600)


def test_a_hundred_thousand_jobs_are_opened_one_by_one() -> None:
    opened = 0

    def open_and_count(job: Job) -> Assignment:
        nonlocal opened
        opened += 1
        return open_job(job)

    jobs = [make_job(n) for n in range(100_000)]
    lane = make_lane(FakeEndpoint(), jobs, concurrency=8, open_with=open_and_count)
    outing = Outing(lane, stop_at=2.5)
    assert opened < 8 * 5
    assert outing.summary.interrupted


# ── what a row holds ──


def test_a_scored_attempt_has_its_verdict_tokens_and_texts() -> None:
    lane = make_lane(FakeEndpoint(otherwise=Step(takes_s=2.0, result=make_reply("42"))), 1)
    [attempt] = Outing(lane).memory.attempts
    assert (attempt.status, attempt.outcome, attempt.score, attempt.correct) == ("ok", "correct", 1.0, True)
    assert (attempt.extracted, attempt.target, attempt.prompt) == ("42", "42", "s0")
    assert (attempt.completion_tokens, attempt.tries, attempt.reasoning) == (10, 1, "so")
    assert attempt.started_at == "2026-01-01T00:00:00.000+00:00"


def test_a_failed_attempt_keeps_what_had_arrived_and_has_no_score() -> None:
    partial = make_reply("", reasoning="half a thought", latency_s=9.0)
    failure = make_failure(FailureKind.CONTEXT_OVERFLOW, retryable=False, partial=partial)
    [attempt] = Outing(make_lane(FakeEndpoint(otherwise=Step(result=failure)), 1)).memory.attempts
    assert (attempt.status, attempt.error_kind, attempt.tries) == ("failed", "context_overflow", 1)
    assert (attempt.outcome, attempt.score, attempt.correct) == (None, None, None)
    assert (attempt.reasoning, attempt.latency_s) == ("half a thought", 9.0)


def test_a_scorer_that_raises_is_a_failure_that_keeps_the_reply() -> None:
    def broken(sample: Sample, reply: Reply) -> Score:
        raise ValueError("no such\ncolumn")

    lane = make_lane(FakeEndpoint(), 3, open_with=lambda job: replace(open_job(job), scorer=broken))
    attempts = Outing(lane).memory.attempts
    assert [a.error_kind for a in attempts] == ["scorer"] * 3
    assert all(a.answer == "42" and a.score is None and a.completion_tokens == 10 for a in attempts)
    assert attempts[0].error is not None
    assert "ValueError: no such column" in attempts[0].error


@pytest.mark.parametrize("value", [float("nan"), -0.5, 1.5])
def test_a_score_outside_0_to_1_is_a_failure(value: float) -> None:
    lane = make_lane(
        FakeEndpoint(),
        1,
        open_with=lambda job: replace(
            open_job(job), scorer=lambda _sample, _reply: Score(value=value, extracted=None)
        ),
    )
    [attempt] = Outing(lane).memory.attempts
    assert (attempt.status, attempt.error_kind, attempt.score) == ("failed", "scorer", None)


def test_a_bug_in_the_endpoint_costs_one_attempt_and_shows_no_secret() -> None:
    async def buggy(request: Request, meter: Meter) -> Reply:
        if request.messages[0].content == "s1":
            raise KeyError("Bearer sk-secret")
        return make_reply()

    outing = Outing(make_lane(CallableEndpoint(buggy), 3, concurrency=1))
    assert [a.status for a in outing.memory.attempts] == ["ok", "failed", "ok"]
    [error] = [a.error for a in outing.memory.attempts if a.error]
    assert "KeyError at test_run.py:" in error
    assert "secret" not in error


# ── retries ──


def test_a_failure_that_may_pass_is_tried_again_until_the_reply() -> None:
    steps = [Step(result=make_failure(kind)) for kind in (FailureKind.CONNECTION, FailureKind.BAD_STREAM)]
    outing = Outing(make_lane(FakeEndpoint(script={"s0": [*steps, Step()]}), 1))
    assert outing.row(0) == ("ok", None, 3)
    assert outing.memory.attempts[0].started_at.startswith("2026-01-01T00:00:00")


@pytest.mark.parametrize(
    "kind", [FailureKind.CONNECTION, FailureKind.TIMEOUT, FailureKind.SERVER, FailureKind.BAD_STREAM]
)
def test_five_tries_and_no_more(kind: FailureKind) -> None:
    outing = Outing(make_lane(FakeEndpoint(otherwise=Step(result=make_failure(kind))), 1))
    assert outing.row(0) == ("failed", str(kind), 5)
    assert len(outing.watcher.sends) == len(outing.watcher.ends) == 5


@pytest.mark.parametrize("kind", [FailureKind.CONTEXT_OVERFLOW, FailureKind.CONTENT_FILTER, FailureKind.AUTH])
def test_what_would_fail_again_is_not_tried_again(kind: FailureKind) -> None:
    outing = Outing(make_lane(FakeEndpoint(otherwise=Step(result=make_failure(kind))), 1))
    assert outing.row(0) == ("failed", str(kind), 1)


@pytest.mark.parametrize("kind", [FailureKind.REQUEST, FailureKind.SERVER, FailureKind.RATE_LIMIT])
def test_what_the_endpoint_calls_hopeless_is_not_tried_again(kind: FailureKind) -> None:
    hopeless = make_failure(kind, retryable=False)
    assert Outing(make_lane(FakeEndpoint(otherwise=Step(result=hopeless)), 1)).row(0) == (
        "failed",
        str(kind),
        1,
    )


def test_waits_grow_and_stay_within_their_bounds() -> None:
    endpoint = FakeEndpoint(otherwise=Step(takes_s=0.0, result=make_failure()))
    Outing(make_lane(endpoint, 40, concurrency=40))
    times: dict[str, list[float]] = {}
    for at, prompt in endpoint.sent:
        times.setdefault(prompt, []).append(at)
    for position, bound in enumerate([0.5, 2.0, 8.0, 30.0]):
        waits = [sends[position + 1] - sends[position] for sends in times.values() if len(sends) == 5]
        assert all(0.0 <= wait <= bound for wait in waits)
        assert bound / 4 < sum(waits) / len(waits) < bound * 3 / 4


def test_a_job_between_two_tries_gives_its_slot_away_and_comes_back_first() -> None:
    endpoint = FakeEndpoint(script={"s0": [Step(result=make_failure()), Step()]})
    Outing(make_lane(endpoint, 6, concurrency=1))
    prompts = [prompt for _, prompt in endpoint.sent]
    assert prompts[:2] == ["s0", "s1"]
    assert prompts[2] == "s0"
    assert [at for at, _ in endpoint.sent] == pytest.approx([0, 1, 2, 3, 4, 5, 6])


def test_jobs_that_wait_long_for_their_next_try_leave_the_slot_busy() -> None:
    failing = [Step(takes_s=1.0, result=make_failure()) for _ in range(4)]
    endpoint = FakeEndpoint(script={"s0": [*failing, Step()], "s1": [*failing, Step()]})
    outing = Outing(make_lane(endpoint, 60, concurrency=1))
    assert outing.summary.ok == 60
    starts = [at for at, _ in endpoint.sent]
    assert starts == pytest.approx(list(range(68)))


def test_retry_after_moves_the_whole_lane() -> None:
    refusal = make_failure(FailureKind.RATE_LIMIT, retry_after_s=20.0)
    endpoint = FakeEndpoint(script={"s1": [Step(takes_s=0.5, result=refusal), Step()]})
    outing = Outing(make_lane(endpoint, 8, concurrency=2))
    assert [at for at, _ in endpoint.sent if 0.5 < at < 20.5] == []
    assert (20.5, "s1") in endpoint.sent
    assert outing.row(1) == ("ok", None, 2)


def test_retry_after_of_a_busy_server_moves_the_lane_too() -> None:
    busy = make_failure(FailureKind.SERVER, retry_after_s=15.0)
    endpoint = FakeEndpoint(script={"s0": [Step(takes_s=0.5, result=busy), Step()]})
    Outing(make_lane(endpoint, 4, concurrency=1))
    assert endpoint.sent[1] == (15.5, "s0")


def test_a_minute_of_429_ends_in_success_while_the_other_lane_goes_on() -> None:
    refusals = 0

    async def busy_for_a_minute(request: Request, meter: Meter) -> Reply | Failure:
        nonlocal refusals
        if asyncio.get_running_loop().time() < 60:
            refusals += 1
            return REFUSED
        meter.streamed(1)
        await asyncio.sleep(1)
        return make_reply()

    other = FakeEndpoint()
    outing = Outing(
        make_lane(CallableEndpoint(busy_for_a_minute), 200, concurrency=64),
        make_lane(other, 30, model="other", concurrency=1),
    )
    assert (outing.summary.ok, outing.summary.failed) == (230, 0)
    assert outing.took_s < 100
    assert refusals < 64 + 20, "it knocks now and then, it does not hammer"
    assert other.sent[-1][0] == pytest.approx(29.0)


def test_a_server_that_takes_only_ten_at_once_still_answers_all() -> None:
    in_flight = refusals = 0

    async def ten(request: Request, meter: Meter) -> Reply | Failure:
        nonlocal in_flight, refusals
        if in_flight >= 10:
            refusals += 1
            return REFUSED
        in_flight += 1
        await asyncio.sleep(0.1)
        meter.streamed(1)
        await asyncio.sleep(5)
        in_flight -= 1
        return make_reply()

    outing = Outing(make_lane(CallableEndpoint(ten), 300, concurrency=64))
    assert outing.summary.ok == 300
    assert outing.took_s < 1.1 * 300 / 10 * 5.1
    assert refusals < 2 * 300


def test_ten_minutes_of_429_are_the_end_of_the_lanes_patience() -> None:
    endpoint = FakeEndpoint(otherwise=Step(takes_s=0.0, events=0, result=REFUSED))
    outing = Outing(make_lane(endpoint, 50, concurrency=4))
    assert 600 <= outing.took_s < 700
    assert {a.error_kind for a in outing.memory.attempts} == {"rate_limit"}
    assert outing.summary.failed == 50


def test_a_server_that_asks_for_a_day_is_not_waited_for() -> None:
    refusal = make_failure(FailureKind.RATE_LIMIT, retry_after_s=86400.0)
    outing = Outing(make_lane(FakeEndpoint(otherwise=Step(result=refusal)), 50, concurrency=2))
    assert outing.took_s < 10
    assert outing.summary.failed == 50


# ── a lane that gives up ──


def test_a_wrong_key_ends_its_lane_with_one_notice_and_the_other_lane_goes_on() -> None:
    refused = make_failure(FailureKind.AUTH, retryable=False)
    endpoint = FakeEndpoint(script={"s5": [Step(result=refused)]})
    outing = Outing(make_lane(endpoint, 100, concurrency=1), make_lane(FakeEndpoint(), 20, model="other"))
    assert len(endpoint.sent) == 6
    mine = [a for a in outing.memory.attempts if a.model == "m"]
    assert [a.tries for a in mine if a.status == "failed"] == [1] + [0] * 94
    assert outing.watcher.notices == [
        ("m", "a auth failure; 94 jobs recorded as failed, `--resume` sends them again")
    ]
    assert outing.summary.lanes[1].ok == 20


def test_a_server_that_is_gone_ends_its_lane() -> None:
    endpoint = FakeEndpoint(otherwise=Step(takes_s=0.01, result=make_failure(FailureKind.CONNECTION)))
    outing = Outing(make_lane(endpoint, 1000, concurrency=8))
    assert outing.summary.failed == 1000
    assert outing.took_s < 120
    assert len(endpoint.sent) < (8 + 8 + 8) * 5 * 2
    [(_, first), (_, last)] = outing.watcher.notices
    assert first.startswith("connection: a connection failure (first: sums, sample s")
    assert last.endswith("jobs recorded as failed, `--resume` sends them again")


def test_failures_of_single_jobs_do_not_end_a_lane() -> None:
    bad = [Step(takes_s=0.1, result=make_failure())]
    script = {f"s{n}": list(bad) for n in range(0, 60, 2)}
    outing = Outing(make_lane(FakeEndpoint(script=script), 60, concurrency=1))
    assert (outing.summary.ok, outing.summary.failed) == (30, 30)


def test_the_first_failure_of_each_kind_gets_one_line() -> None:
    overflow = make_failure(FailureKind.CONTEXT_OVERFLOW, retryable=False)
    filtered = make_failure(FailureKind.CONTENT_FILTER, retryable=False)
    script = {f"s{n}": [Step(result=filtered if n == 5 else overflow)] for n in range(2, 9)}
    outing = Outing(make_lane(FakeEndpoint(script=script), 12, concurrency=1))
    assert outing.watcher.notices == [
        ("m", "context_overflow: a context_overflow failure (first: sums, sample s2)"),
        ("m", "content_filter: a content_filter failure (first: sums, sample s5)"),
    ]


def test_a_lane_that_is_blocked_from_the_start_sends_nothing_and_records_all() -> None:
    endpoint = FakeEndpoint()
    blocked = Failure(kind=FailureKind.CONNECTION, message="nothing listens there", retryable=True)
    outing = Outing(make_lane(endpoint, 936, blocked=blocked), make_lane(FakeEndpoint(), 3, model="other"))
    assert endpoint.sent == []
    mine = [a for a in outing.memory.attempts if a.model == "m"]
    assert len(mine) == 936
    assert all((a.error, a.tries, a.prompt != "") == ("nothing listens there", 0, True) for a in mine)
    [(_, line)] = outing.watcher.notices
    assert line == "nothing listens there; 936 jobs recorded as failed, `--resume` sends them again"
    assert outing.summary.lanes[1].ok == 3


# ── the end of a run ──


def test_a_stop_cuts_off_what_has_no_reply_and_keeps_what_has_one() -> None:
    endpoint = timed([1, 2, 3600, 1, 3600, 1, 3600, 3600, 1])
    outing = Outing(make_lane(endpoint, 9, concurrency=3), stop_at=5.0, executor_s=30.0)
    assert sorted(a.sample_id for a in outing.memory.attempts) == ["s0", "s1", "s3", "s5"]
    assert outing.summary.interrupted
    assert outing.summary.lanes[0].unrecorded == 5
    assert endpoint.in_flight == 0
    assert outing.took_s < 60


def test_a_stop_does_not_wait_for_a_retry_or_a_rate_limit() -> None:
    refusal = make_failure(FailureKind.RATE_LIMIT, retry_after_s=500.0)
    waiting = make_lane(FakeEndpoint(otherwise=Step(takes_s=0.0, result=refusal)), 10, model="waiting")
    failing = make_lane(
        FakeEndpoint(otherwise=Step(takes_s=0.0, result=make_failure())),
        100,
        model="failing",
        concurrency=100,
    )
    outing = Outing(waiting, failing, stop_at=0.1)
    assert outing.took_s == pytest.approx(0.1)
    assert outing.memory.attempts == []


def test_a_stop_before_the_start_sends_nothing() -> None:
    async def run() -> RunSummary:
        stop = asyncio.Event()
        stop.set()
        return await run_lanes(
            [make_lane(endpoint, 3)],
            run_id="r",
            sink=MemorySink(),
            watcher=RecordingWatcher(),
            clock=FakeClock(),
            stop=stop,
        )

    endpoint = FakeEndpoint()
    assert run_virtual(run()).interrupted
    assert endpoint.sent == []


def test_a_stop_after_the_last_job_interrupts_nothing() -> None:
    assert not Outing(make_lane(FakeEndpoint(), 4), stop_at=1.5, executor_s=5.0).summary.interrupted


def test_a_cancelled_run_leaves_nothing_behind() -> None:
    endpoint = FakeEndpoint(otherwise=Step(takes_s=3600))

    async def cancel_it() -> None:
        probe = FakeProbe(show=lambda: Reading(run_id="r", model="m", at="now"))
        lanes = [
            make_lane(endpoint, 5, probe=probe),
            make_lane(FakeEndpoint(), 1000, concurrency=None, model="n"),
        ]
        work = run_lanes(lanes, run_id="r", sink=MemorySink(), watcher=RecordingWatcher(), clock=FakeClock())
        task = asyncio.create_task(work)
        await asyncio.sleep(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(cancel_it())
    assert endpoint.in_flight == 0


def test_scorers_run_beside_the_loop_and_a_slow_one_holds_up_no_other() -> None:
    others = threading.Semaphore(0)
    threads = set()

    def judge(sample: Sample, reply: Reply) -> Score:
        threads.add(threading.current_thread().name)
        if sample.id == "s0":
            assert all(others.acquire(timeout=60) for _ in range(19))
        else:
            others.release()
        return Score(value=1.0, extracted=None)

    lane = make_lane(
        FakeEndpoint(otherwise=Step(takes_s=0.0)),
        20,
        open_with=lambda job: replace(open_job(job), scorer=judge),
    )
    work = run_lanes([lane], run_id="r", sink=MemorySink(), watcher=RecordingWatcher(), clock=SystemClock())
    assert asyncio.run(work).ok == 20
    assert all(name.startswith("judge") for name in threads)


def test_a_store_that_cannot_be_written_ends_the_run_with_its_error() -> None:
    class Full(MemorySink):
        async def append(self, record: object) -> None:
            raise StoreError("no space left on the disk")

    endpoint = FakeEndpoint(otherwise=Step(takes_s=3600))
    quick = make_lane(FakeEndpoint(), 5, model="quick")
    with pytest.raises(StoreError, match="no space left"):
        Outing(quick, make_lane(endpoint, 5), sink=Full())
    assert endpoint.in_flight == 0


def test_a_reading_that_cannot_be_stored_ends_the_run_too() -> None:
    class NoReadings(MemorySink):
        async def append(self, record: object) -> None:
            if isinstance(record, Reading):
                raise StoreError("broken")

    probe = FakeProbe(show=lambda: Reading(run_id="r", model="m", at="now"))
    with pytest.raises(StoreError, match="broken"):
        Outing(make_lane(FakeEndpoint(), 5, probe=probe), sink=NoReadings())


# ── readings ──


def test_readings_are_kept_and_a_probes_trouble_is_a_gap() -> None:
    looks = 0

    def show() -> Reading | None:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise RuntimeError("the probe's bug")
        return None if looks == 3 else Reading(run_id="r", model="m", at=str(looks), running=looks)

    probe = FakeProbe(show=show)
    outing = Outing(make_lane(FakeEndpoint(otherwise=Step(takes_s=5.5)), 1, probe=probe))
    assert [reading.running for reading in outing.memory.readings] == [1, *range(4, 20)]  # 5.5 s, each 0.3 s
    assert outing.row(0) == ("ok", None, 1)


def test_the_runner_imports_no_screen_no_store_and_no_client() -> None:
    heavy = ["rich", "streamlit", "duckdb", "openai", "aiohttp", "pandas", "scipy", "datasets"]
    code = f"import sys, evalbudget.runner.run; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
