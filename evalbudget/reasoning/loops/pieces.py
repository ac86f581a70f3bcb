"""Text → pieces, where a reply came without token ids.

Fixed, ours, and the same for every model: a word of up to 16 letters with the space before it, one digit, one
character of Chinese or Japanese, one sign, a run of up to 16 blanks, one line break. Every character is in
exactly one piece, so that a piece's place in the text is the length of those before it. An English text has
about as many pieces as a model has tokens; where figures are compared, compare pieces with pieces.
"""

from __future__ import annotations

import re

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_PIECE = re.compile(
    rf"[ \t]?(?:[^\W\d_{_IDEOGRAPHS}]{{1,16}}|[{_IDEOGRAPHS}]|\d|[^\w\s]|_)|[ \t]{{2,16}}|\s|\w"
)


def cut(text: str) -> list[str]:
    """The pieces of a text; joined they are the text again."""
    return _PIECE.findall(text)


class PieceCutter:
    """Cuts a text that arrives in chunks, wherever these end, into the pieces of the whole text."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> list[str]:
        """The pieces that are complete. The last is held back: what comes next may belong to it."""
        pieces = _PIECE.findall(self._held + text)
        self._held = pieces.pop() if pieces else ""
        return pieces

    def finish(self) -> list[str]:
        """What was held back."""
        last = [self._held] if self._held else []
        self._held = ""
        return last
