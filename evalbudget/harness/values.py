"""Documents and metrics of lm-eval ⇄ JSON: what JSON does not know is written as a mapping with a mark.

A document must come back as it was, because a task's metric gets it; so must a metric's values, to the last
bit, because the task's aggregation gets them.
"""

from __future__ import annotations

import base64
import datetime
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from evalbudget.records import JsonValue

_MARK = "lm-eval value"
"""The key of a marked mapping; its value names the type."""

_SHORT = frozenset({"float16", "float32"})
"""numpy's numbers that hold less than Python's."""
_WRITTEN: Mapping[str, tuple[type, Callable[[Any], str], Callable[[Any], object]]] = {
    "datetime": (datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "time": (datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    "decimal": (Decimal, str, Decimal),
    "bytes": (bytes, lambda data: base64.b64encode(data).decode(), base64.b64decode),
}
"""Mark → type, to text, from text; a type stands before the one that it is derived from."""


def to_json(value: object) -> JsonValue:  # noqa: PLR0911 - one for each kind of value
    """Raises TypeError, with the type's name, for what cannot come back as it was."""
    if type(value).__module__ == "numpy":
        return _numpy_to_json(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {_MARK: "float", "value": str(value)}
    if isinstance(value, list):
        return [to_json(each) for each in value]
    if isinstance(value, tuple):
        return {_MARK: "tuple", "value": [to_json(each) for each in value]}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value) and _MARK not in value:
        return {str(key): to_json(each) for key, each in value.items()}
    for mark, (kind, write, _) in _WRITTEN.items():
        if isinstance(value, kind):
            return {_MARK: mark, "value": write(value)}
    raise TypeError(type(value).__name__)


def from_json(value: JsonValue) -> object:  # noqa: PLR0911 - one for each kind of value
    """What `to_json` was given; numpy's numbers of less than 64 bits are numpy's again."""
    if isinstance(value, list):
        return [from_json(each) for each in value]
    if not isinstance(value, dict):
        return value
    if _MARK not in value:
        return {key: from_json(each) for key, each in value.items()}
    mark, inner = str(value[_MARK]), value["value"]
    if mark == "float":
        return float(str(inner))
    if mark == "tuple" and isinstance(inner, list):
        return tuple(from_json(each) for each in inner)
    if mark in _WRITTEN:
        return _WRITTEN[mark][2](inner)
    if mark not in _SHORT:
        raise TypeError(mark)
    import numpy  # noqa: PLC0415 - needed for its own numbers alone

    number: object = numpy.dtype(mark).type(from_json(inner))
    return number


def _numpy_to_json(value: Any) -> JsonValue:  # noqa: ANN401 - numpy's scalars and arrays
    """A sum of single-precision numbers is another one than that of the same numbers in double precision."""
    if value.ndim:
        return to_json(value.tolist())
    if str(value.dtype) in _SHORT:
        return {_MARK: str(value.dtype), "value": to_json(float(value))}
    return to_json(value.item())
