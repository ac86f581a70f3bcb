"""No key may stand in a suite: its text goes into the store, and from there into exports and reports.

Refused are values of keys that name a secret, options of a command that take one, and text anywhere, comments
included, that has the shape of a known provider's key. The value itself is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evalbudget.records import JsonValue
from evalbudget.yaml_source import KeyPath, YamlSource

_SECRET_NAME = re.compile(
    r"(.*[-_])?(api[-_]?key|access[-_]?key|(api|access|auth|bearer|refresh|hf)[-_]?token|secret|password|passwd"
    r"|authorization|credentials?|cookie)",
    re.IGNORECASE,
)
_SECRET_VARIABLE = re.compile(r".*(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)", re.IGNORECASE)
_SECRET_OPTION = re.compile(r"--?(api[-_]?key|hf[-_]?token|token|password|secret)(=.*)?", re.IGNORECASE)
_IN_SHELL = re.compile(
    r"(?:^|\s)(?:--?(?:api[-_]?key|hf[-_]?token|token|password|secret)(?:=|\s{1,9})"
    r"|\w{0,60}(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)=)(?![\"']?\$)[^\s]",
    re.IGNORECASE,
)
"""The same within one word that a shell will read; `$NAME` behind it is no secret but where one stands."""
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?=[A-Za-z_-]{0,40}\d)[A-Za-z0-9_-]{16,}"
    r"|(?:hf|gsk|xai|r8|gh[pousr]|glpat|sk_live|sk_test|github_pat|nvapi|pplx|csk)[_-][A-Za-z0-9]{20,}"
    r"|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{30,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
    r"|Bearer\s{1,4}[A-Za-z0-9._~+/=-]{12,}"
    r")"
)
_IN_URL = re.compile(
    r"://[^/\s:@'\"]{0,200}:[^/\s@'\"{]{1,200}@|[?&](?:api[-_]?key|key|token|access_token|sig)="
)

_INSTEAD = "a secret must not stand in a suite, whose text is stored (the value is not shown here)"


def refuse_secrets(source: YamlSource) -> None:
    """Raise InputError for the first secret in the document, with its line and what to write instead."""
    for path, key, value in _pairs(source.data, ()):
        if key == "command" and isinstance(value, list):
            _refuse_options(source, path, [str(word) for word in value])
        elif _is_secret(path, key, value):
            in_env = "env" in path[:-1]
            how = "export it before the run, the server inherits it" if in_env else "use `api_key_env: NAME`"
            raise source.error(path, f"{_INSTEAD}; {how}")
    for number, line in enumerate(source.text.split("\n"), 1):
        if _SHAPES.search(line) or _IN_URL.search(line):
            raise source.error_in_line(number, f"this looks like a key; {_INSTEAD}; use `api_key_env: NAME`")


def _refuse_options(source: YamlSource, path: KeyPath, words: list[str]) -> None:
    for place, word in enumerate(words):
        if _SECRET_OPTION.fullmatch(word) or (" " in word and _IN_SHELL.search(word)):
            how = "give it by an environment variable that the server reads, such as VLLM_API_KEY"
            raise source.error((*path, place), f"{_INSTEAD}; {how}")


def _is_secret(path: KeyPath, key: str, value: JsonValue) -> bool:
    if not isinstance(value, str) or not value.strip() or key == "api_key_env":
        return False
    if len(path) >= 2 and path[-2] == "env":
        return bool(_SECRET_VARIABLE.fullmatch(key)) and not value.strip().isdigit()
    return bool(_SECRET_NAME.fullmatch(key))


def _pairs(value: JsonValue, path: KeyPath) -> Iterator[tuple[KeyPath, str, JsonValue]]:
    """Every key of every mapping with its path and value, outer ones first."""
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from _pairs(item, (*path, place))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key), key, inner
            yield from _pairs(inner, (*path, key))
