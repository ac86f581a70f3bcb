"""The schema: the records' fields are its columns, each step is applied once, a newer store is refused."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import duckdb
import pytest

from evalbudget.errors import StoreError
from evalbudget.records import Attempt, Reading, RunRecord, ServerRecord
from evalbudget.store import migrations
from evalbudget.store.cells import Cell
from evalbudget.store.database import reading, writing
from evalbudget.store.load import catch_up
from evalbudget.store.queries import Store
from tests.store.making import make_attempt, make_run, write_journal

PYTHON_TYPE = {
    "VARCHAR": "str",
    "BIGINT": "int",
    "DOUBLE": "float",
    "BOOLEAN": "bool",
    "TIMESTAMP": "str",
}


@pytest.mark.parametrize(
    ("table", "record"),
    [
        ("runs", RunRecord),
        ("servers", ServerRecord),
        ("attempts", Attempt),
        ("readings", Reading),
        ("cells", Cell),
    ],
)
def test_the_columns_are_the_fields_of_the_record(tmp_path: Path, table: str, record: type) -> None:
    db = tmp_path / "s.duckdb"
    with writing(db, patience_s=1) as connection:
        described = connection.execute(f"DESCRIBE {table}").fetchall()
    columns = {name: kind for name, kind, *_ in described}
    declared = {one.name: str(one.type) for one in fields(record)}
    assert set(columns) == set(declared)
    for name, kind in columns.items():
        told = declared[name].removesuffix(" | None")
        assert PYTHON_TYPE.get(kind) == told or (kind == "JSON" and told.startswith(("Mapping", "tuple"))), (
            name
        )


def test_each_step_is_applied_once(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    for _ in range(3):
        with writing(db, patience_s=1) as connection:
            numbers = connection.execute("SELECT number FROM migrations ORDER BY number").fetchall()
    assert numbers == [(number,) for number, _, _ in migrations.STEPS]
    assert [number for number, _, _ in migrations.STEPS] == list(range(1, migrations.NEWEST + 1))


def test_a_store_of_the_first_version_opens_in_this_one(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    with duckdb.connect(str(db)) as connection:
        migrations.apply(connection, up_to=1)
        connection.execute("INSERT INTO runs (run_id, status) VALUES ('old', 'finished')")
    write_journal(db, "r1", [make_run(), make_attempt()])
    assert catch_up(db).complete
    assert {run.run_id for run in Store(db).runs()} == {"old", "r1"}


def test_an_empty_database_becomes_a_store(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    duckdb.connect(str(db)).close()
    assert catch_up(db).complete
    assert Store(db).runs() == ()


def test_a_store_of_a_later_version_is_refused_untouched(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    with writing(db, patience_s=1) as connection:
        connection.execute("INSERT INTO migrations VALUES (99, 'from the future', NULL)")
    with pytest.raises(StoreError, match="schema 99"), writing(db, patience_s=1):
        pass
    with pytest.raises(StoreError, match="update it"), reading(db):
        pass


def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    db.write_text("no database")
    with pytest.raises(StoreError, match=r"s\.duckdb.*not a valid DuckDB database"):
        Store(db).runs()
