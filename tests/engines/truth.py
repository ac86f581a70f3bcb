"""How many tokens a scripted model's reply holds, known from its script."""

from __future__ import annotations

from embedded.scripts import LOOP, LOOP_THINKING, Script
from evalbudget.reasoning.counting import count_tokens
from evalbudget.records import Reply

Figures = tuple[int | None, int | None, int | None]
"""Tokens of thinking, answer and completion."""


def truth(script: Script, max_tokens: int) -> Figures:
    """Where the script is cut at so many tokens."""
    if script is LOOP:
        return 0, max_tokens, max_tokens
    if script is LOOP_THINKING:
        return max_tokens, 0, max_tokens
    thought, said = len(script.reasoning), len(script.answer)
    opening = closing = bool(thought)
    thinking = min(thought, max_tokens - opening)
    answer = min(said, max(max_tokens - opening - thought - closing, 0))
    return thinking, answer, min(script.completion_tokens or 0, max_tokens)


def figures(reply: Reply) -> Figures:
    """What was counted."""
    counts = count_tokens(reply)
    return counts.reasoning, counts.answer, counts.completion
