"""From journal to store: the same rows, once, whoever loads and however often; no run waits for a store."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from evalbudget.contracts import JournalRecord
from evalbudget.errors import InputError, StoreBusyError
from evalbudget.store.database import reading, writing
from evalbudget.store.journal import Journal, journal_path
from evalbudget.store.load import CaughtUp, Loader, catch_up
from tests.conftest import REPOSITORY
from tests.store.making import (
    make_attempt,
    make_failed,
    make_reading,
    make_run,
    make_server,
    make_store,
    write_journal,
)


def rows(db: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(db), read_only=True) as connection:
        return connection.execute(sql).fetchall()


# ── once ──


def everything() -> list[Any]:
    attempts = [make_attempt(number, repeat=repeat) for number in range(20) for repeat in range(2)]
    return [make_run(), make_server(), *attempts, *(make_reading(number) for number in range(5))]


def test_loading_again_changes_nothing(tmp_path: Path) -> None:
    db = make_store(tmp_path / "s.duckdb", everything())
    tables = ("runs", "servers", "attempts", "readings", "cells", "loaded")
    before = [rows(db, f"FROM {table}") for table in tables]
    assert [len(found) for found in before] == [1, 1, 40, 5, 1, 1]
    changed = db.stat().st_mtime_ns
    assert catch_up(db) == CaughtUp(complete=True)
    assert [rows(db, f"FROM {table}") for table in tables] == before
    assert db.stat().st_mtime_ns == changed


def test_the_newest_attempt_of_a_job_wins_within_a_load_and_across(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    records: list[JournalRecord] = [
        make_run(),
        make_failed(1),
        make_failed(2),
        make_attempt(1, outcome="wrong"),
        make_attempt(1),
    ]
    path = write_journal(db, "r1", records)
    catch_up(db)
    assert rows(db, "SELECT sample_id, status, outcome FROM attempts ORDER BY 1") == [
        ("s1", "ok", "correct"),
        ("s2", "failed", None),
    ]

    async def go_on() -> None:
        journal = Journal.resume(db, "r1")
        await journal.append(make_attempt(2, budget=0))
        await journal.append(make_attempt(2))
        await journal.close()

    asyncio.run(go_on())
    catch_up(db)
    assert rows(db, "SELECT sample_id, budget, status FROM attempts ORDER BY 1, 2") == [
        ("s1", None, "ok"),
        ("s2", 0, "ok"),
        ("s2", None, "ok"),
    ]
    assert path.read_bytes().count(b'"kind":"attempt"') == 6


def test_a_journal_of_many_pieces_is_loaded_whole(tmp_path: Path) -> None:
    long = "thinking " * 200_000
    db = make_store(tmp_path / "s.duckdb", [make_attempt(number, text=long) for number in range(12)])
    assert rows(db, "SELECT count(*), min(length(reasoning)) FROM attempts") == [(12, len(long))]


def test_a_line_longer_than_a_piece_is_loaded(tmp_path: Path) -> None:
    db = make_store(tmp_path / "s.duckdb", [make_attempt(1, text="x" * 9_000_000), make_attempt(2)])
    assert rows(db, "SELECT length(reasoning) FROM attempts ORDER BY sample_id") == [(9_000_000,), (19,)]


def test_damaged_lines_cost_only_themselves_and_are_counted(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    path = write_journal(db, "r1", [make_run(), make_attempt(1)])
    whole = path.read_bytes()
    odd = [
        b'{"kind":"attempt","run_id":"r1","model":',
        b'{"kind":"attempt","run_id":"r1","answer":"\xff"}',
        b'{"kind":"attempt","run_id":"r1","answer":"\\ud800"}',
        b'{"kind":"attempt","run_id":"r1"}',
        b'{"kind":"dream","run_id":"r1"}',
        b"nothing",
        whole.splitlines()[-1].replace(b'"r1"', b'"r2"'),
    ]
    path.write_bytes(
        whole + b"\n".join(odd) + b"\n" + whole.splitlines()[-1].replace(b'"s1"', b'"s2"') + b"\n"
    )
    assert catch_up(db) == CaughtUp(complete=True, skipped=7)
    assert rows(db, "SELECT sample_id FROM attempts ORDER BY 1") == [("s1",), ("s2",)]
    assert catch_up(db) == CaughtUp(complete=True, skipped=7)


def test_a_journal_that_lost_its_end_is_loaded_anew(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    path = write_journal(db, "r1", [make_run(), *(make_attempt(number) for number in range(5))])
    catch_up(db)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))
    catch_up(db)
    assert rows(db, "SELECT count(*) FROM attempts") == [(3,)]


def test_a_deleted_store_is_made_anew_from_its_journals(tmp_path: Path) -> None:
    db = make_store(tmp_path / "s.duckdb", everything())
    before = rows(db, "FROM attempts ORDER BY ALL")
    db.unlink()
    catch_up(db)
    assert rows(db, "FROM attempts ORDER BY ALL") == before


def test_a_journal_of_another_store_in_the_same_folder_is_left_alone(tmp_path: Path) -> None:
    mine = make_store(tmp_path / "mine.duckdb", [make_run("r1"), make_attempt()], "r1")
    other = make_store(tmp_path / "other.duckdb", [make_run("r2")], "r2")
    catch_up(mine)
    assert rows(mine, "SELECT run_id FROM runs") == [("r1",)]
    assert rows(other, "SELECT run_id FROM runs") == [("r2",)]


def test_a_renamed_store_still_follows_the_journals_it_knows(tmp_path: Path) -> None:
    db = make_store(tmp_path / "s.duckdb", [make_run(), make_attempt(1)])
    db = db.rename(tmp_path / "renamed.duckdb")

    async def go_on() -> None:
        journal = Journal.resume(db, "r1")
        await journal.append(make_attempt(2))
        await journal.close()

    asyncio.run(go_on())
    catch_up(db)
    assert rows(db, "SELECT count(*) FROM attempts") == [(2,)]


def test_without_store_and_journal_one_line_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no store at .* run `evalbudget run"):
        catch_up(tmp_path / "none" / "s.duckdb")
    assert not (tmp_path / "none").exists()


# ── dead runs ──


def test_a_run_is_interrupted_when_nobody_holds_its_journal(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"

    write_journal(db, "r0", [make_run("r0")])

    async def run_and_look() -> list[tuple[Any, ...]]:
        journal = Journal.create(db, "r1")
        await journal.append(make_run())
        catch_up(db)
        alive = rows(db, "SELECT run_id, status FROM runs ORDER BY 1")
        await journal.close()
        return alive

    assert asyncio.run(run_and_look()) == [("r0", "interrupted"), ("r1", "running")]
    catch_up(db)
    assert rows(db, "SELECT status FROM runs") == [("interrupted",), ("interrupted",)]


def test_a_finished_run_stays_finished(tmp_path: Path) -> None:
    db = make_store(tmp_path / "s.duckdb", [make_run(), make_run(status="finished")])
    assert rows(db, "SELECT status, finished_at FROM runs") == [
        ("finished", datetime(2026, 11, 21, 9, 12, 30))
    ]


# ── several processes ──


@contextmanager
def held(db: Path) -> Iterator[None]:
    """Another process reads the store and does not let go."""
    script = (
        f"import duckdb, sys; connection = duckdb.connect({str(db)!r}, read_only=True)\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield
        finally:
            child.communicate("")


def test_a_held_store_delays_the_loading_and_never_the_run(tmp_path: Path) -> None:
    db = make_store(tmp_path / "s.duckdb", [make_run("r0")], "r0")
    heard: list[str] = []

    async def run() -> bool:
        journal = Journal.create(db, "r1")
        loader = Loader(db, "r1", notice=heard.append, every_s=0.01)
        loader.start()
        for number in range(30):
            await journal.append(make_attempt(number))
        complete = await loader.close(patience_s=0.6)
        await journal.close()
        return complete

    with held(db):
        assert asyncio.run(run()) is False
        with pytest.raises(StoreBusyError, match="held by another process"), writing(db, patience_s=0.05):
            pass
        state = catch_up(db, patience_s=0.05)
        assert not state.complete
        assert "held by another process" in str(state.trouble)
    assert len(heard) == 1
    assert "journal keeps everything" in heard[0]
    assert catch_up(db).complete
    assert rows(db, "SELECT count(*) FROM attempts") == [(30,)]


def test_a_reader_waits_for_a_writer(tmp_path: Path) -> None:
    db = make_store(tmp_path / "s.duckdb", [make_run()])
    with (
        writing(db, patience_s=1),
        pytest.raises(StoreBusyError),
        reading(db, patience_s=0.05),
    ):
        pass
    with reading(db, patience_s=0.05) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def wait_for(db: Path, attempts: int) -> None:
    """Read the store again and again until so many attempts are there."""
    deadline = time.monotonic() + 60
    found: object = None
    while found != (attempts,):
        assert time.monotonic() < deadline, f"{found} attempts are in the store"
        time.sleep(0.02)
        if db.exists():
            with reading(db) as connection:
                found = connection.execute("SELECT count(*) FROM attempts").fetchone()


TWO_RUNS = """
import asyncio, sys
from pathlib import Path
from evalbudget.store.journal import Journal
from evalbudget.store.load import Loader
from tests.store.making import make_attempt, make_run

