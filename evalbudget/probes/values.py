"""Values out of pages that may hold anything: each is what was asked for, or None."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from evalbudget.probes.prometheus import Metric, read_metrics

Json: TypeAlias = object
"""A decoded JSON document, the text of a page that is none, or None where there was no page."""

MOST = 2**63 - 1
"""Greater numbers are no counts, and no column of the store holds them."""
_LONGEST_WORD = 1000
_LONGEST = 2**20
_SAYS_NOTHING = frozenset({"", "none", "null", "auto", "unknown", "n/a"})


def mapping(value: Json) -> Mapping[str, Json]:
    """The object; an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def entries(value: Json) -> list[Json]:
    """The list; an empty one where it is none."""
    return value if isinstance(value, list) else []


def text(value: Json) -> str | None:
    """The text, in characters that UTF-8 can write; None where it is empty, none or too long for a record."""
    return readable(value) if isinstance(value, str) and 0 < len(value) <= _LONGEST else None


def named(value: Json) -> str | None:
    """The word, unless it says that there is none, or that something else decides; `auto` is no type."""
    word = text(value)
    if word is None or len(word) > _LONGEST_WORD or word.strip().lower() in _SAYS_NOTHING:
        return None
    return word


def whole(value: Json) -> int | None:
    """A positive whole number, also where it is written as text or as 3.0."""
    number = decimal(value)
    return int(number) if number is not None and number == int(number) and 0 < number <= MOST else None


def decimal(value: Json) -> float | int | None:
    """A finite number, also where it is written as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = int(value) if value.strip().isdecimal() else float(value)
        except ValueError:
            return None
    if isinstance(value, int) and abs(value) <= MOST:
        return value
    return value if isinstance(value, float) and math.isfinite(value) else None


def plain(value: Json) -> Json:
    """What a label or a printed configuration writes as text: True, False and numbers as such."""
    if not isinstance(value, str):
        return value
    if value in {"True", "False"}:
        return value == "True"
    number = decimal(value)
    return value if number is None else number


def document(value: Json) -> Json:
    """The document inside a text that holds one: some servers write JSON into JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def metrics(page: Json, *names: str) -> Iterator[Metric]:
    """The metrics of these names on a page of them; none from anything else."""
    return read_metrics(page, frozenset(names)) if isinstance(page, str) else iter(())


def labels(page: Json, name: str) -> tuple[Mapping[str, str], ...]:
    """The labels of a metric that says everything in them, of each engine; `None` counts as not set."""
    return tuple(
        {key: word for key, word in metric.labels.items() if word != "None"} for metric in metrics(page, name)
    )


def readable(value: str) -> str:
    """The text without halves of surrogate pairs, which JSON can hold and UTF-8 cannot."""
    return value.encode("utf-8", "replace").decode("utf-8")
