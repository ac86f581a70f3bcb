"""The replies of a conversation as one reply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from evalbudget.reasoning.counting import add_counts, count_tokens, longest_sequence, sum_known
from evalbudget.records import JsonValue, ReasoningForm, Reply, Step, Timings, Usage

_TELLING = ("repetition", "length")
"""Ends that must be seen wherever they happen: what they cut was decoded as it stood."""


def merged(replies: Sequence[Reply], steps: Sequence[Step], notes: Mapping[str, JsonValue]) -> Reply | None:
    """All replies as one; None where there was none.

    Answer and end are the last one's; an end by `length` or `repetition` stands for the whole wherever it
    was. Thinking and calls are those of all. Tokens and seconds are added up; a sum that lacks a part is
    None. The first token is the first reply's. Time that the tools took between two requests is not in it.
    """
    if not replies:
        return None
    first, last = replies[0], replies[-1]
    ends = [reply.finish_reason for reply in replies]
    closed = {reply.thinking_closed for reply in replies} - {None}
    forms = [each.reasoning_form for each in replies if each.reasoning_form is not ReasoningForm.NONE]
    return Reply(
        reasoning="\n\n".join(reply.reasoning for reply in replies if reply.reasoning),
        answer=last.answer,
        tool_calls=tuple(chain.from_iterable(reply.tool_calls for reply in replies)),
        finish_reason=next((end for end in _TELLING if end in ends), last.finish_reason),
        reasoning_form=forms[0] if forms else ReasoningForm.NONE,
        thinking_closed=(False not in closed) if closed else None,
        usage=_usage([reply.usage for reply in replies]),
        timings=Timings(
            latency_s=sum(reply.timings.latency_s or 0.0 for reply in replies),
            ttft_s=first.timings.ttft_s,
            first_answer_s=_first_answer(replies),
        ),
        served_model=last.served_model,
        dropped_fields=tuple(dict.fromkeys(chain.from_iterable(each.dropped_fields for each in replies))),
        steps=tuple(steps),
        longest_sequence=longest_sequence(replies),
        notes=notes,
        counts=add_counts(map(count_tokens, replies)),
    )


def completion_tokens(replies: Iterable[Reply]) -> int | None:
    """Of all replies; None where one of them does not say."""
    return sum_known(reply.usage.completion_tokens for reply in replies)


def _usage(parts: Sequence[Usage]) -> Usage:
    return Usage(
        prompt_tokens=sum_known(part.prompt_tokens for part in parts),
        completion_tokens=sum_known(part.completion_tokens for part in parts),
        reasoning_tokens=sum_known(part.reasoning_tokens for part in parts),
        cached_tokens=sum_known(part.cached_tokens for part in parts),
    )


def _first_answer(replies: Sequence[Reply]) -> float | None:
    """Seconds of requests until the first token of an answer or of a call."""
    before = 0.0
    for reply in replies:
        if reply.timings.first_answer_s is not None:
            return before + reply.timings.first_answer_s
        before += reply.timings.latency_s or 0.0
    return None
