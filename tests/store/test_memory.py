"""Readings joined to the attempts that ran then, on timelines made by hand and by chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalbudget.contracts import JournalRecord
from evalbudget.records import Attempt, Reading
from evalbudget.store import cells, migrations
from evalbudget.store.cells import Cell
from evalbudget.store.database import reading, writing
from evalbudget.store.export import export_tables
from evalbudget.store.ingest import insert_piece
from evalbudget.store.lines import encode_line
from evalbudget.store.load import catch_up
from evalbudget.store.memory import FAR_APART_S
from evalbudget.store.queries import Store
from tests.store.making import make_attempt, make_failed, make_run, make_server, make_store, write_journal

NINE = datetime(2026, 11, 21, 9, tzinfo=UTC)


def clock(seconds: float) -> str:
    """So many seconds after nine."""
    return (NINE + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def ran(
    number: int, begins: float, takes: float | None, *, budget: int | None = None, model: str = "m"
) -> Attempt:
    attempt = make_attempt(number, budget=budget, model=model)
    return replace(attempt, started_at=clock(begins), latency_s=takes)


def seen(
    at: float,
    used: int | None = None,
    *,
    preempted: int | None = None,
    prefix: tuple[int, int] = (0, 0),
    model: str = "m",
) -> Reading:
    return Reading(
        run_id="r1",
        model=model,
        at=clock(at),
        kv_usage=None if used is None else used / 1000,
        kv_used_tokens=None if used is None else 2 * used,
        kv_used_bytes=used,
        running=1,
        waiting=0,
        preemptions=preempted,
        prefix_queries=prefix[0],
        prefix_hits=prefix[1],
        source="metrics",
    )


def load(db: Path) -> dict[str, tuple[object, ...]]:
    """Sample → readings, peaks of bytes and tokens, preemptions."""
    with reading(db) as connection:
        rows = connection.execute(
            "SELECT sample_id, readings, kv_used_bytes_peak, kv_used_tokens_peak, preemptions"
            " FROM attempt_load ORDER BY sample_id"
        ).fetchall()
    return {row[0]: row[1:] for row in rows}


def cells_by_budget(db: Path) -> dict[int | None, Cell]:
    return {cell.budget: cell for cell in Store(db).cells("r1")}


def test_a_reading_belongs_to_whatever_ran_then(tmp_path: Path) -> None:
    attempts = [ran(0, 0, 10), ran(1, 5, 10), ran(2, 30, 5, budget=512), ran(3, 40, None, budget=0)]
    readings = [
        seen(at, used) for at, used in ((0, 1), (4, 7), (10, 5), (15, 3), (20, 99), (30, 2), (41, 80))
    ]
    db = make_store(tmp_path / "s.duckdb", [make_run(), *attempts, *readings])
    assert load(db) == {
        "s0": (3, 7, 14, None),
        "s1": (2, 5, 10, None),
        "s2": (1, 2, 4, None),
        "s3": (0, None, None, None),
    }
    found = cells_by_budget(db)
    assert {budget: cell.kv_peak_bytes for budget, cell in found.items()} == {None: 7, 512: 2, 0: None}


def test_a_reading_that_was_not_repeated_holds_until_shortly_before_the_next(tmp_path: Path) -> None:
    attempts = [ran(0, 1.2, 0.2), ran(1, 1.6, 0.2), ran(2, 5, 0.5)]
    db = make_store(tmp_path / "s.duckdb", [*attempts, seen(0, 7), seen(2, 5), seen(9, 3)])
    assert {sample: row[:2] for sample, row in load(db).items()} == {
        "s0": (1, 7),
        "s1": (0, None),
        "s2": (0, None),
    }
    assert cells_by_budget(db)[None].kv_peak_bytes == 7


def test_a_server_that_shows_no_use_leaves_the_peak_open(tmp_path: Path) -> None:
    db = make_store(tmp_path / "s.duckdb", [ran(0, 0, 10), seen(3), seen(4)])
    assert load(db) == {"s0": (2, None, None, None)}
    assert cells_by_budget(db)[None].kv_peak_bytes is None


def test_other_models_and_other_runs_are_left_out(tmp_path: Path) -> None:
    other = [ran(0, 0, 10, model="b"), seen(5, 900, preempted=9, model="b")]
    db = make_store(tmp_path / "s.duckdb", [ran(1, 0, 10), seen(5, 3, preempted=0), *other])
    later = [replace(ran(1, 0, 10), run_id="r2"), replace(seen(5, 70), run_id="r2")]
    write_journal(db, "r2", later)
    assert catch_up(db).complete
    peaks = {cell.model: (cell.kv_peak_bytes, cell.preemptions) for cell in Store(db).cells("r1")}
    assert peaks == {"b": (900, None), "m": (3, 0)}
    assert [cell.kv_peak_bytes for cell in Store(db).cells("r2")] == [70]


def test_preemptions_are_what_the_counter_rose_while_attempts_ran(tmp_path: Path) -> None:
    """Between 20 and 40 nothing ran; the server began anew before 62."""
    counted = [(0, 5), (9, 7), (12, 8), (22, 8), (32, 40), (38, 50), (41, 51), (50, 51), (59, 51), (62, 2)]
    attempts = [ran(0, 0, 10), ran(1, 2, 18), ran(2, 40, 5), ran(3, 60, 5, budget=0)]
    db = make_store(tmp_path / "s.duckdb", [*attempts, *(seen(at, preempted=n) for at, n in counted)])
    assert {sample: row[3] for sample, row in load(db).items()} == {"s0": 3, "s1": 3, "s2": 1, "s3": 2}
    found = cells_by_budget(db)
    assert (found[None].preemptions, found[0].preemptions) == (3 + 1, 2)


def test_what_happened_between_a_stop_and_a_resume_is_nobodys(tmp_path: Path) -> None:
    far = 10 + FAR_APART_S + 1
    counted = [(0.5, 0), (9, 1), (far, 400), (far + 5, 401)]
    attempts = [ran(0, 0, 10), ran(1, far + 1, 3)]
    db = make_store(
        tmp_path / "s.duckdb", [*attempts, *(seen(at, at_, preempted=at_) for at, at_ in counted)]
    )
    assert cells_by_budget(db)[None].preemptions == 2


def test_a_rise_within_one_long_attempt_is_its_own_however_seldom_the_server_was_read(tmp_path: Path) -> None:
    long = make_store(tmp_path / "s.duckdb", [ran(0, 0, 500), seen(1, preempted=3), seen(400, preempted=9)])
    assert cells_by_budget(long)[None].preemptions == 6
    assert load(long)["s0"][3] == 6


def test_prefix_hits_are_a_share_of_what_was_looked_up_meanwhile(tmp_path: Path) -> None:
    looked_up = [(0, (1000, 900)), (5, (1100, 925)), (9, (1200, 950)), (30, (9000, 950))]
    readings = [seen(at, prefix=prefix) for at, prefix in looked_up]
    db = make_store(tmp_path / "s.duckdb", [make_server(), ran(0, 1, 7), *readings])
    assert cells_by_budget(db)[None].prefix_hit_share == pytest.approx(50 / 200)
    assert Store(db).memory("r1")[0].prefix_hit_share == pytest.approx(0.25)


def test_memory_of_sequences_counts_scored_attempts_alone(tmp_path: Path) -> None:
    attempts = [
        replace(make_attempt(1), kv_bytes=100.0),
        replace(make_attempt(2, outcome="wrong"), kv_bytes=300.0),
        replace(make_attempt(3), kv_bytes=200.0),
        replace(make_failed(4), kv_bytes=9000.0),
    ]
    db = make_store(tmp_path / "s.duckdb", [make_server(), *attempts])
    cell = cells_by_budget(db)[None]
    assert (cell.kv_sequence_bytes, cell.mean_kv_bytes, cell.kv_bytes_per_correct) == (300, 200, 300)
    [told] = Store(db).memory("r1")
    assert (told.sequence_bytes, told.mean_kv_bytes, told.kv_bytes_per_correct) == (300, 200, 300)


def test_readings_that_come_after_their_attempts_make_the_cells_anew(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    pieces: Sequence[Sequence[JournalRecord]] = (
        [seen(1, 5, preempted=0)],
        [ran(0, 0, 10)],
        [seen(8, 7, preempted=0)],
        [seen(12, 99, preempted=3)],
        [seen(14, 99, preempted=30)],
    )
    found = []
    with writing(db, patience_s=1) as connection:
        for records in pieces:
            insert_piece(connection, "r1", b"".join(map(encode_line, records)), 1, 0)
            rows = connection.execute("SELECT kv_peak_bytes, preemptions FROM cells").fetchall()
            found.append(rows[0] if rows else None)
    assert found == [None, (5, 0), (7, 0), (7, 3), (7, 3)]


def test_times_and_counters_that_cannot_be_stop_no_load(tmp_path: Path) -> None:
    attempts = [
        replace(ran(0, 0, 10), started_at="infinity"),
        replace(ran(1, 0, 10), started_at="no time"),
        ran(2, 0, 1e300),
        ran(3, 0, -5),
        replace(ran(4, 0, 1e300), started_at="294246-01-01"),
    ]
    huge = 2**63 - 1
    readings = [
        seen(0, 1, preempted=-huge, prefix=(-huge, huge)),
        seen(1, 5, preempted=huge, prefix=(huge, -huge)),
        replace(seen(2, 7), at="-infinity"),
        replace(seen(2, 8), at="no time"),
    ]
    db = make_store(tmp_path / "s.duckdb", [make_server(), *attempts, *readings])
    assert cells_by_budget(db)[None].kv_peak_bytes == 5
    assert {sample: row[0] for sample, row in load(db).items()} == {
        "s0": 0,
        "s1": 0,
        "s2": 2,
        "s3": 1,
        "s4": 0,
    }
    assert len(Store(db).use_over_time("r1")) == 2
    assert Store(db).memory("r1")[0].used_bytes_peak == 8


def test_use_over_time_is_thinned_without_losing_a_peak(tmp_path: Path) -> None:
    readings = [seen(0.3 * n, 10 + n % 7) for n in range(1000)]
    readings[613] = seen(0.3 * 613, 900)
    few = [seen(n, n, model="few") for n in range(5)]
    db = make_store(tmp_path / "s.duckdb", [*readings, *few])
    use = Store(db).use_over_time("r1", points=40)
    many = [each for each in use if each.model == "m"]
    assert [each.kv_used_bytes for each in use if each.model == "few"] == [0, 1, 2, 3, 4]
    assert len(many) == 40
    assert [each.at for each in many] == sorted(each.at for each in many)
    [top] = [each for each in many if each.kv_used_bytes == 900]
    assert top.at == NINE + timedelta(seconds=0.3 * 613)
    assert (top.kv_usage, top.kv_used_tokens) == (0.9, 1800)


def test_the_memory_of_a_run_is_what_server_readings_and_attempts_say(tmp_path: Path) -> None:
    server = replace(
        make_server(),
        kv_dtype="fp8",
        kv_capacity_tokens=11_712,
        kv_capacity_bytes=317_067_264,
        kv_bytes_per_token=27_072.0,
        kv_bytes_per_token_expected=27_072.0,
        kv_ratio=1.0,
        kv_verdict="agrees",
        kv_source="log",
    )
    db = make_store(tmp_path / "s.duckdb", [server, make_server(model="silent"), seen(1, 400), seen(2, 700)])
    told, silent = Store(db).memory("r1")
    assert (told.model, told.engine, told.kv_dtype, told.capacity_tokens) == ("m", "vllm", "fp8", 11_712)
    assert (told.bytes_per_token, told.ratio, told.verdict, told.source) == (27_072, 1, "agrees", "log")
    assert (told.readings, told.usage_peak, told.used_tokens_peak, told.used_bytes_peak) == (
        2,
        0.7,
        1400,
        700,
    )
    assert (silent.model, silent.readings, silent.usage_peak, silent.bytes_per_token) == (
        "silent",
        0,
        None,
        None,
    )


@pytest.mark.parametrize("old", [1, 2])
def test_an_old_store_is_given_the_memory_of_its_cells(tmp_path: Path, old: int) -> None:
    db = tmp_path / "s.duckdb"
    with duckdb.connect(str(db)) as connection:
        migrations.apply(connection, up_to=old)
        connection.execute(
            "INSERT INTO attempts BY NAME SELECT 'r1' AS run_id, 'm' AS model, 't' AS task, 's' AS sample_id,"
            " 0 AS repeat, 'ok' AS status, 'correct' AS outcome, true AS correct, 1 AS score, 50 AS kv_bytes,"
            " TIMESTAMP '2026-11-21 09:00:00' AS started_at, 10 AS latency_s"
        )
        connection.execute(
            "INSERT INTO readings BY NAME SELECT 'r1' AS run_id, 'm' AS model, 77 AS kv_used_bytes,"
            " TIMESTAMP '2026-11-21 09:00:04' AS \"at\", 0 AS preemptions"
        )
        connection.execute("INSERT INTO runs (run_id, status) VALUES ('r1', 'finished')")
    assert catch_up(db).complete
    cell = cells_by_budget(db)[None]
    assert (cell.kv_peak_bytes, cell.kv_sequence_bytes, cell.kv_bytes_per_correct, cell.preemptions) == (
        77,
        50,
        50,
        0,
    )
    assert load(db) == {"s": (1, 77, None, 0)}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_exports_carry_the_memory(tmp_path: Path, form: str) -> None:
    attempt = replace(ran(0, 0, 10), kv_bytes=4096.0)
    db = make_store(tmp_path / "s.duckdb", [make_run(), make_server(), attempt, seen(3, 700, preempted=0)])
    export_tables(db, None, form, tmp_path / "out")
    tables = {
        name: pd.read_csv(path) if form == "csv" else pd.read_parquet(path)
        for name in ("cells", "servers", "readings", "attempts", "runs")
        for path in [tmp_path / "out" / f"{name}.{form}"]
    }
    [cell] = tables["cells"].to_dict("records")
    assert (cell["kv_peak_bytes"], cell["kv_sequence_bytes"], cell["preemptions"]) == (700, 4096, 0)
    assert {"mean_kv_bytes", "kv_bytes_per_correct", "prefix_hit_share"} <= cell.keys()
    assert {"kv_capacity_bytes", "kv_block_tokens", "kv_advice", "identity"} <= set(tables["servers"].columns)
    assert {"prefix_queries", "prefix_hits"} <= set(tables["readings"].columns)
    assert list(tables["attempts"]["kv_bytes"]) == [4096]
    assert "conditions" in tables["runs"].columns


@pytest.fixture(scope="module")
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """A store in memory, for what would take long on a disk."""
    with duckdb.connect() as connection:
        migrations.apply(connection)
        yield connection


eighths = st.integers(0, 720).map(lambda n: n / 8)
"""Seconds whose sums are exact: whether two ends meet must not hang on rounding."""


@given(
    attempts=st.lists(
        st.tuples(eighths, st.none() | eighths, st.sampled_from([None, 0, 512])), min_size=1, max_size=12
    ),
    readings=st.dictionaries(
        eighths, st.tuples(st.none() | st.integers(0, 999), st.integers(0, 4)), max_size=25
    ),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_cells_and_attempts_hold_what_counting_by_hand_finds(
    memory: duckdb.DuckDBPyConnection,
    attempts: list[tuple[float, float | None, int | None]],
    readings: dict[float, tuple[int | None, int]],
) -> None:
    for table in ("attempts", "readings", "cells", "loaded"):
        memory.execute(f"DELETE FROM {table}")  # noqa: S608
    rows = [ran(n, begins, takes, budget=budget) for n, (begins, takes, budget) in enumerate(attempts)]
    times, total, counted = sorted(readings), 0, []
    for at in times:
        total += readings[at][1]
        counted.append(seen(at, readings[at][0], preempted=total))
    insert_piece(memory, "r1", b"".join(map(encode_line, [*rows, *counted])), 1, 0)
    peaks = dict(memory.execute("SELECT sample_id, kv_used_bytes_peak FROM attempt_load").fetchall())
    rises = dict(memory.execute("SELECT sample_id, preemptions FROM attempt_load").fetchall())
    for cell in cells.compute(memory, "r1"):
        mine = [n for n, (_, _, budget) in enumerate(attempts) if budget == cell.budget]
        touched: dict[float, int] = {}
        for n in mine:
            begins, takes, _ = attempts[n]
            used = [
                value
                for at, (value, _) in readings.items()
                if takes is not None and value is not None and _holds(times, at, begins, begins + takes)
            ]
            assert peaks[f"s{n}"] == max(used, default=None)
            here = _rises(times, readings, begins, takes)
            assert rises[f"s{n}"] == (sum(here.values()) if here else None)
            touched |= here
        known = [peaks[f"s{n}"] for n in mine if peaks[f"s{n}"] is not None]
        assert cell.kv_peak_bytes == max(known, default=None)
        if all(later - earlier <= FAR_APART_S for earlier, later in pairwise(times)):
            assert cell.preemptions == (sum(touched.values()) if touched else None)


def _rises(
    times: list[float], readings: dict[float, tuple[int | None, int]], begins: float, takes: float | None
) -> dict[float, int]:
    """Time of a reading → what the counter rose up to it, where an attempt touched the interval it ends."""
    if takes is None:
        return {}
    ends, found = begins + takes + 1e-6, {}
    for place, at in enumerate(times):
        since = times[place - 1] if place else at
        near = at - since <= FAR_APART_S or (begins <= since and at <= ends)
        if not (since <= ends and at >= begins and near):
            continue
        if place:
            found[at] = readings[at][1]
        elif readings[at][1] == 0:
            found[at] = 0
    return found


def _holds(times: list[float], at: float, begins: float, ends: float) -> bool:
    """Whether what was read at that time was true at a moment between these two."""
    later = [time for time in times if time > at]
    until = max(at, later[0] - 0.5) if later and later[0] - at <= 2.5 + 1e-6 else at
    return at <= ends + 1e-6 and until >= begins - 1e-6
