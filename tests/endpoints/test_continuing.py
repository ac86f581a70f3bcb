"""A reply that was begun and is continued, on servers that imitate those that there are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from evalbudget.records import (
    Begun,
    ContinuedBy,
    Failure,
    FailureKind,
    JsonValue,
    Message,
    ReasoningForm,
    Reply,
    Request,
    Sampling,
    Stopped,
    TokenCounts,
    TokenSource,
)
from tests.endpoints.hostile import DONE, Call, Counter, endpoint, event, serving

WORDS = {"<think>": 100, "</think>": 101, "\n": 10, "\n\n": 11, "one": 1, "two": 2, "three": 3, "four": 4}
WORDS |= {"<|channel|>": 200, "analysis": 201, "<|message|>": 202, "<|end|>": 203, "<|start|>": 204}
WORDS |= {"assistant": 205, "final": 206, "now": 12}
TEXTS = {number: text for text, number in WORDS.items()}
PROMPT = [7, 8, 9]
CLOSING = "\n</think>\n\n"
CLOSED = [10, 101, 11]
ANSWER_IDS = [51, 52, 53]
QUESTION = (Message(role="user", content="Q"),)


def ids_of(text: str) -> list[int]:
    """The longest words first; what is none is left out."""
    found: list[int] = []
    while text:
        word = max((word for word in WORDS if text.startswith(word)), key=len, default=text[0])
        found += [WORDS[word]] if word in WORDS else []
        text = text[len(word) :]
    return found


def text_of(ids: list[int]) -> str:
    return "".join(TEXTS.get(each, "?") for each in ids)


@dataclass
class Server:
    """One that has some pages; what is asked of the others is refused."""

    engine: str | None
    text_field: str = "prompt"
    template: str = "<prompt>"
    """llama.cpp's rendered prompt."""
    answer: tuple[bytes, ...] = ()
    """Events of a chat reply; empty = what `/completions` would say."""
    without: frozenset[str] = frozenset()
    failing: frozenset[str] = frozenset()
    refuses: Mapping[str, JsonValue] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def __call__(self, call: Call) -> None:
        body = call.json
        self.asked.append((call.path, body))
        if call.path in self.failing:
            return await call.reply({"error": "busy"}, "503 Service Unavailable")
        if call.path in self.without:
            return await call.reply({"error": {"message": "Not Found"}}, "404 Not Found")
        unknown = [name for name in self.refuses if name in body]
        if unknown:
            said = [
                {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs"} for name in unknown
            ]
            return await call.reply({"detail": said}, "422 Unprocessable Entity")
        if call.path == "/v1/completions":
            return await call.stream(*self._completion(len(body["prompt"])), DONE)
        if call.path == "/v1/chat/completions":
            return await call.stream(*self.answer, DONE)
        return await call.reply(self._page(call.path, body))

    def _page(self, path: str, body: dict[str, Any]) -> object:
        if path == "/detokenize":
            return {self.text_field: text_of(body["tokens"])}
        if path == "/apply-template":
            return {"prompt": self.template}
        if "messages" in body:
            return {"tokens": PROMPT}
        text = body.get("prompt", body.get("content"))
        rendered = text == self.template
        return {"tokens": PROMPT + ids_of(text) if rendered else ids_of(text)}

    def _completion(self, sent: int) -> tuple[bytes, ...]:
        pieces = [("the ", [51]), ("answer", [52])]
        choices = [{"index": 0, "text": text, "token_ids": ids} for text, ids in pieces]
        choices.append({"index": 0, "text": "", "token_ids": [53], "finish_reason": "stop"})
        events: list[dict[str, Any]] = [{"choices": [choice]} for choice in choices]
        cached = {"cached_tokens": sent - 1}
        counted = {"prompt_tokens": sent, "completion_tokens": 3, "prompt_tokens_details": cached}
        events.append({"choices": [], "usage": counted})
        return tuple(b"data: " + json.dumps(each).encode() + b"\n\n" for each in events)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for asked, body in self.asked if asked == path]


