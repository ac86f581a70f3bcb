"""Four of IFEval's checks in linear time, for long answers: the same verdicts as lm-eval's.

lm-eval's expressions for them try again at every bracket, or at every line break of a run, and read on to the
end each time: a model that repeats `[` or a line break up to its limit would keep them busy for minutes. The
tests hold each against lm-eval's own on random texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from evalbudget.records import JsonValue

LONG = 10_000
"""Characters from which these take over; below it lm-eval's own take less than half a second."""

_BULLETS = re.compile(r"^[^\S\n]*\*[^*].*$", re.MULTILINE), re.compile(r"^[^\S\n]*-.*$", re.MULTILINE)
"""lm-eval's begin with any white space, blank lines included; the bullets behind it are the same."""
_POSTSCRIPTS = {"P.P.S": re.compile(r"p\.\s?p\.\s?s"), "P.S.": re.compile(r"p\.\s?s\.")}
"""lm-eval puts up with white space before and anything behind, which decides nothing."""


def linear_check(name: str, arguments: Mapping[str, JsonValue]) -> Callable[[str], bool] | None:
    """The check of one instruction; None where lm-eval's own is to be used."""
    if name == "detectable_format:title":
        return _has_title
    if name == "detectable_content:postscript":
        marker = _POSTSCRIPTS.get(str(arguments.get("postscript_marker")).strip())
        return (lambda text: marker.search(text.lower()) is not None) if marker else None
    placeholders, bullets = arguments.get("num_placeholders"), arguments.get("num_bullets")
    if name == "detectable_content:number_placeholders" and isinstance(placeholders, int):
        return lambda text: _placeholders(text) >= placeholders
    if name == "detectable_format:number_bullet_lists" and isinstance(bullets, int):
        return lambda text: sum(len(form.findall(text)) for form in _BULLETS) == bullets
    return None


def _placeholders(text: str) -> int:
    """Pairs of square brackets, each within one line."""
    return sum(map(_pairs, text.split("\n")))


def _pairs(line: str) -> int:
    pairs = end = 0
    while (start := line.find("[", end)) >= 0 and (end := line.find("]", start) + 1) > 0:
        pairs += 1
    return pairs


def _has_title(text: str) -> bool:
    """Whether a line holds `<<…>>` around something; each line's first `<<` goes with its last `>>`."""
    for line in text.split("\n"):
        start, end = line.find("<<"), line.rfind(">>")
        if 0 <= start <= end - 3 and line[start:end].lstrip("<").rstrip(">").strip():
            return True
    return False
