"""Work that a model's text could make endless, in worker processes with a time limit.

A regular expression, a symbolic parser, a checker or a simulated tool that gets text written by a model may
never return, or take the process with it. `bounded` runs it where that hurts nothing: after its time the
system's alarm ends the worker, native code included, and another takes its place. The whole process has to
end: an exception raised anywhere inside would leave imports and caches half-way, and wrong verdicts behind.
"""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Generic, TypeVar

from evalbudget.errors import TimeLimitError

if TYPE_CHECKING:
    from pebble import ProcessPool

T = TypeVar("T")

SECONDS = 20.0
"""For one call, once its module is imported."""
_WORKERS = min(4, os.cpu_count() or 1)
_GRACE_S = 60.0
"""Beside that: for starting the worker and importing the module; and where a function stops the alarm."""
_MAKING = threading.Lock()
_WORKERS_NAME = "pebble_pool_worker"
"""pebble's own (pool/process.py)."""


def bounded(
    function: Callable[..., T], /, *arguments: object, seconds: float = SECONDS, needs: Sequence[str] = ()
) -> T:
    """The function's result, computed in a worker process; blocks. What it raises is raised here.

    Function, arguments and result are pickled: a function of a module's top level, with data. `needs`:
    modules that the worker imports before the time starts. Raises TimeLimitError where the function does not
    end within `seconds`, or ends its process.
    """
    return submit(function, *arguments, seconds=seconds, needs=needs).result()


def submit(
    function: Callable[..., T], /, *arguments: object, seconds: float = SECONDS, needs: Sequence[str] = ()
) -> Future[T]:
    """The same without waiting; the future fails with what the function raises, or a TimeLimitError."""
    call: _Call[T] = _Call((function, arguments, seconds, tuple(needs)), seconds)
    call.start()
    return call.ending


@dataclass(slots=True, eq=False)
class _Call(Generic[T]):
    """One call, until it has ended in a worker."""

    task: tuple[object, ...]
    seconds: float
    ending: Future[T] = field(default_factory=Future)
    starts_left: int = 3
    """A pool can break over a worker that died between two calls, and takes along what others run in it."""

    def start(self) -> None:
        """Give it to a worker."""
        self.starts_left -= 1
        inner: Future[T] = _schedule(self.task, self.seconds + _GRACE_S)
        inner.add_done_callback(self._ended)
        self.ending.add_done_callback(lambda done: inner.cancel() if done.cancelled() else None)

    def _ended(self, inner: Future[T]) -> None:
        error = CancelledError() if inner.cancelled() else inner.exception()
        if isinstance(error, BrokenProcessPool) and self.starts_left and not self.ending.cancelled():
            self.start()
        elif self.ending.set_running_or_notify_cancel():
            self._settle(inner, error)

    def _settle(self, inner: Future[T], error: BaseException | None) -> None:
        """The worker's ending becomes the caller's."""
        if error is None:
            self.ending.set_result(inner.result())
        elif _exit_code(error) == -signal.SIGALRM or isinstance(error, FutureTimeoutError):
            self.ending.set_exception(TimeLimitError(f"did not end within {self.seconds:g} s"))
        elif _exit_code(error) is not None or isinstance(error, BrokenProcessPool):
            self.ending.set_exception(TimeLimitError("ended its worker process (out of memory or stack?)"))
        else:
            self.ending.set_exception(error)


def _exit_code(error: BaseException) -> int | None:
    """Of a worker that ended; None for any other error."""
    code = getattr(error, "exitcode", None)
    return code if type(error).__name__ == "ProcessExpired" and isinstance(code, int) else None


def _schedule(task: tuple[object, ...], timeout: float) -> Future[T]:
    with _MAKING:
        try:
            future: Future[T] = _pool().schedule(_limited, args=task, timeout=timeout)
        except RuntimeError:  # it broke, and takes nothing more
            threading.Thread(target=_end, args=(_pool(),), daemon=True).start()
            _pool.cache_clear()
            future = _pool().schedule(_limited, args=task, timeout=timeout)
    return future


@cache
def _pool() -> ProcessPool:
    """One for the process, started at its first use. Spawned: a fork would inherit threads and locks."""
    from pebble import ProcessPool  # noqa: PLC0415 - most commands need none

    pool = ProcessPool(
        max_workers=_WORKERS, initializer=_leave_signals, context=multiprocessing.get_context("spawn")
    )
    atexit.register(_end, pool)
    return pool


def _end(pool: ProcessPool) -> None:
    """Stop its workers, killed first: pebble closes their channel before it stops them, and one that was yet
    starting would write a traceback. One that is gone already is a KeyError in pebble: go on with the others.
    """
    pool.stop()  # type: ignore[no-untyped-call]
    for child in multiprocessing.active_children():
        if child.name == _WORKERS_NAME:
            child.kill()
    for _ in range(_WORKERS + 1):
        with suppress(KeyError):
            pool.join()
            return


def _leave_signals() -> None:
    """Ctrl-C reaches every process of a terminal; the run ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _limited(
    function: Callable[..., T], arguments: tuple[object, ...], seconds: float, needs: tuple[str, ...]
) -> T:
    for module in needs:
        importlib.import_module(module)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return function(*arguments)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
