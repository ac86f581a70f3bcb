"""What a chat completion looks like on the wire, streamed or whole: the fields that we read, all optional.

Servers differ and err, so reading is in two steps: the declared types, which is fast and fits nearly
always; where an event does not fit, each of its fields alone, and one that is not what it should be counts
as absent.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec


class FunctionPiece(msgspec.Struct, gc=False):
    """A called function, or a piece of it."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class ToolPiece(msgspec.Struct, gc=False):
    """A tool call, or a piece of it."""

    index: int | None = None
    id: str | None = None
    function: FunctionPiece | None = None


class Delta(msgspec.Struct, gc=False):
    """A piece of the assistant's message, or all of it."""

    content: str | list[Any] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    reasoning_details: list[Any] | None = None
    tool_calls: list[ToolPiece] | None = None
    function_call: FunctionPiece | None = None
    refusal: str | None = None


class Choice(msgspec.Struct, gc=False):
    """One of the answers; we ask for one."""

    index: int | None = None
    delta: Delta | None = None
    message: Delta | None = None
    text: str | None = None
    """On `/completions`, in place of both."""
    finish_reason: str | None = None
    token_ids: list[int] | None = None
    """vLLM's `return_token_ids`: those of this piece, or of the whole reply."""
    stop_reason: str | int | None = None
    """vLLM's: the stop string, or the token, that ended it."""
    matched_stop: str | int | None = None
    """SGLang's, the same."""


class TokenDetails(msgspec.Struct, gc=False):
    """The finer counts inside `usage`."""

    reasoning_tokens: int | None = None
    cached_tokens: int | None = None


class UsagePiece(msgspec.Struct, gc=False):
    """What the server counted."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    completion_tokens_details: TokenDetails | None = None
    prompt_tokens_details: TokenDetails | None = None
    reasoning_tokens: int | None = None
    """SGLang's, beside the details."""
    cached_tokens: int | None = None
    """Moonshot's."""
    prompt_cache_hit_tokens: int | None = None
    """DeepSeek's."""


class Timings(msgspec.Struct, gc=False):
    """llama.cpp's; with `timings_per_token` beside each piece."""

    predicted_n: int | None = None
    """Tokens generated so far."""


class SglExt(msgspec.Struct, gc=False):
    """SGLang's extension, in an event of its own behind the reply."""

    output_ids: list[list[int]] | None = None
    """One list for each choice."""
    input_ids: list[int] | None = None
    """The prompt's."""


class Chunk(msgspec.Struct, gc=False):
    """One event of the stream, or a whole reply."""

    choices: list[Choice] | None = None
    usage: UsagePiece | None = None
    model: str | None = None
    error: Any = None
    error_message: Any = msgspec.field(default=None, name="message")
    """With no choices beside it: an error, as older vLLM and SGLang send it."""
    error_code: Any = msgspec.field(default=None, name="code")
    timings: Timings | None = None
    prompt_token_ids: list[int] | None = None
    """vLLM's, in the first event."""
    sglext: SglExt | None = None


NotJson = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)
"""What reading bytes that are no JSON raises."""

decode_chunk = msgspec.json.Decoder(Chunk).decode
decode_chunks = msgspec.json.Decoder(list[Chunk]).decode

_StructT = TypeVar("_StructT", bound=msgspec.Struct)


def read_chunk(payload: bytes) -> Chunk:
    """One event, read with patience. Raises one of `NotJson` where it is no JSON object."""
    try:
        return decode_chunk(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # The standard library also reads NaN, which Python servers write, and half a surrogate pair.
        plain = json.loads(payload.decode("utf-8", "replace"))
    if not isinstance(plain, dict):
        raise ValueError("not an object")
    return _fitting(plain, Chunk)


def _fitting(plain: dict[str, Any], kind: type[_StructT]) -> _StructT:
    """The struct made of those fields that fit; nested structs likewise."""
    fields = {}
    for field in msgspec.structs.fields(kind):
        value = plain.get(field.encode_name)
        if value is None:
            continue
        try:
            fields[field.name] = _converted(value, field.type, _NESTED.get(field.name))
        except (msgspec.ValidationError, RecursionError):
            continue
    return kind(**fields)


def _converted(value: object, kind: object, nested: type[msgspec.Struct] | None) -> object:
    if nested is not None and isinstance(value, dict):
        return _fitting(value, nested)
    if nested is not None and isinstance(value, list):
        return [_fitting(each, nested) for each in value if isinstance(each, dict)]
    converted: object = msgspec.convert(value, kind, strict=False)
    return converted


_NESTED: dict[str, type[msgspec.Struct]] = {
    "choices": Choice,
    "delta": Delta,
    "message": Delta,
    "tool_calls": ToolPiece,
    "function": FunctionPiece,
    "function_call": FunctionPiece,
    "usage": UsagePiece,
    "completion_tokens_details": TokenDetails,
    "prompt_tokens_details": TokenDetails,
    "timings": Timings,
    "sglext": SglExt,
}
"""Field → the struct inside it."""
