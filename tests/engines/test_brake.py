"""Streams of a real llama.cpp that we end: at once, at the right token, and the server stops as well."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from embedded.scripts import LOOP, LOOP_THINKING, THINK, Script
from evalbudget.endpoints.openai_chat import OpenAIChat
from evalbudget.probes.prometheus import read_metrics
from evalbudget.reasoning.counting import count_tokens
from evalbudget.reasoning.loops.of_reply import loop_of
from evalbudget.records import JsonValue, Message, Reply, Request, Sampling, Stopped, TokenSource
from tests.endpoints.hostile import Counter
from tests.engine_fixtures import GgufOf, embedded
from tests.engines.truth import figures, truth

pytestmark = pytest.mark.engine

MANY = 32_000
"""Tokens that a loop would go on for: two seconds and more, were it not ended."""
PERIOD = len(LOOP.answer)
INLINE: dict[str, JsonValue] = {"reasoning_format": "none"}
RUNNING, MADE = "llamacpp:requests_processing", "llamacpp:tokens_predicted_total"


async def ask(
    chat: OpenAIChat,
    script: Script,
    *,
    stop_loops: bool = False,
    cut_thinking: int | None = None,
    **extra: JsonValue,
) -> Reply:
    request = Request(
        messages=(Message(role="user", content=f"{script.mark} Q"),),
        sampling=Sampling(temperature=0, max_tokens=MANY),
        stop_loops=stop_loops,
        cut_thinking=cut_thinking,
        extra_body=extra,
    )
    reply = await chat.ask(request, Counter())
    assert isinstance(reply, Reply), reply
    return reply


def metrics(url: str) -> dict[str, float]:
    page = url.removesuffix("/v1") + "/metrics"
    with urllib.request.urlopen(page, timeout=60) as response:  # noqa: S310  (loopback)
        text = response.read().decode()
    return {each.name: each.value for each in read_metrics(text, {RUNNING, MADE})}


async def made_when_free(url: str) -> float:
    """Tokens that the server has made, once no slot is busy; that is a second from now at the latest."""
    until = time.monotonic() + 1
    while True:
        seen = await asyncio.to_thread(metrics, url)
        if not seen[RUNNING]:
            return seen[MADE]
        assert time.monotonic() < until, seen
        await asyncio.sleep(0.01)


def served(gguf: Path, folder: Path, go: Callable[[OpenAIChat, str], Awaitable[None]]) -> None:
    """The model in four slots, and our endpoint before it."""

    async def run() -> None:
        async with embedded(gguf, folder, context=MANY + 256, slots=4) as url:
            chat = OpenAIChat(base_url=url, model="scripted", engine="llama.cpp")
            await ask(chat, THINK)  # the first connection takes its time
            await go(chat, url)
            await chat.close()

    asyncio.run(run())


def check_ended(reply: Reply, script: Script) -> str:
    """Asserts that the loop was ended in time; gives what was seen."""
    verdict, counts = loop_of(reply), count_tokens(reply)
    assert (reply.stopped, reply.finish_reason) == (Stopped.LOOP, "repetition")
    assert verdict.doom
    assert verdict.certain_token is not None
    assert counts.completion is not None
    behind = counts.completion - verdict.certain_token
    assert 0 <= behind <= 3 * PERIOD
    assert figures(reply) == truth(script, counts.completion)
    assert counts.source is TokenSource.TIMINGS
    assert reply.thinking_closed is (False if script is LOOP_THINKING else None)
    return f"{script.name}: certain at {verdict.certain_token}, ended {behind} tokens behind"


def test_a_loop_is_ended_at_once_and_its_slot_is_free_again(scripted_gguf: GgufOf, tmp_path: Path) -> None:
    async def go(chat: OpenAIChat, url: str) -> None:
        for script, extra in ((LOOP, {}), (LOOP_THINKING, {}), (LOOP_THINKING, INLINE)):
            before = await made_when_free(url)
            reply = await ask(chat, script, stop_loops=True, **extra)
            made = await made_when_free(url) - before
            print(check_ended(reply, script), f"server made {made:g}")
            assert made < MANY

    served(scripted_gguf("qwen3"), tmp_path, go)


def test_four_loops_at_the_same_time_are_ended_each_for_itself(scripted_gguf: GgufOf, tmp_path: Path) -> None:
    async def go(chat: OpenAIChat, url: str) -> None:
        before = await made_when_free(url)
        scripts = (LOOP, LOOP_THINKING, LOOP, LOOP_THINKING)
        replies = await asyncio.gather(*(ask(chat, each, stop_loops=True) for each in scripts))
        made = await made_when_free(url) - before
        for script, reply in zip(scripts, replies, strict=True):
            print(check_ended(reply, script))
        print(f"server made {made:g}")
        assert made < 4 * MANY

    served(scripted_gguf("qwen3"), tmp_path, go)


@pytest.mark.parametrize("extra", [{}, INLINE], ids=["in a field", "inline"])
@pytest.mark.parametrize("budget", [0, 3, len(THINK.reasoning) - 1])
def test_thinking_is_cut_behind_its_budget(
    scripted_gguf: GgufOf, tmp_path: Path, budget: int, extra: dict[str, JsonValue]
) -> None:
    async def go(chat: OpenAIChat, url: str) -> None:
        reply = await ask(chat, THINK, cut_thinking=budget, **extra)
        if reply.stopped is None:  # the little that was left came within the same read
            assert figures(reply) == truth(THINK, MANY)
            return
        assert (reply.stopped, reply.finish_reason, reply.thinking_closed) == (Stopped.BUDGET, None, False)
        assert reply.reasoning == "".join(THINK.reasoning[: budget + 1])
        assert figures(reply) == (budget + 1, 0, budget + 2)
        looped = await ask(chat, LOOP_THINKING, cut_thinking=100 + budget, **extra)
        assert figures(looped) == truth(LOOP_THINKING, 101 + budget)
        await made_when_free(url)

    served(scripted_gguf("qwen3"), tmp_path, go)


@pytest.mark.parametrize("extra", [{}, INLINE], ids=["in a field", "inline"])
@pytest.mark.parametrize("budget", [len(THINK.reasoning), 50])
def test_thinking_within_its_budget_is_left_alone(
    scripted_gguf: GgufOf, tmp_path: Path, budget: int, extra: dict[str, JsonValue]
) -> None:
    async def go(chat: OpenAIChat, _url: str) -> None:
        reply = await ask(chat, THINK, cut_thinking=budget, stop_loops=True, **extra)
        assert (reply.stopped, reply.finish_reason) == (None, "stop")
        assert figures(reply) == truth(THINK, MANY)

    served(scripted_gguf("qwen3"), tmp_path, go)
