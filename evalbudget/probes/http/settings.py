"""A server's settings as they may stand in a record: nothing secret, nothing long, nothing unset."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import islice

from evalbudget.probes.values import Json, decimal, readable
from evalbudget.records import JsonValue

_SECRET_NAME = re.compile(r"(?i)(?:key|token|secret|password|passwd|credential|authorization)s?$")
"""How the name of a setting with a secret ends; `max_tokens` holds a number, and those are kept."""
_SECRET_TEXT = re.compile(r"(?i)api[_-]?key|secret|passw|bearer |authorization")
"""Settings that hold JSON or a command may hold one within."""
_USER = re.compile(r"(?<=://)[^/\s@]{1,400}@")
_LONGEST = 1000
"""Characters of one text."""
_MOST = 64
"""Entries of one list or mapping."""
_MOST_SETTINGS = 1000
_DEEPEST = 4


def settings(given: Mapping[str, Json], left_out: Collection[str] = ()) -> dict[str, JsonValue]:
    """What of `given` may be kept, sorted by name; unset ones (None, "", [], {}) are left out."""
    kept = ((readable(name), _kept(name, value, 0)) for name, value in given.items() if name not in left_out)
    told = ((name, value) for name, value in kept if value not in (None, "", [], {}))
    return dict(sorted(islice(told, _MOST_SETTINGS), key=lambda setting: setting[0]))


def without(value: JsonValue, secret: str) -> JsonValue:
    """The same value, with *** for each place where the secret stands."""
    if isinstance(value, str):
        return value.replace(secret, "***")
    if isinstance(value, list):
        return [without(each, secret) for each in value]
    if isinstance(value, dict):
        return {name.replace(secret, "***"): without(each, secret) for name, each in value.items()}
    return value


def _kept(name: str, value: Json, depth: int) -> JsonValue:
    if isinstance(value, bool | int | float):
        return value if isinstance(value, bool) else decimal(value)
    if _SECRET_NAME.search(name) or depth > _DEEPEST:
        return None
    if isinstance(value, str):
        is_fit = len(value) <= _LONGEST and not _SECRET_TEXT.search(value)
        return _USER.sub("***@", readable(value)) if is_fit else None
    if isinstance(value, list) and len(value) <= _MOST:
        return [_kept(name, each, depth + 1) for each in value]
    if isinstance(value, dict) and len(value) <= _MOST:
        return {readable(key): _kept(key, each, depth + 1) for key, each in value.items()}
    return None
