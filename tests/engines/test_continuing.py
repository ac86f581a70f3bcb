"""Replies continued on the embedded llama.cpp, whose every token is known, and its own thinking budget."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from embedded.scripts import DIRECT, LOOP_THINKING, THINK, Script
from evalbudget.endpoints.openai_chat import OpenAIChat
from evalbudget.records import (
    Begun,
    ContinuedBy,
    Failure,
    Message,
    ReasoningForm,
    Reply,
    Request,
    Sampling,
    TokenSource,
)
from tests.endpoints.hostile import Counter
from tests.engine_fixtures import GgufOf, embedded
from tests.engines.truth import figures

pytestmark = pytest.mark.engine

CLOSING = "\n</think>\n\n"
ANSWER = "The answer is \\boxed{4}"
T = TypeVar("T")


def asked(script: Script, begun: Begun | None = None, **wishes: int) -> Request:
    return Request(
        messages=(Message(role="user", content=f"{script.mark} Q"),),
        sampling=Sampling(temperature=0, max_tokens=64),
        begun=begun,
        thinking_budget=wishes.get("thinking_budget"),
    )


async def told(chat: OpenAIChat, request: Request) -> Reply:
    reply = await chat.ask(request, Counter())
    assert isinstance(reply, Reply), reply
    return reply


@pytest.fixture
def on_llamacpp(scripted_gguf: GgufOf, tmp_path: Path) -> Callable[[Callable[[OpenAIChat], Awaitable[T]]], T]:
    """Runs something with an endpoint of a scripted model."""

    def run(what: Callable[[OpenAIChat], Awaitable[T]]) -> T:
        async def go() -> T:
            async with embedded(scripted_gguf("qwen3"), tmp_path) as url:
                chat = OpenAIChat(base_url=url, model="scripted", engine="llama.cpp")
                try:
                    return await what(chat)
                finally:
                    await chat.close()

        return asyncio.run(go())

    return run


OnLlamaCpp = Callable[[Callable[[OpenAIChat], Awaitable[T]]], T]


def test_thinking_that_is_cut_and_closed_goes_on_into_the_answer(
    on_llamacpp: OnLlamaCpp[list[Reply]],
) -> None:
    async def go(chat: OpenAIChat) -> list[Reply]:
        trace = await told(chat, asked(THINK))
        begun = Begun(reasoning=trace.reasoning, reasoning_tokens=9, keep=3, closing=CLOSING)
        return [trace, await told(chat, asked(THINK, begun))]

    trace, reply = on_llamacpp(go)
    assert (reply.reasoning, reply.answer) == (" Okay, my", ANSWER)
    assert (reply.reasoning_form, reply.thinking_closed) == (ReasoningForm.FIELD, True)
    assert figures(reply) == (3, 6, 3 + 1 + 3 + 7)
    assert reply.continued is not None and reply.counts is not None and trace.counts is not None
    assert reply.continued.by is ContinuedBy.TOKEN_IDS
    assert (reply.continued.kept, reply.continued.closing_tokens, reply.continued.generated) == (3, 3, 7)
    assert reply.counts.source is TokenSource.TOKENIZE
    assert reply.counts.prompt == trace.counts.prompt
    assert reply.usage.prompt_tokens == (trace.counts.prompt or 0) + 1 + 3 + 3
    assert reply.finish_reason == "stop"


def test_the_prompt_that_is_rendered_is_the_one_that_a_chat_evaluates(
    on_llamacpp: OnLlamaCpp[list[tuple[int | None, int]]],
) -> None:
    async def go(chat: OpenAIChat) -> list[tuple[int | None, int]]:
        found = []
        for script in (THINK, DIRECT, LOOP_THINKING):
            request = asked(script)
            request = replace(request, sampling=Sampling(temperature=0, max_tokens=5))
            trace = await told(chat, request)
            reply = await told(chat, replace(request, begun=Begun(keep=0)))
            found.append((trace.usage.prompt_tokens, len(reply.prompt_token_ids or ())))
        return found

    for evaluated, rendered in on_llamacpp(go):
        assert evaluated == rendered


def test_no_thinking_kept_is_a_thinking_closed_at_once(on_llamacpp: OnLlamaCpp[Reply]) -> None:
    begun = Begun(reasoning="".join(THINK.reasoning), keep=0, closing=CLOSING)
    reply = on_llamacpp(lambda chat: told(chat, asked(THINK, begun)))
    assert (reply.reasoning, reply.answer, reply.reasoning_form) == ("", ANSWER, ReasoningForm.NONE)
    assert figures(reply) == (0, 6, 1 + 3 + 7)
    assert reply.thinking_closed is None


def test_thinking_that_the_template_opened_is_not_opened_again(on_llamacpp: OnLlamaCpp[list[Reply]]) -> None:
    async def go(chat: OpenAIChat) -> list[Reply]:
        trace = await told(chat, asked(LOOP_THINKING))
        begun = Begun(reasoning=trace.reasoning, keep=4, closing=CLOSING)
        return [trace, await told(chat, asked(LOOP_THINKING, begun))]

    trace, reply = on_llamacpp(go)
    assert (reply.reasoning, reply.answer) == ("Wait hmm maybe again", ANSWER)
    assert figures(reply) == (4, 6, 4 + 3 + 7)
    assert trace.counts is not None
    assert reply.usage.prompt_tokens == (trace.counts.prompt or 0) + 4 + 3


def test_a_beginning_as_the_model_itself_wrote_it_leads_to_the_same_reply(
    on_llamacpp: OnLlamaCpp[list[Reply]],
) -> None:
    async def go(chat: OpenAIChat) -> list[Reply]:
        whole = await told(chat, asked(THINK))
        begun = Begun(reasoning=whole.reasoning, reasoning_tokens=9)
        return [whole, await told(chat, asked(THINK, begun))]

    whole, continued = on_llamacpp(go)
    assert (continued.reasoning, continued.answer) == (whole.reasoning, whole.answer)
    assert figures(continued) == figures(whole) == (9, 7, 19)


def test_a_trace_is_rendered_once_and_continued_from_every_prefix(
    on_llamacpp: OnLlamaCpp[list[Reply]],
) -> None:
    async def go(chat: OpenAIChat) -> list[Reply]:
        trace = await told(chat, asked(THINK))
        begun = [
            Begun(reasoning=trace.reasoning, reasoning_tokens=9, keep=keep, closing=CLOSING)
            for keep in range(10)
        ]
        return list(await asyncio.gather(*(told(chat, asked(THINK, each)) for each in begun)))

    replies = on_llamacpp(go)
    for keep, reply in enumerate(replies):
        assert reply.reasoning == "".join(THINK.reasoning[:keep])
        assert figures(reply) == (keep, 6, 1 + keep + 3 + 7)
        assert reply.answer == ANSWER
    # Which of them finds its beginning in a slot's cache is the scheduler's choice.
    assert any((reply.usage.cached_tokens or 0) > 0 for reply in replies)


def test_the_words_of_a_force_string_are_neither_thinking_nor_answer(on_llamacpp: OnLlamaCpp[Reply]) -> None:
    closing = "\n\nNow the answer.\n</think>\n\n"
    begun = Begun(reasoning="".join(THINK.reasoning), keep=5, closing=closing)
    reply = on_llamacpp(lambda chat: told(chat, asked(THINK, begun)))
    assert (reply.reasoning, reply.answer) == (" Okay, my script says", ANSWER)
    assert reply.continued is not None
    assert figures(reply) == (5, 6, 1 + 5 + (reply.continued.closing_tokens or 0) + 7)


def test_an_answer_that_is_cut_says_so(on_llamacpp: OnLlamaCpp[Reply]) -> None:
    begun = Begun(reasoning="".join(THINK.reasoning), keep=2, closing=CLOSING)
    request = replace(asked(THINK, begun), sampling=Sampling(temperature=0, max_tokens=3))
    reply = on_llamacpp(lambda chat: told(chat, request))
    assert (reply.answer, reply.finish_reason) == ("The answer is", "length")
    assert figures(reply) == (2, 3, 1 + 2 + 3 + 3)


def test_a_beginning_that_does_not_fit_is_an_overflow(on_llamacpp: OnLlamaCpp[Reply | Failure]) -> None:
    begun = Begun(reasoning=" Okay" * 3000, closing=CLOSING)
    outcome = on_llamacpp(lambda chat: chat.ask(asked(THINK, begun), Counter()))
    assert isinstance(outcome, Failure)
    assert outcome.kind == "context_overflow"


@pytest.mark.parametrize(("budget", "thought"), [(3, " Okay, my"), (0, "")])
def test_llamacpp_keeps_a_budget_in_its_own_dialect(
    on_llamacpp: OnLlamaCpp[Reply], budget: int, thought: str
) -> None:
    reply = on_llamacpp(lambda chat: told(chat, asked(THINK, thinking_budget=budget)))
    assert (reply.reasoning, reply.answer.strip()) == (thought, ANSWER)
    assert reply.counts is not None
    assert reply.counts.reasoning == budget
    assert reply.dropped_fields == ()


def test_a_budget_of_zero_also_switches_off_what_the_template_opens(on_llamacpp: OnLlamaCpp[Reply]) -> None:
    reply = on_llamacpp(lambda chat: told(chat, asked(LOOP_THINKING, thinking_budget=0)))
    assert (reply.reasoning, reply.answer.strip()) == ("", ANSWER)
