"""One piece of a journal into the store: the rows, how far the journal is loaded, and the cells, all or
nothing.

The lines go to DuckDB as they are, one JSON array for each table, without Python looking into them: two
thousand attempts take some 30 ms. How far a journal is loaded stands in the table `loaded`, in bytes, and
changes in the same transaction as the rows, so that loading again, or from two processes, changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from evalbudget.errors import StoreError
from evalbudget.store import cells
from evalbudget.store.database import first_line, writing
from evalbudget.store.lines import KINDS, kind_of
from evalbudget.store.memory import touched_by_readings

PIECE_BYTES: Final = 4 << 20
"""Bytes of a journal that one transaction takes, so that memory stays small and others get their turn."""

TABLES: Final = {"run": "runs", "server": "servers", "attempt": "attempts", "reading": "readings"}
"""Kind in the journal → table."""

_KEYS: Final = {
    "runs": ("run_id",),
    "servers": ("run_id", "model"),
    "attempts": ("run_id", "model", "task", "sample_id", "budget", "repeat"),
    "readings": (),
}
"""What a row is known by: a later one of the same replaces it. Readings are only added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """How far a journal is in the store."""

    bytes: int
    skipped: int
    """Lines passed over so far: damaged, or of a kind that a later version writes."""
    seconds: float
    """How long the store was held for it."""
    rest: int
    """Bytes of the journal that are still to be loaded; a torn last line never counts."""


def loaded_bytes(connection: duckdb.DuckDBPyConnection, journal: str) -> tuple[int, int]:
    """(bytes, skipped lines) that the store has of a journal, known by its folder's name; (0, 0) of a new
    one."""
    row = connection.execute("SELECT bytes, skipped FROM loaded WHERE journal = ?", [journal]).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def load_piece(db: Path, journal: Path, *, patience_s: float) -> Loaded:
    """Load the next piece of a journal. Raises `StoreBusyError` after `patience_s`, `StoreError`."""
    name = journal.parent.name
    with writing(db, patience_s=patience_s) as connection:
        began = time.monotonic()
        try:
            start, skipped = loaded_bytes(connection, name)
            if not _continues(journal, start):
                _forget(connection, name)
                start, skipped = 0, 0
            piece = _read(journal, start)
            if piece:
                skipped = insert_piece(connection, name, piece, start + len(piece), skipped)
            end = start + len(piece)
            rest = unread_bytes(journal, end)
        except duckdb.Error as error:
            raise StoreError(f"{db}: {journal} cannot be loaded: {first_line(error)}") from None
        except OSError as error:
            raise StoreError(f"{journal}: cannot be read: {error.strerror}") from error
        return Loaded(bytes=end, skipped=skipped, seconds=time.monotonic() - began, rest=rest)


def unread_bytes(journal: Path, start: int) -> int:
    """Bytes of whole lines after `start`; what stands after the last line end is not counted."""
    size = journal.stat().st_size
    if size <= start:
        return 0
    with journal.open("rb") as file:
        tail = max(start, size - PIECE_BYTES)
        file.seek(tail)
        return max(0, tail + file.read(size - tail).rfind(b"\n") + 1 - start)


def _continues(journal: Path, start: int) -> bool:
    """Whether the journal still holds what was loaded from it: a power cut may have taken its end."""
    if start == 0:
        return True
    with journal.open("rb") as file:
        file.seek(start - 1)
        return file.read(1) == b"\n"


def _read(journal: Path, start: int) -> bytes:
    """Whole lines from `start`: at least one where there is one, else about PIECE_BYTES."""
    with journal.open("rb") as file:
        file.seek(start)
        piece = file.read(PIECE_BYTES)
        if b"\n" not in piece:
            piece += file.readline()
        return piece[: piece.rfind(b"\n") + 1]


