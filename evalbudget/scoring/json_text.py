"""The JSON text in an answer, and its value, read as strictly as the standard allows (RFC 8259)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from evalbudget.records import JsonValue

DEEPEST = 100
"""Levels of lists and objects within each other; a reader may set such a limit (RFC 8259, section 9)."""
_DIGITS = 300
"""Of a whole number: what no float can hold is refused."""
_FENCE = re.compile(r"[ \t]{0,20}(`{3,20}|~{3,20})[ \t]{0,20}([\w+.-]{0,40})[^`\n]{0,200}")
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
"""Strings, which end where the text ends at the latest, and brackets outside them."""


def json_text(answer: str) -> str | None:
    """The last fenced block labelled `json`, else the last without a label, else the answer.

    A block that is still open at the end counts (CommonMark 0.31, 4.5). None where words stand instead.
    """
    blocks = _blocks(answer.split("\n"))
    for label in ("json", ""):
        labelled = [text for name, text in blocks if name == label]
        if labelled:
            return labelled[-1]
    whole = answer.strip()
    inline = whole.strip("`").removeprefix("json").strip() if whole[:1] + whole[-1:] == "``" else whole
    try:
        json_value(inline)
    except ValueError:
        return inline if inline[:1] in ("{", "[") else None
    return inline


def json_value(text: str) -> JsonValue:
    """The value of a JSON text. Raises ValueError, in one line, for anything else.

    Refused besides: NaN, infinities and numbers beyond a float's range, a key that stands twice in one
    object, more than `DEEPEST` levels.
    """
    if _depth(text) > DEEPEST:
        raise ValueError(f"more than {DEEPEST} levels of lists and objects")
    value: JsonValue = json.loads(
        text,
        object_pairs_hook=_object,
        parse_constant=_refuse_constant,
        parse_int=_whole_number,
        parse_float=_decimal,
    )
    return value


def same(left: JsonValue, right: JsonValue) -> bool:
    """Equality as JSON Schema defines it (core, 4.2.2): 1 is 1.0, true is not 1, keys have no order."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def _blocks(lines: Iterable[str]) -> list[tuple[str, str]]:
    """Label and content of each fenced block."""
    blocks: list[tuple[str, str]] = []
    fence, label, content = "", "", list[str]()
    for line in lines:
        opened = _FENCE.fullmatch(line.rstrip()) if not fence else None
        if opened:
            fence, label, content = opened[1], opened[2].lower(), []
        elif fence and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            blocks.append((label, "\n".join(content)))
            fence = ""
        elif fence:
            content.append(line)
    return [*blocks, (label, "\n".join(content))] if fence else blocks


def _depth(text: str) -> int:
    deepest = depth = 0
    for token in _BRACKETS.finditer(text):
        if token[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    read = dict(pairs)
    if len(read) < len(pairs):
        seen = set[str]()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {json.dumps(twice)[:80]} stands twice in one object")
    return read


def _refuse_constant(word: str) -> JsonValue:
    raise ValueError(f"{word} is no JSON")


def _whole_number(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"a number of more than {_DIGITS} digits")
    return int(digits)


def _decimal(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number beyond a float's range")
    return value
