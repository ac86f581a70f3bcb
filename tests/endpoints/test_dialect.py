"""What a server refuses, left out; what it does not refuse, kept."""

from __future__ import annotations

import json

import pytest

from evalbudget.endpoints.dialect import Dialect
from evalbudget.endpoints.refusal import Refusal
from evalbudget.records import JsonValue, Message, Request, Sampling, ToolCall

FULL = Request(
    messages=(),
    sampling=Sampling(
        temperature=0.6, top_p=0.9, top_k=20, min_p=0.1, max_tokens=100, repetition_penalty=1.1
    ),
    seed=1,
    effort="high",
)


def refusal(body: object, status: int = 400) -> Refusal:
    return Refusal.read(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def openai_error(message: str, code: str | None = None, param: str | None = None) -> dict[str, JsonValue]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


_NO_EXTRAS = "Extra inputs are not permitted"
_NO_TEMPERATURE = "Unsupported value: 'temperature' does not support 0.6 with this model."
_NO_EFFORT = "Unsupported value: 'reasoning_effort' does not support 'high'."
_OTHER_NAME = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
_AS_TEXT = f"[{{'type': 'extra_forbidden', 'loc': ('body', 'repetition_penalty'), 'msg': '{_NO_EXTRAS}'}}]"


def detail(kind: str, field: str, message: str) -> dict[str, object]:
    return {"type": kind, "loc": ["body", field], "msg": message}


@pytest.mark.parametrize(
    ("body", "status", "gone"),
    [
        (openai_error("Unrecognized request argument supplied: top_k", None, None), 400, {"top_k"}),
        (openai_error("Unknown parameter: 'min_p'.", "unknown_parameter", "min_p"), 400, {"min_p"}),
        (openai_error(_NO_TEMPERATURE, "unsupported_value", "temperature"), 400, {"temperature"}),
        (openai_error("Unrecognized request argument supplied: reasoning_effort"), 400, {"reasoning_effort"}),
        ({"detail": [detail("extra_forbidden", "seed", _NO_EXTRAS)]}, 422, {"seed"}),
        ({"detail": [detail("value_error.extra", "top_k", "extra fields not permitted")]}, 422, {"top_k"}),
        (
            {"detail": "Unexpected keys in the request: {'seed', 'top_k', 'min_p'}"},
            422,
            {"seed", "top_k", "min_p"},
        ),
        ({"object": "error", "message": _AS_TEXT, "code": 400}, 400, {"repetition_penalty"}),
        (b"stream_options is not supported", 400, {"stream_options"}),
        ({"message": "extra parameter: seed not allowed"}, 422, {"seed"}),
    ],
)
def test_exactly_the_refused_fields_are_left_out(body: object, status: int, gone: set[str]) -> None:
    dialect = Dialect("m")
    before = dialect.body(FULL)
    assert dialect.learn(before, refusal(body, status))
    after = dialect.body(FULL)
    assert set(before.fields) - set(after.fields) == gone
    assert set(after.dropped) == gone - {"stream_options"}


@pytest.mark.parametrize(
    "body", [openai_error(_OTHER_NAME, "unsupported_parameter", "max_tokens"), openai_error(_OTHER_NAME)]
)
def test_the_limit_on_tokens_is_called_by_its_other_name_and_never_left_out(body: object) -> None:
    dialect = Dialect("m")
    assert dialect.learn(dialect.body(FULL), refusal(body))
    after = dialect.body(FULL)
    assert after.fields["max_completion_tokens"] == 100
    assert "max_tokens" not in after.fields
    assert after.dropped == ()
    assert not dialect.learn(after, refusal(openai_error("Unknown parameter: 'max_completion_tokens'")))
    assert dialect.body(FULL).fields["max_completion_tokens"] == 100


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (openai_error("temperature must be between 0 and 2"), 400),
        ({"detail": [detail("less_than_equal", "temperature", "Input should be less than 2")]}, 422),
        (openai_error(_NO_EFFORT, "unsupported_value", "reasoning_effort"), 400),
        (openai_error("The model `m` does not exist", "model_not_found"), 404),
        (openai_error("Unknown parameter: 'messages'", None, "messages"), 400),
        (openai_error("Unknown parameter: 'min_p_max'"), 400),
        (b"", 400),
        (b"temperature is not supported", 500),
    ],
)
def test_what_is_no_refusal_of_a_field_changes_nothing(body: object, status: int) -> None:
    dialect = Dialect("m")
    before = dialect.body(FULL)
    assert not dialect.learn(before, refusal(body, status))
    assert dialect.body(FULL) == before


