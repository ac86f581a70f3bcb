"""The store's tables as files that other tools open: CSV or Parquet, one file a table, JSON columns as their
text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import duckdb

from evalbudget.errors import InputError, StoreError
from evalbudget.store.database import first_line, reading
from evalbudget.store.load import catch_up
from evalbudget.store.private import OPTIONS, is_private_sql, private_tasks, public_sql, quoted
from evalbudget.store.queries import Store

TABLES: Final = ("runs", "servers", "attempts", "readings", "cells")

FORMATS: Final = {
    "csv": "FORMAT csv, HEADER true",
    "parquet": "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 10000",
}
"""Format → the options of DuckDB's COPY. A row group is held in memory until it is full, texts and all."""
_ROOM: Final = "SET memory_limit = '2GB'; SET threads = 1"
"""Each thread fills a row group of its own: two of them run out of what a page's questions are given."""

_HOLDS_TEXT: Final = "attempts"
"""The table with questions and answers, which must not leave this machine for some tasks."""


def export_tables(
    db: Path, run: str | None, form: str, out: Path, *, include_private: bool = False
) -> list[tuple[Path, int]]:
    """Write `runs`, `servers`, `attempts`, `readings` and `cells` into the folder `out`; (file, rows) of
    each.

    `run`: a word that means one run, None for all of them. Files of an earlier export there are replaced, all
    of them at the end, so that a failed export changes nothing. Attempts of private tasks come without their
    texts, unless `include_private`. Raises `InputError`, or `StoreError` where a file cannot be written or
    the store cannot be brought up to date.
    """
    if form not in FORMATS:
        raise InputError(f"no export format {form!r}; there are {' and '.join(FORMATS)}")
    state = catch_up(db)
    if not state.complete:
        raise StoreError(f"the export would lack attempts: {state.trouble}")
    run_id = None if run is None else Store(db).run(run).run_id
    written: list[tuple[Path, Path, int]] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        with reading(db) as connection:
            connection.execute(_ROOM)
            options = [row[0] for row in connection.execute(OPTIONS).fetchall()]
            private = None if include_private else is_private_sql(private_tasks(options))
            for table in TABLES:
                aside = out / f".{table}.{os.getpid()}.{form}"
                written.append((aside, out / f"{table}.{form}", 0))
                rows = _copy(connection, table, run_id, private, form, aside)
                written[-1] = (aside, out / f"{table}.{form}", rows)
        for aside, final, _ in written:
            aside.replace(final)
    except (OSError, duckdb.Error) as error:
        raise StoreError(f"{out}: cannot export: {first_line(error)}") from None
    finally:
        for aside, _, _ in written:
            aside.unlink(missing_ok=True)
    return [(final, rows) for _, final, rows in written]


def _copy(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    run_id: str | None,
    private: str | None,
    form: str,
    path: Path,
) -> int:
    """One table into one file; the number of its rows. `private`: the attempts, as SQL, whose texts stay."""
    asked = connection.execute(f'SELECT * FROM "{table}" LIMIT 0').description or ()  # noqa: S608
    columns = []
    for name, kind, *_ in asked:
        value = f'"{name}"' if private is None or table != _HOLDS_TEXT else public_sql(name, private)
        columns.append(f'({value}){"::VARCHAR" if str(kind) == "JSON" else ""} AS "{name}"')
    which = "true" if run_id is None else f"run_id = {quoted(run_id)}"
    rows = f'SELECT {", ".join(columns)} FROM "{table}" WHERE {which}'  # noqa: S608 - names ours, words quoted
    found = connection.execute(f"COPY ({rows}) TO {quoted(str(path))} ({FORMATS[form]})").fetchone()
    return int(found[0]) if found else 0
