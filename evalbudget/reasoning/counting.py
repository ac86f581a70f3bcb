"""How many tokens of a reply were thinking and how many were answer, by the best that the server offers.

In this order, which `TokenCounts.source` names:

1. `token_ids`: the ids of the reply's tokens, cut at the markers (`reasoning.token_ids`); where the markers'
   ids are unknown, by the pieces in which the ids came (`reasoning.steps`).
2. `timings`: llama.cpp's running count at the switch from thinking to answer (`reasoning.steps`).
3. `usage`: the server's own figure, where it can be true. It is doubted because vLLM's basic reasoning
   parsers report 0 whenever the chat template opened the thinking (vllm-project/vllm#44398), and llama.cpp,
   Ollama and TensorRT-LLM report none at all.
4. `tokenize`: the thinking's text, through the server's tokenizer; may be off by a few at its ends.
5. `estimate`: the completion, shared out by the length of the texts.

One convention for all of them. Thinking: tokens between the markers, white space included. Answer: tokens
behind the closing marker, markup of tool calls included, 0 where there is none. Neither holds a marker or
the end token; the completion holds them all, as servers count it: thinking + answer + markers + end token.
vLLM and LMDeploy count thinking like that; SGLang counts the closing marker in, and is converted. Where only
`usage`, `tokenize` or the estimate count, an opening marker that the model wrote stays with the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from evalbudget.reasoning.steps import Steps
from evalbudget.reasoning.token_ids import Spans
from evalbudget.records import ContinuedBy, Reply, TokenCounts, TokenSource

BLANK = 4
"""Most tokens between the markers of thinking that holds no text, only line ends."""
_LONGEST_TOKEN = 128
"""Bytes: no text needs fewer tokens than this makes of it."""
_CALL_MARKUP = 64
"""Tokens: most that the markup of one tool call takes besides its name and arguments."""
_SLACK = 16
"""Tokens: markers, headers and the like, that an answer may have besides its text."""
_NATURAL_ENDS = frozenset({"stop", "tool_calls", "function_call"})
"""`finish_reason` of a reply whose last token is the end token."""
_BEST_FIRST = tuple(TokenSource)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of one reply's tokens besides its text and its usage."""

    spans: Spans | None = None
    """From its token ids."""
    steps: Steps | None = None
    """From the counts beside its pieces."""
    step_source: TokenSource = TokenSource.TIMINGS
    generated: int | None = None
    """Tokens that came, by their ids or by the last count."""
    inline: tuple[int, int, int] | None = None
    """Characters of content at which inline thinking begins, ends, and its closing marker ends."""
    stopped_by_text: bool = False
    """A stop string ended it, no end token."""
    prompt_opened: bool | None = None
    """Whether the prompt had opened the thinking; where it had not, the model wrote the opening marker."""
    closing_counted: bool = False
    """The server's `reasoning_tokens` holds the closing marker (SGLang)."""
    tokenized: int | None = None
    """Tokens of the thinking's text, by the server's tokenizer."""


NOTHING = Evidence()


def count_tokens(reply: Reply) -> TokenCounts:
    """Tokens of one reply; None where nothing is known, never 0 for unknown."""
    return reply.counts if reply.counts is not None else count_by(reply, NOTHING)


def count_by(reply: Reply, evidence: Evidence) -> TokenCounts:
    """Tokens of one reply, by the best of what is known."""
    completion = reply.usage.completion_tokens
    if completion is None:
        completion = evidence.generated
    known = TokenCounts(
        prompt=reply.usage.prompt_tokens, completion=completion, cached=reply.usage.cached_tokens
    )
    if completion is None:
        return _text_alone(reply, evidence, known)
    for way in (_by_spans, _by_steps, _by_usage, _by_whole, _by_tokenizer, _by_length):
        found = way(reply, evidence, completion)
        if found is not None:
            return replace(known, reasoning=found[0], answer=found[1], source=found[2])
    return known


