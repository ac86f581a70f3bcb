"""A server on the loopback that thinks and answers as a test says, with the faults that a test gives it."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any

from tests.endpoints.hostile import DONE, Call, event

THOUGHTS = 40
"""Words of its thinking, each a token."""
ANSWER = ("57", " bags", ",", " 4", " pens")
CALL = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
BOTH = (CALL, {"name": "get_weather", "arguments": '{"city": "Rome"}'})


@dataclass(kw_only=True)
class Imitation:
    """As it is, it does everything right, in the dialect of an unknown server."""

    place: str | None = "reasoning_content"
    """The field of the thinking; None = inside the content."""
    thinks: bool = True
    usage: bool = True
    reasoning_tokens: str | None = "true"
    """true, zero, or None for none."""
    budget: str = "honoured"
    """honoured, ignored, refused, or parser: refused as vLLM does without one."""
    switches: bool = True
    seeds: bool = True
    """The same seed gives the same text."""
    steady: bool = True
    """The same text at temperature 0."""
    refuses: frozenset[str] = frozenset()
    calls: tuple[dict[str, str], ...] = BOTH
    says: str = ""
    """In place of calls."""
    strict: bool = True
    """Refuses fields that it does not know."""
    cuts_prompts: bool = False
    limits: bool = True
    """Keeps max_tokens."""
    cached: int | None = 32
    refuses_after: int | None = None
    """From that request on it answers 401."""
    hangs_after: int | None = None
    closes_after: int | None = None
    counts_on: bool = False
    """Asked to count, it does not end."""
    notices: bool = True
    """Its metrics no longer show a request whose client has gone."""
    running: int = 0
    context: int = 2000
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, call: Call) -> None:
        if call.method != "POST" or call.path != "/v1/chat/completions":
            return await call.reply({"error": {"message": "Not Found"}}, "404 Not Found")
        self.asked.append(call.json)
        if self._is_after(self.refuses_after):
            return await call.reply({"error": {"message": "no key"}}, "401 Unauthorized")
        if self._is_after(self.hangs_after):
            await call.begin_stream()
            await call.reader.read()
        elif self._is_after(self.closes_after):
            call.writer.close()
        elif call.json["messages"][-1]["content"].startswith("Count"):
            await self._count(call)
        elif refusal := self._refusal(call.json):
            await call.reply({"error": {"message": refusal}}, "400 Bad Request")
        else:
            await call.stream(*self._reply(call.json), DONE)
        return None

    def _is_after(self, number: int | None) -> bool:
        return number is not None and len(self.asked) > number

    async def _count(self, call: Call) -> None:
        """For ever, where it does; until the client has gone."""
        if not self.counts_on:
            return await call.stream(event({"content": "one"}), event({}, "stop"), DONE)
        self.running = 1
        try:
            await call.begin_stream()
            while True:
                await call.send(event({"content": " one"}))
                await asyncio.sleep(0.01)
        finally:
            self.running = 0 if self.notices else 1

    def _refusal(self, body: dict[str, Any]) -> str | None:
        unknown = self.refuses | ({"evalbudget_doctor_asks"} if self.strict else set())
        for name in unknown & body.keys():
            return f"Unrecognized request argument supplied: {name}"
        if "thinking_token_budget" in body and body["thinking_token_budget"] < 10_000:
            if self.budget == "refused":
                return "Unrecognized request argument supplied: thinking_token_budget"
            if self.budget == "parser":
                return "thinking_token_budget is set but reasoning_config is not configured"
        if len(self._words(body)) > self.context and not self.cuts_prompts:
            said = f"This model's maximum context length is {self.context} tokens"
            return f"{said}. However, you requested {len(self._words(body))} tokens."
        return None

    @staticmethod
    def _words(body: dict[str, Any]) -> list[str]:
        return [word for message in body["messages"] for word in str(message["content"]).split()]

    def _reply(self, body: dict[str, Any]) -> list[bytes]:
        thought, said = self._text(body)
        calls = self.calls if body.get("tools") else ()
        most = body.get("max_tokens", 1000) if self.limits else 1000
        end = "length" if len(thought) + 2 + len(said) > most else "tool_calls" if calls else "stop"
        thought, left = thought[:most], max(most - len(thought) - 2, 0)
        said, closed = said[:left], len(thought) < most
        events = [event({self.place or "content": word}) for word in thought]
        if not self.place and thought:
            events.insert(0, event({"content": "<think>"}))
            events += [event({"content": "</think>"})] if closed else []
        events += [event({"content": word}) for word in said]
        if calls and left:
            pieces = [{"index": place, "id": str(place), "function": one} for place, one in enumerate(calls)]
            events.append(event({"tool_calls": pieces}))
        events.append(event({}, end))
        total = min(len(thought) + 2 * bool(thought) + max(len(said), len(calls)), most)
        return [*events, *([self._usage(body, total, len(thought))] if self.usage else [])]

    def _text(self, body: dict[str, Any]) -> tuple[list[str], list[str]]:
        length = THOUGHTS if self.thinks else 0
        switched = body.get("chat_template_kwargs", {}).get("enable_thinking") is False
        if self.budget == "honoured" and "thinking_token_budget" in body:
            length = min(length, body["thinking_token_budget"])
        if (self.switches and switched) or body["messages"][-1]["role"] == "assistant":
            length = 0
        chance = random.Random(self._seed(body))
        words = [f" t{place}" for place in range(length)]
        if body.get("temperature") == 1.0:
            words = [f" {chance.randrange(1000)}" for _ in words] or words
            return words, [f" {chance.randrange(1000)}" for _ in ANSWER]
        if not self.steady:
            words[3:4] = [f" {chance.randrange(1000)}"]
        if body.get("tools"):
            return words, [self.says] if self.says else []
        effort = body.get("reasoning_effort")
        return words, [*ANSWER, f" ({effort})"] if effort else list(ANSWER)

    def _seed(self, body: dict[str, Any]) -> int:
        return body.get("seed", 0) if self.seeds and self.steady else len(self.asked)

    def _usage(self, body: dict[str, Any], completion: int, thought: int) -> bytes:
        prompt = min(len(self._words(body)), self.context) + len(body.get("reasoning_effort", ""))
        usage: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": completion}
        if self.reasoning_tokens is not None:
            told = thought if self.reasoning_tokens == "true" else 0
            usage["completion_tokens_details"] = {"reasoning_tokens": told}
        if self.cached is not None:
            usage["prompt_tokens_details"] = {"cached_tokens": self.cached}
        return b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"
