"""Texts of servers and suites without what belongs to one machine or one person: paths, addresses, keys."""

from __future__ import annotations

import re
from collections.abc import Mapping

from evalbudget.fingerprint.hashing import digest, plain_json
from evalbudget.records import JsonValue

_LONGEST = 400
"""Characters of a text that is kept as it is; a longer one is hashed."""
_MOST_ITEMS = 200
_MOST_NESTED = 12
_CUT = 20_000
"""Characters of a text that are looked at."""

_SECRET_NAME = re.compile(
    r"(?:^|[-_.])(?:api|access|secret|private|auth|admin|ssl|hf|bearer|refresh)?[-_]?"
    r"(?:key|keys|token|secret|password|passwd|credentials?|authorization|cookie|certs?|keyfile)$",
    re.IGNORECASE,
)
_SECRET_SHAPE = re.compile(
    r"(?<![A-Za-z0-9])(?:sk-[\w-]{16,200}|(?:hf|gsk|xai|gh[pousr]|glpat|github_pat|nvapi)[_-]\w{16,200}"
    r"|AKIA[0-9A-Z]{16}|AIza[\w-]{30,200}|eyJ[\w-]{10,2000}\.[\w.-]{10,2000}|Bearer\s+\S{8,2000})"
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s\"'<>]{0,2000}")
_HOST = re.compile(
    r"(?<![\w.])(?:\d{1,3}(?:\.\d{1,3}){3}|localhost|\[[0-9a-fA-F:]{2,45}\])(?::\d{1,5})?(?![\w.])"
)
_STARTS_PATH = re.compile(r"~?/|\.{1,2}/|[A-Za-z]:[\\/]|\\\\")
_PATH = re.compile(
    r"(?<![^\s\"'=:,(\[{])(?:~|\.{1,2}|[A-Za-z]:)?[\\/][^\s\"',;)\]}]{0,4096}"
    r"|(?<![\w./-])[\w.-]{1,200}(?:/[\w.@-]{1,200}){2,40}"
)
"""A rooted path, or one of three parts and more; `owner/name` is a name of the Hub and stays."""
_HUB_CACHE = re.compile(r"models--([\w.-]+?)--([\w.-]+)[\\/]snapshots[\\/]([0-9a-f]{6,64})")


def is_secret_name(name: str) -> bool:
    """Whether a flag, a field or a variable of this name may hold a key."""
    return _SECRET_NAME.search(name) is not None


def without_places(value: object, depth: int = 0) -> JsonValue:
    """The value, every path in it cut to its last part, addresses and keys out of it, long texts hashed.

    Fields whose names tell of a secret are left out. A path in the Hub's cache becomes `owner/name@revision`.
    """
    plain = plain_json(value)
    if isinstance(plain, str):
        return _text(plain)
    if depth > _MOST_NESTED:
        return digest(str(plain))
    if isinstance(plain, list):
        return [without_places(each, depth + 1) for each in plain[:_MOST_ITEMS]]
    if isinstance(plain, Mapping):
        items = list(plain.items())[:_MOST_ITEMS]
        kept = ((str(_text(name)), inner) for name, inner in items if not is_secret_name(name))
        return {name: without_places(inner, depth + 1) for name, inner in kept}
    return plain


def _text(text: str) -> str:
    cached = _HUB_CACHE.search(text[:_CUT])
    if cached is not None:
        return f"{cached[1]}/{cached[2]}@{cached[3]}"
    shown = text.strip()
    if _STARTS_PATH.match(shown) and "\n" not in shown and len(shown) <= _CUT:
        return _SECRET_SHAPE.sub("***", last_part(shown))
    cut = shown[:_CUT]
    cut = _URL.sub("URL", cut)
    cut = _SECRET_SHAPE.sub("***", cut)
    cut = _HOST.sub("HOST", cut)
    cut = _PATH.sub(lambda found: last_part(found[0]), cut)
    return cut if len(text) <= _LONGEST else f"hash {digest(cut)} of {len(text)} characters"


def last_part(path: str) -> str:
    """A path's last part, whichever slashes it has."""
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]
