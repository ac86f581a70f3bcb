"""LaTeX boxes in a reply: `\\boxed{…}` and `\\fbox{…}`."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

_TOKEN = re.compile(r"\\[{}\\]|(?P<box>\b(?:boxed|fbox)\s{0,4}\{)|[{}]")
"""Escaped braces and backslashes, boxes' openings, braces. The backslash of `\\boxed` is optional: replies
that went through a JSON encoder twice carry two."""
_PLACEHOLDER = re.compile(
    r"(?:\\(?:text|mathrm|textbf|mathbf|textit)\s?\{)?[\s<(\[_.?…]{0,8}"
    r"(?:(?:the |your |final |integer |numeric(?:al)? ){0,3}(?:answer|number|integer|letter|result|value)"
    r"|\\(?:l|c)?dots)?"
    r"(?:[ _]here)?[\s>)\]_.?…}]{0,8}",
    re.IGNORECASE,
)
"""What stands in the box of a format that is only restated."""
_LONGEST_PLACEHOLDER = 60


def last_box(text: str) -> str | None:
    """The content of the last balanced box that is not blank, the outer one of nested ones; None without one.

    A box that never closes, and one that is empty or says "your answer" (a format restated), hold no answer
    and are passed over.
    Source of "last balanced \\boxed or \\fbox": MathArena, src/matharena/parser.py, find_last_boxed_content.
    """
    last = deque(boxes(text), maxlen=1)
    return text[slice(*last[0])] if last else None


def boxes(text: str) -> Iterator[tuple[int, int]]:
    """Where the content of each box that `last_box` chooses from begins and ends, in order of their ends."""
    open_braces: list[int | None] = []
    for token in _TOKEN.finditer(text):
        if token["box"]:
            open_braces.append(token.end())
        elif token[0] == "{":
            open_braces.append(None)
        elif token[0] == "}" and open_braces:
            start = open_braces.pop()
            if start is not None and not _is_placeholder(text, start, token.start()):
                yield start, token.start()


def _is_placeholder(text: str, start: int, end: int) -> bool:
    """Whether nothing, or a word for the answer in its place, stands there."""
    if end - start > _LONGEST_PLACEHOLDER:
        return text[start:end].isspace()
    return _PLACEHOLDER.fullmatch(text, start, end) is not None
