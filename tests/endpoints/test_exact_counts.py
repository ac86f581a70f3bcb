"""What each engine is asked for so that its counts are exact, and what becomes of those that refuse."""

from __future__ import annotations

import asyncio
import json
from collections import Counter as Tally
from collections.abc import Callable
from typing import Any

import pytest

from evalbudget.endpoints.openai_chat import OpenAIChat
from evalbudget.reasoning.counting import count_tokens
from evalbudget.records import Failure, JsonValue, Reply, Request, TokenCounts, TokenSource
from tests.endpoints.hostile import DONE, REQUEST, Call, Counter, Handler, Hostile, endpoint, event, serving

MARKERS = {"<think>": 100, "</think>": 101}
IDS = [100, 1, 2, 3, 101, 4, 5, 9]
"""Three tokens of thinking, two of answer, an end token."""
PROMPT_IDS = [7] * 20
TRUTH = (3, 2, 8)
REFUSED = {"error": {"message": "Not Found", "code": 404}}
Answers = Callable[[dict[str, Any]], object]


def usage(reasoning: int | None = None, completion: int = 8) -> bytes:
    details = {} if reasoning is None else {"completion_tokens_details": {"reasoning_tokens": reasoning}}
    counted = {"prompt_tokens": 20, "completion_tokens": completion, **details}
    return b"data: " + json.dumps({"choices": [], "usage": counted}).encode() + b"\n\n"


def tokenize(body: dict[str, Any]) -> object:
    """vLLM's and SGLang's answer: a marker is one token, other text one for each word."""
    text = body["prompt"]
    if text in MARKERS:
        return {"count": 1, "tokens": [MARKERS[text]]}
    ids = [50 for _ in (text if text[0] in "<[◁" else text.split())]
    return {"count": len(ids), "tokens": ids}


class Engine:
    """A server with a stream of its own and other pages; a page that it has not is refused."""

    def __init__(self, *events: bytes, whole: object = None, **pages: Answers) -> None:
        self.events = events
        self.whole = whole
        self.pages = {f"/{name.replace('_', '-')}": answers for name, answers in pages.items()}
        self.asked: Tally[str] = Tally()
        self.bodies: list[dict[str, Any]] = []

    async def __call__(self, call: Call) -> None:
        self.asked[call.path] += 1
        if call.path == "/v1/chat/completions":
            self.bodies.append(call.json)
            await (call.stream(*self.events) if self.whole is None else call.reply(self.whole))
        elif call.path in self.pages:
            await call.reply(self.pages[call.path](call.json))
        else:
            await call.reply(REFUSED, "404 Not Found")


def ask(
    handler: Handler, engine: str | None, times: int = 1, request: Request = REQUEST, **options: Any
) -> list[Reply]:
    """Replies to so many requests at once."""

    async def go() -> list[Reply]:
        async with serving(handler) as server, endpoint(server, engine=engine, **options) as chat:
            outcomes = await asyncio.gather(*(chat.ask(request, Counter()) for _ in range(times)))
            assert all(isinstance(outcome, Reply) for outcome in outcomes), outcomes
            return [outcome for outcome in outcomes if isinstance(outcome, Reply)]

    return asyncio.run(go())


def told(reply: Reply) -> tuple[tuple[int | None, int | None, int | None], TokenSource | None]:
    counts: TokenCounts = count_tokens(reply)
    return (counts.reasoning, counts.answer, counts.completion), counts.source


def piece(ids: list[int], **delta: str) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None, "token_ids": ids}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


HEAD = b"data: " + json.dumps({"choices": [], "prompt_token_ids": PROMPT_IDS}).encode() + b"\n\n"
IN_PIECES_OF_SEVERAL = (
    HEAD,
    piece(IDS[:3], reasoning="one two"),
    piece(IDS[3:6], reasoning=" three", content="four"),
    piece(IDS[6:], content=" five"),
    event({}, "stop"),
)
AS_TEXT = (
    event({"reasoning": "one two"}),
    event({"reasoning": " three"}),
    event({"content": "four five"}),
    event({}, "stop"),
)


# ── vLLM ──


def test_vllm_is_asked_for_ids_and_once_for_the_ids_of_the_markers() -> None:
    engine = Engine(*IN_PIECES_OF_SEVERAL, usage(0), DONE, tokenize=tokenize)
    replies = ask(engine, "vllm", times=20)
    assert all(told(reply) == (TRUTH, TokenSource.TOKEN_IDS) for reply in replies)
    assert all(list(reply.token_ids or ()) == IDS for reply in replies)
    assert all(list(reply.prompt_token_ids or ()) == PROMPT_IDS for reply in replies)
    assert {reply.answer_begins for reply in replies} == {5}
    assert engine.bodies[0]["return_token_ids"] is True
    assert engine.asked["/v1/chat/completions"] == 20
    assert engine.asked["/tokenize"] < 20