def usage(prompt: int, completion: int) -> bytes:
    counted = {"prompt_tokens": prompt, "completion_tokens": completion}
    return b"data: " + json.dumps({"choices": [], "usage": counted}).encode() + b"\n\n"


def outcome(server: Server, begun: Begun, **wishes: Any) -> Reply | Failure:
    return outcomes(server, [begun], **wishes)[0]


def outcomes(server: Server, begun: list[Begun], **wishes: Any) -> list[Reply | Failure]:
    async def go() -> list[Reply | Failure]:
        async with serving(server) as state, endpoint(state, engine=server.engine) as chat:
            request = Request(messages=QUESTION, sampling=Sampling(temperature=0, max_tokens=9), **wishes)
            return [await chat.ask(replace(request, begun=each), Counter()) for each in begun]

    return asyncio.run(go())


def continued(server: Server, begun: Begun, **wishes: Any) -> Reply:
    reply = outcome(server, begun, **wishes)
    assert isinstance(reply, Reply), reply
    assert reply.continued is not None
    return reply


def way(reply: Reply) -> ContinuedBy:
    assert reply.continued is not None
    return reply.continued.by


# ── by token ids ──


WRITTEN = Begun(
    reasoning="onetwothree",
    reasoning_tokens=3,
    ids=[100, 1, 2, 3, 101, 4, 5],
    prompt_ids=PROMPT,
    keep=2,
    closing=CLOSING,
)
"""The model wrote the opening marker itself."""
OPENED = replace(WRITTEN, ids=[1, 2, 3, 101, 4, 5], prompt_ids=[*PROMPT, 100, 10])
"""The template wrote it, and a line end."""


@pytest.mark.parametrize(("engine", "text_field"), [("vllm", "prompt"), ("sglang", "text")])
def test_what_is_kept_is_sent_as_the_ids_that_the_server_gave(engine: str, text_field: str) -> None:
    server = Server(engine, text_field)
    reply = continued(server, WRITTEN)
    (body,) = server.bodies("/v1/completions")
    assert body["prompt"] == [*PROMPT, 100, 1, 2, *CLOSED]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("m", 9, 0)
    assert (reply.reasoning, reply.answer) == ("onetwo", "the answer")
    assert (reply.reasoning_form, reply.thinking_closed) == (ReasoningForm.FIELD, True)
    assert way(reply) is ContinuedBy.TOKEN_IDS
    assert reply.counts == TokenCounts(
        prompt=3, reasoning=2, answer=2, completion=1 + 2 + 3 + 3, cached=8, source=TokenSource.TOKEN_IDS
    )
    assert (reply.token_ids, reply.answer_begins, reply.prompt_token_ids) == (None, None, PROMPT)
    assert not server.bodies("/v1/chat/completions")


def test_a_thinking_that_the_prompt_opened_is_not_opened_again() -> None:
    server = Server("vllm")
    reply = continued(server, OPENED)
    assert server.bodies("/v1/completions")[0]["prompt"] == [*PROMPT, 100, 10, 1, 2, *CLOSED]
    assert reply.counts is not None
    assert (reply.counts.prompt, reply.counts.completion) == (5, 2 + 3 + 3)


def test_a_prompt_that_closed_its_thinking_again_is_not_inside_it() -> None:
    server = Server("vllm")
    continued(server, replace(OPENED, prompt_ids=[*PROMPT, 100, 11, 101, 11]))
    assert server.bodies("/v1/completions")[0]["prompt"] == [*PROMPT, 100, 11, 101, 11, 100, 1, 2, *CLOSED]


def test_all_of_the_thinking_is_kept_where_nothing_says_less() -> None:
    for keep in (None, 3, 99):
        server = Server("vllm")
        reply = continued(server, replace(WRITTEN, keep=keep))
        assert server.bodies("/v1/completions")[0]["prompt"] == [*PROMPT, 100, 1, 2, 3, *CLOSED]
        assert reply.continued is not None
        assert reply.continued.kept == 3


