"""Thinking and answer of a content that still streams: as `split.split_content` tells them of the whole.

    start ─ an opening marker, or a template that opened the thinking → thinking ─ its closing marker → answer
          └ anything else → unsure ─ a closing marker that no opening marker precedes → answer

Unsure is an answer, or thinking that the chat template opened unknown to us: only its closing marker shows
which. Blocks of thinking behind the first count as answer here: only the whole reply tells them from
quotations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from evalbudget.reasoning.split import MARKERS

_ANALYSIS = "<|channel|>analysis<|message|>"
_CLOSING_OF = {**MARKERS, _ANALYSIS: "<|end|>", f"<|start|>assistant{_ANALYSIS}": "<|end|>"}
"""With harmony's channel of thinking."""
_STRIPPED, _STRIPPED_CLOSING = "analysis", "assistantfinal"
"""What servers that leave out special tokens leave of harmony's; a capital letter follows the first."""
_CLOSINGS = tuple(MARKERS.values())
_BOTH = (*MARKERS, *_CLOSINGS)
_FIRSTS = re.compile(f"[{re.escape(''.join({each[0] for each in (*_CLOSING_OF.values(), *_BOTH)}))}]")
"""What every marker but the stripped one begins with."""


class Follower:
    """Follows one content, fed piece by piece, cut anywhere. What may begin a marker is held back."""

    __slots__ = (
        "_closings",
        "_held",
        "_open",
        "_opened",
        "_plain",
        "_told",
        "begins",
        "ends",
        "pieces",
        "until",
        "visible",
    )

    def __init__(self, *, opened: bool) -> None:
        """`opened`: the prompt ends in an opening marker."""
        self._opened = opened
        self._held = ""
        self._told = 0
        """Characters of content that are not held back any more."""
        self._closings: tuple[str, ...] | None = None
        """One of these ends the thinking; empty while that is unsure, None at the start."""
        self._plain = False
        """All markers that matter here begin as `_FIRSTS` says."""
        self._open = 0
        """Opening markers that were quoted while unsure."""
        self.begins: int | None = None
        """Where in the content the thinking begins; None where it is not known to have begun."""
        self.until = 0
        """Up to where the content is known to be thinking."""
        self.ends: int | None = None
        """Behind its closing marker; None where it is not known to be closed."""
        self.pieces = 0
        """Pieces that brought thinking, or what may turn out to be."""
        self.visible = False
        """These held more than blanks."""

    def feed(self, text: str) -> tuple[str, str]:
        """What is known with this piece: thinking, or what may turn out to be, and answer behind it."""
        if self.ends is not None:
            return "", text
        if self._plain and not self._held and not _FIRSTS.search(text):
            self._told += len(text)
            before, after = text, ""
        else:
            self._held += text
            if self._closings is None and not self._start():
                return "", ""
            before, after = self._take() if self._closings else self._take_unsure()
        if before:
            self.pieces += 1
            self.visible = self.visible or not before.isspace()
        if self._closings:
            self.until = self._told
        return before, after

    def _start(self) -> bool:
        """Whether the beginning tells by now what it is; takes off an opening marker."""
        visible = self._held.lstrip()
        for opening, closing in _CLOSING_OF.items():
            if visible.startswith(opening):
                self._begin(len(self._held) - len(visible) + len(opening), (closing,))
                return True
        if self._held.startswith(_STRIPPED) and self._held[len(_STRIPPED) :][:1].isupper():
            self._begin(len(_STRIPPED), (_STRIPPED_CLOSING,))
            return True
        if any(opening.startswith(visible) for opening in (*_CLOSING_OF, _STRIPPED)):
            return False
        if self._opened:
            self._begin(0, _CLOSINGS)
        else:
            self._closings, self._plain = (), True
        return True

    def _begin(self, at: int, closings: tuple[str, ...]) -> None:
        self._told = self.begins = self.until = at
        self._held = self._held[at:]
        self._closings, self._plain = closings, _STRIPPED_CLOSING not in closings

    def _take(self) -> tuple[str, str]:
        """Thinking up to its closing marker."""
        found = _first(self._held, self._closings or ())
        if found is None:
            return self._let_go(self._closings or ()), ""
        at, closing = found
        return self._close(at, closing)

    def _take_unsure(self) -> tuple[str, str]:
        """Up to a closing marker without its opening one."""
        passed = 0
        while found := _first(self._held[passed:], _BOTH):
            at, marker = passed + found[0], found[1]
            if marker not in MARKERS and not self._open:
                self.begins = 0
                return self._close(at, marker)
            self._open += 1 if marker in MARKERS else -1
            passed = at + len(marker)
        kept, self._held = self._held[:passed], self._held[passed:]
        self._told += passed
        return kept + self._let_go(_BOTH), ""

    def _close(self, at: int, closing: str) -> tuple[str, str]:
        before, after = self._held[:at], self._held[at + len(closing) :]
        self._told += at
        self.until, self.ends = self._told, self._told + len(closing)
        self._held, self._closings = "", ()
        return before, after

    def _let_go(self, markers: Iterable[str]) -> str:
        """What is held, without the end that may begin a marker."""
        known = len(self._held) - max(_begun(self._held, marker) for marker in markers)
        text, self._held = self._held[:known], self._held[known:]
        self._told += known
        return text


def _first(text: str, markers: Iterable[str]) -> tuple[int, str] | None:
    """The first of the markers, and where it stands."""
    return min(((at, marker) for marker in markers if (at := text.find(marker)) >= 0), default=None)


def _begun(text: str, marker: str) -> int:
    """Characters at the text's end that are the marker's beginning."""
    at = text.find(marker[0], max(len(text) - len(marker) + 1, 0))
    while at >= 0 and not marker.startswith(text[at:]):
        at = text.find(marker[0], at + 1)
    return len(text) - at if at >= 0 else 0
