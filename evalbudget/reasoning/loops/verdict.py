"""What the detector says of one reply."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from evalbudget.reasoning.loops.rules import DETECTOR_VERSION


class LoopKind(StrEnum):
    """The shape of a loop; the first that holds."""

    NONE = "none"
    EXACT = "exact"
    """The reply ends in a run with one period, small breaks allowed."""
    TEMPLATE = "template"
    """The same, where numbers count as equal: a counter that runs away. Only of a reply that never finished:
    the counting may be progress."""
    RECURRENT = "recurrent"
    """It ends saying, in varying order, what it said before."""
    SUSTAINED = "sustained"
    """It did so for long, and said little else afterwards until it was cut."""
    INTERIOR = "interior"
    """It did so somewhere, and left it."""


class Segment(StrEnum):
    """A part of a reply."""

    REASONING = "reasoning"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The same reply under rules that others published, so that rates can be lined up with theirs.

    All over the whole completion, reasoning and answer; none of them asks whether the reply finished.
    """

    liquid: bool | None
    """Liquid AI's antidoom: somewhere in the text a span of at most 1024 characters comes 4 times in a row,
    60 characters or more in all. None without text."""
    ngram30x20: bool
    """Pipis et al., arXiv:2512.12895: a gram of 30 tokens comes 20 times or more."""
    vllm: bool
    """vLLM's `repetition_detection` with patterns of 16 to 128 tokens and 8 repeats would have stopped it."""
    rho16_tail: float | None
    """Share of the last 1024 tokens that end a gram of 16 tokens said before; None for an empty reply."""
    rho8_tail: float | None
    """The same with grams of 8 tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopVerdict:
    """What the detector says of one reply. Places count tokens from 0, over reasoning and answer together."""

    kind: LoopKind
    doom: bool
    """It repeated itself and never finished."""
    recovered: bool
    """There was a loop, and it was left: the reply finished, or it went on to something else."""
    runaway: bool
    """It never finished, and there was no loop: the budget was too small, or a loop that is not seen here.
    Only where it is known that the reply was cut."""
    finished: bool | None
    """Whether the reply came to its own end. Without a reason the text of a loop decides (`ending.py`); None
    where there is neither."""
    onset_token: int | None = None
    """Where the loop begins; None without one, as the fields below."""
    onset_char: int | None = None
    """The same in characters; None without texts."""
    period_tokens: int | None = None
    """Tokens of the repeated unit; of a loop that varies, the commonest distance between two sayings."""
    repeats: float | None = None
    """`span_tokens` over `period_tokens`."""
    span_tokens: int | None = None
    """From the onset to the loop's end."""
    unit: str | None = None
    """The repeated unit's text, up to 120 characters of it; None without texts."""
    segment: Segment | None = None
    """Where the loop begins."""
    wasted_tokens: int = 0
    """Tokens of the loop behind its first period. Of a doom loop that reaches the end of the reply."""
    certain_token: int | None = None
    """The token at which `Detector` called this doom certain; None where it never did."""
    tokens: int
    """Of the whole reply."""
    published: Published = field(repr=False)
    version: str = DETECTOR_VERSION
