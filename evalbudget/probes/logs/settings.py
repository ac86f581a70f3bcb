"""The arguments that a Python server prints of itself, `key=value, …` or `'key': value, …` → values.

Nothing is executed, and no secret gets out: a value whose name says that it is one is left out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from evalbudget.probes.logs.figures import plain
from evalbudget.records import JsonValue

_OPEN, _CLOSE = "([{", ")]}"
_BEFORE_STRING = " =:,([{"
_KEY = re.compile(r"['\"]?([A-Za-z_][\w.-]{0,63})['\"]?")
_MOST_VALUE = 2000
"""Characters of one value; a longer one is left out."""
_SECRET = re.compile(r"(?i)(?:token|(?:key|secret|password|credential)s?)$")
_SECRET_INSIDE = re.compile(
    r"(?i)(?:token|(?:key|secret|password|credential)s?)['\"]?\s{0,4}[:=]|://[^/\s@]{1,200}@"
)
_NONE = ("None", "auto", "", "[]", "{}")


def settings(text: str, between: str = "=") -> dict[str, JsonValue]:
    """Each setting up to the bracket that closes the list, or to the end of the text; secrets left out.

    `between` stands between a name and its value. A value that is no plain Python literal stays as text.
    """
    found: dict[str, JsonValue] = {}
    for piece in _pieces(text):
        name, separator, value = piece.partition(between)
        key = _KEY.fullmatch(name.strip())
        if not separator or key is None or len(value) > _MOST_VALUE:
            continue
        if not _SECRET.search(key[1]) and not _SECRET_INSIDE.search(value):
            found[key[1]] = _value(value.strip())
    return found


def told(values: Mapping[str, JsonValue], key: str) -> str | None:
    """A setting's word; None where it is not set, or where something else decides."""
    value = values.get(key)
    return value if isinstance(value, str) and value not in _NONE else None


def number(values: Mapping[str, JsonValue], key: str) -> int | None:
    """A setting that is a whole number above zero; None where it is none."""
    value = values.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 50 else None


def set_ones(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The settings that say something: without those that are off, empty or left to the engine."""
    return {key: value for key, value in values.items() if value not in (None, False, "", "auto", [], {})}


def _pieces(text: str) -> Iterator[str]:
    """The parts of a list between its own commas: not those within brackets or quotes."""
    begin = depth = 0
    for place, char in _outside_strings(text):
        if char in _OPEN:
            depth += 1
        elif char in _CLOSE and depth == 0:
            yield text[begin:place]
            return
        elif char in _CLOSE:
            depth -= 1
        elif char == "," and depth == 0:
            yield text[begin:place]
            begin = place + 1
    yield text[begin:]


def _outside_strings(text: str) -> Iterator[tuple[int, str]]:
    """Each character with its place, but for those within quotes; an apostrophe in a word is no quote."""
    quote, before, escaped = "", "(", False
    for place, char in enumerate(text):
        if not quote:
            quote = char if char in "'\"" and before in _BEFORE_STRING else ""
            if not quote:
                yield place, char
        elif escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == quote:
            quote = ""
        before = char


def _value(text: str) -> JsonValue:
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        value = text
    return _json(value)


def _json(value: object) -> JsonValue:
    match value:
        case None | bool():
            return value
        case int() if abs(value) < 1 << 63:
            return value
        case float() if value - value == 0:
            return value
        case list() | tuple() | set():
            return [_json(each) for each in value]
        case dict():
            return {
                plain(str(key)): _json(each) for key, each in value.items() if not _SECRET.search(str(key))
            }
    return plain(str(value))
