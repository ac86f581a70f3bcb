"""Journals into the store: while a run goes on, at its end, and whenever somebody wants to read.

The journal is the truth. A store that is busy, full or broken never holds up a run: the loader tries again,
and whoever reads next catches up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from evalbudget.errors import InputError, StoreBusyError, StoreError
from evalbudget.store import migrations
from evalbudget.store.database import READER_PATIENCE_S, reading, writing
from evalbudget.store.ingest import load_piece, unread_bytes
from evalbudget.store.journal import JOURNAL_FILE, journal_path
from evalbudget.store.lock import is_held
from evalbudget.store.replay import journals

SLOWEST_S: Final = 2.0
"""The longest pause between two loads while there is news, so that a reader is never 5 s behind, a load and
the drawing of a page included."""

_TURN_S: Final = 0.5
"""How long one try of a running run waits for the store."""

_SHARE: Final = 0.05
"""Of the time, at most, goes into loading while the run goes on."""


class Loader:
    """Loads a running run's journal every second or so; `start` it in the run's event loop, `close` it at the
    end."""

    def __init__(
        self, db: Path, run_id: str, *, notice: Callable[[str], None] | None = None, every_s: float = 1.0
    ) -> None:
        self.skipped = 0
        """Lines of the journal that were passed over."""
        self._db = db
        self._journal = journal_path(db, run_id)
        self._notice = notice or (lambda line: None)
        self._every_s = every_s
        self._loaded_to = -1
        self._held_s = 0.0
        self._told: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loader")

    def start(self) -> None:
        """Begin to load in the background."""
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def close(self, patience_s: float = 30.0) -> bool:
        """Load what is left, waiting for the store if need be; whether it now holds the whole journal."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        deadline = time.monotonic() + patience_s
        try:
            complete = await self._load()
            while not complete and time.monotonic() < deadline:
                await asyncio.sleep(0.2)
                complete = await self._load()
        finally:
            self._thread.shutdown(wait=False)
        return complete

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(max(self._every_s, min(self._held_s / _SHARE, SLOWEST_S)))
            await self._load()

    async def _load(self) -> bool:
        """All that the journal has by now; whether it went well."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._load_now)
        except StoreBusyError:
            self._tell(f"{self._db} is held by another process; the journal keeps everything meanwhile")
        except StoreError as error:
            self._tell(f"{error}; the journal keeps everything meanwhile")
        return False

    def _load_now(self) -> bool:
        if _size(self._journal) == self._loaded_to:
            return True
        self._held_s = 0.0
        while True:
            piece = load_piece(self._db, self._journal, patience_s=_TURN_S)
            self._loaded_to, self.skipped = piece.bytes, piece.skipped
            self._held_s += piece.seconds
            if piece.rest == 0:
                return True

    def _tell(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._notice(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtUp:
    """What `catch_up` reached."""

    complete: bool
    """Whether the store holds all journals that belong to it."""
    trouble: str | None = None
    """Why not, in one line."""
    skipped: int = 0
    """Lines of those journals that this version could not read."""


def catch_up(db: Path, *, patience_s: float = READER_PATIENCE_S, but_live: bool = False) -> CaughtUp:
    """Before reading: load what journals beside the store hold beyond it, and call dead runs interrupted.

    `but_live`: runs that go on are left to their own loader, for who looks again soon. A store that was
    deleted is made anew from its journals. Raises `InputError` where there is neither store
    nor journal, `StoreError` where there is no store and none can be made.
    """
    beside = {path.parent.name: path for path in journals(db)}
    if not db.is_file() and not beside:
        raise InputError(
            f"no store at {db}: run `evalbudget run suites/quickstart.yaml` first, or name its --db"
        )
    skipped = 0
    try:
        state = _state(db, patience_s)
        for name in state.loaded:
            beside.setdefault(name, db.parent / name / JOURNAL_FILE)
        behind = [
            path
            for name, path in beside.items()
            if not (but_live and is_held(path.parent)) and _is_ahead(path, state.loaded.get(name, (0, 0))[0])
        ]
        for path in behind:
            _load_all(db, path, patience_s)
        if behind:
            state = _state(db, patience_s)
        skipped = sum(lines for _, lines in state.loaded.values())
        _bury(db, state.running, patience_s)
    except StoreError as error:
        if not db.is_file():
            raise
        return CaughtUp(complete=False, trouble=str(error), skipped=skipped)
    return CaughtUp(complete=True, skipped=skipped)


@dataclass(frozen=True, slots=True)
class _State:
    loaded: dict[str, tuple[int, int]]
    """Journal's folder → (bytes loaded, lines skipped)."""
    running: list[str]
    """Runs whose last word was that they run."""


def _state(db: Path, patience_s: float) -> _State:
    if not db.is_file():
        return _State({}, [])
    with reading(db, patience_s=patience_s) as connection:
        if migrations.version(connection) == migrations.NEWEST:
            return _read_state(connection)
    with writing(db, patience_s=patience_s) as connection:
        return _read_state(connection)


def _read_state(connection: duckdb.DuckDBPyConnection) -> _State:
    loaded = connection.execute("SELECT journal, bytes, skipped FROM loaded").fetchall()
    running = connection.execute("SELECT run_id FROM runs WHERE status = 'running'").fetchall()
    return _State({name: (size, skipped) for name, size, skipped in loaded}, [row[0] for row in running])


def _is_ahead(journal: Path, loaded: int) -> bool:
    """Whether a journal holds whole lines that the store lacks, or has become shorter than the store."""
    size = _size(journal)
    try:
        return 0 <= size < loaded or (size > loaded and unread_bytes(journal, loaded) > 0)
    except OSError as error:
        raise StoreError(f"{journal}: cannot be read: {error.strerror}") from error


def _load_all(db: Path, journal: Path, patience_s: float) -> None:
    while load_piece(db, journal, patience_s=patience_s).rest:
        pass


def _bury(db: Path, running: list[str], patience_s: float) -> None:
    """Runs that say they run, without a process behind them, were interrupted."""
    if all(is_held(db.parent / run_id) for run_id in running):
        return
    with writing(db, patience_s=patience_s) as connection:
        for run_id in running:
            if not is_held(db.parent / run_id):
                connection.execute(
                    "UPDATE runs SET status = 'interrupted' WHERE run_id = ? AND status = 'running'", [run_id]
                )


def _size(path: Path) -> int:
    """Bytes; -1 where there is no such file."""
    try:
        return path.stat().st_size
    except OSError:
        return -1
