"""Everything that evalbudget raises on purpose.

    EvalbudgetError
    ├── InputError           the user's input is wrong: a suite, a task, an option, a file   (exit code 2)
    │   └── DataError        a data set is not where it was looked for
    ├── EngineError          a server that the run should have started did not start
    ├── StoreError           the store or a journal cannot be read or written
    │   └── StoreBusyError   another process holds the store's file
    ├── ScorerError          a scorer that the user wrote could not judge a reply
    └── TimeLimitError       work on a model's text did not end in its time

A server's trouble during a run is none of these: it is data, a `records.Failure`, and the run goes on.
Each message is one line that says what happened, where, and what would work.
"""

from __future__ import annotations

import traceback
from pathlib import Path


class EvalbudgetError(Exception):
    """Base of every error that a user is meant to read; shown as one line, without a traceback."""


class InputError(EvalbudgetError):
    """The user's input is wrong. The message names file, line and key where there are any."""


class DataError(InputError):
    """A task's data is not where it was looked for. The message says what to set."""


class EngineError(EvalbudgetError):
    """A server that the run should have started did not start. The message ends in the log's last lines."""


class StoreError(EvalbudgetError):
    """The store or a journal cannot be read or written."""


class StoreBusyError(StoreError):
    """Another process holds the store's file longer than the caller was ready to wait."""


class ScorerError(EvalbudgetError):
    """A user's own scorer raised, or gave no verdict. The message begins with file and line of their code."""


class TimeLimitError(EvalbudgetError):
    """Work on a model's text did not end within its time, and was ended."""


def where_raised(error: BaseException) -> str:
    """File and line where an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