def test_no_thinking_kept_is_closed_at_once() -> None:
    server = Server("vllm")
    reply = continued(server, replace(WRITTEN, keep=0))
    assert server.bodies("/v1/completions")[0]["prompt"] == [*PROMPT, 100, *CLOSED]
    assert (reply.reasoning, reply.reasoning_form, reply.thinking_closed) == ("", ReasoningForm.NONE, None)
    assert reply.counts is not None
    assert (reply.counts.reasoning, reply.counts.completion) == (0, 1 + 3 + 3)


def test_vllm_renders_a_prompt_that_is_not_known_with_what_its_template_would_see() -> None:
    server = Server("vllm")
    reply = continued(server, replace(WRITTEN, prompt_ids=None), effort="low")
    rendered = next(body for body in server.bodies("/tokenize") if "messages" in body)
    assert rendered == {
        "model": "m",
        "messages": [{"role": "user", "content": "Q"}],
        "add_generation_prompt": True,
        "chat_template_kwargs": {"enable_thinking": True, "reasoning_effort": "low"},
    }
    assert reply.counts is not None
    assert reply.counts.prompt == 3


def test_llamacpp_cuts_the_text_anew() -> None:
    server = Server("llama.cpp", "content")
    reply = continued(server, Begun(reasoning="onetwothree", reasoning_tokens=3, keep=2, closing=CLOSING))
    assert server.bodies("/v1/completions")[0]["prompt"] == [*PROMPT, 100, 1, 2, *CLOSED]
    texts = {
        body["content"]: (body["add_special"], body.get("parse_special"))
        for body in server.bodies("/tokenize")
    }
    assert texts["<prompt>"] == (True, True)
    assert texts["onetwothree"] == (False, False)
    assert texts[CLOSING] == (False, True)
    assert reply.counts is not None
    assert (reply.reasoning, reply.counts.source) == ("onetwo", TokenSource.TOKENIZE)


def test_what_llamacpp_repeats_of_the_prompt_is_not_kept_twice() -> None:
    server = Server("llama.cpp", "content", template="<think>\n")
    continued(server, Begun(reasoning="\nonetwothree", keep=2, closing=CLOSING))
    assert server.bodies("/v1/completions")[0]["prompt"] == [*PROMPT, 100, 10, 1, 2, *CLOSED]


def test_one_trace_is_rendered_once() -> None:
    server = Server("llama.cpp", "content")
    begun = Begun(reasoning="onetwothree", reasoning_tokens=3, closing=CLOSING)
    outcomes(server, [replace(begun, keep=keep) for keep in (0, 1, 2)])
    assert len(server.bodies("/apply-template")) == 1
    assert [body["content"] for body in server.bodies("/tokenize")].count(CLOSING) == 1


def test_harmony_goes_the_same_way() -> None:
    begun = Begun(
        reasoning="onetwo",
        ids=[200, 201, 202, 1, 2, 203, 204, 205, 200, 206, 202, 4],
        prompt_ids=[*PROMPT, 204, 205],
        keep=1,
        opening="<|channel|>analysis<|message|>",
        closing="now<|end|><|start|>assistant<|channel|>final<|message|>",
    )
    server = Server("vllm")
    reply = continued(server, begun)
    closed = [12, 203, 204, 205, 200, 206, 202]
    assert server.bodies("/v1/completions")[0]["prompt"] == [*PROMPT, 204, 205, 200, 201, 202, 1, *closed]
    assert (reply.reasoning, reply.answer) == ("one", "the answer")
    assert reply.counts is not None
    assert (reply.counts.reasoning, reply.counts.completion) == (1, 3 + 1 + 7 + 3)


def test_without_a_way_back_to_text_the_kept_part_is_its_share_of_the_characters() -> None:
    server = Server("vllm", without=frozenset({"/detokenize"}))
    reply = continued(server, replace(WRITTEN, reasoning="x" * 30, keep=1))
    assert reply.reasoning == "x" * 10
    assert reply.counts is not None
    assert (reply.counts.reasoning, reply.counts.source) == (1, TokenSource.TOKEN_IDS)


def test_half_a_character_at_the_cut_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TEXTS, 2, "\N{REPLACEMENT CHARACTER}")
    assert continued(Server("vllm"), WRITTEN).reasoning == "one"


