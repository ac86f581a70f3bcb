"""What one server has been found to accept.

Servers differ in the fields that they take: TensorRT-LLM, transformers serve and OpenAI refuse what they do
not know, most others ignore it. So the first request carries everything, and what the server refuses by
name is left out of it and of every later one. Fields that the suite passes through (`extra_body`) are never
left out: an experiment without them would be another one. Neither is a thinking budget; where it is 0, the
server may refuse some of the fields that switch the thinking off, but not the last of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from evalbudget.endpoints.refusal import Refusal
from evalbudget.endpoints.thinking_fields import LIMITS_NOTHING, MERGED, thinking_of
from evalbudget.endpoints.transport import CHAT, COMPLETIONS
from evalbudget.records import JsonValue, Message, Request

_OURS_ALONE = frozenset({"model", "messages", "stream"})
"""Fields that neither `extra_body` nor a refusal takes away."""
_NEVER_LEFT_OUT = _OURS_ALONE | {"tools"}
"""Without its tools, a question about tools is another one."""
_OTHER_NAMES = {"max_tokens": "max_completion_tokens"}
"""A limit on tokens is never left out, only called by its other name (OpenAI's reasoning models)."""

_VALUE_MATTERS = frozenset({"reasoning_effort"})
"""Fields that are not left out because a server refuses their value: another effort, another experiment."""
_COUNTING: Mapping[str, Mapping[str, JsonValue]] = {
    "vllm": {"return_token_ids": True},
    "sglang": {"return_output_ids_in_sglext": True, "return_input_ids_in_sglext": True},
    "llama.cpp": {"timings_per_token": True},
}
"""Engine → what makes it tell the tokens of its replies; older ones ignore it, a gateway may refuse it.

Not sent: SGLang's `return_token_ids`, which it refuses for streams, and LMDeploy's, which makes it report
`parse_error` for a reply that was cut.
"""
_COUNTS_ALONG = frozenset({"sglang"})
"""Engines that give a stream's token ids only at its end: where we may end it before, they are asked for a
running count (`continuous_usage_stats`, as in vLLM; SGLang's entrypoints/openai/protocol.py)."""
_LEFT_OPEN: Mapping[str, JsonValue] = {"continue_final_message": True, "add_generation_prompt": False}
"""vLLM, SGLang, llama.cpp: the last message is not ended, but continued."""
_OF_CHATS = frozenset(
    {
        "messages",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_completion_tokens",
        "chat_template",
        "chat_template_kwargs",
        "enable_thinking",
        "include_reasoning",
        "reasoning",
        "reasoning_effort",
        "reasoning_format",
        "reasoning_budget_tokens",
        "reasoning_budget_message",
        "separate_reasoning",
        "stream_reasoning",
        "thinking",
        "thinking_budget",
        "thinking_budget_tokens",
        "thinking_token_budget",
    }
)
"""Fields that a completion has no use for, or that would close the thinking once more."""
_NEEDS_PARSER = "reasoning_config"
"""vLLM names it where it was started without what a budget needs (v1/engine/input_processor.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A request as it is sent."""

    path: str = CHAT
    continues: bool = False
    """The reply was begun by us: it is no beginning."""
    fields: Mapping[str, JsonValue]
    dropped: tuple[str, ...]
    """What was asked for and left out because the server refuses it."""
    passed_through: frozenset[str]
    """Fields of the suite's own."""
    budget: frozenset[str] = frozenset()
    """Fields that hold the thinking budget; none of them is left out."""
    switches: frozenset[str] = frozenset()
    """Fields that switch the thinking off; the last of them is not left out."""

    @property
    def streams(self) -> bool:
        """Whether a stream is asked for."""
        return self.fields["stream"] is True


class Dialect:
    """Builds bodies for one server and learns from its refusals."""

    def __init__(self, model: str, engine: str | None = None, host: str = "") -> None:
        """`engine`: as in `ServerRecord.engine`. `host`: of the base URL, which tells of hosted APIs."""
        self._model = model
        self._counting = _COUNTING.get(engine or "", {})
        self._counts_along = engine in _COUNTS_ALONG
        self.thinking = thinking_of(engine, host)
        self._refused: dict[str, set[str]] = {CHAT: set(), COMPLETIONS: set()}
        self._renamed: dict[str, str] = {}
        self.streams = True
        """Becomes False for a server that cannot stream."""

    def body(self, request: Request) -> Body:
        """The request in this server's dialect."""
        fields: dict[str, JsonValue] = {
            "model": self._model,
            "messages": [_message(message) for message in request.messages],
            "stream": self.streams,
        }
        if request.tools:
            fields["tools"] = [dict(tool) for tool in request.tools]
        return self._body(CHAT, fields, self._wishes(request), request)

    def left_open(self, request: Request, begun: str) -> Body:
        """The request, its reply begun with this text, which the server is to continue."""
        natural = self.body(replace(request, thinking_budget=None))
        last: dict[str, JsonValue] = {"role": "assistant", "content": begun}
        asked: Mapping[str, JsonValue] = _LEFT_OPEN
        if self.thinking.left_open is not None:
            last[self.thinking.left_open], asked = True, {}
        refused = self._refused[CHAT]
        fields = {**natural.fields, **{name: asked[name] for name in asked if name not in refused}}
        fields["messages"] = [*map(_message, request.messages), last]
        dropped = tuple(name for name in asked if name in refused)
        return replace(natural, fields=fields, dropped=natural.dropped + dropped, continues=True)

    def completion(self, request: Request, prompt: Sequence[int]) -> Body:
        """The request's sampling with a prompt of token ids, for `/completions`."""
        fields: dict[str, JsonValue] = {
            "model": self._model,
            "prompt": list(prompt),
            "stream": self.streams,
        }
        return replace(self._body(COMPLETIONS, fields, dict(_sampled(request)), request), continues=True)

    def learn(self, sent: Body, refusal: Refusal) -> bool:
        """Take in why a body was refused; whether the request is worth sending again, changed."""
        if sent.streams and refusal.cannot_stream:
            self.streams = False
            return True
        learnt = False
        refused = refusal.refused_fields(sent.fields)
        if _NEEDS_PARSER in refusal.message:
            spared = {LIMITS_NOTHING} & sent.fields.keys() - sent.budget
            refused = [field for field in sent.switches | spared if field in refusal.message]
        for field in refused:
            if field in _NEVER_LEFT_OUT | sent.budget | sent.passed_through:
                continue
            if field in sent.switches and not sent.switches - self._refused[CHAT] - {field}:
                continue
            if field in _VALUE_MATTERS and refusal.about_a_value:
                continue
            learnt = self._leave_out(sent.path, field) or learnt
        return learnt

    def budget_refused(self, sent: Body, refusal: Refusal) -> str | None:
        """What to do where a body was refused for its thinking budget, in words; None where it was not."""
        modes, holding = self.thinking.modes(server=False), sent.budget | sent.switches
        if not holding:
            return None
        if _NEEDS_PARSER in refusal.message:
            return (
                "vLLM takes a thinking budget only where it was started with `--reasoning-parser` "
                f"(or `--reasoning-config`); without, use {modes}"
            )
        named = holding.intersection(refusal.refused_fields(sent.fields))
        return f"{self.thinking.name} refuses `{min(named)}`: use {modes}" if named else None

    def _wishes(self, request: Request) -> dict[str, JsonValue]:
        """What is asked for besides messages and tools."""
        return {**dict(_sampled(request)), **self.thinking.fields(request)}

    def _body(
        self, path: str, fields: dict[str, JsonValue], asked: Mapping[str, JsonValue], request: Request
    ) -> Body:
        passed = {name: value for name, value in request.extra_body.items() if name not in _OURS_ALONE}
        carriers: frozenset[str] = frozenset()
        if path == CHAT:
            carriers = frozenset(self.thinking.carriers(request.thinking_budget)).intersection(asked)
        else:
            passed = {name: value for name, value in passed.items() if name not in {*_OF_CHATS, "prompt"}}
        refused = self._refused[path]
        if request.thinking_budget or carriers <= refused:
            refused = refused - carriers
        if self.streams and "stream_options" not in refused:
            fields["stream_options"] = {"include_usage": True}
            if self._counts_along and (request.stop_loops or request.cut_thinking is not None):
                fields["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
        fields |= {name: value for name, value in self._counting.items() if name not in refused}
        renamed = self._renamed if path == CHAT else {}
        for name, value in asked.items():
            if name not in refused:
                fields[renamed.get(name, name)] = value
        if _OTHER_NAMES["max_tokens"] in passed:
            fields.pop("max_tokens", None)
        fields.update({name: _merged(fields.get(name), value, name) for name, value in passed.items()})
        return Body(
            path=path,
            fields=fields,
            dropped=tuple(name for name in asked if name in refused and name not in passed),
            passed_through=frozenset(passed),
            budget=carriers if request.thinking_budget else frozenset(),
            switches=frozenset() if request.thinking_budget else carriers,
        )

    def _leave_out(self, path: str, field: str) -> bool:
        if field in _OTHER_NAMES.values():
            return False
        if field in _OTHER_NAMES and path == CHAT:
            self._renamed[field] = _OTHER_NAMES[field]
        elif field in _OTHER_NAMES:
            return False
        else:
            self._refused[path].add(field)
        return True


def _merged(ours: JsonValue, passed: JsonValue, name: str) -> JsonValue:
    """What the suite passes, put over what we would send under the same name."""
    if name in MERGED and isinstance(ours, dict) and isinstance(passed, dict):
        return {**ours, **passed}
    return passed


def _message(message: Message) -> dict[str, JsonValue]:
    said: dict[str, JsonValue] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        said["content"] = message.content or None
        said["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        said["tool_call_id"] = message.tool_call_id
    return said


def _sampled(request: Request) -> Iterator[tuple[str, JsonValue]]:
    """How the request samples; what is None is the server's choice and is not sent."""
    sampling = request.sampling
    wishes: dict[str, JsonValue] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "repetition_penalty": sampling.repetition_penalty,
        "max_tokens": sampling.max_tokens,
        "stop": list(sampling.stop) or None,
        "seed": request.seed,
    }
    return ((name, value) for name, value in wishes.items() if value is not None)
