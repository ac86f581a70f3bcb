"""The detector: fed while a reply streams, or with a whole reply; the verdict is the same."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from evalbudget.reasoning.loops.decide import decide
from evalbudget.reasoning.loops.pieces import PieceCutter
from evalbudget.reasoning.loops.rules import RULES, Rules
from evalbudget.reasoning.loops.trace import Trace, as_line, is_word
from evalbudget.reasoning.loops.verdict import LoopVerdict
from evalbudget.reasoning.loops.walk import Walk, walking


class Detector:
    """Is fed the tokens of one reply, in any chunks, and says when doom is certain.

    For `loops: stop`: ask `certain_token` after each chunk and end the stream once it is not None. Half a
    microsecond per token; memory for the tokens and for at most `rules.memory` grams.
    """

    def __init__(self, rules: Rules = RULES) -> None:
        self._rules = rules
        self._walk = Walk([0] * rules.gram)
        self._pieces: list[str] | None = []
        self._answer_at: int | None = None
        self._alarms = self._walk.alarms
        walk = walking(self._walk, rules, self._has_words)
        next(walk)
        self._send = walk.send

    @property
    def certain_token(self) -> int | None:
        """The first token at which doom was certain; None as long as it is not."""
        return self._alarms[0] if self._alarms else None

    def feed(self, tokens: Sequence[int], pieces: Sequence[str] | None = None) -> None:
        """The next token ids, and the text of each. Where a chunk has no texts the reply has none.

        A server that sends one text for several ids gives it to the last of them, "" to the others.
        """
        if pieces is None:
            self._pieces = None
        elif self._pieces is not None:
            if len(pieces) != len(tokens):
                raise ValueError(f"{len(tokens)} tokens, {len(pieces)} texts")
            self._pieces.extend(pieces)
        self._send(tokens)

    def begin_answer(self) -> None:
        """What is fed from here on is the answer, which is not compared with the thinking."""
        if self._answer_at is None:
            self._answer_at = self._fed
            self._walk.index.clear()

    def verdict(self, *, finish_reason: str | None, answered: bool | None = None) -> LoopVerdict:
        """The verdict on what was fed so far. It changes nothing: more can be fed.

        `answered` says whether an answer came; False where the thinking never closed, None where that is
        not known. `finish_reason` as the server gave it.
        """
        self._send(None)
        tokens = self._walk.tokens[self._rules.gram :]
        pieces = self._pieces if tokens else None
        trace = Trace(as_line(tokens), pieces, self._answer_at, self._walk, self._rules)
        return decide(trace, tokens, finish_reason=finish_reason, answered=answered)

    def _has_words(self, start: int, end: int) -> bool:
        """Whether these tokens hold a word; without texts they may."""
        return self._pieces is None or any(map(is_word, self._pieces[max(start, 0) : end]))

    @property
    def _fed(self) -> int:
        return len(self._walk.tokens) - self._rules.gram


class TextDetector:
    """The same for text without token ids, cut into the pieces of `pieces.py`."""

    def __init__(self, rules: Rules = RULES) -> None:
        self._detector = Detector(rules)
        self._cutter = PieceCutter()
        self._ids: dict[str, int] = {}

    @property
    def certain_token(self) -> int | None:
        """The first piece at which doom was certain; None as long as it is not."""
        return self._detector.certain_token

    def feed(self, text: str) -> None:
        """The next text. Its last piece counts once it is known to be complete."""
        self._feed(self._cutter.feed(text))

    def begin_answer(self) -> None:
        """What is fed from here on is the answer."""
        self._feed(self._cutter.finish())
        self._detector.begin_answer()

    def verdict(self, *, finish_reason: str | None, answered: bool | None = None) -> LoopVerdict:
        """The verdict on the whole text; nothing can be fed afterwards. Tokens in it are pieces."""
        self._feed(self._cutter.finish())
        return self._detector.verdict(finish_reason=finish_reason, answered=answered)

    def _feed(self, pieces: list[str]) -> None:
        if pieces:
            ids = self._ids
            self._detector.feed([ids.setdefault(piece, len(ids)) for piece in pieces], pieces)


def detect(
    tokens: Sequence[int],
    *,
    pieces: Sequence[str] | None = None,
    answer_at: int | None = None,
    finish_reason: str | None,
    answered: bool | None = None,
    rules: Rules = RULES,
) -> LoopVerdict:
    """The verdict on a whole reply's token ids.

    `pieces` is the text of each token; without it there are no characters, no unit and no templates in the
    verdict. `answer_at` is the token with which the answer begins, None where none began.
    """
    detector = Detector(rules)
    cuts = [0, len(tokens)] if answer_at is None else [0, answer_at, len(tokens)]
    for start, end in pairwise(cuts):
        if start == answer_at:
            detector.begin_answer()
        detector.feed(tokens[start:end], None if pieces is None else pieces[start:end])
    return detector.verdict(finish_reason=finish_reason, answered=answered)


def detect_text(
    text: str,
    *,
    answer_at: int | None = None,
    finish_reason: str | None,
    answered: bool | None = None,
    rules: Rules = RULES,
) -> LoopVerdict:
    """The verdict on a whole reply's text; `answer_at` is the character with which the answer begins."""
    detector = TextDetector(rules)
    detector.feed(text if answer_at is None else text[:answer_at])
    if answer_at is not None:
        detector.begin_answer()
        detector.feed(text[answer_at:])
    return detector.verdict(finish_reason=finish_reason, answered=answered)
