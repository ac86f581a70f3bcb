"""Opening the store's file: writers come for one batch, readers for one batch of queries, all of them wait.

DuckDB locks the file against every other process while a writer has it open, and against writers while a
reader has; so nobody keeps it open. A new store appears under its name only when it is complete: a process
that is killed while it makes one leaves no half file behind.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from evalbudget.errors import StoreBusyError, StoreError
from evalbudget.store import migrations

WRITER_CONFIG: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "memory_limit": "512MB"}
"""A loader must leave the cores and the memory to the run."""

READER_MEMORY = "768MB"
"""Of DuckDB's buffers in a reader, which would otherwise fill most of the machine's memory with texts."""

READER_PATIENCE_S = 20.0
"""How long a reader waits for its turn."""

_BUSY = ("Could not set lock on file", "Conflicting lock", "different configuration")
"""In DuckDB's messages: another process has the file, or this one has it open in the other way."""

_turn = threading.Lock()
"""Two threads of one process would share one DuckDB instance and run into each other's transactions."""


@contextmanager
def writing(db: Path, *, patience_s: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """The store, open for one batch, made and brought to the newest schema where needed.

    Raises `StoreBusyError` after `patience_s`, `StoreError` where the file cannot be opened or written.
    """
    deadline = time.monotonic() + patience_s
    if not _turn.acquire(timeout=max(patience_s, 0.0)):
        raise StoreBusyError(f"{db}: another thread of this process is writing to the store")
    try:
        if not db.exists():
            _make(db)
        with _opened(db, deadline, read_only=False) as connection:
            migrations.apply(connection)
            yield connection
    finally:
        _turn.release()


@contextmanager
def reading(db: Path, *, patience_s: float = READER_PATIENCE_S) -> Iterator[duckdb.DuckDBPyConnection]:
    """The store, open for one batch of queries. Raises `StoreBusyError` after `patience_s`, else
    `StoreError`."""
    deadline = time.monotonic() + patience_s
    with _opened(db, deadline, read_only=True) as connection:
        connection.execute(f"SET memory_limit = '{READER_MEMORY}'")
        migrations.known_version(connection)
        yield connection


def first_line(error: BaseException) -> str:
    """A DuckDB message without what follows its first line."""
    return str(error).strip().split("\n", 1)[0]


@contextmanager
def _opened(db: Path, deadline: float, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = _connect(db, deadline, read_only=read_only)
    try:
        with closing(connection):
            yield connection
    except duckdb.Error as error:
        raise StoreError(f"{db}: {first_line(error)}") from None


def _connect(db: Path, deadline: float, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    pause_s = 0.005
    while True:
        try:
            if read_only:
                return duckdb.connect(str(db), read_only=True)
            return duckdb.connect(str(db), config=WRITER_CONFIG)
        except duckdb.Error as error:
            if not any(words in str(error) for words in _BUSY):
                raise StoreError(f"{db}: the store cannot be opened: {first_line(error)}") from None
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise StoreBusyError(
                    f"{db}: the store is held by another process; {_holder(error)}"
                ) from None
            time.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 2, 0.1)


def _holder(error: duckdb.Error) -> str:
    _, found, rest = str(error).partition("(PID ")
    who = f"process {rest.split(')', 1)[0]}" if found else "it"
    return f"close it there ({who}) or try again later"


def _make(db: Path) -> None:
    """Make an empty store aside and put it under its name, unless another process was faster."""
    aside = db.with_name(f".{db.name}.{os.getpid()}.new")
    try:
        db.parent.mkdir(parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
        with duckdb.connect(str(aside), config=WRITER_CONFIG) as connection:
            migrations.apply(connection)
        os.link(aside, db)
    except FileExistsError:
        pass
    except (OSError, duckdb.Error) as error:
        raise StoreError(f"{db}: the store cannot be made: {first_line(error)}") from None
    finally:
        aside.unlink(missing_ok=True)
