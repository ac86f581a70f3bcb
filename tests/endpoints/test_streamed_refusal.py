"""A refusal that is streamed with HTTP 200, as vLLM's are, is read like any other."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from evalbudget.records import Failure, FailureKind, Reply
from tests.endpoints.hostile import DONE, REQUEST, USAGE, Call, Counter, Hostile, endpoint, event, serving

NO_PARSER = (
    "thinking_token_budget is set but reasoning_config is not configured. Please set --reasoning-parser "
    "and/or --reasoning-config to use thinking_token_budget."
)
"""vLLM 0.32, without a parser."""


def refusal(message: str, code: int = 400) -> bytes:
    error = {"message": message, "type": "BadRequestError", "param": None, "code": code}
    return b"data: " + json.dumps({"error": error}).encode() + b"\n\n"


async def without_a_parser(call: Call) -> None:
    if "thinking_token_budget" in call.json:
        await call.stream(refusal(NO_PARSER), DONE)
    elif call.path.endswith("/chat/completions"):
        await call.stream(event({"content": "4"}), event(finish="stop"), USAGE, DONE)
    else:
        await call.reply({}, "404 Not Found")


def asked(budget: int) -> tuple[Reply | Failure, Hostile]:
    async def go() -> tuple[Reply | Failure, Hostile]:
        async with serving(without_a_parser) as server, endpoint(server, engine="vllm") as chat:
            return await chat.ask(replace(REQUEST, thinking_budget=budget), Counter()), server

    return asyncio.run(go())


def test_the_missing_flag_is_named() -> None:
    failure, server = asked(budget=64)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.retryable) == (FailureKind.REQUEST, False)
    assert "`--reasoning-parser`" in failure.message
    assert len(server.calls) == 1


def test_what_can_be_left_out_is_left_out() -> None:
    reply, server = asked(budget=0)
    assert isinstance(reply, Reply)
    assert (reply.answer, reply.dropped_fields) == ("4", ("thinking_token_budget",))
    assert server.calls[-1].json["chat_template_kwargs"]["enable_thinking"] is False


def test_an_error_of_the_servers_own_or_behind_a_beginning_is_no_refusal() -> None:
    async def go(*events: bytes) -> Reply | Failure:
        async def answer(call: Call) -> None:
            await call.stream(*events, DONE)

        async with serving(answer) as server, endpoint(server) as chat:
            return await chat.ask(REQUEST, Counter())

    failing = asyncio.run(go(refusal("the engine died", 500)))
    assert isinstance(failing, Failure)
    assert (failing.kind, failing.retryable) == (FailureKind.SERVER, True)
    begun = asyncio.run(go(event({"content": "4"}), refusal("no more")))
    assert isinstance(begun, Failure)
    assert begun.partial is not None
    assert begun.partial.answer == "4"
