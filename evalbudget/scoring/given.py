"""What a reply's author gives as the answer: a box, else a statement, else the whole of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeVar

from evalbudget.scoring.boxed import last_box

T = TypeVar("T")

LONGEST = 200
"""Characters of a box or a statement that are read; nothing longer is a number or a letter."""

_STATEMENT = re.compile(
    r"(?:"
    r"\banswer\b[*_ \t]{0,4}(?:to (?:the|this) (?:problem|question) )?"
    r"(?:[:=|\uff1a]|\bis\b|\bequals\b|(?:should|must|would) be\b)"
    r"[ \t]{0,4}(?:therefore|thus|indeed|simply|exactly)?"
    r"|^[#*_ \t]{0,8}(?:final )?answer[*_: \t]{0,4}$"  # a heading
    r"|<answer>"
    r"|(?:答案|答え)[*_ \t]{0,4}(?:[:=|\uff1a]|[是为為は])"
    r")"
    r"(?:[:*_\s$`\uff1a]|\\\[|\\\(){0,12}"
    rf"(?P<rest>[^\n]{{1,{LONGEST}}})",
    re.IGNORECASE | re.MULTILINE,
)
_EDGE = 500
"""Characters at the beginning and at the end of a text within which a statement counts."""
_SENTENCE_END = re.compile(r"[.;?](?=\s|$)|!(?=[\s*_]|$)|[。；]|,\s(?=[^\W\d])|，(?!\d)|\s\(|</|`|\|")
_DENIED = re.compile(r"\A\s?not \S{1,40}[ ,]{1,2}but (?:rather )?")
"""What stands before B in "not A but B"."""
_OR = re.compile(r"(?:,|\s\()\s?or (?:(?:maybe|perhaps|possibly|rather) )?(?P<other>[^\n,;()]{1,80})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Generic[T]):
    """What an answer gives."""

    form: str | None
    """boxed, stated ("Answer: 70"), bare (nothing else in the answer), or None: nothing was found."""
    text: str | None
    """The words that hold it."""
    value: T | None
    """What they mean; None where they cannot be read."""


def given_answer(answer: str, read: Callable[[str], T | None]) -> Given[T]:
    """The last box, whatever it holds; without one the last statement that `read` can read; else the whole.

    A statement is what a careful reader would accept beside a box; a number in passing is not.
    """
    box = last_box(answer)
    if box is not None:
        return Given(form="boxed", text=box.strip()[:LONGEST], value=read(box))
    for words, beyond in reversed(list(_statements(answer))):
        value = read(words)
        if value is not None:
            return Given(form="stated", text=words, value=None if _doubted(value, beyond, read) else value)
    whole = answer.strip()
    value = read(whole) if 0 < len(whole) <= LONGEST else None
    if value is None:
        return Given(form=None, text=None, value=None)
    return Given(form="bare", text=whole, value=value)


def statements(text: str) -> Iterator[str]:
    """What follows "the answer is", "Answer:" or a heading "Answer", to the end of its sentence, in order.

    Only where a text begins or ends: in the middle of a long one, such words are a step, often taken back.
    """
    return (words for words, _ in _statements(text))


def _statements(text: str) -> Iterator[tuple[str, str]]:
    """Each statement, and what follows it in its line."""
    tail = max(_EDGE, len(text) - _EDGE)
    for found in chain(_STATEMENT.finditer(text, 0, _EDGE), _STATEMENT.finditer(text, tail)):
        rest = _DENIED.sub("", found["rest"], count=1)
        end = _SENTENCE_END.search(rest)
        cut = end.start() if end else len(rest)
        yield rest[:cut].strip(), rest[cut:]


def _doubted(value: T, beyond: str, read: Callable[[str], T | None]) -> bool:
    """Whether ", or B" names another value: who gives two gives none."""
    other = _OR.match(beyond)
    if other is None:
        return False
    words = _SENTENCE_END.split(other["other"], maxsplit=1)[0]
    first = words.split(" ", 1)[0]
    meant = read(words)
    if meant is None and first[:1].isdigit():  # "205 if zero counts"
        meant = read(first)
    return meant not in (None, value)
