"""The exports: what pandas and duckdb read from them is what the store holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from evalbudget.contracts import JournalRecord
from evalbudget.errors import InputError, StoreError
from evalbudget.records import JsonValue, ToolCall
from evalbudget.store.export import FORMATS, TABLES, export_tables
from tests.store.making import (
    make_attempt,
    make_failed,
    make_reading,
    make_run,
    make_server,
    make_store,
    write_journal,
)

ODD = 'say "no", \n or\r\n ä\u2028 | \\ \x1b[31m, wait'


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two runs, to be read only."""
    db = tmp_path_factory.mktemp("it's") / "s.duckdb"
    records: list[JournalRecord] = [
        make_run(),
        make_server(),
        make_attempt(1, text=ODD),
        make_attempt(2, budget=0),
        make_reading(),
    ]
    make_store(db, [*records, make_failed(3), make_attempt(4, task="secret")], "r1")
    write_journal(db, "r2", [make_run("r2"), make_attempt(1, run_id="r2")])
    return db


@pytest.mark.parametrize("form", FORMATS)
def test_pandas_and_duckdb_read_what_the_store_holds(two_runs: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "tables"
    written = export_tables(two_runs, None, form, out)
    assert written == [
        (out / f"{table}.{form}", rows) for table, rows in zip(TABLES, (2, 1, 5, 1, 4), strict=True)
    ]
    assert sorted(path.name for path in out.iterdir()) == sorted(f"{table}.{form}" for table in TABLES)
    path = out / f"attempts.{form}"
    frame = pd.read_parquet(path) if form == "parquet" else pd.read_csv(path)
    first = frame[(frame.run_id == "r1") & (frame.sample_id == "s1")].iloc[0]
    assert first.reasoning == ODD
    assert first.completion_tokens == 1000
    assert pd.isna(first.budget)
    assert json.loads(first.tool_calls) == [{"name": "f", "arguments": '{"a": 1}', "id": None}]
    assert str(pd.to_datetime(first.started_at)) == "2026-11-21 09:00:01.250000"
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT reasoning, details FROM '{path}' WHERE run_id = 'r1' AND sample_id = 's1'"  # noqa: S608
        ).fetchall()
        assert found == [(ODD, "{}")]
        for table in TABLES:
            connection.execute(f"FROM '{out / table}.{form}'").fetchall()


def test_one_run_alone_and_files_of_before_are_replaced(two_runs: Path, tmp_path: Path) -> None:
    db = two_runs
    export_tables(db, None, "parquet", tmp_path)
    assert dict(export_tables(db, "r2", "parquet", tmp_path))[tmp_path / "attempts.parquet"] == 1
    assert list(pd.read_parquet(tmp_path / "attempts.parquet").run_id) == ["r2"]
    assert list(pd.read_parquet(tmp_path / "cells.parquet").run_id) == ["r2"]


DETAILS: dict[str, JsonValue] = {
    "form": "boxed",
    "first_match": "B",
    "first_match_correct": True,
    "option_order": "CABD",
    "option_position": 2,
    "quotation": "canary",
    "seen_in_thinking": "canary",
    "canary": 1,
}
KEPT = {"form": "boxed", "first_match": "B", "first_match_correct": True} | {
    "option_order": "CABD",
    "option_position": 2,
}


def private_store(db: Path, *, task: str, options: dict[str, JsonValue]) -> Path:
    """A run whose first attempt is at a private task, with the word canary wherever a text can stand."""
    telling = replace(
        make_attempt(1, task=task, text="canary"),
        prompt="canary",
        answer="canary",
        tool_calls=(ToolCall(name="canary", arguments='"canary"'),),
        extracted="canary",
        target="canary",
        details=DETAILS,
        request={"temperature": 0.5, "tools": ["canary"], "messages": ["canary"]},
        category="physics",
    )
    failed = make_failed(2, task=task, error="the server did not like canary")
    letter = replace(make_attempt(3, task=task), extracted="B", target="B")
    other = replace(make_attempt(4), extracted="204", details={"note": "mine"})
    return make_store(db, [replace(make_run(), options=options), telling, failed, letter, other])


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("task", "options"), [("secret", {"private_tasks": ["secret"]}), ("lm_eval/gpqa_main_cot", {"limit": 5})]
)
def test_of_a_private_task_the_figures_leave_and_the_texts_stay(
    tmp_path: Path, task: str, options: dict[str, JsonValue], form: str
) -> None:
    db = private_store(tmp_path / "s.duckdb", task=task, options=options)
    export_tables(db, None, form, tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        assert b"canary" not in path.read_bytes(), path.name
    path = tmp_path / "out" / f"attempts.{form}"
    frame = pd.read_parquet(path) if form == "parquet" else pd.read_csv(path)
    telling, failed, letter, other = (
        frame[frame.sample_id == f"s{number}"].iloc[0] for number in (1, 2, 3, 4)
    )
    assert json.loads(telling.details) == KEPT
    assert json.loads(telling.request) == {"temperature": 0.5}
    assert (telling.category, telling.completion_tokens, telling.score) == ("physics", 1000, 1.0)
    assert (failed.error_kind, pd.isna(failed.error)) == ("rate_limit", True)
    assert (letter.extracted, letter.target, pd.isna(letter.answer)) == ("B", "B", True)
    assert (str(other.extracted), json.loads(other.details), other.answer) == (
        "204",
        {"note": "mine"},
        "\\boxed{42}",
    )


def test_who_insists_gets_the_texts_of_a_private_task_too(tmp_path: Path) -> None:
    db = private_store(tmp_path / "s.duckdb", task="secret", options={"private_tasks": ["secret"]})
    export_tables(db, None, "parquet", tmp_path / "out", include_private=True)
    first = pd.read_parquet(tmp_path / "out" / "attempts.parquet").iloc[0]
    assert (first.prompt, first.answer, json.loads(first.details)) == ("canary", "canary", DETAILS)


def test_a_task_that_one_run_calls_private_is_private_in_all_of_them(tmp_path: Path) -> None:
    db = private_store(tmp_path / "s.duckdb", task="secret", options={})
    later = replace(make_run("r2"), options={"private_tasks": ["secret"]})
    write_journal(db, "r2", [later])
    export_tables(db, "r1", "csv", tmp_path / "out")
    assert b"canary" not in (tmp_path / "out" / "attempts.csv").read_bytes()


def test_a_failed_export_leaves_the_files_of_before(tmp_path: Path) -> None:
    db = make_store(tmp_path / "s.duckdb", [make_run(), make_attempt()])
    out = tmp_path / "tables"
    export_tables(db, None, "csv", out)
    before = {path: path.read_bytes() for path in out.iterdir()}
    with duckdb.connect(str(db)) as connection:
        connection.execute("DROP TABLE readings")
    with pytest.raises(StoreError, match="readings does not exist"):
        export_tables(db, "r1", "csv", out)
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_wrong_input_is_told_before_a_folder_is_made(two_runs: Path, tmp_path: Path) -> None:
    db = two_runs
    out = tmp_path / "tables"
    with pytest.raises(InputError, match="no export format 'xlsx'; there are csv and parquet"):
        export_tables(db, None, "xlsx", out)
    with pytest.raises(InputError, match="no run 'r9'"):
        export_tables(db, "r9", "csv", out)
    with pytest.raises(InputError, match="no store at"):
        export_tables(tmp_path / "none.duckdb", None, "csv", out)
    assert not out.exists()


def test_a_folder_that_is_a_file_is_told(two_runs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot export"):
        export_tables(two_runs, None, "csv", tmp_path / "file")
