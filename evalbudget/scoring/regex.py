"""`regex`: what a regular expression of the user's finds in the answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal

from evalbudget.errors import InputError
from evalbudget.isolation import bounded
from evalbudget.records import Reply, Sample, Score
from evalbudget.scoring.exact import normal

_LONG = 10_000
"""Characters from which on a worker process searches. One match is found in linear time, but to find them all
can take the square of the length: with `a.*b|a`, each `a` looks as far as the end."""


def regex(
    sample: Sample,
    reply: Reply,
    *,
    pattern: str = "",
    group: int | str | None = None,
    match: Literal["last", "first"] = "last",
    ignore_case: bool = False,
) -> Score:
    """1 where the match of `pattern` equals the target, as `exact` compares; without a target, for any match.

    Compared is the group of this number or name; default: the first one, or the whole match where the pattern
    has none. Of several matches the last counts, or the first. Never searched: the thinking. details:
    `matches`, how many there are.

    The pattern's syntax is that of RE2, which knows no lookaround and no backreference, and whose time grows
    with the text alone. Raises TimeLimitError where the search does not end in time all the same.
    """
    options = (pattern, group, match, ignore_case)
    search = _search if len(reply.answer) <= _LONG else _search_apart
    found, matches = search(reply.answer, *options)
    correct = found is not None
    if sample.target:
        correct = found is not None and normal(found, ignore_case) == normal(sample.target, ignore_case)
    return Score(value=float(correct), extracted=found, details={"matches": matches})


def check_regex(
    *,
    pattern: str = "",
    group: int | str | None = None,
    match: Literal["last", "first"] = "last",
    ignore_case: bool = False,
) -> None:
    """Raise InputError where these options of `regex` cannot work."""
    del match
    if not pattern:
        raise InputError("the scorer regex needs a `pattern`")
    compiled = _compiled(pattern, ignore_case)
    if isinstance(group, int) and not 0 <= group <= compiled.groups:
        raise InputError(f"`group: {group}`: the pattern has {compiled.groups} groups")
    if isinstance(group, str) and group not in compiled.groupindex:
        raise InputError(f"`group: {group}`: the pattern has no group of this name, (?P<{group}>…)")


def _search(
    text: str, pattern: str, group: int | str | None, match: str, ignore_case: bool
) -> tuple[str | None, int]:
    """What is compared, None without a match; and the number of matches."""
    compiled = _compiled(pattern, ignore_case)
    wanted = group if group is not None else min(1, compiled.groups)
    readable = text.encode("utf-8", "replace").decode()  # half a surrogate pair is no UTF-8
    matches = 0

    def found() -> Iterator[str]:
        nonlocal matches
        for each in compiled.finditer(readable):
            if each[wanted] is not None:  # the group may stand in a branch that was not taken
                matches += 1
                yield each[wanted].strip()

    every = found()
    first = next(every, None)
    last = deque(every, maxlen=1)
    return (last[0] if last and match == "last" else first), matches


def _search_apart(
    text: str, pattern: str, group: int | str | None, match: str, ignore_case: bool
) -> tuple[str | None, int]:
    return bounded(_search, text, pattern, group, match, ignore_case)


@lru_cache(maxsize=64)
def _compiled(pattern: str, ignore_case: bool) -> Any:  # noqa: ANN401 - the library has no types
    """The pattern, for RE2. Raises InputError with the reason where RE2 refuses it."""
    import re2  # noqa: PLC0415 - only this scorer needs it

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if error.args else "unknown reason"
        hint = ""
        if "perl operator" in reason or "escape sequence" in reason:
            hint = "; lookaround and backreferences are left out because they can take forever"
        raise InputError(f"RE2 cannot read the pattern: {reason}{hint}") from None
