"""Java's literals as text → values to compare.

For a Java function every argument is asked for as text. What cannot be read as the type that the function's
description names stays text, and then has the wrong type.
Source: bfcl_eval, eval_checker/ast_eval/type_convertor/java_type_converter.py, with its limits: a
collection ends at the first closing bracket, commas within texts separate, entries of an array of texts
keep their quotes.
"""

from __future__ import annotations

from evalbudget.scoring.bfcl.literals import BLANK, decimal, guessed, linear, searchable, whole

JAVA_TYPES = {
    **dict.fromkeys(("byte", "short", "integer", "long"), int),
    **dict.fromkeys(("float", "double"), float),
    **dict.fromkeys(("char", "String", "any"), str),
    **dict.fromkeys(("Array", "ArrayList", "Queue", "Stack"), list),
    **dict.fromkeys(("HashMap", "Hashtable"), dict),
    "boolean": bool,
    "Set": set,
}
"""Type in a description → the type that its values are compared as."""

_LISTED = rf"new{BLANK}+ArrayList<[\pL\pN_]*>\(Arrays\.asList\((.+?)\)\)"
_ADDED = rf"(?s)new{BLANK}+ArrayList<[\pL\pN_]*>\(\){BLANK}*\{{\{{{BLANK}*(.+?){BLANK}*\}}\}}"
_ADD = r"add\((.+?)\)"
_EMPTY_LIST = rf"new{BLANK}+ArrayList<[\pL\pN_]*>\(\)"
_ARRAY = rf"new{BLANK}+[\pL\pN_]+\[\]{BLANK}*\{{(.*?)\}}"
_MAP = (
    rf"(?s)new{BLANK}+HashMap<.*?>{BLANK}*\(\){BLANK}*"
    rf"\{{{BLANK}*\{{?{BLANK}*(.*?){BLANK}*\}}?{BLANK}*\}}"
)
_PUT = rf'put\("(.*?)",{BLANK}*(.*?)\)'
_EMPTY_MAP = rf"new{BLANK}+HashMap<.*?>{BLANK}*\(\)"


def java_value(text: str, kind: str, inner: str | None = None, *, officially: bool = True) -> object:  # noqa: PLR0911 - one for each type
    """`text` as a value of the type `kind`, with entries of the type `inner`.

    Raises ValueError for a type that is not built. Not `officially`: an array's texts lose their quotes, and
    entries of any type are read as what they are.
    """
    match kind:
        case "byte" | "short" | "integer":
            return whole(text)
        case "long":
            return whole(text, "lL")
        case "float":
            return decimal(text, "fF")
        case "double":
            return decimal(text)
        case "boolean":
            return text == "true" if text in {"true", "false"} else text
        case "char" | "String" | "any":
            return text
        case "ArrayList" | "Array" | "HashMap":
            return _collection(text, kind, inner if officially or inner not in {"any", "String"} else None)
    raise ValueError(f"values of Java's type {kind} are not built")


def _collection(text: str, kind: str, inner: str | None) -> object:
    if not searchable(text):
        return text
    read = {"ArrayList": _list, "Array": _array, "HashMap": _map}[kind]
    return read(text, inner)


def _list(text: str, inner: str | None) -> object:
    if found := linear(_LISTED).search(text):
        return [_entry(each.strip(), inner) for each in found[1].split(",")]
    if found := linear(_ADDED).search(text):
        return [_entry(each[1].strip(), inner) for each in linear(_ADD).finditer(found[1])]
    return [] if linear(_EMPTY_LIST).search(text) else text


def _entry(text: str, inner: str | None) -> object:
    """One of a list; texts lose their quotes."""
    if inner in {"char", "String"}:
        return text[1:-1]
    return java_value(text, inner) if inner else _untyped(text)


def _array(text: str, inner: str | None) -> object:
    found = linear(_ARRAY).search(text)
    if found is None:
        return text
    entries = [each.strip() for each in found[1].split(",") if each.strip()]
    return [java_value(each, inner) if inner else _untyped(each) for each in entries]


def _map(text: str, _inner: str | None) -> object:
    if found := linear(_MAP).search(text):
        return {put[1]: _untyped(put[2].strip()) for put in linear(_PUT).finditer(found[1])}
    return {} if linear(_EMPTY_MAP).search(text) else text


def _untyped(text: str) -> object:
    """A literal whose type no description names."""
    if text in {"true", "false"}:
        return text == "true"
    if text.startswith('"') and text.endswith('"'):
        return text[1:-1]
    for read, suffix in ((whole, "lL"), (decimal, "fF")):
        value = read(text, suffix)
        if not isinstance(value, str):
            return value
    return guessed(text)
