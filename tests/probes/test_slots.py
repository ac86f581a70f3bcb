"""What llama.cpp's cache takes, measured by saving slots: on the real one, and on servers that refuse."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.kv import cache_type, kv_bytes
from evalbudget.probes.loads.slots import read_slots
from evalbudget.probes.slots import FILE, Save, measure_slots, pool_of_saves
from evalbudget.probes.watch import ServerWatch
from evalbudget.records import CachePool, Reading
from evalbudget.wiring.kv import read_kv_model
from tests.endpoints.hostile import Call, Handler, serving
from tests.engine_fixtures import GgufOf, get_json, scripted_gguf

__all__ = ["scripted_gguf"]

ARCHITECTURES = ("qwen3", "deepseek2", "deepseek2-legacy", "lfm2")


@contextmanager
def llama(gguf: Path, saves: Path | None, kv_dtype: str = "f16", context: int = 1024) -> Iterator[str]:
    """Real llama.cpp in a process of its own, with two slots; gives the base URL."""
    command = [sys.executable, "-m", "evalbudget.engines.llamacpp_server", str(gguf), "--slots", "2"]
    command += ["--context", str(context), "--threads", "1", "--kv-dtype", kv_dtype]
    command += [] if saves is None else ["--slot-save-path", str(saves)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ}
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening at "), line
        yield f"{line.split()[-1]}/v1"
    finally:
        process.terminate()
        process.communicate(timeout=60)


def measured(base_url: str) -> CachePool | None:
    return asyncio.run(measure_slots(base_url, None))


def post(url: str, body: dict[str, object]) -> Any:
    request = urllib.request.Request(  # noqa: S310  (loopback)
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  (loopback)
        return json.load(response)


# ── the real one ──


@pytest.mark.parametrize("kv_dtype", ["f16", "q8_0"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_measured_is_what_the_arithmetic_says(
    architecture: str, kv_dtype: str, scripted_gguf: GgufOf, tmp_path: Path
) -> None:
    gguf = scripted_gguf(architecture)
    kind = cache_type(kv_dtype)
    assert kind is not None
    model = read_kv_model(gguf)
    expected = kv_bytes(model.groups, kind)
    with llama(gguf, tmp_path, kv_dtype) as base_url:
        pool = measured(base_url)
        kept = [slot.get("n_prompt_tokens", 0) for slot in get_json(f"{base_url.removesuffix('/v1')}/slots")]
    assert pool is not None
    assert pool.source == "slots"
    # A file without the keys of latent attention is served as full attention: `native` is what should be.
    assert pool.bytes_per_token == pytest.approx(expected.bytes_per_token, rel=0.01)
    if expected.fixed_bytes:
        assert pool.fixed_bytes == pytest.approx(
            expected.fixed_bytes, abs=128
        )  # headers of the recurrent part
    else:
        assert pool.fixed_bytes == 0
    assert kept == [0, 0]
    assert [(file.name, file.stat().st_size < 512) for file in tmp_path.iterdir()] == [(FILE, True)]


def test_a_server_that_saves_no_slots_is_left_alone(scripted_gguf: GgufOf) -> None:
    with llama(scripted_gguf("qwen3"), None) as base_url:
        root = base_url.removesuffix("/v1")
        before = get_json(f"{root}/slots")
        assert measured(base_url) is None
        assert get_json(f"{root}/slots") == before


def test_tokens_of_a_running_sequence_are_read_until_it_ends(scripted_gguf: GgufOf) -> None:
    """A prompt that is found in the cache counts too: twice the same, 200 tokens and then 700 written."""

    async def follow(base_url: str) -> list[Reading]:
        probe = ServerWatch(run_id="r", model="m", base_url=base_url, engine="llama.cpp")
        body = {
            "prompt": [65] * 200,
            "n_predict": 700,
            "ignore_eos": True,
            "cache_prompt": True,
            "id_slot": 0,
        }
        url = f"{base_url.removesuffix('/v1')}/completion"
        seen: list[Reading] = []
        with ThreadPoolExecutor(1) as pool:
            for _ in range(2):
                writing = asyncio.get_running_loop().run_in_executor(pool, post, url, body)
                while not writing.done():
                    if (found := await probe.read()) is not None:
                        seen.append(found)
                assert (await writing)["tokens_predicted"] == 700
            last = await probe.read()
        await probe.close()
        assert last is not None
        return [*seen, last]

    with llama(scripted_gguf("qwen3"), None) as base_url:
        readings = asyncio.run(follow(base_url))
    tokens = [found.kv_used_tokens for found in readings if found.kv_used_tokens is not None]
    assert 200 <= max(tokens) <= 900
    assert (readings[-1].kv_used_tokens, readings[-1].running) == (0, 0)
    assert all(found.kv_used_tokens == 0 for found in readings if not found.running)
    hits = readings[-1].prefix_hits
    assert hits is not None
    assert 190 <= hits <= 200


# ── servers that refuse ──


def refusing(path: str, status: str) -> Handler:
    """llama.cpp's answers, except at one path."""
    idle = [{"id": 0, "is_processing": False}]

    async def handler(call: Call) -> None:
        if call.path.startswith(path):
            await call.reply({"error": "no"}, status)
        elif call.path == "/slots":
            await call.reply(idle)
        elif call.path.startswith("/slots/"):
            await call.reply({"n_saved": 24, "n_written": 1000, "n_erased": 0})
        else:
            await call.reply({"content": ""})

    return handler


