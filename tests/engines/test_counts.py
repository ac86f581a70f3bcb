"""On scripted models in real llama.cpp, every count is the script's: streamed, in any pieces, or whole."""

from __future__ import annotations

import asyncio
import json
import random
import urllib.request
from itertools import pairwise
from pathlib import Path

import pytest

from embedded.scripts import SCRIPTS, Script
from evalbudget.endpoints.collect import Collector
from evalbudget.endpoints.openai_chat import OpenAIChat
from evalbudget.endpoints.stream import EventStream
from evalbudget.reasoning.counting import count_tokens
from evalbudget.records import JsonValue, Message, Reply, Request, Sampling, TokenSource
from tests.endpoints.hostile import Counter
from tests.engine_fixtures import GgufOf, embedded
from tests.engines.truth import figures, truth

pytestmark = pytest.mark.engine

LIMITS = (*range(1, 22), 64)
ONLY_BLANKS = 12
"""At this limit the answer is a line end, which a whole reply does not show as one."""


async def ask(chat: OpenAIChat, script: Script, max_tokens: int, **extra: JsonValue) -> Reply:
    request = Request(
        messages=(Message(role="user", content=f"{script.mark} Q"),),
        sampling=Sampling(temperature=0, max_tokens=max_tokens),
        extra_body=extra,
    )
    reply = await chat.ask(request, Counter())
    assert isinstance(reply, Reply), reply
    return reply


def wrong_counts(url: str, *, streams: bool, exact: set[TokenSource], **extra: JsonValue) -> list[object]:
    """Replies to all scripts at all limits whose counts are not the scripts'."""

    async def go() -> list[object]:
        chat = OpenAIChat(base_url=url, model="scripted", engine="llama.cpp")
        chat._dialect.streams = streams
        wrong: list[object] = []
        for script in SCRIPTS.values():
            for limit in set(LIMITS) - (set() if streams else {ONLY_BLANKS}):
                reply = await ask(chat, script, limit, **extra)
                source = count_tokens(reply).source
                if figures(reply) != truth(script, limit) or source not in exact:
                    wrong.append((script.name, limit, figures(reply), truth(script, limit), source))
        await chat.close()
        return wrong

    return asyncio.run(go())


@pytest.mark.parametrize("architecture", ["qwen3", "lfm2"])
def test_every_count_of_a_stream_is_the_scripts(
    scripted_gguf: GgufOf, tmp_path: Path, architecture: str
) -> None:
    async def go() -> list[object]:
        async with embedded(scripted_gguf(architecture), tmp_path) as url:
            timed = {TokenSource.TIMINGS}
            own = await asyncio.to_thread(wrong_counts, url, streams=True, exact=timed)
            inline = await asyncio.to_thread(
                wrong_counts, url, streams=True, exact=timed, reasoning_format="none"
            )
            return own + inline

    assert asyncio.run(go()) == []


def test_every_count_of_a_whole_reply_is_the_scripts(scripted_gguf: GgufOf, tmp_path: Path) -> None:
    async def go() -> list[object]:
        async with embedded(scripted_gguf("qwen3"), tmp_path) as url:
            told = {TokenSource.TOKENIZE, TokenSource.USAGE}
            return await asyncio.to_thread(wrong_counts, url, streams=False, exact=told)

    assert asyncio.run(go()) == []


def test_thinking_switched_off_counts_none(scripted_gguf: GgufOf, tmp_path: Path) -> None:
    async def go() -> Reply:
        async with embedded(scripted_gguf("qwen3"), tmp_path) as url:
            chat = OpenAIChat(base_url=url, model="scripted", engine="llama.cpp")
            off: dict[str, JsonValue] = {"enable_thinking": False}
            reply = await ask(chat, SCRIPTS["think"], 64, chat_template_kwargs=off)
            await chat.close()
            return reply

    reply = asyncio.run(go())
    assert figures(reply) == (0, 6, 7)


def raw(url: str, script: Script, max_tokens: int) -> bytes:
    """The bytes of one stream with a count beside each piece."""
    body = {
        "messages": [{"role": "user", "content": f"{script.mark} Q"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "max_tokens": max_tokens,
        "timings_per_token": True,
    }
    request = urllib.request.Request(  # noqa: S310  (loopback)
        f"{url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  (loopback)
        return bytes(response.read())


def test_no_cutting_of_the_bytes_changes_a_count(scripted_gguf: GgufOf, tmp_path: Path) -> None:
    async def go() -> dict[str, bytes]:
        async with embedded(scripted_gguf("qwen3"), tmp_path) as url:
            return {name: await asyncio.to_thread(raw, url, each, 40) for name, each in SCRIPTS.items()}

    chance = random.Random(4)
    for name, data in asyncio.run(go()).items():
        for _ in range(100):
            places = [0, *sorted(chance.choices(range(len(data)), k=chance.randint(0, 60))), len(data)]
            stream, collector = EventStream(1 << 20), Collector(0.0)
            for begin, end in pairwise(places):
                collector.take(stream.feed(data[begin:end]), 1.0)
            collector.take(stream.end(), 2.0)
            assert figures(collector.reply(3.0)) == truth(SCRIPTS[name], 40), (name, places)
