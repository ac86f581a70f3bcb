"""One conversation with BFCL's simulated tools: what is asked next follows from what was replied.

In each turn the model calls tools, step by step, until a step holds no call that can be read; then the next
turn's messages follow. Source: bfcl_eval, model_handler/base_handler.py (inference_multi_turn_FC and
inference_multi_turn_prompting), api_inference/openai_completion.py (messages).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalbudget.dialogues.apart import SEARCH_SECONDS, SECONDS, apart
from evalbudget.records import Failure, JsonValue, Message, Reply, Request, Step, ToolCall
from evalbudget.scoring.bfcl.simulated.steps import Done, do_step
from evalbudget.scoring.bfcl.simulated.world import Scenario

MOST_STEPS = 20
"""Steps with calls in one turn; one more ends the whole conversation. Source: MAXIMUM_STEP_LIMIT,
bfcl_eval, constants/default_prompts.py, which is compared after the step was carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the user says in one turn."""

    messages: tuple[Message, ...]
    tools: tuple[Mapping[str, JsonValue], ...] = ()
    """Tools that the model gets in addition, from this turn on."""


class Conversation:
    """A conversation in progress. Its tools run in worker processes, its requests are sent by others."""

    def __init__(self, scenario: Scenario, mode: str, request: Request, turns: Sequence[Turn]) -> None:
        """`request` gives all but messages; its tools are the first turn's. `mode`: fc or prompt."""
        self.replies: list[Reply] = []
        self.steps: list[Step] = []
        self.memory: Mapping[str, JsonValue] | None = scenario.memory
        """Of a memory scenario: what it holds by now."""
        self._scenario = scenario
        self._mode = mode
        self._request = request
        self._turns = turns
        self._turn = 0
        self._steps_with_calls = 0
        """Of the turn at hand."""
        self._called: list[tuple[str, ...]] = []
        """The calls of each step so far; a step on the tools begins by repeating them."""

    def first(self) -> Request:
        """The first request."""
        return self._ask(self._turns[0].messages, self._request.tools)

    async def heard(self, reply: Reply) -> Request | Failure | None:
        """The next request; None at the end; a failure where the tools gave no result."""
        step = Step(
            turn=self._turn, answer=reply.answer, tool_calls=reply.tool_calls, reasoning=reply.reasoning
        )
        searches = "WebSearchAPI" in self._scenario.classes
        before = [] if searches else self._called  # a search keeps no state, and is not repeated
        seconds = SEARCH_SECONDS if searches else SECONDS
        done = await apart(do_step, self._scenario, before, step, self._mode, seconds=seconds)
        self.replies.append(reply)
        self.steps.append(step if isinstance(done, Failure) else replace(step, results=done.results))
        if isinstance(done, Failure):
            return done
        self.memory = done.memory
        return self._after(reply, done)

    def _after(self, reply: Reply, done: Done) -> Request | None:
        if not done.calls:
            return self._next_turn(_said(reply, self._mode))
        self._called.append(done.calls)
        self._steps_with_calls += 1
        if self._steps_with_calls > MOST_STEPS:
            return None
        if self._mode == "prompt":
            return self._ask((_said(reply, self._mode), _told(done)))
        calls = tuple(self._identified(reply.tool_calls or done.tool_calls))
        answered = tuple(
            Message(role="tool", content=result, tool_call_id=call.id)
            for call, result in zip(calls, done.results, strict=True)
        )
        content = reply.answer if reply.tool_calls else ""
        return self._ask((Message(role="assistant", content=content, tool_calls=calls), *answered))

    def _next_turn(self, said: Message) -> Request | None:
        self._turn += 1
        self._steps_with_calls = 0
        if self._turn == len(self._turns):
            return None
        turn = self._turns[self._turn]
        return self._ask((said, *turn.messages), turn.tools if self._mode == "fc" else ())

    def _ask(self, messages: tuple[Message, ...], tools: tuple[Mapping[str, JsonValue], ...] = ()) -> Request:
        """The next request: what was said so far, and these messages."""
        begun = bool(self.replies)
        self._request = replace(
            self._request,
            messages=(*self._request.messages, *messages) if begun else messages,
            tools=(*self._request.tools, *tools) if begun else tools,
        )
        return self._request

    def _identified(self, calls: Sequence[ToolCall]) -> list[ToolCall]:
        """The calls, each with an id: the server's, else nine letters and digits, which all servers take."""
        step = len(self.steps)
        return [
            call if call.id else replace(call, id=f"c{step:04d}{number:04d}")
            for number, call in enumerate(calls)
        ]


def _said(reply: Reply, mode: str) -> Message:
    """A reply without calls that can be read. Calls that cannot are shown as text: no server takes a call
    without its result back, nor arguments that are no JSON."""
    broken = reply.tool_calls if mode == "fc" else ()
    written = [f'{{"name": {json.dumps(call.name)}, "arguments": {call.arguments}}}' for call in broken]
    return Message(role="assistant", content="\n".join([*filter(None, [reply.answer]), *written]))


def _told(done: Done) -> Message:
    """Results as the user's message of prompt mode: a Python list, as the official handlers write it."""
    results = [
        {"role": "tool", "name": call, "content": result}
        for call, result in zip(done.calls, done.results, strict=True)
    ]
    return Message(role="user", content=repr(results))
