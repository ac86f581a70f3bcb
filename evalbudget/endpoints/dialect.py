"""What one server has been found to accept.

Servers differ in the fields that they take: TensorRT-LLM, transformers serve and OpenAI refuse what they do
not know, most others ignore it. So the first request carries everything, and what the server refuses by
name is left out of it and of every later one. Fields that the suite passes through (`extra_body`) are never
left out: an experiment without them would be another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evalbudget.endpoints.refusal import Refusal
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A request as it is sent."""

    fields: Mapping[str, JsonValue]
    dropped: tuple[str, ...]
    """What was asked for and left out because the server refuses it."""
    passed_through: frozenset[str]
    """Fields of the suite's own."""

    @property
    def streams(self) -> bool:
        """Whether a stream is asked for."""
        return self.fields["stream"] is True


class Dialect:
    """Builds bodies for one server and learns from its refusals."""

    def __init__(self, model: str, engine: str | None = None) -> None:
        self._model = model
        self._counting = _COUNTING.get(engine or "", {})
        self._refused: set[str] = set()
        self._renamed: dict[str, str] = {}
        self.streams = True
        """Becomes False for a server that cannot stream."""

    def body(self, request: Request) -> Body:
        """The request in this server's dialect."""
        asked = dict(_asked(request))
        fields: dict[str, JsonValue] = {
            "model": self._model,
            "messages": [_message(message) for message in request.messages],
            "stream": self.streams,
        }
        if request.tools:
            fields["tools"] = [dict(tool) for tool in request.tools]
        if self.streams and "stream_options" not in self._refused:
            fields["stream_options"] = {"include_usage": True}
        fields |= {name: value for name, value in self._counting.items() if name not in self._refused}
        for name, value in asked.items():
            if name not in self._refused:
                fields[self._renamed.get(name, name)] = value
        passed = {name: value for name, value in request.extra_body.items() if name not in _OURS_ALONE}
        if _OTHER_NAMES["max_tokens"] in passed:
            fields.pop("max_tokens", None)
        fields.update(passed)
        return Body(
            fields=fields,
            dropped=tuple(name for name in asked if name in self._refused and name not in passed),
            passed_through=frozenset(passed),
        )

    def learn(self, sent: Body, refusal: Refusal) -> bool:
        """Take in why a body was refused; whether the request is worth sending again, changed."""
        if sent.streams and refusal.cannot_stream:
            self.streams = False
            return True
        learnt = False
        for field in refusal.refused_fields(sent.fields):
            if field in _NEVER_LEFT_OUT or field in sent.passed_through:
                continue
            if field in _VALUE_MATTERS and refusal.about_a_value:
                continue
            learnt = self._leave_out(field) or learnt
        return learnt

    def _leave_out(self, field: str) -> bool:
        if field in _OTHER_NAMES.values():
            return False
        if field in _OTHER_NAMES:
            self._renamed[field] = _OTHER_NAMES[field]
        else:
            self._refused.add(field)
        return True


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


def _asked(request: Request) -> Iterator[tuple[str, JsonValue]]:
    """What the request asks for besides its messages; what is None is the server's choice and is not sent."""
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
        "reasoning_effort": request.effort,
    }
    return ((name, value) for name, value in wishes.items() if value is not None)
