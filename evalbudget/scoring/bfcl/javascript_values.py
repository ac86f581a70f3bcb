"""JavaScript's literals as text → values to compare.

Source: bfcl_eval, eval_checker/ast_eval/type_convertor/js_type_converter.py, with its limits: a collection
ends at the first closing bracket, commas within texts separate.
"""

from __future__ import annotations

from collections.abc import Iterator

from evalbudget.scoring.bfcl.literals import BLANK, decimal, guessed, linear, searchable, whole

JAVASCRIPT_TYPES = {
    "String": str,
    "integer": int,
    "float": float,
    "Bigint": int,
    "Boolean": bool,
    "dict": dict,
    "array": list,
    "any": str,
}
"""Type in a description → the type that its values are compared as."""

_ROWS = rf"{BLANK}*\[.*?\]{BLANK}*(?:,{BLANK}*\[.*?\]{BLANK}*)*"
_OF_ARRAYS = rf"\[{_ROWS}\]|new{BLANK}+Array\({_ROWS}\)"
_ROW = r"\[(.*?)\]"
_ARRAY = rf"\[(.*?)\]|new{BLANK}+Array\((.*?)\)"


def javascript_value(text: str, kind: str, inner: str | None = None) -> object:  # noqa: PLR0911 - one for each type
    """`text` as a value of the type `kind`, with entries of the type `inner`. Raises ValueError."""
    match kind:
        case "String":
            return text[1:-1] if _quoted(text) else text
        case "integer":
            return whole(text)
        case "float":
            return decimal(text, exponent=False)
        case "Bigint":
            return whole(text, "n")
        case "Boolean":
            return text == "true" if text in {"true", "false"} else text
        case "dict" | "array":
            return _collection(text.strip(), kind, inner)
        case "any":
            return text
    raise ValueError(f"values of JavaScript's type {kind} are not built")


def _collection(text: str, kind: str, inner: str | None) -> object:
    if not searchable(text):
        return text
    return _object(text) if kind == "dict" else _array(text, inner)


def _array(text: str, inner: str | None) -> object:
    if found := linear(_OF_ARRAYS).match(text):
        rows = [row[1].strip() for row in linear(_ROW).finditer(found[0])]
        rows[0] = rows[0].removeprefix("[")
        return [[_untyped(each.strip()) for each in row.split(",")] for row in rows]
    found = linear(_ARRAY).match(text)
    if found is None:
        return text
    content = (found[1] if found[1] is not None else found[2]).strip()
    entries = [each.strip() for each in content.split(",")] if content else []
    return [javascript_value(each, inner) if inner else _untyped(each) for each in entries]


def _object(text: str) -> object:
    content, end, _ = text[1:].partition("}")
    if not text.startswith("{") or not end or "\n" in content:
        return text
    return {key.strip().strip("'\""): _property(value.strip()) for key, value in _pairs(content)}


def _property(text: str) -> object:
    if text.startswith("[") and text.endswith("]"):
        return _array(text, None)
    return _untyped(text.strip("'\""))


def _pairs(content: str) -> Iterator[tuple[str, str]]:
    """Keys and values: a key ends at its colon, a value at the next comma before another key."""
    place = 0
    while (colon := content.find(":", place)) >= 0:
        if colon == place:
            place += 1
            continue
        start = colon + 1 + len(content[colon + 1 :]) - len(content[colon + 1 :].lstrip())
        end, following = _value_end(content, start)
        yield content[place:colon], content[start:end]
        place = following


def _value_end(content: str, start: int) -> tuple[int, int]:
    """Where the value ends that begins at `start`, and where the next key begins."""
    comma = content.find(",", start)
    while comma >= 0:
        rest = content[comma + 1 :]
        blanks = len(rest) - len(rest.lstrip())
        upto = content.find(",", comma + 1 + blanks)
        key = content[comma + 1 : upto if upto >= 0 else len(content)]
        last_colon = key.rfind(":")
        if last_colon > 0:
            return comma, comma + 1 + min(blanks, last_colon - 1)
        comma = content.find(",", comma + 1)
    return len(content), len(content)


def _quoted(text: str) -> bool:
    return any(text.startswith(mark) and text.endswith(mark) for mark in ('"', "'"))


def _untyped(text: str) -> object:
    """A literal whose type no description names."""
    if text in {"true", "false"}:
        return text == "true"
    return text[1:-1] if _quoted(text) else guessed(text)
