"""What reading Java and JavaScript has in common: a place in a text, and taking words and signs from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from evalbudget.scoring.bfcl.calls import NotDecodedError

LONGEST = 20_000
"""Characters of a call in these languages."""
_DEEPEST = 60
"""Levels of nesting."""
_BLANKS = re.compile(r"(?:[ \t\r\n\f\v\u00a0\ufeff]|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*")
"""And comments. Each alternative begins with another character, so that time stays linear."""


class Source:
    """A text and a place in it, which moves past what is taken and the blanks and comments after it."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise NotDecodedError("a text too long for a call")
        self.text = text
        self.place = 0
        self._end = 0
        self._depth = 0
        self._pass_blanks()

    @property
    def end(self) -> int:
        """Where what was taken last ends, without the blanks after it."""
        return self._end

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self.place == len(self.text)

    def take(self, *signs: str) -> str | None:
        """The first of `signs` that stands here; None where none does."""
        for sign in signs:
            if self.text.startswith(sign, self.place):
                self._move(self.place + len(sign))
                return sign
        return None

    def need(self, sign: str) -> str:
        """The same, where nothing else would be right."""
        if self.take(sign) is None:
            raise self.wrong()
        return sign

    def see(self, *signs: str) -> bool:
        """Whether one of `signs` stands here."""
        return self.text.startswith(signs, self.place)

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """The text of `pattern` that stands here."""
        found = pattern.match(self.text, self.place)
        if found is None:
            return None
        self._move(found.end())
        return found[0]

    def glimpse(self, pattern: re.Pattern[str]) -> str | None:
        """The same without taking it."""
        found = pattern.match(self.text, self.place)
        return found[0] if found else None

    def back(self, place: int) -> None:
        """Return to a place; what was taken since is not taken."""
        self.place = place

    def wrong(self) -> NotDecodedError:
        """An error to raise: what stands here is not understood."""
        return NotDecodedError(f"not understood: {self.text[self.place : self.place + 20]!r}")

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """A level of nesting."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotDecodedError("nested too deeply")
        try:
            yield
        finally:
            self._depth -= 1

    def _move(self, place: int) -> None:
        self._end = self.place = place
        self._pass_blanks()

    def _pass_blanks(self) -> None:
        found = _BLANKS.match(self.text, self.place)
        self.place = found.end() if found else self.place


def arguments_by_name(pairs: Sequence[tuple[str | None, str]]) -> dict[str | None, object]:
    """The arguments of a call. Raises NotDecodedError where a name comes twice."""
    arguments: dict[str | None, object] = dict(pairs)
    if len(arguments) < len(pairs):
        raise NotDecodedError("two arguments with the same name")
    return arguments