def test_a_vllm_that_shows_no_tokenizer_is_not_asked_again() -> None:
    engine = Engine(*IN_PIECES_OF_SEVERAL, usage(3), DONE)
    assert told(ask(engine, "vllm", times=20)[0]) == ((3, 3, 8), TokenSource.USAGE)
    assert engine.asked["/tokenize"] == 1


def test_without_ids_a_wrong_zero_is_replaced_by_what_the_tokenizer_counts() -> None:
    engine = Engine(*AS_TEXT, usage(0), DONE, tokenize=tokenize)
    reply = ask(engine, "vllm")[0]
    assert (count_tokens(reply).reasoning, count_tokens(reply).source) == (3, TokenSource.TOKENIZE)
    assert reply.token_ids is None


def test_a_right_figure_spares_the_extra_request() -> None:
    engine = Engine(*AS_TEXT, usage(3), DONE, tokenize=tokenize)
    replies = ask(engine, "vllm", times=3)
    assert {count_tokens(reply).source for reply in replies} == {TokenSource.USAGE}
    assert engine.asked == {"/v1/chat/completions": 3}


def test_one_id_for_all_that_a_vocabulary_lacks_is_no_marker() -> None:
    def unknown(body: dict[str, Any]) -> object:
        return tokenize(body) if body["prompt"] in MARKERS else {"tokens": [1]}

    engine = Engine(*IN_PIECES_OF_SEVERAL, usage(0), DONE, tokenize=unknown)
    assert told(ask(engine, "vllm")[0]) == (TRUTH, TokenSource.TOKEN_IDS)


def test_a_gateway_that_refuses_the_field_by_name_gets_requests_without_it() -> None:
    async def handler(call: Call) -> None:
        if call.path != "/v1/chat/completions":
            await call.reply(REFUSED, "404 Not Found")
        elif "return_token_ids" in call.json:
            await call.reply(
                {"error": {"message": "Unknown parameter: 'return_token_ids'.", "param": "return_token_ids"}},
                "400 Bad Request",
            )
        else:
            await call.stream(*AS_TEXT, usage(3), DONE)

    reply = ask(handler, "vllm")[0]
    assert told(reply) == ((3, 3, 8), TokenSource.USAGE)
    assert reply.dropped_fields == ()


def test_a_whole_reply_has_its_ids_too() -> None:
    message = {"role": "assistant", "reasoning": "one two three", "content": "four five"}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "token_ids": IDS}
    engine = Engine(whole={"choices": [choice], "prompt_token_ids": PROMPT_IDS}, tokenize=tokenize)
    reply = ask(engine, "vllm")[0]
    assert told(reply) == (TRUTH, TokenSource.TOKEN_IDS)
    assert reply.answer_begins == 5


def test_tool_calls_count_as_the_answer() -> None:
    call = [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]
    called = {"index": 0, "delta": {"tool_calls": call}, "finish_reason": None, "token_ids": [101, 4, 5]}
    engine = Engine(
        HEAD,
        piece([100], content=""),
        piece([1, 2, 3], reasoning="one two three"),
        b"data: " + json.dumps({"choices": [called]}).encode() + b"\n\n",
        piece([9], content=""),
        event({}, "tool_calls"),
        usage(),
        DONE,
        tokenize=tokenize,
    )
    assert told(ask(engine, "vllm")[0]) == (TRUTH, TokenSource.TOKEN_IDS)


def test_a_stop_string_leaves_no_end_token() -> None:
    end = {"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": "five"}
    events = (*IN_PIECES_OF_SEVERAL[:-2], piece([5], content=" "))
    last = b"data: " + json.dumps({"choices": [end]}).encode() + b"\n\n"
    engine = Engine(*events, last, usage(completion=7), DONE, tokenize=tokenize)
    assert told(ask(engine, "vllm")[0]) == ((3, 2, 7), TokenSource.TOKEN_IDS)


@pytest.mark.parametrize("ids", [[2**40], [-(2**40)]])
def test_ids_that_are_none_are_left_alone(ids: list[int]) -> None:
    engine = Engine(*AS_TEXT[:-1], piece(ids, content="."), event({}, "stop"), usage(3), DONE)
    reply = ask(engine, "vllm")[0]
    assert reply.token_ids is None
    assert count_tokens(reply).source is TokenSource.USAGE