def test_a_server_without_completions_is_told_of_what_works() -> None:
    failure = outcome(Server("vllm", without=frozenset({"/v1/completions"})), WRITTEN)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.retryable, failure.status) == (FailureKind.REQUEST, False, 404)
    assert (
        "vLLM cannot continue a reply: use `budget_mode: server` or `max_tokens` (HTTP 404" in failure.message
    )


def test_a_tokenizer_that_is_out_for_a_while_is_worth_another_try() -> None:
    failure = outcome(Server("vllm", failing=frozenset({"/tokenize"})), WRITTEN)
    assert isinstance(failure, Failure)
    assert failure.retryable


def test_a_loop_in_the_answer_can_still_be_stopped() -> None:
    class Looping(Server):
        def _completion(self, sent: int) -> tuple[bytes, ...]:
            said = {"choices": [{"index": 0, "text": "again and again ", "token_ids": [51, 52, 53]}]}
            return (b"data: " + json.dumps(said).encode() + b"\n\n",) * 2000

    reply = continued(Looping("vllm"), WRITTEN, stop_loops=True)
    assert (reply.stopped, reply.finish_reason) == (Stopped.LOOP, "repetition")
    assert reply.reasoning == "onetwo"


def test_what_had_arrived_before_it_failed_is_the_whole_so_far() -> None:
    class Breaking(Server):
        async def __call__(self, call: Call) -> None:
            if call.path == "/v1/completions":
                await call.begin_stream()
                await call.send(self._completion(9)[0])
            else:
                await super().__call__(call)

    failure = outcome(Breaking("vllm"), WRITTEN)
    assert isinstance(failure, Failure) and failure.partial is not None
    assert (failure.partial.reasoning, failure.partial.answer) == ("onetwo", "the ")


# ── as the last message of a chat ──

SAID = (event({"content": "the answer"}), event({}, "stop"), usage(40, 3))
TEXT = Begun(reasoning="one two three four", reasoning_tokens=4, keep=2, closing=CLOSING)


@pytest.mark.parametrize("engine", [None, "unknown", "ollama", "lmdeploy", "tensorrt-llm"])
def test_other_servers_get_the_beginning_as_the_last_message(engine: str | None) -> None:
    server = Server(engine, answer=SAID)
    reply = continued(server, TEXT)
    (body,) = server.bodies("/v1/chat/completions")
    kept = "one two t"
    assert body["messages"] == [
        {"role": "user", "content": "Q"},
        {"role": "assistant", "content": f"<think>{kept}{CLOSING}"},
    ]
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
    assert (reply.reasoning, reply.answer, way(reply)) == (kept, "the answer", ContinuedBy.CHAT)
    assert reply.counts == TokenCounts(reasoning=2, answer=2, source=TokenSource.ESTIMATE)
    assert reply.continued is not None
    assert (reply.continued.kept, reply.continued.generated) == (2, 3)


def test_a_server_that_knows_no_continuing_gets_only_the_message() -> None:
    server = Server(None, answer=SAID, refuses={"continue_final_message": 1, "add_generation_prompt": 1})
    reply = continued(server, TEXT)
    assert reply.answer == "the answer"
    assert reply.dropped_fields == ("continue_final_message", "add_generation_prompt")
    assert server.bodies("/v1/chat/completions")[-1]["messages"][-1]["role"] == "assistant"


def test_sglang_without_the_prompts_ids_is_asked_by_chat() -> None:
    server = Server("sglang", "text", answer=SAID)
    assert way(continued(server, TEXT)) is ContinuedBy.CHAT


def test_new_thinking_counts_with_what_was_kept() -> None:
    """A server that does not continue begins anew; the budget then shows as not honoured."""
    anew = event({"reasoning_content": "one two three four five"})
    counted = {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 6}}
    ends = b"data: " + json.dumps({"choices": [], "usage": counted}).encode() + b"\n\n"
    reply = continued(Server(None, answer=(anew, *SAID[:2], ends)), TEXT)
    assert reply.reasoning == "one two tone two three four five"
    assert reply.counts is not None
    assert reply.counts.reasoning == 2 + 6