def test_one_wrong_value_beside_an_unknown_field_is_not_left_out() -> None:
    details = [
        detail("extra_forbidden", "seed", _NO_EXTRAS),
        detail("less_than_equal", "temperature", "Input should be less than 2"),
    ]
    dialect = Dialect("m")
    assert dialect.learn(dialect.body(FULL), refusal({"detail": details}, 422))
    assert dialect.body(FULL).dropped == ("seed",)


def test_fields_of_the_suites_own_override_ours_and_are_never_left_out() -> None:
    request = Request(
        messages=(),
        sampling=Sampling(top_k=5, max_tokens=9),
        extra_body={"top_k": 7, "max_completion_tokens": 8, "model": "x"},
    )
    dialect = Dialect("m")
    body = dialect.body(request)
    assert (body.fields["top_k"], body.fields["max_completion_tokens"], body.fields["model"]) == (7, 8, "m")
    assert "max_tokens" not in body.fields
    assert not dialect.learn(body, refusal(openai_error("Unrecognized request argument supplied: top_k")))


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("Streaming is not supported for this model", None),
        ("stream=true is not supported", None),
        ("This model does not support streaming.", None),
        ("Unsupported value: 'stream' does not support true with this model.", "stream"),
        ("Your organization must be verified to stream this model.", "stream"),
        ("streaming unsupported", None),
    ],
)
def test_a_server_that_cannot_stream_is_asked_for_the_whole(message: str, param: str | None) -> None:
    dialect = Dialect("m")
    assert dialect.learn(dialect.body(FULL), refusal(openai_error(message, None, param)))
    after = dialect.body(FULL)
    assert after.fields["stream"] is False
    assert "stream_options" not in after.fields
    assert after.dropped == ()


def test_stream_options_alone_do_not_end_streaming() -> None:
    dialect = Dialect("m")
    assert dialect.learn(dialect.body(FULL), refusal(openai_error("Unknown field stream_options")))
    assert dialect.body(FULL).streams


def test_what_is_not_asked_for_is_not_sent() -> None:
    body = Dialect("m").body(Request(messages=(), sampling=Sampling()))
    assert set(body.fields) == {"model", "messages", "stream", "stream_options"}


def test_requests_refused_side_by_side_are_all_worth_sending_again() -> None:
    dialect = Dialect("m")
    first, second = dialect.body(FULL), dialect.body(FULL)
    error = refusal(openai_error("Unknown parameter: 'seed'"))
    assert dialect.learn(first, error)
    assert dialect.learn(second, error)


TOOL: dict[str, JsonValue] = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object"}},
}


def test_tools_and_what_they_returned_are_sent_as_the_api_wants_them() -> None:
    call = ToolCall(name="add", arguments='{"a": 1}', id="c1")
    messages = (
        Message(role="user", content="1 + 1?"),
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="tool", content="2", tool_call_id="c1"),
    )
    fields = Dialect("m").body(Request(messages=messages, sampling=Sampling(), tools=(TOOL,))).fields
    assert fields["tools"] == [TOOL]
    assert fields["messages"] == [
        {"role": "user", "content": "1 + 1?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
            ],
        },
        {"role": "tool", "content": "2", "tool_call_id": "c1"},
    ]


def test_tools_are_never_left_out_for_a_server_that_refuses_them() -> None:
    dialect = Dialect("m")
    sent = dialect.body(Request(messages=(), sampling=Sampling(), tools=(TOOL,)))
    assert not dialect.learn(sent, refusal(openai_error("Unknown parameter: 'tools'.", None, "tools")))


def test_without_tools_the_field_is_not_sent() -> None:
    assert "tools" not in Dialect("m").body(FULL).fields


@pytest.mark.parametrize(
    ("engine", "asked"),
    [
        ("vllm", {"return_token_ids"}),
        ("sglang", {"return_output_ids_in_sglext", "return_input_ids_in_sglext"}),
        ("llama.cpp", {"timings_per_token"}),
        ("lmdeploy", set()),
        (None, set()),
    ],
)
def test_an_engine_is_asked_only_for_the_counts_that_it_knows(engine: str | None, asked: set[str]) -> None:
    plain, known = Dialect("m").body(FULL), Dialect("m", engine).body(FULL)
    assert set(known.fields) - set(plain.fields) == asked
    assert known.dropped == ()


def test_what_the_suite_says_goes_before_what_we_would_ask_for() -> None:
    request = Request(messages=(), sampling=Sampling(), extra_body={"return_token_ids": False})
    assert Dialect("m", "vllm").body(request).fields["return_token_ids"] is False