@pytest.mark.parametrize(
    "answer", [[], "no", {"tokens": "many"}, {"tokens": [1.5]}, {"tokens": [True]}, {"count": 3}, None]
)
def test_a_tokenizer_that_answers_nonsense_is_as_none(answer: object) -> None:
    engine = Engine(*AS_TEXT, usage(0), DONE, tokenize=lambda _body: answer)

    async def go() -> set[TokenSource | None]:
        async with serving(engine) as server, endpoint(server, engine="vllm") as chat:
            return {count_tokens(await asked(chat)).source for _ in range(3)}

    assert asyncio.run(go()) == {TokenSource.ESTIMATE}
    assert engine.asked["/tokenize"] == 1


def test_a_tokenizer_in_trouble_holds_no_reply_up_for_ever() -> None:
    async def handler(call: Call) -> None:
        if call.path == "/tokenize":
            await call.reply({"error": "busy"}, "503 Service Unavailable")
        else:
            await call.stream(*AS_TEXT, usage(0), DONE)

    async def go() -> tuple[list[object], int]:
        async with serving(handler) as server, endpoint(server, engine="vllm") as chat:
            sources = [count_tokens(await asked(chat)).source for _ in range(4)]
            return sources, sum(call.path == "/tokenize" for call in server.calls)

    sources, tokenized = asyncio.run(go())
    assert set(sources) == {TokenSource.ESTIMATE}
    assert tokenized == 3


async def asked(chat: OpenAIChat) -> Reply:
    reply = await chat.ask(REQUEST, Counter())
    assert isinstance(reply, Reply), reply
    return reply


def test_a_reply_that_breaks_off_is_counted_as_far_as_it_came() -> None:
    async def handler(call: Call) -> None:
        if call.path == "/tokenize":
            await call.reply(tokenize(call.json))
            return
        begun.append(call)
        if len(begun) == 1:
            await call.stream(*IN_PIECES_OF_SEVERAL, DONE)
            return
        await call.begin_stream()
        for part in IN_PIECES_OF_SEVERAL[:-2]:
            await call.send(part)

    begun: list[Call] = []

    async def go() -> Reply | Failure:
        async with serving(handler) as server, endpoint(server, engine="vllm") as chat:
            await asked(chat)  # a whole reply before, from which on the markers are known
            return await chat.ask(REQUEST, Counter())

    failure = asyncio.run(go())
    assert isinstance(failure, Failure)
    assert failure.partial is not None
    assert told(failure.partial) == ((3, 1, 6), TokenSource.TOKEN_IDS)


# ── SGLang ──


@pytest.mark.parametrize("framing", [b"", b"event: sglext_ids\n"])
def test_sglangs_ids_come_in_an_event_of_their_own(framing: bytes) -> None:
    ids = {"choices": [], "sglext": {"output_ids": [IDS], "input_ids": PROMPT_IDS}}
    last = framing + b"data: " + json.dumps(ids).encode() + b"\n\n"
    events = [each.replace(b"reasoning", b"reasoning_content") for each in AS_TEXT]
    engine = Engine(*events, last, usage(5), DONE, tokenize=tokenize)
    reply = ask(engine, "sglang")[0]
    assert told(reply) == (TRUTH, TokenSource.TOKEN_IDS)
    assert list(reply.token_ids or ()) == IDS
    assert engine.bodies[0]["return_output_ids_in_sglext"] is True
    assert "return_token_ids" not in engine.bodies[0]


def test_an_sglang_without_ids_has_its_closing_marker_taken_out() -> None:
    engine = Engine(*AS_TEXT, usage(4), DONE, tokenize=tokenize)
    counts = count_tokens(ask(engine, "sglang")[0])
    assert (counts.reasoning, counts.source) == (3, TokenSource.USAGE)
    assert count_tokens(ask(engine, None)[0]).reasoning == 4


# ── llama.cpp ──


def timed(total: int | None, **delta: str) -> bytes:
    more = {} if total is None else {"timings": {"predicted_n": total, "predicted_ms": 1.0}}
    return event({**delta}, **more)


def llama(opens: bool, *events: bytes) -> Engine:
    """Its end is a count with the usage; the prompt ends with an opening marker, or not."""
    end = {"choices": [], "usage": {"completion_tokens": 8}, "timings": {"predicted_n": 8}}
    tail = b"data: " + json.dumps(end).encode() + b"\n\n"
    prompt = "Q<|assistant|>" + ("<think>\n" if opens else "")
    return Engine(*events, event({}, "stop"), tail, DONE, apply_template=lambda _body: {"prompt": prompt})


