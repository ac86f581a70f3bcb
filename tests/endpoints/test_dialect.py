"""What a server refuses, left out; what it does not refuse, kept."""

from __future__ import annotations

import json
from dataclasses import replace

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


# ── thinking: budgets, off, effort ──

OFF = {"enable_thinking": False, "thinking": False}
ON = {"enable_thinking": True, "thinking": True}
PLAIN = {"model", "messages", "stream", "stream_options"}
COUNTED = {
    "return_token_ids",
    "return_output_ids_in_sglext",
    "return_input_ids_in_sglext",
    "timings_per_token",
}


def thinking(engine: str | None, host: str = "", **wishes: object) -> dict[str, JsonValue]:
    """The fields that say how much to think."""
    request = Request(messages=(), sampling=Sampling(), **wishes)  # type: ignore[arg-type]
    fields = Dialect("m", engine, host).body(request).fields
    return {name: value for name, value in fields.items() if name not in PLAIN | COUNTED}


@pytest.mark.parametrize(
    ("engine", "host", "fields"),
    [
        ("vllm", "", {"thinking_token_budget": 64}),
        ("dynamo", "", {"thinking_token_budget": 64}),
        ("tensorrt-llm", "", {"thinking_token_budget": 64}),
        ("unknown", "", {"thinking_token_budget": 64}),
        (None, "", {"thinking_token_budget": 64}),
        ("sglang", "", {"custom_params": {"thinking_budget": 64}}),
        ("llama.cpp", "", {"reasoning_budget_tokens": 64}),
        (None, "dashscope.aliyuncs.com", {"enable_thinking": True, "thinking_budget": 64}),
        (None, "dashscope-intl.aliyuncs.com", {"enable_thinking": True, "thinking_budget": 64}),
        ("vllm", "eas.aliyuncs.com", {"thinking_token_budget": 64}),
        ("unknown", "openrouter.ai", {"reasoning": {"max_tokens": 64}}),
    ],
)
def test_a_budget_has_each_servers_own_name(engine: str | None, host: str, fields: object) -> None:
    assert thinking(engine, host, thinking_budget=64) == fields


@pytest.mark.parametrize(
    ("engine", "host", "fields"),
    [
        ("vllm", "", {"thinking_token_budget": 0, "chat_template_kwargs": OFF}),
        ("tensorrt-llm", "", {"thinking_token_budget": 0, "chat_template_kwargs": OFF}),
        ("unknown", "", {"thinking_token_budget": 0, "chat_template_kwargs": OFF}),
        ("llama.cpp", "", {"reasoning_budget_tokens": 0, "chat_template_kwargs": OFF}),
        ("sglang", "", {"chat_template_kwargs": OFF}),
        ("lmdeploy", "", {"chat_template_kwargs": OFF}),
        ("transformers", "", {"chat_template_kwargs": OFF}),
        ("ollama", "", {"reasoning_effort": "none"}),
        (None, "openrouter.ai", {"reasoning": {"enabled": False}}),
        (None, "api.z.ai", {"thinking": {"type": "disabled"}}),
        (None, "open.bigmodel.cn", {"thinking": {"type": "disabled"}}),
        (None, "api.deepseek.com", {"thinking": {"type": "disabled"}}),
        (None, "dashscope.aliyuncs.com", {"enable_thinking": False}),
        (None, "api.openai.com", {"reasoning_effort": "none"}),
    ],
)
def test_a_budget_of_zero_switches_the_thinking_off(engine: str | None, host: str, fields: object) -> None:
    assert thinking(engine, host, thinking_budget=0) == fields


@pytest.mark.parametrize(
    ("engine", "host", "word", "fields"),
    [
        ("vllm", "", "low", {"reasoning_effort": "low"}),
        ("llama.cpp", "", "low", {"reasoning_effort": "low"}),
        (None, "", "low", {"reasoning_effort": "low"}),
        ("transformers", "", "low", {"chat_template_kwargs": {"reasoning_effort": "low"}}),
        (None, "openrouter.ai", "low", {"reasoning": {"effort": "low"}}),
        (None, "openrouter.ai", "off", {"reasoning": {"enabled": False}}),
        (None, "api.z.ai", "high", {"reasoning_effort": "high", "thinking": {"type": "enabled"}}),
        (None, "api.z.ai", "on", {"thinking": {"type": "enabled"}}),
        (None, "api.z.ai", "none", {"thinking": {"type": "disabled"}}),
        ("vllm", "", "off", {"reasoning_effort": "none", "chat_template_kwargs": OFF}),
        ("sglang", "", "none", {"reasoning_effort": "none", "chat_template_kwargs": OFF}),
        ("lmdeploy", "", "off", {"chat_template_kwargs": OFF}),
        ("tensorrt-llm", "", "none", {"chat_template_kwargs": OFF}),
        ("vllm", "", "on", {"chat_template_kwargs": ON}),
        ("ollama", "", "none", {"reasoning_effort": "none"}),
        ("ollama", "", "on", {}),
    ],
)
def test_an_effort_has_each_servers_own_field(
    engine: str | None, host: str, word: str, fields: object
) -> None:
    assert thinking(engine, host, effort=word) == fields


