"""How far runs are."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evalbudget.store.journal import Journal
from evalbudget.store.load import catch_up
from evalbudget.store.progress import RunProgress, planned_jobs
from evalbudget.store.queries import Store
from tests.store.making import make_attempt, make_failed, make_run, make_store

SUITE = "models: [{name: a}, {name: b}]\n"
TOLD = {"samples": "30, ids 00ff", "repeats": 4, "budgets": ["unlimited", 512]}


def test_planned_jobs_are_models_by_samples_repeats_and_budgets() -> None:
    assert planned_jobs(SUITE, {}, {"aime25": TOLD, "sums": {**TOLD, "samples": "none"}}) == 2 * 30 * 4 * 2


def test_what_the_command_line_narrowed_is_not_planned() -> None:
    conditions = {"aime25": TOLD, "sums": TOLD}
    assert planned_jobs(SUITE, {"only": "model=a"}, conditions) == 2 * 240
    assert planned_jobs(SUITE, {"only": "model=a, task=sums"}, conditions) == 240


@pytest.mark.parametrize(
    ("suite", "conditions"),
    [
        ("", {"aime25": TOLD}),
        ("models: [", {"aime25": TOLD}),
        ("models: 3", {"aime25": TOLD}),
        ("- a", {"aime25": TOLD}),
        (SUITE, {}),
        (SUITE, {"aime25": "all"}),
        (SUITE, {"aime25": TOLD, "sums": {**TOLD, "samples": "many"}}),
        (SUITE, {"aime25": {**TOLD, "repeats": None}}),
        (SUITE, {"aime25": {**TOLD, "budgets": 3}}),
    ],
)
def test_what_the_record_does_not_tell_is_not_known(suite: str, conditions: dict[str, object]) -> None:
    assert planned_jobs(suite, {}, conditions) is None  # type: ignore[arg-type]


def test_an_ended_run_took_its_time_and_its_pace_is_that_of_all_of_it(tmp_path: Path) -> None:
    run = replace(make_run(status="finished"), suite=SUITE, conditions={"aime25": TOLD})
    db = make_store(tmp_path / "store.duckdb", [run, *(make_attempt(number) for number in range(24))])
    (found,) = Store(db).progress()
    assert (found.done, found.planned, found.share) == (24, 480, pytest.approx(0.05))
    assert found.took_s == 750
    assert found.per_minute == pytest.approx(60 * 24 / 750)
    assert found.left_s == pytest.approx((480 - 24) * 750 / 24)


def test_failed_attempts_are_done_and_a_run_without_any_has_no_pace(tmp_path: Path) -> None:
    db = make_store(tmp_path / "store.duckdb", [make_run(status="finished"), make_failed()])
    later = make_run("r2", started_at="2026-11-21T12:00:00.000+00:00")
    make_store(db, [later], run_id="r2")
    empty, other = Store(db).progress()
    assert (empty.run_id, empty.done, empty.per_minute, empty.took_s) == ("r2", 0, None, None)
    assert (empty.planned, empty.share, empty.left_s) == (None, None, None)
    assert (other.run_id, other.done) == ("r1", 1)


def test_the_pace_of_a_live_run_is_that_of_what_ended_lately(tmp_path: Path) -> None:
    """An attempt an hour ago, then one a minute, each of a minute, for a quarter of an hour."""
    db = tmp_path / "store.duckdb"
    start = datetime(2026, 11, 21, 9, tzinfo=UTC)
    times = [start, *(start + timedelta(minutes=60 + minute) for minute in range(15))]
    attempts = [
        replace(make_attempt(number), started_at=at.isoformat(), latency_s=60.0)
        for number, at in enumerate(times)
    ]

    async def record() -> RunProgress:
        journal = Journal.create(db, "r1")
        for each in (make_run(), *attempts):
            await journal.append(each)
        catch_up(db)
        (found,) = Store(db).progress()
        await journal.close()
        return found

    found = asyncio.run(record())
    assert found.per_minute == pytest.approx(1)
    assert found.took_s == 75 * 60