FIRST_SWALLOWED = (
    timed(1, role="assistant"),
    timed(2, reasoning_content="one"),
    timed(4, reasoning_content=" two"),
    timed(6, content="four"),
    timed(7, content=" five"),
)


def test_llama_cpp_is_asked_for_a_count_beside_each_piece() -> None:
    engine = llama(False, *FIRST_SWALLOWED)
    assert told(ask(engine, "llama.cpp")[0]) == (TRUTH, TokenSource.TIMINGS)
    assert engine.bodies[0]["timings_per_token"] is True


def test_a_first_token_that_llama_cpp_swallows_is_thinking_where_the_prompt_had_opened_it() -> None:
    """GLM's template ends with `<think>`, and the model then begins with a line end, which is not shown."""
    engine = llama(True, *FIRST_SWALLOWED)
    assert told(ask(engine, "llama.cpp")[0]) == ((4, 2, 8), TokenSource.TIMINGS)


def test_the_prompt_is_asked_for_once_for_each_kind_of_request() -> None:
    engine = llama(True, *FIRST_SWALLOWED)

    async def go() -> None:
        async with serving(engine) as server, endpoint(server, engine="llama.cpp") as chat:
            for kind in ({}, {}, {"chat_template_kwargs": {"enable_thinking": True}}, {}):
                extra: dict[str, JsonValue] = {**kind}
                await chat.ask(Request(messages=(), sampling=REQUEST.sampling, extra_body=extra), Counter())

    asyncio.run(go())
    assert engine.asked["/apply-template"] == 2


def test_counts_at_the_end_alone_tell_nothing_of_when() -> None:
    engine = llama(
        False, *(timed(None, **delta) for delta in ({"reasoning_content": "so"}, {"content": "4"}))
    )
    assert count_tokens(ask(engine, "llama.cpp")[0]).source is TokenSource.ESTIMATE


def test_thinking_and_answer_under_one_count_are_left_to_the_tokenizer() -> None:
    engine = llama(
        False,
        timed(1, role="assistant"),
        timed(None, reasoning_content="one two three"),
        timed(6, content="four"),
        timed(7, content=" five"),
    )
    engine.pages["/tokenize"] = lambda body: {"tokens": [1] * len(body["content"].split())}
    assert told(ask(engine, "llama.cpp")[0]) == (TRUTH, TokenSource.TOKENIZE)


# ── all others ──


@pytest.mark.parametrize("engine", [None, "unknown", "openai", "tensorrt-llm", "transformers", "ollama"])
def test_other_engines_are_asked_nothing_beyond_the_api(engine: str | None) -> None:
    server = Engine(*AS_TEXT, usage(0), DONE, tokenize=tokenize)
    reply = ask(server, engine)[0]
    assert set(server.bodies[0]) == {"model", "messages", "stream", "stream_options"}
    assert set(server.asked) == {"/v1/chat/completions"}
    assert count_tokens(reply).source is TokenSource.ESTIMATE


def test_lmdeploy_counts_a_text_without_being_asked_for_ids() -> None:
    """Its `return_token_ids` would make it report `parse_error` for a reply that was cut."""
    events = (event({"content": "<think>one two three"}), event({}, "length"))

    async def handler(call: Call) -> None:
        if call.path == "/v1/encode":
            words = call.json["input"].split()
            await call.reply({"input_ids": [1] * len(words), "length": len(words)})
        else:
            assert "return_token_ids" not in call.json
            await call.stream(*events, usage(completion=4), DONE)

    assert told(ask(handler, "lmdeploy")[0]) == ((3, 0, 4), TokenSource.TOKENIZE)


def test_a_url_without_v1_keeps_its_path() -> None:
    async def go() -> set[str]:
        async def handler(call: Call) -> None:
            if call.path.endswith("/chat/completions"):
                await call.stream(*AS_TEXT, usage(0), DONE)
            else:
                await call.reply(REFUSED, "404 Not Found")

        async with serving(handler) as server:
            behind = Hostile(url=server.url.replace("/v1", "/models/a/v1"))
            async with endpoint(behind, engine="vllm") as chat:
                await chat.ask(REQUEST, Counter())
            return {call.path for call in server.calls}

    assert asyncio.run(go()) == {"/models/a/tokenize", "/models/a/v1/chat/completions"}
