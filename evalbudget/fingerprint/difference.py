"""Two identities, or the conditions of two runs → what differs, by name; silent where they are equal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from evalbudget.fingerprint.hashing import plain_json
from evalbudget.fingerprint.names import (
    LEFT_TO_SERVER,
    TOPICS,
    Matters,
    group_of,
    matters_of,
    place_of,
    topic_of,
    words_of,
)
from evalbudget.records import JsonValue

NOT_SET: Final = "not set"
"""The value of a flag, a request field or a patch that the other side has and this one has not."""

WAYS: Final = ("file", "folder", "told", "named")
"""How weights are told apart, the surest first: the file's content, the folder's, what the server says of
them, their name."""

_MAPPINGS: Final = frozenset({"flags", "environment", "extra_body", "patches", "sampling"})
_ALWAYS_COMPLETE: Final = frozenset({"extra_body", "sampling"})
"""What is not in these was not sent; what is not among flags is not known where no flags are."""
_DECIDED_THERE: Final = "auto"
"""A flag's value that leaves it to the engine: what it decided it does not tell."""
_SUITES: Final = frozenset({"effort", "force_string"})
"""What the suite decides: where it is absent, nothing of the kind was asked for."""
_OF_ONE_ENGINE: Final = frozenset({"flags", "environment", "architecture"})
"""Each engine has words of its own for these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One name that two sides do not share."""

    name: str
    """Such as `engine_version`, `flags.max_num_batched_tokens` or, of a task, `sampling.temperature`."""
    a: JsonValue
    """The first side's value; None = not known. Text in it may come from a server."""
    b: JsonValue
    matters: Matters
    known: bool = True
    """False where a side does not tell it, or tells it in another way: whether it differs is unknown."""
    tasks: tuple[str, ...] = ()
    """The tasks of which it is true; empty for what is the server's."""

    @property
    def topic(self) -> str:
        """What it is about: `kv_dtype` for that name and for the flag that sets it."""
        return topic_of(self.name)

    @property
    def words(self) -> str:
        """The name in plain words."""
        return words_of(self.name)

    def swapped(self) -> Difference:
        """The same, seen from the other side."""
        return replace(self, a=self.b, b=self.a)


def differences(a: Mapping[str, JsonValue], b: Mapping[str, JsonValue]) -> tuple[Difference, ...]:
    """What differs between two identities, or between the conditions of one task in two runs.

    A name that only one side knows is in it with `known` false; where nothing at all was recorded of a side,
    nothing is told. Flags are compared within one engine alone,
    and a flag only where its topic is not told by both servers. Where runs asked different samples, prompts
    are compared by the first of them, if that is the same.
    """
    if not a or not b:
        return ()
    one, other = _flat(a), _flat(b)
    found = [] if (weights := _weights(a, b)) is None else [weights]
    one_engine = a.get("engine") == b.get("engine") or None in (a.get("engine"), b.get("engine"))
    alike_told = ("flags.command" in one) == ("flags.command" in other)
    for name in one.keys() | other.keys():
        if group_of(name) in _OF_ONE_ENGINE and not one_engine:
            continue
        if name in TOPICS and None not in (a.get(TOPICS[name]), b.get(TOPICS[name])):
            continue
        x, y = (_value(name, *side, alike_told=alike_told) for side in ((one, a), (other, b)))
        if group_of(name) == "flags" and (None in (x, y) or _DECIDED_THERE in (x, y)):
            continue
        if x != y:
            known = x is not None and y is not None
            found.append(Difference(name=name, a=x, b=y, matters=matters_of(name), known=known))
    return tuple(sorted(_of_same_samples(found, a, b), key=lambda each: place_of(each.name)))


def condition_differences(a: Mapping[str, JsonValue], b: Mapping[str, JsonValue]) -> tuple[Difference, ...]:
    """What differs between `RunRecord.conditions` of two runs, over the tasks that both have.

    One difference with the same values in several tasks is told once, with all their names.
    """
    merged: dict[str, Difference] = {}
    for task in sorted(a.keys() & b.keys()):
        one, other = a[task], b[task]
        if not isinstance(one, Mapping) or not isinstance(other, Mapping):
            continue
        for each in differences(one, other):
            key = repr((each.name, each.a, each.b, each.known))
            before = merged.get(key, each)
            merged[key] = replace(before, tasks=(*before.tasks, task))
    return tuple(sorted(merged.values(), key=lambda each: (place_of(each.name), each.tasks)))


def _flat(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Name → value, mappings taken apart: `extra_body.chat_template_kwargs.enable_thinking`."""
    flat: dict[str, JsonValue] = {}
    for name, value in values.items():
        if name == "weights":
            continue
        if name in _MAPPINGS and isinstance(value, Mapping):
            flat |= dict(_leaves(name, value))
        elif value is not None:
            flat[name] = plain_json(value)
    return flat


def _leaves(name: str, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner)
    elif not isinstance(value, Mapping):
        yield name, "null" if value is None else plain_json(value)


def _value(
    name: str, flat: Mapping[str, JsonValue], whole: Mapping[str, JsonValue], *, alike_told: bool
) -> JsonValue:
    """None where this side does not tell. What a command does not set has a default."""
    if name in flat:
        return flat[name]
    if name in _SUITES:
        return NOT_SET
    group = group_of(name)
    if group not in _MAPPINGS or group == name:
        return None
    complete = group in whole or group in _ALWAYS_COMPLETE
    if not complete or (group == "flags" and not alike_told):
        return None
    return LEFT_TO_SERVER if group == "sampling" else NOT_SET


def _weights(a: Mapping[str, JsonValue], b: Mapping[str, JsonValue]) -> Difference | None:
    """By the surest way that both sides know; what servers say and names are both looked at, for different
    weights may have one size."""
    one, other = _ways(a), _ways(b)
    common = [way for way in WAYS if way in one and way in other]
    if not common:
        if not one and not other:
            return None
        x, y = (next((told[way] for way in WAYS if way in told), None) for told in (one, other))
        return Difference(name="weights", a=x, b=y, matters="figures", known=False)
    sure = common[:1] if common[0] in {"file", "folder"} else common
    way = next((way for way in sure if one[way] != other[way]), None)
    return None if way is None else Difference(name="weights", a=one[way], b=other[way], matters="figures")


def _ways(identity: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    weights = identity.get("weights")
    if not isinstance(weights, Mapping):
        return {}
    return {way: plain_json(weights[way]) for way in WAYS if weights.get(way) is not None}


_OF_SAMPLES: Final = frozenset({"prompts", "targets"})
_FIRST: Final = frozenset({"first_sample", "first_prompt"})


def _of_same_samples(
    found: list[Difference], a: Mapping[str, JsonValue], b: Mapping[str, JsonValue]
) -> Iterator[Difference]:
    """Prompts and targets of other samples differ, of course: then the first sample's tell, if it is one."""
    others = any(each.name == "samples" and each.known for each in found)
    first = a.get("first_sample") is not None and a.get("first_sample") == b.get("first_sample")
    for each in found:
        if each.name == "first_sample" or (each.name in _FIRST and not (others and first)):
            continue
        if each.name in _OF_SAMPLES and others:
            if not first:
                yield replace(each, known=False)
            continue
        yield each
