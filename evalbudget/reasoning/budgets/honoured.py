"""Whether a reply kept its budget, measured on every attempt: a server that ignores a parameter says nothing.

What is allowed beyond the budget is what honest servers need, and each constant below says for what. With
exact counts nothing that thinks twice its budget, from 32 tokens on, gets through.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from evalbudget.reasoning.budgets.force import SENTENCES
from evalbudget.reasoning.counting import BLANK
from evalbudget.records import Reply, TokenCounts, TokenSource

_AROUND = 3
"""Tokens of a reply that are neither thinking nor answer: two markers and the end token."""
_WHOLE_CHARACTER = 4
"""llama.cpp waits for the end of a UTF-8 character (common/reasoning-budget.h, WAITING_UTF8), 3 tokens at
most; SGLang's ThinkingBudgetLogitProcessor writes a line end before the marker, 1 token."""
_MOST_SENTENCE = 32
"""Tokens of a sentence of the server's own before the closing marker, counted as thinking:
`reasoning_end_str` (vLLM), `--reasoning-budget-message` (llama.cpp). Qwen3's official one has 24; it is
known and taken off, as are all of ours."""
_SENTENCE_SHARE = 8
"""A sentence is allowed an eighth of the budget, so that a small budget still means something."""
_ESTIMATE_OFF = 1.25
"""A count by the share of texts may be off by so much: code and prose differ in characters per token."""


def honoured(
    reply: Reply,
    tokens: TokenCounts,
    *,
    budget: int | None,
    mode: str | None,
    phrases: Sequence[str] = SENTENCES,
) -> bool | None:
    """None without a budget, and where the count that decides is not known.

    - `server`: the thinking is within the budget and what its end needs.
    - `force` and `trace`: kept by construction, unless the model began to think anew behind what we closed.
      A reply that we did not close counts as it came.
    - `max_tokens`: the completion is within the budget.
    - Budget 0, in any mode: no thinking but blanks.

    `phrases`: sentences that a server may put at the end of thinking that it cut; they are taken off.
    """
    if budget is None:
        return None
    if mode == "max_tokens" and budget > 0:
        return None if tokens.completion is None else tokens.completion <= budget
    if reply.continued is not None:
        anew = _anew(reply, tokens)
        return None if anew is None else anew <= BLANK
    if tokens.reasoning is None:
        return None
    thought = tokens.reasoning - _phrase(reply.reasoning, tokens.reasoning, phrases)
    if budget == 0:
        return thought <= BLANK
    return thought <= _most(budget, server=mode == "server", exact=tokens.source is not TokenSource.ESTIMATE)


def _most(budget: int, *, server: bool, exact: bool) -> float:
    """Thinking tokens with which a budget counts as kept. What we cut ourselves is cut at the budget."""
    most = budget + _WHOLE_CHARACTER + min(_MOST_SENTENCE, budget // _SENTENCE_SHARE) if server else budget
    return most if exact else most * _ESTIMATE_OFF


def _anew(reply: Reply, tokens: TokenCounts) -> int | None:
    """Tokens that a continued reply thought behind what we closed; None where unknown.

    Of a rescued reply all is counted that was thought, its loop included: there, what was generated and is no
    answer tells.
    """
    continued = reply.continued
    if continued is None:
        return None
    if "rescue" not in reply.notes and continued.kept is not None and tokens.reasoning is not None:
        return tokens.reasoning - continued.kept
    if continued.generated is None or tokens.answer is None:
        return None
    return continued.generated - tokens.answer - _AROUND


def _phrase(thinking: str, tokens: int, phrases: Sequence[str]) -> int:
    """Tokens of the phrase with which a thinking ends, by its share of the text."""
    text = thinking.rstrip()
    found = max((len(phrase) for phrase in phrases if phrase and text.endswith(phrase)), default=0)
    return ceil(tokens * found / len(text)) if found else 0
