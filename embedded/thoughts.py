"""What the thinking model says: thoughts of known length, and the answer that each has after so many tokens.

Tests import `THOUGHTS` as the truth; `thinker.py` writes the model that thinks them.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

END = "<|im_end|>"
OPEN, CLOSE = "<think>", "</think>"
OKAY = "Okay"
"""The first token of every thought; no blank before it, so that a server that strips texts cuts nothing."""

ANSWER = ("\n\n", "The", " answer", " is", " \\boxed{")
"""How every answer begins; a digit and a brace follow."""
UNKNOWN = (*ANSWER[:-1], " unknown", ".")
"""The answer of a thought that has found none."""

_CONSONANTS, _VOWELS = "bdfgjklmprstvwxy", "eiou"
SYLLABLES = tuple(map("".join, itertools.product(_CONSONANTS, _VOWELS)))
_WORDS = tuple(f" {first}{second}" for first, second in itertools.product(SYLLABLES, repeat=2))

CHAIN = tuple(_WORDS[place * 2731 % len(_WORDS)] for place in range(4032))
"""The words of every thought, in their order and each one token: a thought begins somewhere and goes on to
the end. No number among them, and none that stands twice, so that nothing looks like a loop that is none."""

RING = 48
"""So many words at the end of the chain are said again and again by a thought that never ends."""
_LEAD = 191
"""Words that such a thought says before it begins again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """One question's thinking."""

    number: int
    """What the question names: `[thought 7]`."""
    length: int | None
    """Thinking tokens, markers excluded, until it closes by itself; None = never."""
    steps: tuple[tuple[int, int | None], ...]
    """(n, digit): with its n-th thinking token the answer becomes this digit, or unknown again.

    Before the first, it is unknown. n is 2 or more: the first token is the same in every thought.
    """
    target: int
    """The right answer, which it need not find."""

    @property
    def mark(self) -> str:
        """What the last message must contain to be thought about so."""
        return f"[thought {self.number}]"

    @property
    def entry(self) -> int:
        """The place in the chain of its second token."""
        return len(CHAIN) - (_LEAD if self.length is None else self.length - 1)

    def digit(self, tokens: int) -> int | None:
        """What it would answer after so many tokens of thinking; None = that it is unknown."""
        known = [digit for place, digit in self.steps if place <= tokens]
        return known[-1] if known else None

    def words(self, tokens: int) -> tuple[str, ...]:
        """Its first so many thinking tokens, fewer where it closes before."""
        ring = itertools.cycle(CHAIN[-RING:]) if self.length is None else ()
        return tuple(itertools.islice(itertools.chain([OKAY], CHAIN[self.entry :], ring), tokens))


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A reply as it must be, in tokens; what closes a thinking from outside is no part of it."""

    reasoning: int
    """Thinking tokens, markers excluded."""
    closed: bool
    """Whether the thinking came to its end by itself."""
    digit: int | None
    """The answer; None where it is unknown, or none was reached."""
    answer: tuple[str, ...]
    """The answer's tokens, without the end token; a blank line first where the thinking closed itself."""


def answer_of(digit: int | None) -> tuple[str, ...]:
    """The answer's tokens, with the blank line before."""
    return UNKNOWN if digit is None else (*ANSWER, str(digit), "}")


def truth(thought: Thought, budget: int | None, max_tokens: int) -> Said:
    """What is said with so many tokens of thinking allowed, the rest being cut off and the thinking closed.

    `max_tokens` is that of a whole reply whose opening marker is generated; it cuts only a thought without a
    budget that never ends, and is taken to leave room for all others.
    """
    if thought.length is not None and (budget is None or thought.length <= budget):
        digit = thought.digit(thought.length)
        return Said(reasoning=thought.length, closed=True, digit=digit, answer=answer_of(digit))
    if budget is None:
        return Said(reasoning=max_tokens - 1, closed=False, digit=None, answer=())
    digit = thought.digit(budget)
    return Said(reasoning=budget, closed=False, digit=digit, answer=answer_of(digit)[1:])


def _thoughts(*rows: tuple[int | None, int, tuple[tuple[int, int | None], ...]]) -> dict[int, Thought]:
    numbered = enumerate(rows, start=1)
    return {
        number: Thought(number=number, length=length, target=target, steps=steps)
        for number, (length, target, steps) in numbered
    }


THOUGHTS: Mapping[int, Thought] = _thoughts(
    # length, target, steps. Most find the answer early and go on; some only at their end.
    (20, 4, ((9, 4),)),
    (27, 7, ((14, 7),)),
    (40, 1, ((12, 1),)),
    (55, 9, ((16, 2), (33, 9))),
    (75, 3, ((70, 3),)),
    (100, 6, ((17, 6),)),
    (130, 8, ((50, 8),)),
    (170, 2, ((20, 5), (100, 2))),
    (230, 0, ((60, 0),)),
    (300, 5, ((250, 5),)),
    (380, 7, ((33, 7),)),
    (500, 4, ((128, 4),)),  # known with the last token of a budget
    (512, 1, ((300, 1),)),  # closes by itself within a budget, exactly
    (640, 3, ((129, 3),)),  # known one token too late for a budget
    (800, 8, ((64, 1), (257, 2), (500, 8))),
    (1000, 6, ((200, 6),)),
    (1025, 9, ((450, 9),)),  # one token too long for a budget
    (1300, 2, ((1250, 2),)),
    (1700, 5, ((600, 5),)),
    (2100, 0, ((1024, 0),)),
    (2600, 7, ((100, 7),)),
    (3200, 4, ((40, 6), (2500, 4))),
    (4000, 3, ((900, 3),)),
    # Never right: a wrong digit, and none.
    (700, 8, ((90, 9),)),
    (90, 6, ()),
    # Right, and then no more.
    (900, 1, ((150, 1), (700, 7))),
    (2400, 2, ((300, 2), (2000, None))),
    # Without an end.
    (None, 9, ((70, 9),)),
    (None, 5, ((30, 8), (150, 5))),
    (None, 0, ((120, 4),)),
)
"""By number; 27 of them close by themselves, and of these 23 are right."""

CONTROLS = ("<|endoftext|>", "<|im_start|>", END, *(f"<|thought-{number}|>" for number in THOUGHTS))
"""Tokens that end a turn or choose a thought; no engine ever shows their text."""

# llama.cpp takes a model for a thinking one only if its template speaks of `reasoning_content`.
TEMPLATE = """\
{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.role == 'assistant' and message.reasoning_content %}
{{- '<think>' + message.reasoning_content + '</think>' }}{%- endif %}
{{- (message.content or '') + '<|im_end|>' + '\\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}
{%- set asked = messages[-1].content %}
{%- set number = asked.split('[thought ')[1].split(']')[0] if '[thought ' in asked else '1' %}
{{- '<|thought-' + number + '|>' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}
{%- elif opened is defined and opened %}{{- '<think>\\n' }}{%- endif %}{%- endif %}"""
