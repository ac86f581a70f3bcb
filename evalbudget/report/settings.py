"""What a run's servers and tasks were set to, name by name beside each other, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evalbudget.fingerprint import place_of, said, words_of
from evalbudget.records import JsonValue, ServerRecord
from evalbudget.report.words import one_line

_LONGEST: Final = 400
"""Characters of a value that are shown."""
_FACTS: Final = (
    *("engine", "engine_version", "served_model", "architecture", "attention", "quantization"),
    *("weight_dtype", "kv_dtype", "max_model_len", "effort", "family", "base_url"),
)
"""Of `ServerRecord`, in the order in which they are told."""
_WORDS: Final[Mapping[str, str]] = {
    "served_model": "model as served",
    "attention": "attention",
    "family": "family",
    "base_url": "address",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One name and its values."""

    name: str
    """In plain words; what stands behind `flag`, `patch` or `in its identity` is a name from outside."""
    values: tuple[str | None, ...]
    """Of each model or task, in their order; None = not known. Text from outside, on one line."""

    @property
    def differs(self) -> bool:
        """Whether two known values are not the same."""
        return len({value for value in self.values if value is not None}) > 1


def server_settings(servers: Sequence[ServerRecord]) -> tuple[Setting, ...]:
    """What is known of each server: facts, flags, patches with their hashes, and what else its fingerprint is
    made of; names that no server has are left out."""
    return _beside([_of_server(record) for record in servers])


def task_settings(conditions: Mapping[str, JsonValue], tasks: Iterable[str]) -> tuple[Setting, ...]:
    """What the figures of each of these tasks depend on besides the model (`RunRecord.conditions`)."""
    return _beside([_of_task(conditions.get(task)) for task in tasks])


def _of_server(record: ServerRecord) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for name in _FACTS:
        found[_WORDS.get(name) or words_of(name)] = getattr(record, name)
    for flag, value in record.flags.items():
        found[f"flag {flag}"] = " ".join(map(str, value)) if isinstance(value, list) else value
    for patch, digest in record.patches.items():
        found[f"patch {patch}"] = f"sha256 {digest}"
    known = {*_FACTS, "flags", "patches"}
    for name in sorted(record.identity.keys() - known, key=place_of):
        found[words_of(name)] = record.identity[name]
    found["fingerprint of all this"] = record.fingerprint
    return found


def _of_task(told: JsonValue) -> dict[str, JsonValue]:
    """The conditions of one task, sampling setting by setting."""
    if not isinstance(told, Mapping):
        return {}
    found: dict[str, JsonValue] = {}
    for name in sorted(told, key=place_of):
        value = told[name]
        if isinstance(value, Mapping):
            found |= {words_of(f"{name}.{inner}"): each for inner, each in value.items()}
        else:
            found[words_of(name)] = value
    return found


def _beside(columns: Sequence[Mapping[str, JsonValue]]) -> tuple[Setting, ...]:
    names = dict.fromkeys(name for column in columns for name in column)
    rows = (
        Setting(name=one_line(name, 120), values=tuple(_text(column.get(name)) for column in columns))
        for name in names
    )
    return tuple(row for row in rows if any(value is not None for value in row.values))


def _text(value: JsonValue) -> str | None:
    return None if value is None else one_line(said(value), _LONGEST)
