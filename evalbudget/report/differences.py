"""What differs between models besides what is compared, in lines: for report, dashboard and `compare`.

A run's models are compared where they share a family; `compare` takes any two, of one run or of two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from evalbudget.fingerprint import (
    LEFT_TO_SERVER,
    Difference,
    Matters,
    Meant,
    condition_differences,
    differences,
    meant_by,
    place_of,
    said,
    unintended,
    words_of,
)
from evalbudget.records import JsonValue, ServerRecord
from evalbudget.report.words import one_line

_MOST_LINES: Final = 12
"""For one family or pair; the JSON has all."""
_LONGEST_VALUE: Final = 80
_MOST_SUBJECTS: Final = 2
_HASH: Final = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{8,}\b")
_DECIDES: Final = ("temperature", "top_p", "top_k", "min_p")
"""Sampling settings that every server has a default for: its own, or the model's generation_config.json."""
_BETWEEN_ENGINES: Final = (*_DECIDES, "repetition_penalty")
_ASKED_FOR: Final = frozenset({"samples", "limit", "categories"})
_MATTERS: Final[Mapping[Matters, str]] = {
    "figures": "",
    "speed": " (of times alone)",
    "memory": " (of memory alone)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two models that are compared."""

    label: str
    """What it is called in the lines: the model's label, with its run where both have one label."""
    record: ServerRecord
    conditions: Mapping[str, JsonValue]
    """`RunRecord.conditions` of its run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Besides:
    """One name that differs within a family besides what is compared: as `report --format json` tells it."""

    family: str
    compared: str
    """What the comparison is about: the quantization, the cache type, …"""
    name: str
    """As in `servers.identity`."""
    values: Mapping[str, JsonValue]
    """Model → its value; null = not known."""
    matters: Matters
    known: bool
    """Whether two of the values are known to differ."""


def differences_within(servers: Iterable[ServerRecord]) -> tuple[Besides, ...]:
    """What differs among the models of one run that share a family, besides what they are compared by."""
    return tuple(each for family, group in _families(servers) for each in _besides(family, group))


def lines_within(
    servers: Sequence[ServerRecord], conditions: Mapping[str, JsonValue] | None = None
) -> tuple[str, ...]:
    """The same in lines, one a name, and what a run leaves to its servers; empty where no models share a
    family. For the report's warnings and for the dashboard: text in them is plain, never markup.
    """
    return tuple(
        line for family, group in _families(servers) for line in _lines_of(family, group, conditions or {})
    )


def lines_between(base: Side, candidate: Side, meant: Meant | None = None) -> tuple[str, ...]:
    """What differs between two models, of one run or of two, besides what is meant; over their common tasks.

    `meant`: None = derived from their families and identities (`fingerprint.meant_by`).
    """
    a, b = base.record.identity, candidate.record.identity
    labels = one_line(base.label, _LONGEST_VALUE), one_line(candidate.label, _LONGEST_VALUE)
    silent = [label for label, identity in zip(labels, (a, b), strict=True) if not identity]
    if silent:
        return (f"nothing recorded of {_listed(silent)}: whether anything else differs is not known",)
    if meant is None:
        meant = meant_by(a, b, family=base.record.family, other_family=candidate.record.family)
    found = [*unintended(differences(a, b), meant), *_of_conditions(base, candidate)]
    lines = [_line(each, labels, meant) for each in found if each.known]
    unknown = list(dict.fromkeys(_with_tasks(each) for each in found if not each.known))
    lines = _shortened(lines)
    if unknown:
        lines.append(f"not known of both, so not compared: {_listed(unknown)}")
    if (base.conditions == {}) != (candidate.conditions == {}):
        label = labels[0] if base.conditions == {} else labels[1]
        lines.append(f"nothing recorded of how the tasks of {label} were asked")
    common = {task: told for task, told in candidate.conditions.items() if task in base.conditions}
    lines += _left_to_servers(common, [base.record, candidate.record])
    return tuple(lines)


def lines_of_resume(before: Mapping[str, JsonValue], now: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """What has changed under a run since it was begun, though its suite has not: data, task files, versions.

    That a resume asks fewer or more samples was asked for on the command line, and is not told.
    """
    found = condition_differences(before, now)
    return tuple(
        f"{_with_tasks(each)} changed since this run was begun: {_value(each.a)} before,"
        f" {_value(each.b)} now; its rows mix both"
        for each in found
        if each.known and each.name not in _ASKED_FOR
    )


def _of_conditions(base: Side, candidate: Side) -> tuple[Difference, ...]:
    return condition_differences(base.conditions, candidate.conditions)


def _line(each: Difference, labels: tuple[str, str], meant: Meant) -> str:
    values = f"{_value(each.a)} ({labels[0]}), {_value(each.b)} ({labels[1]})"
    return f"besides {meant.subject}: {_with_tasks(each)} differs{_MATTERS[each.matters]}: {values}"


def _with_tasks(each: Difference) -> str:
    words = one_line(each.words, _LONGEST_VALUE)
    return f"{words} of {_listed([one_line(task, 40) for task in each.tasks])}" if each.tasks else words


def _families(servers: Iterable[ServerRecord]) -> list[tuple[str, list[ServerRecord]]]:
    groups: dict[str, list[ServerRecord]] = {}
    for record in servers:
        if record.family is not None:
            groups.setdefault(record.family, []).append(record)
    return [(family, group) for family, group in groups.items() if len(group) > 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Two models of one family."""

    one: ServerRecord
    other: ServerRecord
    subject: str
    found: tuple[Difference, ...]
    """All that differs or is not known."""
    besides: tuple[Difference, ...]
    """Of these, what is not meant."""

    @property
    def is_controlled(self) -> bool:
        """Whether nothing is known to differ besides what is compared."""
        return not any(each.known for each in self.besides)


def _pairs(group: Sequence[ServerRecord]) -> list[_Pair]:
    pairs = []
    for one, other in combinations([record for record in group if record.identity], 2):
        found = differences(one.identity, other.identity)
        meant = meant_by(one.identity, other.identity, family=one.family, other_family=other.family)
        besides = unintended(found, meant)
        pairs.append(_Pair(one=one, other=other, subject=meant.subject, found=found, besides=besides))
    return pairs


def _parts(group: Sequence[ServerRecord], pairs: Sequence[_Pair]) -> Mapping[str, str]:
    """Model → a model of its part: within a part, steps that each change one thing lead to every other."""
    part = {record.model: record.model for record in group}
    for pair in pairs:
        if pair.is_controlled and part[pair.one.model] != part[pair.other.model]:
            joined, into = part[pair.other.model], part[pair.one.model]
            part = {model: into if name == joined else name for model, name in part.items()}
    return part


def _besides(family: str, group: Sequence[ServerRecord]) -> Iterator[Besides]:
    """By name, over all pairs that no steps of one thing each lead to; unknown names over all pairs."""
    pairs = _pairs(group)
    part = _parts(group, pairs)
    apart = [pair for pair in pairs if part[pair.one.model] != part[pair.other.model]]
    subjects = list(dict.fromkeys(pair.subject for pair in apart))
    compared = " and ".join(subjects) if 1 <= len(subjects) <= _MOST_SUBJECTS else "what is compared"
    matters: dict[str, Matters] = {}
    values: dict[str, dict[str, JsonValue]] = {}
    known: dict[str, bool] = {}
    for pair in pairs:
        for each in pair.besides:
            if pair in apart or not each.known:
                known[each.name] = known.get(each.name, False) or each.known
                matters[each.name] = each.matters
                values.setdefault(each.name, {}).update({pair.one.model: each.a, pair.other.model: each.b})
    for name in sorted(values, key=place_of):
        yield Besides(
            family=family,
            compared=compared,
            name=name,
            values=values[name],
            matters=matters[name],
            known=known[name],
        )


def _several(group: Sequence[ServerRecord]) -> tuple[str, ...]:
    """What differs together in pairs that steps of one thing each do lead to: in plain words."""
    pairs = _pairs(group)
    part = _parts(group, pairs)
    names = (
        each.name
        for pair in pairs
        if not pair.is_controlled and part[pair.one.model] == part[pair.other.model]
        for each in pair.found
        if each.known
    )
    return tuple(
        dict.fromkeys(one_line(words_of(name), _LONGEST_VALUE) for name in sorted(names, key=place_of))
    )


def _lines_of(
    family: str, group: Sequence[ServerRecord], conditions: Mapping[str, JsonValue]
) -> Iterator[str]:
    whose = one_line(family, _LONGEST_VALUE)
    silent = [one_line(record.model, _LONGEST_VALUE) for record in group if not record.identity]
    if silent:
        models = "its models" if len(silent) == len(group) else _listed(silent)
        yield f"{whose}: nothing recorded of {models}: whether anything else differs is not known"
    found = list(_besides(family, group))
    yield from _shortened([_line_of(each, whose) for each in found if each.known])
    several = _several(group)
    if several:
        yield (
            f"{whose}: some of its models differ in more than one of {_listed(several)};"
            " what one of these does, only models that share the others show"
        )
    unknown = [one_line(words_of(each.name), _LONGEST_VALUE) for each in found if not each.known]
    if unknown:
        yield f"{whose}: not known of all its models, so not compared: {_listed(unknown)}"
    yield from (f"{whose}: {line}" for line in _left_to_servers(conditions, group))


def _line_of(each: Besides, whose: str) -> str:
    by_value: dict[str, list[str]] = {}
    for model, value in each.values.items():
        by_value.setdefault(_value(value), []).append(one_line(model, 60))
    values = ", ".join(f"{value} ({_listed(models)})" for value, models in by_value.items())
    words = one_line(words_of(each.name), _LONGEST_VALUE)
    return f"{whose}: besides {each.compared}, {words} differs{_MATTERS[each.matters]}: {values}"


def _left_to_servers(conditions: Mapping[str, JsonValue], records: Sequence[ServerRecord]) -> Iterator[str]:
    """A line for the settings that no request carries: their defaults differ between engines and models."""
    engines = {record.engine for record in records}
    names = _DECIDES if len(engines) < 2 else _BETWEEN_ENGINES
    set_by_hand = set.intersection(*(_fields(record) for record in records)) if records else set()
    left: dict[str, list[str]] = {}
    for task, told in conditions.items():
        sampling = told.get("sampling") if isinstance(told, Mapping) else None
        if not isinstance(sampling, Mapping):
            continue
        greedy = sampling.get("temperature") == 0
        for name in names:
            moot = greedy and name in _DECIDES
            if sampling.get(name) == LEFT_TO_SERVER and not moot and name not in set_by_hand:
                left.setdefault(name, []).append(one_line(task, 40))
    tasks = list(dict.fromkeys(task for of_one in left.values() for task in of_one))
    if left:
        yield f"left to each server, whose defaults may differ: {_listed(list(left))} ({_listed(tasks)})"


def _fields(record: ServerRecord) -> set[str]:
    extra = record.identity.get("extra_body")
    return set(extra) if isinstance(extra, Mapping) else set()


def _value(value: JsonValue) -> str:
    return one_line(_HASH.sub(r"\1…", said(value)), _LONGEST_VALUE) or "empty"


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES], f"and {len(lines) - _MOST_LINES} more differences (report --format json)"]


def _listed(words: Sequence[str]) -> str:
    shown = list(words[:8])
    return ", ".join(shown) if len(words) <= 8 else f"{', '.join(shown)} and {len(words) - 8} more"
