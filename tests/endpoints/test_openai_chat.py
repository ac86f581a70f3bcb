"""The endpoint against real sockets: each trouble that a server can make, and what becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from evalbudget.endpoints.limits import Limits
from evalbudget.endpoints.openai_chat import OpenAIChat
from evalbudget.errors import InputError
from evalbudget.records import Failure, FailureKind, Message, ReasoningForm, Reply, Request, Sampling
from tests.endpoints.hostile import (
    DONE,
    REQUEST,
    USAGE,
    Call,
    Counter,
    Handler,
    Hostile,
    endpoint,
    event,
    serving,
)

KEY = "sk-very-secret-0123456789"


def ask(handler: Handler, request: Request = REQUEST, **options: Any) -> tuple[Reply | Failure, Hostile]:
    """One request to a server that behaves as the handler does."""

    async def go() -> tuple[Reply | Failure, Hostile]:
        async with serving(handler) as server, endpoint(server, **options) as chat:
            return await chat.ask(request, Counter()), server

    return asyncio.run(go())


def failure_of(handler: Handler, **options: Any) -> Failure:
    outcome, _ = ask(handler, **options)
    assert isinstance(outcome, Failure), outcome
    assert "\n" not in outcome.message
    assert len(outcome.message) <= 300
    return outcome


def reply_of(handler: Handler, **options: Any) -> Reply:
    outcome, _ = ask(handler, **options)
    assert isinstance(outcome, Reply), outcome
    return outcome


def streaming(*events: bytes) -> Handler:
    async def handler(call: Call) -> None:
        await call.stream(*events)

    return handler


def refusing(status: str, body: object, headers: str = "") -> Handler:
    async def handler(call: Call) -> None:
        await call.reply(body, status, headers)

    return handler


def run_many(handler: Handler, asking: Callable[[Any], Awaitable[None]]) -> Hostile:
    async def go() -> Hostile:
        async with serving(handler) as server, endpoint(server) as chat:
            await asking(chat)
            return server

    return asyncio.run(go())


def test_a_streamed_reply_comes_with_its_parts_its_usage_and_its_times() -> None:
    async def handler(call: Call) -> None:
        await call.stream(
            event({"role": "assistant", "content": ""}),
            event({"reasoning": "two and two"}),
            event({"content": "It is 4."}),
            event({}, "stop"),
            USAGE + DONE,
        )

    async def go() -> tuple[Reply | Failure, int]:
        counter = Counter()
        async with serving(handler) as server, endpoint(server) as chat:
            return await chat.ask(REQUEST, counter), counter.events

    reply, events = asyncio.run(go())
    assert isinstance(reply, Reply)
    assert (reply.reasoning, reply.answer, reply.finish_reason) == ("two and two", "It is 4.", "stop")
    assert reply.reasoning_form is ReasoningForm.FIELD
    assert reply.thinking_closed is True
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (5, 7)
    assert reply.served_model == "m"
    assert events == 5
    times = reply.timings
    assert times.ttft_s is not None
    assert times.first_answer_s is not None
    assert 0 < times.ttft_s <= times.first_answer_s <= times.latency_s


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/proxy/v1"])
def test_the_base_url_may_have_any_path_or_none(path: str) -> None:
    async def go() -> tuple[Reply | Failure, Hostile]:
        handler = streaming(event({"content": "4"}), event({}, "stop"), DONE)
        async with serving(handler) as server:
            root = server.url.removesuffix("/v1")
            async with endpoint(server, base_url=f"{root}{path}") as chat:
                return await chat.ask(REQUEST, Counter()), server

    outcome, server = asyncio.run(go())
    assert isinstance(outcome, Reply), outcome
    assert server.calls[0].path == f"{path.rstrip('/')}/chat/completions"


def test_a_refused_connection_is_one_clear_line() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    async def go() -> Reply | Failure:
        async with endpoint(Hostile(url=f"http://user:{KEY}@127.0.0.1:{port}/v1")) as chat:
            return await chat.ask(REQUEST, Counter())

    failure = asyncio.run(go())
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.retryable) == (FailureKind.CONNECTION, True)
    assert "connection refused" in failure.message
    assert f"127.0.0.1:{port}" in failure.message
    assert KEY not in failure.message


NO_URLS = ["", "localhost:8000", "http://", "http://[::1", "//x", "ftp://x/v1", "http://h:99999"]


@pytest.mark.parametrize("url", NO_URLS)
def test_a_base_url_that_is_none_is_the_users_error(url: str) -> None:
    with pytest.raises(InputError, match="base_url"):
        OpenAIChat(base_url=url, model="m")


def test_a_host_that_cannot_exist_is_a_failure() -> None:
    async def go() -> Reply | Failure:
        async with endpoint(Hostile(url="http://a..b/v1")) as chat:
            return await chat.ask(REQUEST, Counter())

    assert isinstance(asyncio.run(go()), Failure)


def test_a_host_that_does_not_exist_is_a_connection_failure() -> None:
    async def go() -> Reply | Failure:
        async with endpoint(Hostile(url="http://no-such-host.invalid/v1")) as chat:
            return await chat.ask(REQUEST, Counter())

    failure = asyncio.run(go())
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.CONNECTION


def test_a_connection_that_does_not_open_in_time_is_a_connection_failure() -> None:
    async def go(url: str) -> Reply | Failure:
        async with endpoint(Hostile(url=url), limits=Limits(connect_s=0.2)) as chat:
            return await chat.ask(REQUEST, Counter())

    with contextlib.ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        failure = asyncio.run(go(f"http://127.0.0.1:{full.getsockname()[1]}/v1"))
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.retryable) == (FailureKind.CONNECTION, True)
    assert "time limit" in failure.message


def test_a_wrong_key_is_an_auth_failure_that_does_not_show_it() -> None:
    body = {
        "error": {
            "message": f"Incorrect API key provided: {KEY}.\nYou can find yours at …",
            "code": "invalid_api_key",
        }
    }
    failure = failure_of(refusing("401 Unauthorized", body), api_key=KEY)
    assert (failure.kind, failure.retryable, failure.status) == (FailureKind.AUTH, False, 401)
    assert KEY not in failure.message
    assert "Incorrect API key provided" in failure.message


def test_a_missing_key_is_named_as_the_cause() -> None:
    failure = failure_of(refusing("401 Unauthorized", {"error": "Unauthorized"}))
    assert failure.kind is FailureKind.AUTH
    assert "api_key_env" in failure.message


def test_429_says_how_long_to_wait() -> None:
    failure = failure_of(
        refusing("429 Too Many Requests", {"error": {"message": "slow down"}}, "Retry-After: 7\r\n")
    )
    assert (failure.kind, failure.retryable, failure.retry_after_s) == (FailureKind.RATE_LIMIT, True, 7.0)
    assert "slow down" in failure.message


def test_a_spent_quota_is_not_worth_a_retry() -> None:
    body = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    failure = failure_of(refusing("429 Too Many Requests", body))
    assert (failure.kind, failure.retryable) == (FailureKind.RATE_LIMIT, False)


@pytest.mark.parametrize(
    "status", ["500 Internal Server Error", "502 Bad Gateway", "503 Nope", "529 Overloaded"]
)
def test_a_server_error_may_be_retried(status: str) -> None:
    failure = failure_of(refusing(status, b"<html>\n<b>oops</b></html>"))
    assert (failure.kind, failure.retryable, failure.status) == (FailureKind.SERVER, True, int(status[:3]))


def test_an_error_page_without_end_is_cut() -> None:
    async def handler(call: Call) -> None:
        await call.send(b"HTTP/1.1 500 Oops\r\nconnection: close\r\n\r\n")
        while True:
            await call.send(b"x" * 65536)

    failure = failure_of(handler)
    assert failure.kind is FailureKind.SERVER


def test_a_redirect_is_refused_rather_than_followed() -> None:
    outcome, server = ask(refusing("307 Temporary Redirect", {}, "Location: /elsewhere\r\n"))
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.REQUEST
    assert "/elsewhere" in outcome.message
    assert len(server.calls) == 1


def test_a_connection_that_breaks_keeps_what_had_come() -> None:
    async def handler(call: Call) -> None:
        await call.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        data = event({"reasoning": "so far"})
        await call.send(b"%x\r\n%b\r\n" % (len(data), data))
        call.writer.transport.abort()

    failure = failure_of(handler)
    assert (failure.kind, failure.retryable) == (FailureKind.CONNECTION, True)
    assert failure.partial is not None
    assert failure.partial.reasoning == "so far"


def test_a_stream_that_ends_before_its_reply_is_no_reply() -> None:
    failure = failure_of(streaming(event({"content": "It is"})))
    assert (failure.kind, failure.retryable) == (FailureKind.BAD_STREAM, True)
    assert failure.partial is not None
    assert failure.partial.answer == "It is"


def test_a_connection_closed_before_any_answer_is_a_connection_failure() -> None:
    async def handler(call: Call) -> None:
        call.writer.close()

    assert failure_of(handler).kind is FailureKind.CONNECTION


def test_a_stream_without_done_is_complete_once_it_has_a_finish_reason() -> None:
    reply = reply_of(streaming(event({"content": "4"}), event({}, "stop")))
    assert (reply.answer, reply.finish_reason) == ("4", "stop")


def test_a_stream_with_done_and_no_finish_reason_is_complete() -> None:
    reply = reply_of(streaming(event({"content": "4"}), DONE))
    assert (reply.answer, reply.finish_reason) == ("4", None)


def test_a_complete_reply_does_not_wait_for_a_server_that_forgets_to_hang_up() -> None:
    async def handler(call: Call) -> None:
        await call.begin_stream()
        await call.send(event({"content": "4"}, "stop"))
        await asyncio.sleep(60)

    reply = reply_of(handler, limits=Limits(ending_s=0.1))
    assert reply.answer == "4"


def test_broken_json_keeps_what_had_come() -> None:
    failure = failure_of(
        streaming(event({"content": "4"}), b'data: {"choices": [{"del\n\n', event({}, "stop"), DONE)
    )
    assert failure.kind is FailureKind.BAD_STREAM
    assert "broken JSON" in failure.message
    assert failure.partial is not None
    assert failure.partial.answer == "4"


def test_a_stream_that_never_ends_is_cut_at_its_limit_of_bytes() -> None:
    async def handler(call: Call) -> None:
        await call.begin_stream()
        while True:
            await call.send(event({"content": "again and "}) * 100)

    failure = failure_of(handler, limits=Limits(reply_bytes=300_000))
    assert failure.kind is FailureKind.BAD_STREAM
    assert "300000 bytes" in failure.message
    assert not failure.retryable, "the next try would be as long"
    assert failure.partial is not None
    assert failure.partial.answer.startswith("again and again")


def test_an_event_that_never_ends_is_cut_at_its_limit() -> None:
    async def handler(call: Call) -> None:
        await call.begin_stream()
        await call.send(b'data: {"choices":[{"delta":{"content":"')
        while True:
            await call.send(b"x" * 65536)

    failure = failure_of(handler, limits=Limits(event_bytes=200_000))
    assert failure.kind is FailureKind.BAD_STREAM
    assert "200000 bytes" in failure.message
    assert not failure.retryable


def test_no_first_token_is_a_timeout_and_comments_are_no_tokens() -> None:
    async def handler(call: Call) -> None:
        await call.begin_stream()
        while True:
            await call.send(b": still queueing\n\n")
            await asyncio.sleep(0.02)

    failure = failure_of(handler, limits=Limits(first_token_s=0.1))
    assert (failure.kind, failure.retryable, failure.partial) == (FailureKind.TIMEOUT, True, None)
    assert "0.1 s" in failure.message


def test_a_server_that_does_not_even_answer_is_a_timeout() -> None:
    async def handler(_call: Call) -> None:
        await asyncio.sleep(60)

    assert failure_of(handler, limits=Limits(first_token_s=0.1)).kind is FailureKind.TIMEOUT


def test_a_stall_between_tokens_is_a_timeout_that_keeps_what_had_come() -> None:
    async def handler(call: Call) -> None:
        await call.begin_stream()
        await call.send(event({"reasoning_content": "hm"}))
        await asyncio.sleep(60)

    outcome, server = ask(handler, limits=Limits(stall_s=0.1))
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.TIMEOUT
    assert outcome.partial is not None
    assert outcome.partial.reasoning == "hm"
    assert server.left.is_set()


def test_a_long_thought_outlives_every_limit_as_long_as_tokens_come() -> None:
    async def handler(call: Call) -> None:
        await call.begin_stream()
        for _ in range(30):
            await call.send(event({"reasoning": "on "}))
            await asyncio.sleep(0.03)
        await call.send(event({"content": "4"}, "stop") + DONE)

    reply = reply_of(handler, limits=Limits(first_token_s=0.6, stall_s=0.6, ending_s=0.6))
    assert reply.reasoning == "on " * 30


def test_a_stall_ends_only_its_own_request() -> None:
    async def handler(call: Call) -> None:
        await call.begin_stream()
        await call.send(event({"content": "4"}))
        if call.json["seed"] == 0:
            await asyncio.sleep(60)
        for _ in range(8):
            await asyncio.sleep(0.1)
            await call.send(event({"content": "!"}))
        await call.send(event({}, "stop"))

    async def go() -> list[Reply | Failure]:
        async with serving(handler) as server, endpoint(server, limits=Limits(stall_s=0.6)) as chat:
            asked = (Request(messages=(), sampling=Sampling(), seed=seed) for seed in range(4))
            return await asyncio.gather(*(chat.ask(each, Counter()) for each in asked))

    outcomes = asyncio.run(go())
    assert [type(each) for each in outcomes] == [Failure, Reply, Reply, Reply]


@pytest.mark.parametrize(
    "garbage", [b"\x00\xff\xfe garbage \x80\n\n" * 50, b"<html><body>Hello</body></html>", b""]
)
def test_bytes_that_are_no_stream_are_a_bad_stream(garbage: bytes) -> None:
    assert failure_of(streaming(garbage) if garbage else streaming()).kind is FailureKind.BAD_STREAM


def test_a_server_that_does_not_speak_http_is_a_bad_stream() -> None:
    async def handler(call: Call) -> None:
        await call.send(b"SSH-2.0-OpenSSH_9.6\r\n" + bytes(range(256)))
        call.writer.close()

    assert failure_of(handler).kind in {FailureKind.BAD_STREAM, FailureKind.CONNECTION}


def test_a_compressed_stream_is_read_although_none_was_asked_for() -> None:
    async def handler(call: Call) -> None:
        assert call.headers["accept-encoding"] == "identity"
        data = gzip.compress(event({"content": "4"}, "stop") + DONE)
        await call.reply(data, headers="content-encoding: gzip\r\n")

    assert reply_of(handler).answer == "4"


def test_an_error_inside_the_stream_is_the_failure_that_it_names() -> None:
    async def handler(call: Call) -> None:
        error = b'data: {"error": {"message": "engine died", "type": "InternalServerError", "code": 500}}\n\n'
        await call.stream(event({"content": "It"}), error, DONE)

    failure = failure_of(handler)
    assert (failure.kind, failure.retryable) == (FailureKind.SERVER, True)
    assert "engine died" in failure.message
    assert failure.partial is not None
    assert failure.partial.answer == "It"


def test_an_overflow_that_llama_cpp_sends_behind_a_200_is_an_overflow() -> None:
    error = {
        "code": 400,
        "message": "the request exceeds the available context size",
        "type": "exceed_context_size_error",
    }
    failure = failure_of(refusing("200 OK", {"error": error}))
    assert (failure.kind, failure.retryable) == (FailureKind.CONTEXT_OVERFLOW, False)


def test_a_reply_that_the_content_filter_cut_is_a_failure_with_its_text() -> None:
    failure = failure_of(streaming(event({"content": "As"}), event({}, "content_filter"), DONE))
    assert failure.kind is FailureKind.CONTENT_FILTER
    assert failure.partial is not None
    assert failure.partial.answer == "As"


@pytest.mark.parametrize("reason", ["length", "repetition", "tool_calls", "something_new"])
def test_every_other_way_to_finish_is_a_reply(reason: str) -> None:
    assert reply_of(streaming(event({"content": "As"}), event({}, reason), DONE)).finish_reason == reason


def test_a_server_that_refuses_fields_is_asked_without_them_and_remembered() -> None:
    async def handler(call: Call) -> None:
        unknown = {"seed", "min_p", "stream_options"} & set(call.json)
        if unknown:
            detail = [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", min(unknown)],
                    "msg": "Extra inputs are not permitted",
                }
            ]
            await call.reply({"detail": detail}, "422 Unprocessable Entity")
        else:
            await call.stream(event({"content": "4"}, "stop"), DONE)

    async def go() -> tuple[list[Reply | Failure], Hostile]:
        request = Request(messages=REQUEST.messages, sampling=Sampling(min_p=0.1, temperature=0.5), seed=3)
        async with serving(handler) as server, endpoint(server) as chat:
            return [await chat.ask(request, Counter()), await chat.ask(request, Counter())], server

    outcomes, server = asyncio.run(go())
    assert [type(outcome) for outcome in outcomes] == [Reply, Reply]
    assert all(
        isinstance(outcome, Reply) and outcome.dropped_fields == ("min_p", "seed") for outcome in outcomes
    )
    assert len(server.calls) == 4 + 1
    assert server.calls[-1].json["temperature"] == 0.5


def test_a_refused_field_of_the_suites_own_is_a_failure_and_not_left_out() -> None:
    async def handler(call: Call) -> None:
        await call.reply(
            {"error": {"message": "Unrecognized request argument supplied: thinking_budget"}},
            "400 Bad Request",
        )

    request = Request(messages=(), sampling=Sampling(), extra_body={"thinking_budget": 5})
    outcome, server = ask(handler, request)
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.retryable) == (FailureKind.REQUEST, False)
    assert "thinking_budget" in outcome.message
    assert len(server.calls) == 1


def test_a_server_that_refuses_everything_is_not_asked_for_ever() -> None:
    outcome, server = ask(
        refusing(
            "400 Bad Request",
            {"error": {"message": "unknown field: seed, temperature, max_tokens, messages"}},
        ),
        Request(messages=(), sampling=Sampling(temperature=1.0, max_tokens=5), seed=1),
    )
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.REQUEST
    assert len(server.calls) < 5


def test_a_server_that_cannot_stream_is_asked_for_the_whole_and_remembered() -> None:
    async def handler(call: Call) -> None:
        if call.json["stream"]:
            await call.reply({"error": {"message": "Streaming is not supported."}}, "400 Bad Request")
        else:
            message = {"role": "assistant", "reasoning_content": "two", "content": "4"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            await call.reply({"model": "m", "choices": [choice], "usage": {"completion_tokens": 3}})

    async def go() -> tuple[list[Reply | Failure], Hostile]:
        async with serving(handler) as server, endpoint(server) as chat:
            return [await chat.ask(REQUEST, Counter()), await chat.ask(REQUEST, Counter())], server

    outcomes, server = asyncio.run(go())
    for reply in outcomes:
        assert isinstance(reply, Reply)
        assert (reply.reasoning, reply.answer, reply.usage.completion_tokens) == ("two", "4", 3)
        assert reply.timings.ttft_s is None
        assert reply.timings.first_answer_s is None
        assert reply.timings.latency_s > 0
    assert [call.json["stream"] for call in server.calls] == [True, False, False]
    assert "stream_options" not in server.calls[-1].json


def test_a_whole_reply_to_a_request_for_a_stream_is_read_and_remembered() -> None:
    body = {"choices": [{"message": {"content": "<think>two</think>4"}, "finish_reason": "stop"}]}

    async def asking(chat: Any) -> None:
        for _ in range(2):
            reply = await chat.ask(REQUEST, Counter())
            assert (reply.reasoning, reply.answer, reply.timings.ttft_s) == ("two", "4", None)

    server = run_many(refusing("200 OK", body), asking)
    assert [call.json["stream"] for call in server.calls] == [True, False]


def test_a_json_document_that_is_no_completion_is_a_bad_stream() -> None:
    assert failure_of(refusing("200 OK", {"hello": "world"})).kind is FailureKind.BAD_STREAM


def test_cancelling_passes_and_hangs_up_so_that_the_server_stops() -> None:
    async def handler(call: Call) -> None:
        await call.begin_stream()
        while True:
            await call.send(event({"content": "on "}))
            await asyncio.sleep(0.01)

    async def go() -> bool:
        async with serving(handler) as server, endpoint(server) as chat:
            asking = asyncio.create_task(chat.ask(REQUEST, Counter()))
            await asyncio.sleep(0.1)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asyncio.wait_for(server.left.wait(), 5)
            return True

    assert asyncio.run(go())


def test_no_key_sends_no_key_not_even_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-someone")
    _, server = ask(streaming(event({}, "stop")))
    headers = server.calls[0].headers
    assert "authorization" not in headers
    assert KEY not in str(headers)
    assert "org-of-someone" not in str(headers)


def test_a_key_is_sent_as_a_bearer_token() -> None:
    _, server = ask(streaming(event({}, "stop")), api_key=KEY)
    assert server.calls[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_proxy_of_the_environment_does_not_come_between_this_machine_and_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert reply_of(streaming(event({"content": "4"}, "stop"))).answer == "4"


def test_the_request_says_what_was_asked() -> None:
    request = Request(
        messages=(Message(role="system", content="Be brief."), Message(role="user", content="Ω?")),
        sampling=Sampling(temperature=0.6, top_p=0.9, max_tokens=100, stop=("END",)),
        seed=7,
        effort="low",
        extra_body={"chat_template_kwargs": {"enable_thinking": True}},
    )
    _, server = ask(streaming(event({}, "stop")), request)
    call = server.calls[0]
    assert call.path == "/v1/chat/completions"
    assert call.headers["content-type"] == "application/json"
    assert call.json == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Ω?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.6,
        "top_p": 0.9,
        "max_tokens": 100,
        "stop": ["END"],
        "seed": 7,
        "reasoning_effort": "low",
        "chat_template_kwargs": {"enable_thinking": True},
    }


def test_a_prompt_that_is_no_unicode_text_is_refused_before_it_is_sent() -> None:
    outcome, server = ask(
        streaming(), Request(messages=(Message(role="user", content="\ud83d"),), sampling=Sampling())
    )
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.REQUEST
    assert server.calls == []


def test_connections_are_used_again() -> None:
    async def asking(chat: Any) -> None:
        for _ in range(5):
            assert isinstance(await chat.ask(REQUEST, Counter()), Reply)

    server = run_many(streaming(event({"content": "4"}, "stop"), DONE), asking)
    assert (len(server.calls), server.connections) == (5, 1)


def test_a_connection_that_the_server_closed_behind_a_reply_costs_no_try() -> None:
    async def handler(call: Call) -> None:
        if call.number in {2, 3}:
            call.writer.transport.abort()
        else:
            await call.stream(event({"content": "4"}, "stop"), DONE)

    async def asking(chat: Any) -> None:
        assert isinstance(await chat.ask(REQUEST, Counter()), Reply)
        assert isinstance(await chat.ask(REQUEST, Counter()), Reply)

    assert len(run_many(handler, asking).calls) == 4


def test_a_server_that_always_hangs_up_is_not_asked_for_ever() -> None:
    async def handler(call: Call) -> None:
        if call.number == 1:
            await call.stream(event({"content": "4"}, "stop"), DONE)
        else:
            call.writer.transport.abort()

    async def asking(chat: Any) -> None:
        await chat.ask(REQUEST, Counter())
        failure = await chat.ask(REQUEST, Counter())
        assert isinstance(failure, Failure)
        assert (failure.kind, failure.retryable) == (FailureKind.CONNECTION, True)

    assert len(run_many(handler, asking).calls) == 4


def test_two_hundred_requests_are_in_flight_at_once() -> None:
    all_here = asyncio.Event()
    here = 0

    async def handler(call: Call) -> None:
        nonlocal here
        here += 1
        if here == 200:
            all_here.set()
        await asyncio.wait_for(all_here.wait(), 20)
        await call.stream(event({"content": "4"}, "stop"), DONE)

    async def asking(chat: Any) -> None:
        outcomes = await asyncio.gather(*(chat.ask(REQUEST, Counter()) for _ in range(200)))
        assert all(isinstance(outcome, Reply) for outcome in outcomes)

    assert run_many(handler, asking).connections == 200


@pytest.mark.parametrize(("finish", "thought"), [("length", "perhaps 7"), ("stop", "")])
def test_once_a_template_is_seen_to_open_the_thinking_a_cut_reply_is_thinking(
    finish: str, thought: str
) -> None:
    async def handler(call: Call) -> None:
        if call.json["seed"] == 0:
            await call.stream(event({"content": "so 4</think>"}), event({"content": "4"}), event({}, "stop"))
        else:
            await call.stream(event({"content": "perhaps 7"}), event({}, finish))

    replies: list[Reply] = []

    async def asking(chat: Any) -> None:
        for seed in (1, 0, 1):
            reply = await chat.ask(Request(messages=(), sampling=Sampling(), seed=seed), Counter())
            assert isinstance(reply, Reply)
            replies.append(reply)

    run_many(handler, asking)
    before, shown, after = replies
    assert (before.reasoning, before.answer) == ("", "perhaps 7")
    assert (shown.reasoning, shown.answer, shown.thinking_closed) == ("so 4", "4", True)
    assert after.reasoning == thought
    assert after.thinking_closed is (False if thought else None)
