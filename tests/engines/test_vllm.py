"""Counts on a real vLLM equal the scripts' truth. Opt-in: `make test-vllm`.

`EVALBUDGET_VLLM` names the Python of an environment that has vLLM for the CPU.
"""

from __future__ import annotations

import asyncio

import pytest

from embedded.scripts import LOOP_THINKING, SCRIPTS, Script
from evalbudget.endpoints.openai_chat import OpenAIChat
from evalbudget.reasoning.counting import count_tokens
from evalbudget.records import JsonValue, Message, Reply, Request, Sampling, TokenSource
from tests.endpoints.hostile import Counter
from tests.engines.truth import figures, truth
from tests.engines.vllm_server import PYTHON, Server

if not PYTHON:
    pytest.skip("EVALBUDGET_VLLM names no Python with vLLM (make test-vllm)", allow_module_level=True)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def ask(url: str, prompt: str, *, max_tokens: int = 64, streams: bool = True, **extra: JsonValue) -> Reply:
    """One reply, through our endpoint as a run uses it."""

    async def go() -> Reply:
        chat = OpenAIChat(base_url=url, model="scripted", engine="vllm")
        chat._dialect.streams = streams
        request = Request(
            messages=(Message(role="user", content=prompt),),
            sampling=Sampling(temperature=0, max_tokens=max_tokens),
            extra_body=extra,
        )
        try:
            reply = await chat.ask(request, Counter())
        finally:
            await chat.close()
        assert isinstance(reply, Reply), reply
        return reply

    return asyncio.run(go())


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("max_tokens", [64, 12, 11, 5])
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_every_count_is_the_scripts(server: Server, script: Script, max_tokens: int, streams: bool) -> None:
    reply = ask(server.url, f"{script.mark} Q", max_tokens=max_tokens, streams=streams)
    counts = count_tokens(reply)
    assert figures(reply) == truth(script, max_tokens)
    assert counts.source is TokenSource.TOKEN_IDS
    assert bool(reply.reasoning) == bool(counts.reasoning)
    assert counts.answer or not reply.answer


def test_thinking_switched_off_counts_none(server: Server) -> None:
    reply = ask(server.url, "Q", chat_template_kwargs={"enable_thinking": False})
    counts = count_tokens(reply)
    assert (reply.reasoning, reply.answer.strip()) == ("", "The answer is \\boxed{4}")
    assert (counts.reasoning, counts.source) == (0, TokenSource.TOKEN_IDS)


@pytest.mark.parametrize("script", [SCRIPTS["think"], LOOP_THINKING], ids=lambda script: script.name)
def test_without_ids_a_zero_is_not_believed(server: Server, script: Script) -> None:
    if script is LOOP_THINKING and not server.parses:
        pytest.skip("without ids and parser nothing shows that the template opened the thinking")
    reply = ask(server.url, f"{script.mark} Q", return_token_ids=False)
    counts = count_tokens(reply)
    assert reply.token_ids is None
    assert counts.reasoning == truth(script, 64)[0]
    assert counts.source in {TokenSource.USAGE, TokenSource.TOKENIZE}
