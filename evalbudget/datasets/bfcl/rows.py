"""One row with its possible answer → Sample."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evalbudget.datasets.bfcl.functions import hinted, system_prompt, tools, written
from evalbudget.records import JsonValue, Message, Sample


def single_turn(
    row: Mapping[str, Any], answer: JsonValue, *, category: str, version: str, mode: str
) -> Sample:
    """A sample of one request. `answer`: the calls wanted; None for irrelevance and relevance."""
    language = "javascript" if "javascript" in category else "java" if "java" in category else "python"
    shown = hinted(row["function"], language)
    extra: dict[str, JsonValue] = {
        "version": version,
        "mode": mode,
        "functions": row["function"],
        "ground_truth": answer,
    }
    return asked(
        sample_id=row["id"],
        category=category,
        turn=row["question"][0],
        tools=tools(shown) if mode == "fc" else (),
        function_prompt=system_prompt([written(each, version) for each in shown], version)
        if mode == "prompt"
        else None,
        target=_target(answer, category),
        extra=extra,
    )


def asked(
    *,
    sample_id: str,
    category: str,
    turn: Sequence[Mapping[str, str]],
    tools: tuple[Mapping[str, JsonValue], ...],
    function_prompt: str | None,
    target: str,
    extra: Mapping[str, JsonValue],
) -> Sample:
    """A sample that begins with the messages of `turn`, in prompt mode after `function_prompt`."""
    messages = [Message(role=each["role"], content=each["content"]) for each in turn]
    if function_prompt is not None:
        messages = with_system(messages, function_prompt)
    asks = [message.content for message in messages if message.role == "user"]
    system = next((message.content for message in messages if message.role == "system"), None)
    return Sample(
        id=sample_id,
        prompt="\n\n".join(asks),
        target=target,
        system=system,
        category=category,
        extra=extra,
        messages=tuple(messages),
        tools=tools,
    )


def with_system(messages: Sequence[Message], text: str) -> list[Message]:
    """The messages with `text` before the first one's, where that is the system's, else before all."""
    if messages and messages[0].role == "system":
        first = Message(role="system", content=f"{text}\n\n{messages[0].content}")
        return [first, *messages[1:]]
    return [Message(role="system", content=text), *messages]


def _target(answer: JsonValue, category: str) -> str:
    if answer is not None:
        return json.dumps(answer, ensure_ascii=False)
    return "no call" if "irrelevance" in category else "a call"
