"""Work that a model's text could make endless, in worker processes with a time limit.

A regular expression, a symbolic parser, a checker or a simulated tool that gets text written by a model may
never return, or take the process with it. `bounded` runs it where that hurts nothing: an alarm ends it after
its time, and a worker that does not even hear the alarm (native code) is killed and replaced.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from evalbudget.errors import TimeLimitError

if TYPE_CHECKING:
    from pebble import ProcessPool

T = TypeVar("T")

SECONDS = 20.0
"""For one call, once its module is imported."""
_WORKERS = min(4, os.cpu_count() or 1)
_GRACE_S = 60.0
"""After the alarm: for importing the module, and for native code that hears the alarm late."""
_MAKING = threading.Lock()


def bounded(function: Callable[..., T], /, *arguments: object, seconds: float = SECONDS) -> T:
    """The function's result, computed in a worker process; blocks. What it raises is raised here.

    Function, arguments and result are pickled: a function of a module's top level, with data. Raises
    TimeLimitError where it does not end within `seconds`, or ends its process.
    """
    try:
        return submit(function, *arguments, seconds=seconds).result()
    except (FutureTimeoutError, TimeLimitError):
        raise TimeLimitError(f"did not end within {seconds:g} s") from None
    except Exception as error:
        if type(error).__name__ == "ProcessExpired":
            raise TimeLimitError("ended its worker process (out of memory or stack?)") from None
        raise


def submit(function: Callable[..., T], /, *arguments: object, seconds: float = SECONDS) -> Future[T]:
    """The same without waiting; the future fails with what the function raises, or a TimeoutError."""
    with _MAKING:
        pool = _pool()
    future: Future[T] = pool.schedule(
        _limited, args=(function, arguments, seconds), timeout=seconds + _GRACE_S
    )
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
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


def _leave_signals() -> None:
    """Ctrl-C reaches every process of a terminal; the run ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _AlarmError(BaseException):
    """Passes every `except Exception` of the code that it ends."""


def _limited(function: Callable[..., T], arguments: tuple[object, ...], seconds: float) -> T:
    def ring(_number: int, _frame: object) -> None:
        raise _AlarmError

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return function(*arguments)
    except _AlarmError:
        raise TimeLimitError(f"did not end within {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
