"""A reply → its calls, in the way that the question was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from evalbudget.records import Reply
from evalbudget.scoring.bfcl.calls import Call, NotDecodedError
from evalbudget.scoring.bfcl.checker import Language
from evalbudget.scoring.bfcl.java_calls import java_call
from evalbudget.scoring.bfcl.javascript_calls import javascript_call
from evalbudget.scoring.bfcl.python_calls import in_brackets, python_calls
from evalbudget.scoring.bfcl.tool_calls import TAG, left_as_json, left_in_tags, parsed_by_server

Origin: TypeAlias = Literal["tool_calls", "text", "prompt"]
"""The server's tool calls; calls that it left in the text; text in the syntax that prompt mode asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a reply calls."""

    calls: tuple[Call, ...]
    """Empty where it calls nothing, or where it could not be decoded."""
    origin: Origin | None
    """None where tools were offered and nothing was called."""
    problem: str | None = None
    """Why there are no calls."""
    word: str = "no_call"
    """no_call, or not_decoded: there is something that may be meant as a call."""


def decoded(reply: Reply, *, mode: str | None, version: str, language: Language, offered: bool) -> Decoded:
    """The calls of a reply. Never raises.

    `mode`: fc or prompt; None where nobody says: then a reply without tool calls and without JSON calls in
    its text is read as prompt mode asks. `offered`: whether there were functions to call at all; without
    any, JSON in an answer is no call.
    """
    origin: Origin = "tool_calls" if reply.tool_calls else "prompt" if mode == "prompt" else "text"
    try:
        if origin == "tool_calls":
            return Decoded(calls=parsed_by_server(reply.tool_calls), origin=origin)
        if origin == "text":
            found = left_in_tags(reply.answer, version) if TAG in reply.answer else None
            if found is None and offered:
                found = left_as_json(reply.answer)
            if found is not None:
                return Decoded(calls=found, origin=origin, problem=None if found else "no whole tool call")
            if mode is not None:
                return _no_tool_call(reply.answer, version)
            origin = "prompt"
        return Decoded(calls=written_calls(reply.answer, version, language), origin=origin)
    except NotDecodedError as error:
        word = "not_decoded" if origin != "prompt" or "(" in reply.answer else "no_call"
        return Decoded(calls=(), origin=origin, problem=str(error), word=word)


def _no_tool_call(text: str, version: str) -> Decoded:
    """What does not count where tools were offered: a text, even one that holds calls in Python's syntax."""
    try:
        python_calls(text, version)
    except NotDecodedError:
        return Decoded(calls=(), origin=None, problem="no tool call")
    return Decoded(calls=(), origin="text", problem="Python's syntax, and no tool call", word="not_decoded")


def written_calls(text: str, version: str, language: Language) -> tuple[Call, ...]:
    """The calls of a text in the syntax of its language. Raises NotDecodedError."""
    if language == "python":
        return python_calls(text, version)
    source = in_brackets(text)
    return (java_call(source) if language == "java" else javascript_call(source),)
