"""Where in a text its loop stands, in characters: for marking it."""

from __future__ import annotations

from dataclasses import dataclass

from evalbudget.reasoning.loops.detector import detect_text
from evalbudget.reasoning.loops.pieces import cut


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSpan:
    """A loop's place in a text, in characters from 0."""

    start: int
    unit_end: int
    """Behind the first period: what comes from here to `end` was generated in vain. Of a loop that varies,
    about so."""
    end: int
    """Exclusive."""


def loop_span(text: str, *, answer_at: int | None, doom: bool) -> LoopSpan | None:
    """The loop of a text of which it is known that it has one; None where the text alone does not show it.

    `answer_at`: the character with which the answer begins, None without one. `doom`: whether the reply ended
    in the loop.
    """
    finish_reason = "length" if doom else "stop"
    found = detect_text(text, answer_at=answer_at, finish_reason=finish_reason, answered=not doom)
    if found.onset_token is None or found.period_tokens is None or found.span_tokens is None:
        return None
    pieces = cut(text) if answer_at is None else [*cut(text[:answer_at]), *cut(text[answer_at:])]

    def at(piece: int) -> int:
        return sum(map(len, pieces[:piece]))

    onset = found.onset_token
    return LoopSpan(
        start=at(onset), unit_end=at(onset + found.period_tokens), end=at(onset + found.span_tokens)
    )
