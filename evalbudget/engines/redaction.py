"""Keeping keys out of records and messages, where a server's command or its log may hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

HIDDEN = "***"

_NAME = re.compile(r"(?i)(key|token|secret|password)$")
"""How the name of a flag or a variable with a secret ends; `--max-tokens` and `--tokenizer` end otherwise."""

_IN_LINE = re.compile(
    r"(?i)(?<!\S)((?:--?[\w-]{0,64}(?:key|token|secret|password)(?:=|\s{1,8})"
    r"|\w{0,64}(?:key|token|secret|password)=))('[^']*'|\"[^\"]*\"|[^\s;|&]+)"
)
"""The same inside a word that is a line of its own, as in `sh -c "KEY=… serve --api-key …"`."""

_SHORTEST = 6
"""A shorter value is hidden where it was given, but not sought in texts: it would blot out common words."""


def without_secrets(command: Sequence[str]) -> tuple[str, ...]:
    """The words of a command, the value of each flag such as `--api-key` replaced by ***."""
    secret = set(_places(command))
    return tuple(
        _flag(word) + HIDDEN if place in secret else _IN_LINE.sub(rf"\g<1>{HIDDEN}", word)
        for place, word in enumerate(command)
    )


def secret_values(command: Sequence[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets that stand in a command and an environment."""
    given = [command[place].removeprefix(_flag(command[place])) for place in _places(command)]
    given += [found.group(2).strip("'\"") for word in command for found in _IN_LINE.finditer(word)]
    given += [value for name, value in env.items() if _NAME.search(name)]
    return tuple(value for value in given if len(value) >= _SHORTEST)


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text with each of the secrets replaced by ***."""
    for secret in sorted(secrets, key=len, reverse=True):  # one may be the beginning of another
        text = text.replace(secret, HIDDEN)
    return text


def _places(command: Sequence[str]) -> list[int]:
    """Where secrets stand: after a flag, or behind its equals sign."""
    flags = ["", *(word if word.startswith("-") and "=" not in word else "" for word in command)]
    before = zip(flags, command, strict=False)
    return [
        place
        for place, (flag, word) in enumerate(before)
        if _NAME.search(flag) or _NAME.search(_flag(word).removesuffix("="))
    ]


def _flag(word: str) -> str:
    """`--api-key=` of `--api-key=abc`; empty for every other word."""
    return word[: word.index("=") + 1] if word.startswith("-") and "=" in word else ""
