"""The watch against real sockets: which pages it asks for, how often, and what becomes of a reading."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evalbudget.probes.logs import LogWatch
from evalbudget.probes.watch import ServerWatch
from evalbudget.records import KvScale, Load, Reading
from tests.endpoints.hostile import Call, Handler, serving

VLLM = b"vllm:num_requests_running 3\nvllm:num_requests_waiting 1\nvllm:kv_cache_usage_perc 0.25\n"
SLOTS = (
    b'[{"id":0,"is_processing":true,"n_prompt_tokens":35,"n_prompt_tokens_processed":20,'
    b'"n_prompt_tokens_cache":5,"next_token":[{"n_decoded":10}]}]'
)
KEY = "sk-secret-0123456789"


def showing(pages: Mapping[str, bytes], otherwise: str = "404 Not Found") -> Handler:
    """A server with these pages."""

    async def handler(call: Call) -> None:
        if call.path in pages:
            await call.reply(pages[call.path])
        else:
            await call.reply({"detail": "not here"}, otherwise)

    return handler


def watched(handler: Handler, looks: int = 2, **options: Any) -> tuple[list[Reading | None], list[str]]:
    """The readings, and the paths that were asked for."""

    async def go() -> tuple[list[Reading | None], list[str]]:
        async with serving(handler) as server:
            probe = ServerWatch(run_id="r", model="tiny", base_url=server.url, **options)
            try:
                return [await probe.read() for _ in range(looks)], [call.path for call in server.calls]
            finally:
                await probe.close()

    return asyncio.run(go())


def reading(handler: Handler, **options: Any) -> Reading:
    found = watched(handler, 1, **options)[0][0]
    assert found is not None
    return found


def test_metrics_become_readings() -> None:
    readings, asked = watched(showing({"/metrics": VLLM}))
    assert asked == ["/metrics"] * 2
    for found in readings:
        assert found is not None
        assert (found.run_id, found.model, found.running, found.waiting) == ("r", "tiny", 3, 1)
        assert (found.kv_usage, found.source) == (0.25, "metrics")
        assert found.at.endswith("+00:00")


def test_connections_stay_open_and_carry_the_key() -> None:
    seen: list[str | None] = []

    async def handler(call: Call) -> None:
        seen.append(call.headers.get("authorization"))
        await call.reply(VLLM)

    async def go() -> int:
        async with serving(handler) as server:
            probe = ServerWatch(run_id="r", model="tiny", base_url=server.url, api_key=KEY)
            readings = [await probe.read() for _ in range(5)]
            await probe.close()
            assert KEY not in str(readings)
            return server.connections

    assert asyncio.run(go()) == 1
    assert seen == [f"Bearer {KEY}"] * 5


@pytest.mark.parametrize("absent", ["404 Not Found", "501 Not Implemented", "401 Unauthorized", "302 Found"])
def test_a_page_that_is_not_there_is_asked_for_once(absent: str) -> None:
    assert watched(showing({}, absent), 3) == ([None] * 3, ["/metrics"])


@pytest.mark.parametrize("passing", ["503 Service Unavailable", "429 Too Many Requests"])
def test_a_server_that_is_briefly_unwell_is_asked_again(passing: str) -> None:
    calls = 0

    async def handler(call: Call) -> None:
        nonlocal calls
        calls += 1
        await (call.reply({}, passing) if calls == 1 else call.reply(VLLM))

    readings, asked = watched(handler)
    assert [found is None for found in readings] == [True, False]
    assert len(asked) == 2


def test_a_page_behind_a_slash_is_found() -> None:
    async def handler(call: Call) -> None:
        if call.path == "/metrics":
            await call.reply({}, "307 Temporary Redirect", "location: /metrics/\r\n")
        else:
            await call.reply(VLLM)

    assert reading(handler).running == 3


def test_a_server_that_is_gone_is_a_gap() -> None:
    async def handler(call: Call) -> None:
        call.writer.transport.abort()

    assert watched(handler)[0] == [None, None]


def test_half_a_page_is_a_gap() -> None:
    async def handler(call: Call) -> None:
        call.hang_up = True
        await call.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n" + VLLM)

    assert watched(handler)[0] == [None, None]


def test_llama_cpp_tells_in_two_pages_at_once() -> None:
    metrics = b"llamacpp:requests_processing 1\nllamacpp:requests_deferred 2\n"
    readings, asked = watched(showing({"/metrics": metrics, "/slots": SLOTS}), engine="llama.cpp")
    assert sorted(asked) == ["/metrics"] * 2 + ["/slots"] * 2
    for found in readings:
        assert found is not None
        assert (found.running, found.waiting, found.kv_used_tokens, found.source) == (1, 2, 35, "metrics")


def test_llama_cpp_without_metrics_shows_its_slots() -> None:
    readings, asked = watched(showing({"/slots": SLOTS}, "501 Not Implemented"), 3, engine="llama.cpp")
    assert sorted(asked) == ["/metrics", "/slots", "/slots", "/slots"]
    found = readings[-1]
    assert found is not None
    assert (found.running, found.waiting, found.kv_used_tokens, found.source) == (1, None, 35, "slots")


def test_tensorrt_llms_list_is_the_last_resort() -> None:
    text, listed = b"trtllm_num_requests_running 2\n", b'[{"numActiveRequests": 7}]'
    both = showing({"/prometheus/metrics": text, "/metrics": listed})
    assert watched(both, engine="tensorrt-llm")[1] == ["/prometheus/metrics"] * 2
    readings, asked = watched(showing({"/metrics": listed}), engine="tensorrt-llm")
    assert asked == ["/prometheus/metrics", "/metrics", "/metrics"]
    assert [found and found.running for found in readings] == [7, 7]


@pytest.mark.parametrize("engine", ["ollama", "transformers", "llama-cpp-python"])
def test_a_server_that_shows_nothing_is_never_asked(engine: str) -> None:
    assert watched(showing({"/metrics": VLLM}), engine=engine) == ([None, None], [])


def test_where_pages_show_nothing_the_log_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogWatch(tmp_path / "server.log")
    monkeypatch.setattr(LogWatch, "news", lambda _self: Load(running=4, kv_usage=0.5, source="log"))
    found = reading(showing({}), log=log)
    assert (found.running, found.kv_usage, found.source) == (4, 0.5, "log")
    assert reading(showing({"/metrics": VLLM}), log=log).source == "metrics"


# ── tokens and bytes ──


def test_a_share_is_of_the_whole_cache() -> None:
    scale = KvScale(capacity_tokens=1000, capacity_bytes=8_000_000, bytes_per_token=7000)
    found = reading(showing({"/metrics": VLLM}), scale=scale)
    assert (found.kv_usage, found.kv_used_tokens, found.kv_used_bytes) == (0.25, 250, 2_000_000)


def test_tokens_that_the_server_counts_are_weighed_with_what_each_running_sequence_takes_besides() -> None:
    scale = KvScale(capacity_tokens=70, capacity_bytes=9_000, bytes_per_token=100, fixed_bytes=64)
    found = reading(showing({"/slots": SLOTS}), engine="llama.cpp", scale=scale)
    assert (found.kv_usage, found.kv_used_tokens, found.kv_used_bytes) == (0.5, 35, 3564)


def test_a_share_of_a_cache_of_known_tokens_alone_is_weighed_too() -> None:
    scale = KvScale(capacity_tokens=1000, bytes_per_token=10, fixed_bytes=5)
    assert reading(showing({"/metrics": VLLM}), scale=scale).kv_used_bytes == 250 * 10 + 3 * 5


def test_without_a_scale_nothing_is_made_up() -> None:
    found = reading(showing({"/metrics": VLLM}))
    assert (found.kv_used_tokens, found.kv_used_bytes) == (None, None)