def asked(handler: Handler) -> tuple[CachePool | None, list[str]]:
    async def go() -> tuple[CachePool | None, list[str]]:
        async with serving(handler) as server:
            return await measure_slots(server.url, None), [call.path for call in server.calls]

    return asyncio.run(go())


@pytest.mark.parametrize("status", ["404 Not Found", "501 Not Implemented", "400 Bad Request"])
@pytest.mark.parametrize("path", ["/slots", "/slots/0", "/completion"])
def test_a_server_that_refuses_is_no_measurement(path: str, status: str) -> None:
    pool, paths = asked(refusing(path, status))
    assert pool is None
    if path != "/completion":
        assert "/completion" not in paths


def test_a_busy_server_is_left_alone() -> None:
    async def handler(call: Call) -> None:
        await call.reply([{"id": 0, "is_processing": False}, {"id": 1, "is_processing": True}])

    assert asked(handler) == (None, ["/slots"])


@pytest.mark.parametrize(
    "page", [[], {}, "x", [{"id": 0}], [{"is_processing": False}], [{"is_processing": 0}]]
)
def test_a_page_that_tells_of_no_slots_is_no_measurement(page: object) -> None:
    async def handler(call: Call) -> None:
        await call.reply(page)

    assert asked(handler) == (None, ["/slots"])


def test_a_slot_that_nobody_used_is_taken_first_and_is_erased_however_it_ends() -> None:
    async def handler(call: Call) -> None:
        if call.path == "/slots":
            await call.reply(
                [
                    {"id": 0, "is_processing": False, "id_task": 3},
                    {"id": 1, "is_processing": False},
                    {"id": 2, "is_processing": False, "id_task": 9},
                ]
            )
        elif call.path == "/completion":
            call.writer.transport.abort()
        else:
            await call.reply({"n_saved": 0, "n_written": 40})

    pool, paths = asked(handler)
    assert pool is None
    assert "/completion" in paths
    assert paths[-2:] == ["/slots/1?action=erase", "/slots/1?action=save"]


def test_a_server_that_is_too_slow_is_no_measurement_and_its_slot_is_erased(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evalbudget.probes.slots._ALL_S", 0.2)

    async def handler(call: Call) -> None:
        if call.path == "/completion":
            await asyncio.sleep(3600)
        await call.reply(
            [{"id": 0, "is_processing": False}] if call.path == "/slots" else {"n_saved": 0, "n_written": 40}
        )

    pool, paths = asked(handler)
    assert pool is None
    assert paths[-3:] == ["/completion", "/slots/0?action=erase", "/slots/0?action=save"]


# ── the arithmetic of it ──


def saves(size: Callable[[int], int]) -> list[Save]:
    return [Save(tokens=tokens, bytes=size(tokens)) for tokens in (2, 24, 44, 64)]


def test_the_recorded_sizes_of_a_hybrid_give_its_cache_and_its_state() -> None:
    """xllamacpp 2026.10.11549, scripted LFM2, f16: one checkpoint of 1152 bytes behind the longer prompts."""
    pool = pool_of_saves(saves(lambda tokens: 272 * tokens + (2348 if tokens >= 5 else 1196)), empty=100)
    assert pool == CachePool(source="slots", bytes_per_token=256, fixed_bytes=1096)


def test_sizes_off_one_line_are_no_measurement() -> None:
    assert pool_of_saves(saves(lambda tokens: 272 * tokens + (1000 if tokens > 40 else 0)), empty=0) is None


@given(per_token=st.integers(1, 10**7), state=st.integers(0, 10**9), layers=st.integers(1, 200))
def test_whatever_is_in_the_file_is_found(per_token: int, state: int, layers: int) -> None:
    headers = min(24 * layers, per_token - 1)
    pool = pool_of_saves(saves(lambda n: 40 + headers + state + (per_token + 16) * n), empty=40)
    assert pool is not None
    assert pool.bytes_per_token == pytest.approx(per_token, abs=1e-3)
    assert pool.fixed_bytes == pytest.approx(state + headers if state + headers > per_token else 0, abs=1)


NUMBERS = st.integers(-5, 5) | st.integers(0, 2**62)


@given(st.lists(st.builds(Save, tokens=NUMBERS, bytes=NUMBERS), max_size=5), NUMBERS)
def test_no_sizes_make_it_raise_or_tell_what_cannot_be(found: list[Save], empty: int) -> None:
    pool = pool_of_saves(found, empty)
    if pool is not None:
        assert pool.bytes_per_token is not None
        assert pool.fixed_bytes is not None
        assert pool.bytes_per_token >= 0
        assert pool.fixed_bytes >= 0


def test_slots_of_the_real_page_are_idle_slots(scripted_gguf: GgufOf) -> None:
    with llama(scripted_gguf("lfm2"), None) as base_url:
        page = get_json(f"{base_url.removesuffix('/v1')}/slots")
    found = read_slots(json.dumps(page))
    assert found is not None
    assert (found.kv_used_tokens, found.running) == (0, 0)
