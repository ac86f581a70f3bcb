"""A scenario's instances of the official classes: calls in, result texts and states out."""

from __future__ import annotations

import decimal
import inspect
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from copy import deepcopy
from dataclasses import dataclass

from evalbudget.errors import EvalbudgetError
from evalbudget.records import JsonValue
from evalbudget.scoring.bfcl.simulated.classes import Instance, new_instance
from evalbudget.scoring.bfcl.simulated.literals import Method, RefusedCallError, Value, carry_out

CALLS_A_STEP = 1000
"""Calls of one step that are carried out; the official executor has no limit."""
CHARACTERS_A_STEP = 1_000_000
"""Of all results of one step, which are cut there; the official executor cuts nothing. The results of a turn
of the ground truth have 70,000 at most."""

MOST_BITS = 400_000
"""Of a power that is computed; Python writes no number of more than 4,300 digits."""
MOST_DIGITS = 100_000
"""That a function computes to, or rounds at."""

MEMORY_PARTS: Mapping[str, tuple[str, ...]] = {
    "MemoryAPI_kv": ("core_memory", "archival_memory"),
    "MemoryAPI_rec_sum": ("memory",),
}
"""Class → what its memory consists of, which is what a snapshot holds."""

_TOO_MANY_DIGITS = (
    "Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to "
    "increase the limit"
)
"""What Python says to a number of that size, computed or not."""


class SearchFailedError(EvalbudgetError):
    """The search service did not answer: no result that a model could be judged by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What a conversation's world is made of."""

    version: str
    """v3 or v4: whose classes."""
    classes: tuple[str, ...]
    """The involved classes; where two have a method of the same name, the later one is called."""
    config: Mapping[str, JsonValue]
    """Class → its initial state, as the data have it."""
    long_context: bool = False
    """Whether the classes add the long-context category's padding."""
    memory: Mapping[str, JsonValue] | None = None
    """What memory holds at the beginning; None: nothing."""


class World:
    """The instances at one moment. Not to be used from two threads."""

    def __init__(self, scenario: Scenario) -> None:
        """The beginning of `scenario`."""
        self._instances = {name: _instance(scenario, name) for name in scenario.classes}
        self._methods: dict[str, Method] = {}
        for instance in self._instances.values():
            for name, method in inspect.getmembers(instance, inspect.ismethod):
                if not name.startswith("_"):
                    self._methods[name] = method

    def run(self, calls: Iterable[str]) -> list[str]:
        """Carry out the calls of one step, in order; each result as the text that the official one gives.

        Raises SearchFailedError. What a call raises becomes its result.
        """
        results: list[str] = []
        left = CHARACTERS_A_STEP
        precision = _own_precision() if "MathAPI" in self._instances else nullcontext()
        with precision, redirect_stdout(io.StringIO()):
            for number, call in enumerate(calls):
                allowed = number < CALLS_A_STEP
                results.append(
                    (self._result(call) if allowed else "Error during execution: too many calls")[:left]
                )
                left -= len(results[-1])
        return results

    def differences(self, other: World) -> dict[str, list[str]]:
        """Class → its public attributes that `other`, of the same scenario, holds with another value."""
        found = {
            name: [key for key, value in _public(theirs).items() if _differs(getattr(mine, key), value)]
            for (name, mine), theirs in zip(self._instances.items(), other._instances.values(), strict=True)
        }
        return {name: keys for name, keys in found.items() if keys}

    def memory(self) -> dict[str, JsonValue] | None:
        """What a memory scenario has remembered, ready for JSON; None for another scenario."""
        for name, instance in self._instances.items():
            if name in MEMORY_PARTS:
                return {part: deepcopy(getattr(instance, part)) for part in MEMORY_PARTS[name]}
        return None

    def shown_memory(self) -> str:
        """What the system message of a memory scenario shows of it."""
        return str(next(iter(self._instances.values()))._dump_core_memory_to_context())

    def _result(self, call: str) -> str:
        try:
            value = carry_out(call, self._method)
            if isinstance(value, str):
                return value
            return _json_or_text(value) if isinstance(value, dict) else str(value)
        except SearchFailedError:
            raise
        except Exception as error:  # noqa: BLE001 - the official executor tells the model what was raised
            return f"Error during execution: {error}"

    def _method(self, name: str) -> Method | None:
        method = self._methods.get(name)
        return _guarded(name, method) if method is not None else None


def _instance(scenario: Scenario, name: str) -> Instance:
    instance = new_instance(scenario.version, name, long_context=scenario.long_context)
    if name in MEMORY_PARTS:
        for part in MEMORY_PARTS[name]:
            if scenario.memory is not None:
                setattr(instance, part, deepcopy(scenario.memory[part]))
    elif name != "MathAPI":  # has no state
        config = deepcopy(scenario.config.get(name, {}))
        instance._load_scenario(config, long_context=scenario.long_context)
    return instance


def _guarded(name: str, method: Method) -> Method:
    """The method, with a look before: numbers that Python could not even print are not computed."""

    def guarded(*given: Value, **named: Value) -> Value:
        with suppress(TypeError):  # arguments that do not fit: the method itself says so
            if _gigantic(name, inspect.signature(method).bind(*given, **named).arguments):
                raise RefusedCallError(_TOO_MANY_DIGITS)
        result = method(*given, **named)
        if name == "search_engine_query" and isinstance(result, dict) and "error" in result:
            raise SearchFailedError(f"the web search failed: {result['error']}")
        return result

    return guarded


def _gigantic(name: str, values: Mapping[str, object]) -> bool:
    base, exponent = values.get("base"), values.get("exponent")
    if name == "power" and isinstance(base, int) and isinstance(exponent, int):
        return base.bit_length() * exponent > MOST_BITS
    places = values.get("precision", values.get("decimal_places"))
    return isinstance(places, int) and abs(places) > MOST_DIGITS


def _json_or_text(value: dict[Value, Value]) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def _public(instance: Instance) -> dict[str, Value]:
    return {key: value for key, value in vars(instance).items() if not key.startswith("_")}


def _differs(mine: Value, theirs: Value) -> bool:
    try:
        return bool(mine != theirs)
    except RecursionError:  # a folder moved into itself: no ground truth does that
        return True


@contextmanager
def _own_precision() -> Iterator[None]:
    """The MathAPI sets the precision of its whole process; set back, because others compute here as well."""
    import mpmath  # type: ignore[import-untyped]  # noqa: PLC0415 - only where the MathAPI is

    with decimal.localcontext(decimal.Context(prec=28)), mpmath.workdps(15):
        yield