def _forget(connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    connection.execute("BEGIN")
    for table in ("runs", "servers", "attempts", "readings", "cells"):
        connection.execute(f"DELETE FROM {table} WHERE run_id = ?", [run_id])  # noqa: S608 - our own names
    connection.execute("DELETE FROM loaded WHERE journal = ?", [run_id])
    connection.execute("COMMIT")


def insert_piece(
    connection: duckdb.DuckDBPyConnection, run_id: str, piece: bytes, end: int, skipped: int
) -> int:
    """Load whole lines of a run's journal, up to byte `end`; `skipped` lines before, the result: by now.

    Rows, position and cells change in one transaction. Raises `duckdb.Error`.
    """
    by_kind: dict[str, list[bytes]] = {}
    for line in piece[:-1].split(b"\n"):
        kind = kind_of(line)
        if kind is not None and kind in KINDS:
            by_kind.setdefault(kind, []).append(line)
        elif kind != "journal":
            skipped += 1
    for kind, lines in by_kind.items():
        skipped += _stage(connection, TABLES[kind], run_id, lines)
    connection.execute("BEGIN")
    for kind in by_kind:
        _move(connection, TABLES[kind])
    touched: set[tuple[str, str]] = set()
    if "attempt" in by_kind:
        found = connection.execute("SELECT DISTINCT model, task FROM staged_attempts").fetchall()
        touched |= {(model, task) for model, task in found}
    if "reading" in by_kind:
        touched |= touched_by_readings(connection, run_id)
    cells.refresh(connection, run_id, touched)
    connection.execute("DELETE FROM loaded WHERE journal = ?", [run_id])
    connection.execute("INSERT INTO loaded VALUES (?, ?, ?)", [run_id, end, skipped])
    connection.execute("COMMIT")
    return skipped


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    type: str
    required: bool


def _stage(connection: duckdb.DuckDBPyConnection, table: str, run_id: str, lines: Sequence[bytes]) -> int:
    """The lines as rows of a temporary table; the number of lines that are no row, or another run's."""
    columns = _columns(connection, table)
    shape = ", ".join(f'"{column.name}":"{_read_as(column.type)}"' for column in columns)
    values = ", ".join(f'{_value(column)} AS "{column.name}"' for column in columns)
    needed = " AND ".join(f'line."{column.name}" IS NOT NULL' for column in columns if column.required)
    rows = f"SELECT from_json(?, '[{{{shape}}}]') AS rows"
    placed = f"SELECT unnest(rows) AS line, generate_subscripts(rows, 1) AS place FROM ({rows})"  # noqa: S608
    chosen = f"SELECT {values}, place FROM ({placed}) WHERE {needed} AND line.run_id = ?"  # noqa: S608
    staged = f"CREATE OR REPLACE TEMP TABLE staged_{table} AS {chosen}"
    try:
        connection.execute(staged, [_array(lines), run_id])
    except (duckdb.InvalidInputException, UnicodeDecodeError):
        connection.execute(staged, [_array([line for line in lines if _is_valid(connection, line)]), run_id])
    row = connection.execute(f"SELECT count(*) FROM staged_{table}").fetchone()  # noqa: S608
    return len(lines) - (int(row[0]) if row else 0)


def _move(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """The staged rows into their table; the newest of those with the same key stays."""
    names = ", ".join(f'"{column.name}"' for column in _columns(connection, table))
    keys = _KEYS[table]
    newest = f"SELECT {names} FROM staged_{table}"  # noqa: S608
    if keys:
        same = " AND ".join(f"{table}.{key} IS NOT DISTINCT FROM staged.{key}" for key in keys)
        connection.execute(f"DELETE FROM {table} USING staged_{table} AS staged WHERE {same}")  # noqa: S608
        newest += f" QUALIFY row_number() OVER (PARTITION BY {', '.join(keys)} ORDER BY place DESC) = 1"
    connection.execute(f"INSERT INTO {table} ({names}) {newest} ORDER BY place")


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[_Column]:
    found = connection.execute(f"DESCRIBE {table}").fetchall()
    return [_Column(name, kind, nullable == "NO") for name, kind, nullable, *_ in found]


def _value(column: _Column) -> str:
    value = f'line."{column.name}"'
    return f"try_cast({value} AS TIMESTAMP)" if column.type == "TIMESTAMP" else value


def _read_as(column_type: str) -> str:
    """The type to read a JSON value as; a time is cast afterwards, for that can fail."""
    return "VARCHAR" if column_type == "TIMESTAMP" else column_type


def _array(lines: Sequence[bytes]) -> str:
    return (b"[" + b",".join(lines) + b"]").decode("utf-8")


def _is_valid(connection: duckdb.DuckDBPyConnection, line: bytes) -> bool:
    try:
        row = connection.execute("SELECT json_valid(?)", [line.decode("utf-8")]).fetchone()
    except (duckdb.Error, UnicodeDecodeError):
        return False
    return bool(row and row[0])
