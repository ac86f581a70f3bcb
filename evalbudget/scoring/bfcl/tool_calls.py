"""Calls as JSON: those that the server parsed, and those that it left in the text.

A server without a tool parser, or with the wrong one, passes on what the model wrote. Two forms are
understood, as the authors' handlers of the models that write them do: `<tool_call>` blocks (Qwen, Hermes,
Granite), and an answer that is nothing but JSON objects with `name` and `parameters` or `arguments` (Llama,
xLAM).
Source: bfcl_eval, model_handler/api_inference/openai_completion.py,
model_handler/local_inference/qwen_fc.py, llama_3_1.py, salesforce_qwen.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from evalbudget.records import ToolCall
from evalbudget.scoring.bfcl.calls import Call, NotDecodedError

_OPEN, _CLOSE = "<tool_call>\n", "\n</tool_call>"
TAG = "<tool_call>"
_LONGEST = 100_000
"""Characters of an answer that are read as JSON."""


def parsed_by_server(tool_calls: Sequence[ToolCall]) -> tuple[Call, ...]:
    """The calls of a reply. One whose arguments are no JSON object spoils all: raises NotDecodedError."""
    return tuple(Call(name=each.name, arguments=_arguments(each.arguments)) for each in tool_calls)


def left_in_tags(text: str, version: str) -> tuple[Call, ...]:
    """The calls in `<tool_call>` blocks, each on lines of its own; none where there is no whole block.

    A block that is no JSON spoils all in v3 and is passed over in v4. Raises NotDecodedError.
    """
    calls: list[Call] = []
    for block in _blocks(text):
        try:
            value = json.loads(block)
        except (ValueError, RecursionError) as error:
            if version == "v3":
                raise NotDecodedError(f"a call that is no JSON: {error}") from None
            continue
        calls.append(_call(value, ("arguments",)))
    return tuple(calls)


def left_as_json(text: str) -> tuple[Call, ...] | None:
    """The calls of an answer that is JSON and nothing else: an object, a list of them, or several with `;`.

    None where it is no such answer.
    """
    text = text.replace("<|python_tag|>", "").strip()
    if len(text) > _LONGEST or not text.startswith(("{", "[")):
        return None
    try:
        value = _json_values(text)
    except (ValueError, RecursionError):
        return None
    try:
        return tuple(_call(each, ("parameters", "arguments")) for each in value) or None
    except NotDecodedError:
        return None


def _json_values(text: str) -> list[object]:
    try:
        value = json.loads(text)
    except ValueError:
        return [json.loads(part) for part in text.split(";")]
    return value if isinstance(value, list) else [value]


def _blocks(text: str) -> Iterator[str]:
    """What stands between the tags, shortest first; found from left to right in linear time."""
    start = text.find(_OPEN)
    while start >= 0:
        end = text.find(_CLOSE, start + len(_OPEN))
        if end < 0:
            return
        yield text[start + len(_OPEN) : end]
        start = text.find(_OPEN, end + len(_CLOSE))


def _call(value: object, keys: Sequence[str]) -> Call:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise NotDecodedError("a call without a name")
    arguments = next((value[key] for key in keys if key in value), None)
    if not isinstance(arguments, dict):
        raise NotDecodedError("a call whose arguments are no object")
    return Call(name=value["name"], arguments=arguments)


def _arguments(text: str) -> dict[str | None, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotDecodedError(f"arguments that are no JSON: {error}") from None
    if not isinstance(value, dict):
        raise NotDecodedError("arguments that are no JSON object")
    return value
