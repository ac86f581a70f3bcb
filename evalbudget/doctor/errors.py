"""What a server says where a request is wrong: a field that it does not know, a prompt that does not fit."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, islice

from evalbudget.doctor.findings import Seen, failed, missing, partly, shortened, unknown, works
from evalbudget.doctor.interview import Interview
from evalbudget.records import Failure, FailureKind, Reply

_FIELD = "evalbudget_doctor_asks"
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_BEYOND = 64
"""Words by which the prompt is too long; each is a token at least."""
_LARGEST = 300_000
"""Tokens of context beyond which no such prompt is sent: two megabytes."""


async def unknown_fields(asked: Interview) -> Seen:
    """A field that no server knows: is a misspelt setting noticed?"""
    request = asked.request("Say yes.", 1)
    extra = {**request.extra_body, _FIELD: 1}
    outcome = await asked.outcome(replace(request, extra_body=extra))
    if isinstance(outcome, Reply):
        left = f"; of ours it refused {', '.join(_dropped(asked))}" if _dropped(asked) else ""
        return partly(
            f"taken without a word{left}", "no flag is known: look at the spelling of `extra_body` yourself"
        )
    if outcome.kind is FailureKind.REQUEST:
        return works(f"refused: {shortened(outcome.message)}")
    return failed(outcome)


def _dropped(asked: Interview) -> tuple[str, ...]:
    return asked.first.dropped_fields


async def overflow(asked: Interview) -> Seen:
    """A prompt longer than the context is refused, in words that are understood."""
    context = asked.record.max_model_len
    if context is None:
        return unknown("not tried: the context's length is not known")
    if context > _LARGEST:
        return unknown(f"not tried: a prompt of more than {context:,} tokens would be needed")
    prompt = " ".join(islice(cycle(_WORDS), context + _BEYOND))
    outcome = await asked.outcome(asked.request(prompt, 1))
    sent = f"a prompt of {context + _BEYOND:,} words for a context of {context:,}"
    if isinstance(outcome, Failure):
        return _refused(outcome, sent)
    took = outcome.usage.prompt_tokens
    if took is not None and took <= context:
        return missing(
            f"{sent} was cut to {took:,} tokens without a word",
            "keep prompts and `max_tokens` within the context: a cut prompt is another question",
        )
    return partly(f"{sent} was taken: the context is larger than it says")


def _refused(failure: Failure, sent: str) -> Seen:
    if failure.kind is FailureKind.CONTEXT_OVERFLOW:
        return works(f"refused: {shortened(failure.message)}")
    if failure.kind is FailureKind.REQUEST:
        return partly(f"{sent} was refused, not in words that tell why: {shortened(failure.message)}")
    return failed(failure)