def test_a_budget_goes_before_an_effort_that_stands_in_the_same_field() -> None:
    both = thinking(None, "openrouter.ai", effort="high", thinking_budget=64)
    assert both == {"reasoning": {"max_tokens": 64}}
    off = thinking("transformers", effort="high", thinking_budget=0)
    assert off == {"chat_template_kwargs": {"reasoning_effort": "high", **OFF}}


def test_what_the_suite_passes_is_merged_into_ours_and_wins() -> None:
    extra: dict[str, JsonValue] = {
        "custom_params": {"other": 1},
        "chat_template_kwargs": {"enable_thinking": True, "style": "terse"},
    }
    assert thinking("sglang", thinking_budget=64, extra_body=extra) == {
        "custom_params": {"thinking_budget": 64, "other": 1},
        "chat_template_kwargs": extra["chat_template_kwargs"],
    }
    assert thinking("lmdeploy", thinking_budget=0, extra_body=extra)["chat_template_kwargs"] == {
        "enable_thinking": True,
        "thinking": False,
        "style": "terse",
    }


@pytest.mark.parametrize("engine", ["vllm", "sglang", "llama.cpp", "unknown", None, "ollama", "transformers"])
def test_a_request_without_budget_and_effort_says_nothing_of_thinking(engine: str | None) -> None:
    assert thinking(engine) == {}


@pytest.mark.parametrize(
    ("engine", "host", "budget", "said"),
    [
        (
            "ollama",
            "",
            64,
            "ollama takes no thinking budget: use `budget_mode: force`, `trace` or `max_tokens`",
        ),
        (
            "lmdeploy",
            "",
            64,
            "LMDeploy takes no thinking budget: use `budget_mode: force`, `trace` or `max_tokens`",
        ),
        (
            "transformers",
            "",
            64,
            "transformers serve takes no thinking budget: use `budget_mode: max_tokens`",
        ),
        (None, "api.openai.com", 64, "OpenAI takes no thinking budget: use `budget_mode: max_tokens`"),
        (
            "llama-cpp-python",
            "",
            0,
            "llama-cpp-python cannot switch the thinking off: use `budget_mode: max_tokens`",
        ),
        ("ollama", "", 0, None),
        ("vllm", "", 64, None),
        ("ollama", "", None, None),
    ],
)
def test_a_budget_that_a_server_has_no_field_for_is_not_sent_silently(
    engine: str | None, host: str, budget: int | None, said: str | None
) -> None:
    request = Request(messages=(), sampling=Sampling(), thinking_budget=budget)
    assert Dialect("m", engine, host).thinking.cannot(request) == said


NO_PARSER = (
    "thinking_token_budget is set but reasoning_config is not configured. Please set --reasoning-parser "
    "and/or --reasoning-config to use thinking_token_budget."
)


def budget(tokens: int) -> Request:
    return Request(messages=(), sampling=Sampling(), thinking_budget=tokens)


@pytest.mark.parametrize("engine", ["vllm", None])
def test_a_budget_is_never_left_out_for_a_server_that_refuses_it(engine: str | None) -> None:
    dialect = Dialect("m", engine)
    body = dialect.body(budget(64))
    unknown = refusal({"detail": [detail("extra_forbidden", "thinking_token_budget", _NO_EXTRAS)]}, 422)
    assert not dialect.learn(body, unknown)
    assert dialect.body(budget(64)) == body
    said = dialect.budget_refused(body, unknown)
    assert said is not None
    assert "refuses `thinking_token_budget`: use `budget_mode: force`, `trace` or `max_tokens`" in said


def test_both_fields_of_a_budget_are_needed() -> None:
    dialect = Dialect("m", None, "dashscope.aliyuncs.com")
    body = dialect.body(budget(64))
    assert not dialect.learn(body, refusal(openai_error("Unknown parameter: 'thinking_budget'")))
    assert not dialect.learn(body, refusal(openai_error("Unknown parameter: 'enable_thinking'")))


def test_a_vllm_without_a_parser_is_told_how_to_be_started() -> None:
    dialect = Dialect("m", "vllm")
    body = dialect.body(budget(64))
    assert not dialect.learn(body, refusal(openai_error(NO_PARSER)))
    assert "`--reasoning-parser` (or `--reasoning-config`)" in str(
        dialect.budget_refused(body, refusal(openai_error(NO_PARSER)))
    )


