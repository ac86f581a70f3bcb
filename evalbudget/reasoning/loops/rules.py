"""The constants of the loop detector, and what moves when they do.

Where they come from: the labelled traces and the made ones of tests/reasoning/loops. Most stand in the middle
of a wide range in which no verdict on those changes; `gram` and `known_after` move where loops begin. A
change of a constant or of a rule is a new DETECTOR_VERSION: rates of different versions cannot be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

DETECTOR_VERSION = "2"
"""Stands in every verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What counts as a loop. Tokens are the model's own, or pieces of `pieces.py` where there are no ids."""

    gram: int = 12
    """Tokens that have to come again together before they count as repeated: about one clause. Working
    through a problem repeats 8 tokens all the time and 20 too seldom for a loop that varies its wording."""
    known_after: int = 3
    """Earlier times from which on a gram is known, at most 7. The fourth time is repetition; a draft that is
    written out twice and then given as the answer is not."""
    evidence: int = 320
    """Known tokens less other tokens, at least, of a loop. On the labelled traces 150 is the most of those
    without a loop, 526 the least of those with one, and 4900 the next."""
    certain: int = 1024
    """The same, from which on doom is certain enough to stop the stream."""
    beyond_doubt: int = 4096
    """The same, from which on neither the want of words, nor an end that looks like one, speaks against doom:
    a matrix of zeros comes to its end before."""
    certain_span: int = 512
    """Tokens of a run with one period from which on doom is certain, and with `certain_repeats`: models do
    leave exact loops, after 4 repeats often, after these seldom (vLLM's rule replayed on the 380 traces of
    junsu0306/Quantized-Reasoning-Models: 98 of 324 finished ones hit by 4 repeats, 8 by 16 of 16 tokens)."""
    certain_repeats: int = 16
    min_repeats: float = 4.0
    """Of a periodic run at the end: as in Liquid AI's antidoom rule."""
    min_span: int = 64
    """Tokens of such a run."""
    min_span_broken: int = 128
    """The same, of a run that has breaks: five short lines of a list are alike, and no loop."""
    min_span_wordless: int = 256
    """The same, where no token of the unit holds two letters: rules of a table, rows of zeros, decimals."""
    slack: int = 8
    """Tokens that a break in a run may have, and tokens behind it at the end of a reply that was cut: the
    last word is cut, a connective changes, a border is tokenised in another way."""
    matched: float = 0.8
    """Share of a run that repeats its last period, at least; below it a break costs more than it gains."""
    give_up: int = 128
    """Loss in score, in tokens, at which a run is not followed further back."""
    template_repeats: float = 8.0
    """Of a run in which numbers count as equal: enough with `template_span` tokens."""
    template_span: int = 512
    template_repeats_short: float = 24.0
    """The same for short units: enough with `template_span_short` tokens."""
    template_span_short: int = 192
    window: int = 16384
    """Tokens before the end in which a run's period is looked for: up to a quarter of it is found."""
    memory: int = 131072
    """Different grams that are remembered before all are forgotten: bounds the memory of one reply."""


RULES = Rules()