async def run(db, name):
    journal = Journal.create(db, name)
    loader = Loader(db, name, every_s=0.01)
    await journal.append(make_run(name))
    loader.start()
    for number in range(60):
        await journal.append(make_attempt(number, run_id=name))
    await asyncio.to_thread(sys.stdin.read)
    await journal.append(make_run(name, status="finished"))
    print(await loader.close())
    await journal.close()

asyncio.run(run(Path(sys.argv[1]), sys.argv[2]))
"""


def test_two_processes_run_into_one_new_store_while_a_third_reads(tmp_path: Path) -> None:
    db = tmp_path / "new" / "s.duckdb"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", TWO_RUNS, str(db), name],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("r1", "r2")
    ]
    wait_for(db, 120)
    for child in children:
        assert child.communicate() == ("True\n", "")
    assert rows(db, "SELECT run_id, status FROM runs ORDER BY 1") == [("r1", "finished"), ("r2", "finished")]
    assert rows(db, "SELECT run_id, count(*) FROM attempts GROUP BY 1 ORDER BY 1") == [("r1", 60), ("r2", 60)]
    assert catch_up(db) == CaughtUp(complete=True)
    assert [path.name for path in db.parent.glob(".*")] == []


def test_a_running_run_is_in_the_store_before_it_ends(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"

    async def run() -> None:
        journal = Journal.create(db, "r1")
        loader = Loader(db, "r1", every_s=0.01)
        loader.start()
        await journal.append(make_run())
        await journal.append(make_attempt(1))
        await asyncio.to_thread(wait_for, db, 1)
        assert await loader.close()
        await journal.close()

    asyncio.run(run())


def test_who_looks_again_soon_leaves_a_live_run_to_its_own_loader(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"

    async def live() -> None:
        journal = Journal.create(db, "r1")
        await journal.append(make_run())
        assert catch_up(db, but_live=True).complete
        assert not db.exists()
        catch_up(db)
        await journal.append(make_attempt(0))
        catch_up(db, but_live=True)
        assert rows(db, "SELECT count(*) FROM attempts") == [(0,)]
        await journal.close()

    asyncio.run(live())
    assert catch_up(db, but_live=True).complete
    assert rows(db, "SELECT count(*) FROM attempts") == [(1,)]
    assert rows(db, "SELECT status FROM runs") == [("interrupted",)]


def test_a_broken_store_costs_the_run_nothing(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    db.write_text("no database")
    heard: list[str] = []

    async def run() -> bool:
        journal = Journal.create(db, "r1")
        loader = Loader(db, "r1", notice=heard.append)
        await journal.append(make_attempt(1))
        complete = await loader.close(patience_s=0)
        await journal.close()
        return complete

    assert asyncio.run(run()) is False
    assert "not a valid DuckDB database" in heard[0]
    assert journal_path(db, "r1").read_bytes().count(b'"kind":"attempt"') == 1
    assert "not a valid DuckDB database" in str(catch_up(db).trouble)
    assert db.read_text() == "no database"