def test_without_a_parser_vllm_is_still_asked_to_switch_the_thinking_off() -> None:
    dialect = Dialect("m", "vllm")
    assert dialect.learn(dialect.body(budget(0)), refusal(openai_error(NO_PARSER)))
    after = dialect.body(budget(0))
    assert (after.fields["chat_template_kwargs"], after.dropped) == (OFF, ("thinking_token_budget",))
    assert dialect.body(budget(64)).fields["thinking_token_budget"] == 64


def test_beside_requests_with_a_budget_vllm_gets_one_that_limits_nothing() -> None:
    """Else vLLM 0.32 may close its thinking with what another request left behind."""
    beside = replace(budget(64), thinking_budget=None, beside_budgets=True)
    dialect = Dialect("m", "vllm")
    body = dialect.body(beside)
    assert body.fields["thinking_token_budget"] == 1_000_000
    assert "thinking_token_budget" not in Dialect("m", "sglang").body(beside).fields
    assert "thinking_token_budget" not in Dialect("m").body(beside).fields
    assert dialect.learn(body, refusal(openai_error(NO_PARSER)))
    assert "thinking_token_budget" not in dialect.body(beside).fields


def test_the_last_field_that_switches_the_thinking_off_is_not_left_out() -> None:
    dialect = Dialect("m")
    kwargs = refusal(openai_error("Unknown parameter: 'chat_template_kwargs'"))
    tokens = refusal(openai_error("Unknown parameter: 'thinking_token_budget'"))
    assert dialect.learn(dialect.body(budget(0)), kwargs)
    last = dialect.body(budget(0))
    assert "chat_template_kwargs" not in last.fields
    assert not dialect.learn(last, tokens)
    assert "refuses `thinking_token_budget`" in str(dialect.budget_refused(last, tokens))


# ── continuing ──


def test_a_message_left_open_is_the_last_one() -> None:
    request = Request(messages=(Message(role="user", content="Q"),), sampling=Sampling())
    body = Dialect("m").left_open(request, "<think>a</think>")
    assert body.fields["messages"] == [
        {"role": "user", "content": "Q"},
        {"role": "assistant", "content": "<think>a</think>"},
    ]
    assert body.fields["continue_final_message"] is True
    assert body.fields["add_generation_prompt"] is False
    assert body.continues


@pytest.mark.parametrize(
    ("host", "flag"),
    [
        ("api.deepseek.com", "prefix"),
        ("api.mistral.ai", "prefix"),
        ("dashscope.aliyuncs.com", "partial"),
        ("api.moonshot.ai", "partial"),
    ],
)
def test_hosted_apis_have_a_flag_for_the_message_to_continue(host: str, flag: str) -> None:
    fields = Dialect("m", None, host).left_open(Request(messages=(), sampling=Sampling()), "a").fields
    assert fields["messages"] == [{"role": "assistant", "content": "a", flag: True}]
    assert "continue_final_message" not in fields


def test_a_server_that_refuses_to_hear_of_continuing_still_gets_the_message() -> None:
    dialect, request = Dialect("m"), Request(messages=(), sampling=Sampling())
    unknown = refusal({"detail": [detail("extra_forbidden", "continue_final_message", _NO_EXTRAS)]}, 422)
    assert dialect.learn(dialect.left_open(request, "a"), unknown)
    body = dialect.left_open(request, "a")
    assert body.dropped == ("continue_final_message",)
    assert body.fields["messages"] == [{"role": "assistant", "content": "a"}]


def test_a_completion_has_the_sampling_and_nothing_that_only_a_chat_knows() -> None:
    request = Request(
        messages=(Message(role="user", content="Q"),),
        sampling=Sampling(temperature=0.6, max_tokens=100, stop=("X",)),
        seed=1,
        effort="high",
        thinking_budget=5,
        tools=(TOOL,),
        extra_body={
            "chat_template_kwargs": {"a": 1},
            "reasoning_format": "none",
            "max_completion_tokens": 7,
            "thinking_token_budget": 5,
            "logit_bias": {"1": 2},
            "prompt": "x",
        },
    )
    body = Dialect("m", "vllm").completion(request, [1, 2])
    assert body.path == "completions"
    assert body.fields == {
        "model": "m",
        "prompt": [1, 2],
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_token_ids": True,
        "temperature": 0.6,
        "max_tokens": 100,
        "stop": ["X"],
        "seed": 1,
        "logit_bias": {"1": 2},
    }


def test_what_completions_refuse_is_still_sent_to_chats() -> None:
    dialect = Dialect("m", "vllm")
    refused = refusal(openai_error("Unknown parameter: 'return_token_ids'"))
    assert dialect.learn(dialect.completion(FULL, [1]), refused)
    assert "return_token_ids" not in dialect.completion(FULL, [1]).fields
    assert "return_token_ids" in dialect.body(FULL).fields
