"""What a model wrote in one step → the texts of its calls, as BFCL's handlers decode it for execution.

The rules for reading are those of the single-turn categories (`python_calls`, `tool_calls`); here the calls
become texts again, which is what the official executor takes, what prompt mode shows to the model, and what
the ground truth consists of.
Source: bfcl_eval, model_handler/utils.py (default_decode_execute_prompting, decoded_output_to_execution_list,
convert_to_function_call), local_inference/qwen_fc.py (decode_execute).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from evalbudget.records import ToolCall
from evalbudget.scoring.bfcl.calls import NotDecodedError
from evalbudget.scoring.bfcl.python_calls import in_brackets, parsed_calls
from evalbudget.scoring.bfcl.tool_calls import TAG, left_as_json, parsed_by_server

_LONGEST = 1_000_000
"""Characters of an answer that are read."""


def calls_of(answer: str, tool_calls: Sequence[ToolCall], mode: str | None, version: str) -> tuple[str, ...]:
    """The texts of the calls of one step, `name(key=value, …)`; none for an empty list of calls.

    `mode` is fc, prompt, or None where nobody says: then an answer without any form of tool call is read as
    prompt mode asks. `version` is v3 or v4. One broken call takes the whole step with it, as in the official
    decoders. Raises NotDecodedError. To be called in a worker process: deep nesting takes stack.
    """
    if len(answer) > _LONGEST:
        raise NotDecodedError("a text too long for a list of calls")
    if mode == "prompt" and not tool_calls:
        return _prompt_calls(answer, version)
    given = tool_calls or tool_calls_in(answer, version)
    if not given and mode is None and TAG not in answer:
        return _prompt_calls(answer, version)
    if answer and not given:
        raise NotDecodedError("a text without calls")
    return tuple(
        f"{call.name}({','.join(f'{key}={value!r}' for key, value in call.arguments.items())})"
        for call in parsed_by_server(given)
    )


def tool_calls_in(answer: str, version: str) -> tuple[ToolCall, ...]:
    """Calls that the server left in the answer's text: in `<tool_call>` elements, else as JSON alone.

    In an element, arguments may be JSON within a text, which only the decoders for execution understand.
    Raises NotDecodedError.
    """
    if TAG not in answer:
        calls = left_as_json(answer) or ()
        return tuple(ToolCall(name=call.name, arguments=json.dumps(call.arguments)) for call in calls)
    return tuple(map(_element_call, _elements(answer, version)))


def _elements(answer: str, version: str) -> list[object]:
    """The JSON values of the elements. One that holds none is passed over in v4, and spoils all in v3."""
    values: list[object] = []
    opening, closing = f"{TAG}\n", "\n</tool_call>"
    place = answer.find(opening)
    while place >= 0:
        end = answer.find(closing, place + len(opening))
        if end < 0:
            break
        try:
            values.append(json.loads(answer[place + len(opening) : end]))
        except (ValueError, RecursionError) as error:
            if version == "v3":
                raise NotDecodedError(f"a call that is no JSON: {error}") from None
        place = answer.find(opening, end + len(closing))
    return values


def _element_call(value: object) -> ToolCall:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or "arguments" not in value:
        raise NotDecodedError("a call without a name or arguments")
    arguments = value["arguments"]
    written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(name=value["name"], arguments=written)


def _prompt_calls(answer: str, version: str) -> tuple[str, ...]:
    source = in_brackets(answer)
    source = source.strip("[]'") if version == "v3" else source.strip().strip("'")
    return tuple(
        f"{call.name}({', '.join(f'{key}={_written(value)}' for key, value in call.arguments.items())})"
        for call in parsed_calls(source)
    )


def _written(value: object) -> str:
    """An argument as text. An official quirk: a mapping that holds nothing but mappings is taken for a nested
    call, of which the first is written; an empty mapping cannot be written at all."""
    if not isinstance(value, dict):
        return repr(value)
    if not all(isinstance(inner, dict) for inner in value.values()):
        return "{" + ", ".join(f"'{key}': {_written(inner)}" for key, inner in value.items()) + "}"
    if not value:
        raise NotDecodedError("an empty mapping as an argument")
    name, arguments = next(iter(value.items()))
    return f"{name}({', '.join(f'{key}={_written(inner)}' for key, inner in arguments.items())})"
