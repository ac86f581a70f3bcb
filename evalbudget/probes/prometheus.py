"""Prometheus' text format → numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

_LABEL = re.compile(r'[\s,]*(\w+)\s*=\s*"((?:[^"\\]|\\.)*+)"')
_END = re.compile(r"[\s,]*\}")
_VALUE = re.compile(r"\s*(\S+)(?:\s+-?\d+)?\s*(?:#.*)?")
"""Behind it may stand a time, and what OpenMetrics calls an exemplar."""
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a page of metrics."""

    name: str
    labels: Mapping[str, str]
    value: float


def read_metrics(page: str, names: Set[str]) -> Iterator[Metric]:
    """The finite numbers under these names. Source: Prometheus, "Exposition formats", text-based format."""
    for line in page.split("\n"):
        name = line.partition("{")[0].partition(" ")[0]
        if name in names and (metric := _metric(name, line)) is not None:
            yield metric


def _metric(name: str, line: str) -> Metric | None:
    """The line, read from its beginning to its end: the work grows with its length alone."""
    at, labels = len(name), dict[str, str]()
    if line.startswith("{", at):
        at += 1
        while found := _LABEL.match(line, at):
            labels[found[1]] = _unescaped(found[2])
            at = found.end()
        end = _END.match(line, at)
        if end is None:
            return None
        at = end.end()
    value = _VALUE.fullmatch(line, at)
    try:
        number = float(value[1]) if value else math.nan
    except ValueError:
        return None
    return Metric(name, labels, number) if math.isfinite(number) else None


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return re.sub(r"\\.", lambda escape: _ESCAPES.get(escape[0], escape[0]), text)