def add_counts(counts: Iterable[TokenCounts]) -> TokenCounts:
    """Of several replies together, such as a dialogue's; a sum that lacks a part is None, its source the
    least of all."""
    each = list(counts)
    if not each:
        return TokenCounts()
    sources = [one.source for one in each if one.source is not None]
    reasoning = sum_known(one.reasoning for one in each)
    return TokenCounts(
        prompt=sum_known(one.prompt for one in each),
        reasoning=reasoning,
        answer=sum_known(one.answer for one in each),
        completion=sum_known(one.completion for one in each),
        cached=sum_known(one.cached for one in each),
        source=max(sources, key=_BEST_FIRST.index) if sources and reasoning is not None else None,
    )


def sequence_tokens(reply: Reply) -> int | None:
    """Tokens that the server held of one sequence at its end, prompt included: what its KV cache is filled
    with. Of several requests, the most of one of them. None where unknown.

    A continued reply's prompt holds its beginning, and servers count it so: its own usage is the sequence.
    The token drawn last is counted, though a server does not compute its keys and values any more.
    """
    if reply.steps or reply.longest_sequence is not None or "rescue" in reply.notes:
        return reply.longest_sequence
    if reply.continued is not None and reply.continued.by is not ContinuedBy.SWITCH:
        told = sum_known((reply.usage.prompt_tokens, reply.usage.completion_tokens))
        if told is not None:
            return told
    counts = count_tokens(reply)
    prompt = counts.prompt
    if prompt is None and reply.prompt_token_ids is not None:
        prompt = len(reply.prompt_token_ids)
    return sum_known((prompt, counts.completion))


def longest_sequence(replies: Iterable[Reply]) -> int | None:
    """The most tokens that one of these requests came to; None where one of them is not known."""
    lengths = [sequence_tokens(reply) for reply in replies]
    known = [length for length in lengths if length is not None]
    return max(known) if known and len(known) == len(lengths) else None


def sum_known(figures: Iterable[int | None]) -> int | None:
    """The sum; None where one of them is not known."""
    total = 0
    for figure in figures:
        if figure is None:
            return None
        total += figure
    return total


def ends_with_token(finish_reason: str | None, *, stopped_by_text: bool = False) -> bool:
    """Whether the last token of a reply with this `finish_reason` is the end token."""
    return finish_reason in _NATURAL_ENDS and not stopped_by_text


_Found = tuple[int, int | None, TokenSource]


def _by_spans(reply: Reply, evidence: Evidence, completion: int) -> _Found | None:
    """The ids, where they are all there and say what the text says."""
    spans = evidence.spans
    if spans is None or evidence.generated != completion:
        return None
    if not _thought(reply):
        # Markers around nothing: the text holds no thinking, so none is counted.
        return (0, spans.answer, TokenSource.TOKEN_IDS) if spans.thinking <= BLANK else None
    if spans.thinking == 0 or (spans.answer_at is None and reply.is_answered):
        return None
    return spans.thinking, spans.answer, TokenSource.TOKEN_IDS


def _by_steps(reply: Reply, evidence: Evidence, completion: int) -> _Found | None:
    steps = evidence.steps
    if steps is None or steps.muddled or steps.total != completion:
        return None
    last = completion - _end(reply, evidence)
    if not _thought(reply):
        return 0, last if reply.answer or reply.tool_calls else 0, evidence.step_source
    if steps.thinking_until is not None:
        switch = _switch_of_fields(evidence, steps, last)
    else:
        switch = _switch_inline(evidence, steps, last)
    if switch is None:
        return None
    opening, until, answer_at = switch
    if not opening < until <= answer_at <= last:
        return None
    return until - opening, last - answer_at, evidence.step_source


_Switch = tuple[int, int, int]
"""Tokens before the thinking, up to its end, and up to the answer; the last is all where there is none."""


def _switch_of_fields(evidence: Evidence, steps: Steps, last: int) -> _Switch | None:
    until = min(steps.thinking_until or 0, last)
    opening = 0 if evidence.prompt_opened else steps.before_thinking
    if evidence.step_source is TokenSource.TOKEN_IDS and not steps.single:
        return None  # a piece of several tokens may hold a marker
    if steps.first_answer is None:
        return opening, until, last
    # The closing marker and the first of the answer are two tokens at least.
    return None if steps.first_answer - until < 2 else (opening, until, until + 1)