@pytest.mark.parametrize("inline", [True, False])
def test_a_beginning_that_the_server_repeats_is_no_new_thinking(inline: bool) -> None:
    content = "<think>one two t\n</think>\n\nthe answer" if inline else "the answer"
    thought = () if inline else (event({"reasoning_content": "one two t\n"}),)
    reply = continued(Server(None, answer=(*thought, event({"content": content}), *SAID[1:])), TEXT)
    assert (reply.reasoning, reply.answer) == ("one two t", "the answer")
    assert reply.counts is not None
    assert (reply.counts.reasoning, reply.counts.answer) == (2, 2)


@pytest.mark.parametrize("engine", ["transformers", "llama-cpp-python"])
def test_a_server_that_cannot_continue_is_not_asked(engine: str) -> None:
    server = Server(engine)
    failure = outcome(server, TEXT)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.retryable, server.asked) == (FailureKind.REQUEST, False, [])
    assert failure.message.endswith("cannot continue a reply: use `budget_mode: max_tokens`")


# ── thinking switched off ──


def test_a_beginning_without_thinking_is_thinking_switched_off_where_ids_are_not_taken() -> None:
    server = Server("lmdeploy", answer=SAID)
    reply = continued(server, replace(TEXT, keep=0))
    (body,) = server.bodies("/v1/chat/completions")
    assert body["chat_template_kwargs"] == {"enable_thinking": False, "thinking": False}
    assert body["messages"] == [{"role": "user", "content": "Q"}]
    assert (way(reply), reply.reasoning, reply.answer) == (ContinuedBy.SWITCH, "", "the answer")
    assert reply.continued is not None
    assert (reply.continued.kept, reply.continued.closing, reply.continued.generated) == (0, "", 3)
    assert reply.counts is not None
    assert (reply.counts.prompt, reply.counts.reasoning, reply.counts.completion) == (40, 0, 3)


def test_where_it_cannot_be_switched_off_either_nothing_is_sent() -> None:
    server = Server("llama-cpp-python")
    failure = outcome(server, replace(TEXT, keep=0))
    assert isinstance(failure, Failure)
    assert "cannot switch the thinking off" in failure.message
    assert server.asked == []


# ── the server's own budget ──


def asked(server: Server, budget: int) -> Reply | Failure:
    async def go() -> Reply | Failure:
        async with serving(server) as state, endpoint(state, engine=server.engine) as chat:
            return await chat.ask(
                Request(messages=QUESTION, sampling=Sampling(), thinking_budget=budget), Counter()
            )

    return asyncio.run(go())


def test_a_budget_that_a_server_has_no_field_for_is_a_failure_before_anything_is_sent() -> None:
    server = Server("ollama", answer=SAID)
    failure = asked(server, 64)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.retryable, server.asked) == (FailureKind.REQUEST, False, [])
    assert "`budget_mode: force`, `trace` or `max_tokens`" in failure.message


def test_a_budget_that_a_server_refuses_is_a_failure_that_says_what_works() -> None:
    server = Server("tensorrt-llm", answer=SAID, refuses={"thinking_token_budget": 1})
    failure = asked(server, 64)
    assert isinstance(failure, Failure)
    assert failure.message.startswith(
        "TensorRT-LLM refuses `thinking_token_budget`: use `budget_mode: force`"
    )
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", ["400 Bad Request", "500 Internal Server Error"])
def test_a_vllm_without_a_parser_is_a_failure_that_names_the_flag(status: str) -> None:
    class NoParser(Server):
        async def __call__(self, call: Call) -> None:
            self.asked.append((call.path, call.json))
            said = "thinking_token_budget is set but reasoning_config is not configured."
            await call.reply({"error": {"message": said, "code": 400}}, status)

    server = NoParser("vllm")
    failure = asked(server, 64)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.retryable, len(server.asked)) == (FailureKind.REQUEST, False, 1)
    assert "`--reasoning-parser` (or `--reasoning-config`)" in failure.message
