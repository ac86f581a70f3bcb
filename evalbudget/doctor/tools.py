"""Whether tools are called, and several at once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from evalbudget.doctor.findings import Seen, counted, missing, partly, unknown, works
from evalbudget.doctor.interview import Interview, thinks
from evalbudget.doctor.mends import TOOLS, mend
from evalbudget.reasoning.budgets import honoured
from evalbudget.reasoning.counting import count_tokens
from evalbudget.records import JsonValue, Reply, ToolCall

_NAME, _ARGUMENT = "get_weather", "city"
_TOOL: Mapping[str, JsonValue] = {
    "type": "function",
    "function": {
        "name": _NAME,
        "description": "The weather in one city, now.",
        "parameters": {
            "type": "object",
            "properties": {_ARGUMENT: {"type": "string", "description": "The city's name."}},
            "required": [_ARGUMENT],
        },
    },
}
_ASKED = (
    "What is the weather in Paris and in Rome right now? Call the tool for both cities at once, without"
    " any words."
)
_SECONDS = 8.0
_MARKUP = re.compile(
    r"<\|?/?tool_?calls?|\[TOOL_CALLS?|<function|<\|python_tag\|>|<\|tool|" + _NAME + r"\b\s*[({\"']", re.I
)
"""How models write calls that no parser took out of the text."""


async def tool_calls(asked: Interview) -> Seen:
    """Two calls are wanted in one reply."""
    request = replace(asked.request(_ASKED, asked.tokens(_SECONDS)), tools=(_TOOL,))
    if await _can_answer_at_once(asked):
        request = replace(request, thinking_budget=0)
    advice = mend(TOOLS, asked.record.engine)
    outcome = await asked.ask(request, advice)
    if not outcome.tool_calls:
        return _without_calls(outcome, advice)
    calls = [_fault(call) for call in outcome.tool_calls]
    called = counted(len(calls), "call")
    faults = [fault for fault in calls if fault]
    if faults:
        return partly(f"{called}, of which one {faults[0]}", advice)
    if len(calls) == 1:
        return partly("one call where two were wanted: the model may call one after the other")
    return works(f"{called} in one reply, their arguments valid")


async def _can_answer_at_once(asked: Interview) -> bool:
    if not thinks(await asked.natural()):
        return False
    reply = await asked.unthought()
    if not isinstance(reply, Reply):
        return False
    return honoured(reply, count_tokens(reply), budget=0, mode="server") is True


def _without_calls(reply: Reply, advice: str) -> Seen:
    if _MARKUP.search(reply.answer):
        return missing("the call came as text: no parser took it out of the answer", advice)
    if reply.finish_reason == "length" and not reply.is_answered:
        return unknown("cut in its thinking, before any call")
    return unknown(
        "no call: it answered in words; it may be unwilling, or know no tools", f"if it should: {advice}"
    )


def _fault(call: ToolCall) -> str | None:
    """What is wrong with a call; None where nothing is."""
    try:
        arguments: object = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return "has arguments that are no JSON"
    if call.name != _NAME:
        return "calls a tool that there is not"
    if not isinstance(arguments, dict) or not isinstance(arguments.get(_ARGUMENT), str):
        return f"lacks its argument `{_ARGUMENT}`"
    return None
