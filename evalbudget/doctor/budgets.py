"""Which budget modes can work: a thinking that is cut and continued, the server's own budget, the switch."""

from __future__ import annotations

from dataclasses import replace

from evalbudget.doctor.findings import Seen, counted, failed, missing, partly, unknown, works
from evalbudget.doctor.interview import QUESTION, Interview
from evalbudget.reasoning.budgets import honoured, missing_flag
from evalbudget.reasoning.counting import count_tokens
from evalbudget.records import Begun, ContinuedBy, Reply, TokenSource

_BUDGETS = (16, 8, 4, 2)
"""The largest is tried that the natural thinking clearly exceeds."""
_ROOM = 6
"""Tokens beyond a budget and its allowance that a thinking must have for the budget to show."""
_ANSWER_TOKENS = 48
"""Tokens of a continued answer."""
_EFFORT_TOKENS = 32
_NO_IDS = "exact cuts need token ids: vLLM, SGLang and llama.cpp give them, unless a gateway hides them"


async def continuation(asked: Interview) -> Seen:
    """A thinking is cut and the model goes on to its answer: modes `trace` and `force`."""
    trace = await asked.trace()
    counts, force = count_tokens(trace), asked.patient.force
    keep = 16 if counts.reasoning is None else max(1, min(16, counts.reasoning // 2))
    begun = Begun(
        reasoning=trace.reasoning,
        reasoning_tokens=counts.reasoning,
        ids=trace.token_ids,
        prompt_ids=trace.prompt_token_ids,
        keep=keep,
        opening=force.opening,
        closing=force.closing,
    )
    request = replace(asked.request(QUESTION, _ANSWER_TOKENS), begun=begun)
    return _continued(await asked.ask(request, "use `budget_mode: server` or `max_tokens`"), keep)


def _continued(reply: Reply, keep: int) -> Seen:
    by = reply.continued.by if reply.continued is not None else None
    kept = f"cut after {counted(keep, 'token')}"
    if honoured(reply, count_tokens(reply), budget=keep, mode="force") is False:
        return missing(
            f"{kept}, it began to think anew", "use `budget_mode: server`, or `force_string` of its family"
        )
    if not reply.is_answered:
        return missing(f"{kept} and continued, it said nothing", "use `budget_mode: server` or `max_tokens`")
    if by is ContinuedBy.TOKEN_IDS:
        return works(f"{kept}, it answered: by token ids, the cut is exact")
    return partly(f"{kept}, it answered: by a last message left open, which a template may change", _NO_IDS)


async def server_budget(asked: Interview) -> Seen:
    """The server keeps a budget of thinking by itself: mode `server`."""
    natural = await asked.trace()
    counts = count_tokens(natural)
    budget = _budget_below(counts.reasoning, exact=counts.source is not TokenSource.ESTIMATE)
    if budget is None:
        many = "an unknown number of" if counts.reasoning is None else f"only {counts.reasoning}"
        return unknown(f"it thought {many} tokens: no budget could show")
    advice = missing_flag(asked.record.engine, asked.record.engine_version, budget=budget)
    request = replace(asked.request(QUESTION, 3 * budget + 32), thinking_budget=budget)
    outcome = await asked.ask(request, advice)
    got = count_tokens(outcome)
    more = "or more" if natural.thinking_closed is False else ""
    allowed = f"{counted(budget, 'token')} allowed, it thought {_number(got.reasoning)}"
    said = f"{allowed}; without a budget {counts.reasoning} {more}".rstrip()
    kept = honoured(outcome, got, budget=budget, mode="server")
    if kept is None:
        return unknown(said)
    return works(f"honoured: {said}") if kept else missing(f"ignored: {said}", advice)


def _budget_below(thought: int | None, *, exact: bool) -> int | None:
    """The largest budget that this thinking, left alone, would clearly break."""
    if thought is None:
        return None
    sure = thought if exact else thought * 2 // 3
    return next((each for each in _BUDGETS if sure >= each + each // 8 + _ROOM), None)


async def switched_off(asked: Interview) -> Seen:
    """No thinking at all: budget 0."""
    await asked.trace()
    advice = missing_flag(asked.record.engine, asked.record.engine_version, budget=0)
    outcome = await asked.unthought()
    if not isinstance(outcome, Reply):
        return failed(outcome, advice)
    counts = count_tokens(outcome)
    kept = honoured(outcome, counts, budget=0, mode="server")
    if kept is None:
        return unknown("asked to, its thinking could not be counted")
    if not kept:
        return missing(f"asked to, it still thought {_number(counts.reasoning)} tokens", advice)
    if not outcome.is_answered:
        return partly("asked to, it thought nothing, and answered nothing")
    return works("asked to, it answers at once")


async def effort(asked: Interview) -> Seen:
    """`effort: low` and `high` make a difference: to the prompt, or at least to what is said."""
    await asked.trace()
    low, high = [await _with_effort(asked, word) for word in ("low", "high")]
    if "reasoning_effort" in low.dropped_fields:
        return missing("it refuses `reasoning_effort`", "leave `effort` out")
    if _prompts_differ(low, high):
        return works("low and high give different prompts")
    if low.prompt_token_ids is not None and high.prompt_token_ids is not None:
        return missing("low and high give the same prompt: the chat template does not read it", _NO_EFFORT)
    if _text(low) == _text(high):
        return missing("low and high gave the same text", _NO_EFFORT)
    return unknown(
        f"low and high gave different texts in {_EFFORT_TOKENS} tokens, from prompts of one length"
    )


async def _with_effort(asked: Interview, word: str) -> Reply:
    request = replace(asked.request(QUESTION, _EFFORT_TOKENS), effort=word)
    return await asked.ask(request, "leave `effort` out, and vary the budget instead")


_NO_EFFORT = "leave `effort` out and vary the budget: this model knows no such words"


def _prompts_differ(low: Reply, high: Reply) -> bool:
    if low.prompt_token_ids is not None and high.prompt_token_ids is not None:
        return list(low.prompt_token_ids) != list(high.prompt_token_ids)
    return (
        low.usage.prompt_tokens is not None
        and high.usage.prompt_tokens is not None
        and low.usage.prompt_tokens != high.usage.prompt_tokens
    )


def _text(reply: Reply) -> str:
    return reply.reasoning + reply.answer


def _number(tokens: int | None) -> str:
    return "an unknown number" if tokens is None else f"{tokens:,}"
