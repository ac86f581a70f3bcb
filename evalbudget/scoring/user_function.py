"""`judge.py:score`: a scorer that the user wrote.

    def score(sample, reply, *, threshold=0.5):      # options of the task file arrive as keyword arguments
        return reply.answer.strip() == sample.target

It gets a `records.Sample` and a `records.Reply`, and gives one of

    True or False                     right or wrong
    a number from 0 to 1              a share of the credit
    (value, extracted)                one of these, and what was taken for the answer (None: nothing found)
    records.Score                     value, extracted, and details of its own

Without `extracted`, the whole answer stands for it. The function runs in a worker process with a time limit,
so that no text can stop a run; the first reply of a worker also takes the time to load the file. Nothing is
kept from one reply to the next but what the module holds, in each worker for itself.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import math
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import lru_cache
from numbers import Real
from pathlib import Path
from types import ModuleType

from evalbudget.errors import InputError, ScorerError, TimeLimitError
from evalbudget.isolation import bounded
from evalbudget.records import Reply, Sample, Score

TIME_LIMIT = "time_limit_s"
"""The one option that is not the function's own: seconds for one reply."""
DEFAULT_LIMIT_S = 20.0
_LOADING_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFunction:
    """A function in a file of the user's, as a scorer: `contracts.Scorer`."""

    file: Path
    function: str
    options: Mapping[str, object] = field(default_factory=dict)
    time_limit_s: float = DEFAULT_LIMIT_S

    def __call__(self, sample: Sample, reply: Reply) -> Score:
        """Its verdict. Raises ScorerError where it gives none, TimeLimitError where it takes too long."""
        call = (str(self.file), self.function, dict(self.options), sample, reply)
        value, extracted, details = bounded(_call, *call, seconds=self.time_limit_s)
        return Score(value=value, extracted=extracted, details=json.loads(details))

    def check(self) -> None:
        """Raise InputError where the function cannot be called: no file, no such name, other arguments."""
        if not self.file.is_file():
            raise InputError(f"no file {self.file}")
        call = (str(self.file), self.function, tuple(self.options))
        try:
            complaint = bounded(_complaint, *call, seconds=max(_LOADING_S, self.time_limit_s))
        except TimeLimitError as error:
            complaint = f"{self.file.name} cannot be loaded: {error}"
        if complaint is not None:
            raise InputError(complaint)


def _complaint(file: str, function: str, options: tuple[str, ...]) -> str | None:
    """In a worker: why the function cannot be called, None where it can."""
    path = Path(file)
    try:
        with redirect_stdout(sys.stderr):
            found = getattr(_module(path, path.stat().st_mtime_ns), function, None)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the user's file does
        return _told(error, path)
    if not callable(found):
        return f"{path.name} has no function `{function}`"
    if inspect.iscoroutinefunction(found):
        return f"{path.name}: `{function}` is async; a scorer is a plain function"
    try:
        inspect.signature(found).bind(None, None, **dict.fromkeys(options))
    except TypeError as error:
        given = "".join(f", {name}=…" for name in options)
        return f"{path.name}: `{function}` cannot be called as {function}(sample, reply{given}): {error}"
    return None


def _call(
    file: str, function: str, options: dict[str, object], sample: Sample, reply: Reply
) -> tuple[float, str | None, str]:
    """In a worker: value, what was extracted, details as JSON text. What it prints goes to stderr."""
    path = Path(file)
    try:
        with redirect_stdout(sys.stderr):
            found: Callable[..., object] = getattr(_module(path, path.stat().st_mtime_ns), function)
            given = found(sample, reply, **options)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever the user's code does
        raise ScorerError(_told(error, path)) from None
    try:
        return _verdict(given, reply)
    except (TypeError, ValueError) as error:
        raise ScorerError(f"{path.name}: `{function}` gave {' '.join(str(error).split())}") from None


def _verdict(given: object, reply: Reply) -> tuple[float, str | None, str]:
    """What the function gave, checked. Raises TypeError or ValueError that goes on after "gave"."""
    extracted: object = " ".join(reply.answer.split()) or None
    details: Mapping[str, object] = {}
    verdict = given
    if isinstance(given, Score):
        verdict, extracted, details = given.value, given.extracted, given.details
    elif isinstance(given, tuple) and len(given) == 2:
        verdict, extracted = given
    if not isinstance(verdict, Real):
        wanted = "True or False, a number from 0 to 1, (value, extracted) or a Score"
        raise TypeError(f"{_kind(verdict)}, not {wanted}")
    value = float(verdict)
    if math.isnan(value) or not 0.0 <= value <= 1.0:
        raise ValueError(f"{value}, not a value from 0 to 1")
    if extracted is not None and not isinstance(extracted, str):
        raise TypeError(f"{_kind(extracted)} as what was extracted, not a text or None")
    try:
        return value, extracted, json.dumps(dict(details), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"details that are no JSON: {error}") from None


@lru_cache(maxsize=16)
def _module(path: Path, changed_ns: int) -> ModuleType:
    """The user's file, loaded as a module; its folder is where it may import from, as with `python FILE`."""
    name = f"evalbudget_user_{path.stem}_{abs(hash((path, changed_ns)))}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec.loader.exec_module(module)
    return module


def _told(error: BaseException, path: Path) -> str:
    """`judge.py:12: ZeroDivisionError: division by zero`; of the user's lines, the last one reached."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines = [error.lineno]
    place = f"{path.name}:{lines[-1]}" if lines else path.name
    said = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    return f"{place}: {type(error).__name__}{': ' if said else ''}{said}"


def _kind(value: object) -> str:
    if value is None:
        return "nothing (None)"
    return f"a value of the type {type(value).__name__}"