def _switch_inline(evidence: Evidence, steps: Steps, last: int) -> _Switch | None:
    if evidence.inline is None:
        return None
    begins, ends, closes = evidence.inline
    opening = steps.at(begins)
    if opening is None and steps.first_is_one_beyond(begins):
        opening = 0  # llama.cpp repeats the prompt's end in front of the first token
    if closes == ends:  # never closed
        return None if opening is None else (opening, last, last)
    until, answer_at = steps.at(ends), steps.at(closes)
    if opening is None or until is None:
        return None
    return opening, until, until + 1 if answer_at is None else answer_at


def _by_usage(reply: Reply, evidence: Evidence, completion: int) -> _Found | None:
    claimed = reply.usage.reasoning_tokens
    if claimed is not None and evidence.closing_counted and reply.thinking_closed:
        claimed = max(claimed - 1, 0)
    if not _thought(reply):
        if claimed is None:
            claimed = 0
        if not 0 <= claimed <= completion:
            return None
        return claimed, _rest(reply, evidence, completion, claimed), TokenSource.USAGE
    if claimed is None or not _believable(claimed, reply, completion):
        return None
    return claimed, _rest(reply, evidence, completion, claimed), TokenSource.USAGE


def _believable(claimed: int, reply: Reply, completion: int) -> bool:
    """Whether so many tokens can be the thinking that there is, and the others the answer that there is.

    More tokens than the thinking has characters are believed: hosted models show only a summary.
    """
    if not 0 < claimed <= completion or claimed * _LONGEST_TOKEN < len(reply.reasoning):
        return False
    if not reply.is_answered:
        return True
    said = sum(len(call.name) + len(call.arguments) + _CALL_MARKUP for call in reply.tool_calls)
    most = len(reply.answer.encode("utf-8", "replace")) + said + _SLACK
    return 0 < completion - claimed <= most


def _by_whole(reply: Reply, evidence: Evidence, completion: int) -> _Found | None:
    """A reply that was cut in thinking that the prompt had opened and that a marker would have closed."""
    if evidence.inline is None or evidence.inline != (0, evidence.inline[1], evidence.inline[1]):
        return None
    left = completion - _end(reply, evidence)
    return (left, 0, TokenSource.USAGE) if left > 0 else None


def _by_tokenizer(reply: Reply, evidence: Evidence, completion: int) -> _Found | None:
    counted = evidence.tokenized
    if counted is not None and not reply.is_answered:
        counted = min(counted, completion - _overhead(reply, evidence))
    if counted is None or not _believable(counted, reply, completion):
        return None
    return counted, _rest(reply, evidence, completion, counted), TokenSource.TOKENIZE


def _by_length(reply: Reply, evidence: Evidence, completion: int) -> _Found | None:
    """The completion, shared out by characters; at least one token for what is there."""
    if not _thought(reply):
        return None
    left = completion - _overhead(reply, evidence)
    if not reply.is_answered:
        return max(left, min(1, completion)), 0, TokenSource.ESTIMATE
    thought = len(reply.reasoning)
    said = len(reply.answer) + sum(len(call.name) + len(call.arguments) for call in reply.tool_calls)
    reasoning = max(min(round(left * thought / (thought + said)), left - 1), min(1, completion))
    return reasoning, _rest(reply, evidence, completion, reasoning), TokenSource.ESTIMATE


def _text_alone(reply: Reply, evidence: Evidence, known: TokenCounts) -> TokenCounts:
    """Where the server says nothing of the completion, only its tokenizer is left."""
    if evidence.tokenized is None or not _thought(reply):
        return known
    return replace(known, reasoning=evidence.tokenized, source=TokenSource.TOKENIZE)


def _rest(reply: Reply, evidence: Evidence, completion: int, reasoning: int) -> int:
    if not reply.is_answered:
        return 0
    left = completion - reasoning
    return max(left - _overhead(reply, evidence), min(1, left))


def _overhead(reply: Reply, evidence: Evidence) -> int:
    """Markers and end token, where there are known to be such."""
    markers = bool(reply.thinking_closed) + (evidence.prompt_opened is False) if _thought(reply) else 0
    return _end(reply, evidence) + markers


def _end(reply: Reply, evidence: Evidence) -> int:
    return int(ends_with_token(reply.finish_reason, stopped_by_text=evidence.stopped_by_text))


def _thought(reply: Reply) -> bool:
    return bool(reply.reasoning.strip())
