"""`integer`: a whole number, as AIME asks for."""

from __future__ import annotations

import re
from collections import deque

from evalbudget.records import JsonValue, Reply, Sample, Score
from evalbudget.scoring.boxed import last_box
from evalbudget.scoring.given import LONGEST, given_answer, statements
from evalbudget.scoring.latex import NO_UNITS, UNITS, names_two_values, plain, spoken, unwrapped
from evalbudget.scoring.words import number_in_words

_INTEGER = re.compile(
    rf"\+?(?P<minus>-?)\s?(?P<digits>\d{{1,3}}(?:[ ,]\d{{3}})+|\d+)(?:\.0*)?[*_`)]*(?P<unit>{UNITS})"
)
_LAST_INTEGER = re.compile(r"\b\d+\b")


def integer(sample: Sample, reply: Reply, *, low: int | None = None, high: int | None = None) -> Score:
    """1 where the integer that the answer gives is the target, from `low` to `high` where these are set.

    Given: the last balanced box; without one, "Answer: N" or "the answer is N" where the answer begins or
    ends; else a bare number. Never taken from the thinking. details: `form` (boxed, stated, bare, null),
    `boxed_correct` (the verdict on boxes alone), `last_integer_correct` (on the last integer of the answer,
    MathArena's fallback), and, where the verdict is 0, `seen_in_thinking`: concluded (the thinking's own last
    box or statement is the target), mentioned (the number stands in it), or null.
    Source of the rules: MathArena, src/matharena/parser.py.
    """
    target = read_integer(sample.target)
    given = given_answer(reply.answer, read_integer)
    correct = given.value is not None and given.value == target and _within(given.value, low, high)
    details: dict[str, JsonValue] = {
        "form": given.form,
        "boxed_correct": correct and given.form == "boxed",
        "last_integer_correct": correct or (target is not None and _last_integer(reply.answer) == target),
    }
    if not correct:
        details["seen_in_thinking"] = _seen(reply.reasoning, target)
    extracted = str(given.value) if given.value is not None else given.text
    return Score(value=float(correct), extracted=extracted, details=details)


def read_integer(text: str) -> int | None:
    """The integer that a box or a statement holds, with its usual decorations; None where it is no integer.

    Understood: leading zeros, thousands (`1,024`, `1\\,024`), `n = 204`, `204^\\circ`, `25\\%`, units,
    `\\text{204}`, `204.0`, digits of other scripts, Markdown's stars, `two hundred and four`. Expressions
    such as `2^3` or `\\frac{50}{2}` are not evaluated.
    """
    if len(text) > LONGEST:
        return None
    words = plain(text)
    if names_two_values(words):
        return None
    sides = words.split("=")
    for side in (sides[-1], sides[0]):
        found = _INTEGER.fullmatch(unwrapped(side))
        if found and not NO_UNITS.intersection(re.findall(r"[a-z]+", found["unit"].lower())):
            return int(found["minus"] + re.sub(r"\D", "", found["digits"]))
    return number_in_words(spoken(text))


def _within(value: int, low: int | None, high: int | None) -> bool:
    return (low is None or low <= value) and (high is None or value <= high)


def _last_integer(text: str) -> int | None:
    last = deque(_LAST_INTEGER.finditer(text), maxlen=1)
    return int(last[0][0]) if last and len(last[0][0]) <= LONGEST else None


def _seen(thinking: str, target: int | None) -> str | None:
    """Whether the thinking holds the target."""
    if target is None or not thinking:
        return None
    box = last_box(thinking)
    read = map(read_integer, statements(thinking) if box is None else [box])
    if [value for value in read if value is not None][-1:] == [target]:
        return "concluded"
    return "mentioned" if re.search(rf"(?<![\d.]){target}(?!\d)", thinking) else None
