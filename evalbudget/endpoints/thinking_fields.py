"""What each server calls a thinking budget, thinking switched off, and a thinking effort.

Adding a server means adding a line to one of the two tables. A field is sent only where it is understood: a
budget that a server ignores without a word is no experiment.

Sources. vLLM `SamplingParams.thinking_token_budget` (vllm-project/vllm#20859; inside `chat_template_kwargs`
it is ignored), whose 0 closes the thinking at once (v1/sample/thinking_budget_state.py). Dynamo forwards the
same field (ai-dynamo/dynamo#9571); TensorRT-LLM has it (sampling_params.py). SGLang `custom_params`
(docs: thinking budget). llama.cpp `reasoning_budget_tokens` (tools/server/server-common.cpp, PR #20297); its
0 does not close a thinking that the chat template opened, so the template's switches go along. Ollama turns
`reasoning_effort` into its `think`; it has no budget (ollama/ollama#17566 open). DashScope
`enable_thinking`, `thinking_budget`. OpenRouter `reasoning`. Z.ai, DeepSeek and Moonshot `thinking.type`.
OpenAI `reasoning_effort`, whose lowest is `none` since gpt-5.1; earlier models refuse it and say so.
Template switches: `enable_thinking` (Qwen3, GLM), `thinking` (DeepSeek-V3.1, Kimi).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from evalbudget.records import JsonValue, Request

Fields: TypeAlias = "dict[str, JsonValue]"

TEMPLATE = "chat_template_kwargs"
MERGED = frozenset({TEMPLATE, "custom_params", "reasoning", "thinking"})
"""Fields that hold an object: what the suite passes under the same name is merged into ours, and wins."""

_OFF = frozenset({"none", "off"})
_ON = "on"


LIMITS_NOTHING = "thinking_token_budget"
"""The field of a budget that limits nothing. vLLM 0.32 (v1/sample/thinking_budget_state.py, `sync_batch`) may
give a request without a budget the state that an earlier one left in its row of the batch, and closes its
thinking after a few tokens: seen for 29 to 51 % of them, four at once. One with a budget is spared."""
_NO_LIMIT = 1_000_000


def _template(*, on: bool) -> Fields:
    return {TEMPLATE: {"enable_thinking": on, "thinking": on}}


def _type(*, on: bool) -> Fields:
    return {"thinking": {"type": "enabled" if on else "disabled"}}


def _effort_none(*, on: bool) -> Fields:
    return {} if on else {"reasoning_effort": "none"}


def _effort(word: str) -> Fields:
    return {"reasoning_effort": word}


def _token_budget(tokens: int) -> Fields:
    return {"thinking_token_budget": tokens}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """How one server is told how much to think, and whether it goes on with a reply that was begun."""

    name: str
    """For messages."""
    budget: Callable[[int], Fields] | None = None
    """Tokens allowed → fields; None where there is no such parameter."""
    zero: bool = True
    """The parameter takes 0, and goes along with the switch."""
    switch: Callable[..., Fields] | None = _template
    """`on` → fields; None where thinking cannot be switched."""
    effort: Callable[[str], Fields] = _effort
    """Word → fields."""
    none_is_an_effort: bool = True
    """`none` goes along with the switch."""
    continues: bool = True
    """Whether a reply can be continued there at all."""
    leaks: bool = False
    """A request without a budget may get that of another: beside such it carries one that limits nothing."""
    left_open: str | None = None
    """Flag on the last message by which it is continued; None = `continue_final_message` on the request."""

    def fields(self, request: Request) -> Fields:
        """What is sent for the request's effort and budget; a budget goes before an effort."""
        asked = self._of_effort(request.effort) if request.effort is not None else {}
        if self.leaks and request.beside_budgets and request.thinking_budget is None:
            asked |= _token_budget(_NO_LIMIT)
        for name, value in self.carriers(request.thinking_budget).items():
            both = name == TEMPLATE and name in asked
            asked[name] = {**_object(asked[name]), **_object(value)} if both else value
        return asked

    def carriers(self, budget: int | None) -> Fields:
        """The fields that hold a budget; without any of them it would not be asked for."""
        if budget is None:
            return {}
        fields = self.switch(on=False) if budget == 0 and self.switch is not None else {}
        if self.budget is not None and (budget > 0 or self.zero):
            fields |= self.budget(budget)
        return fields

    def cannot(self, request: Request) -> str | None:
        """Why this request must not be sent there; None where it may."""
        budget = request.thinking_budget
        if budget is None or self.carriers(budget):
            return None
        what = "takes no thinking budget" if budget else "cannot switch the thinking off"
        return f"{self.name} {what}: use {self.modes(server=False)}"

    def modes(self, *, server: bool) -> str:
        """The budget modes that can work there, for a message; `server`: name that one too, where it can."""
        modes = ["server"] if server and self.budget is not None else []
        modes += ["force", "trace"] if self.continues else []
        if not modes:
            return "`budget_mode: max_tokens`"
        return f"`budget_mode: {'`, `'.join(modes)}` or `max_tokens`"

    def _of_effort(self, word: str) -> Fields:
        if word != _ON and word not in _OFF:
            return self.effort(word)
        fields = self.switch(on=word == _ON) if self.switch is not None else {}
        if word in _OFF and self.none_is_an_effort:
            fields = {**self.effort("none"), **fields}
        return fields


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


_UNKNOWN = Thinking(name="this server", budget=_token_budget)
_ENGINES: Mapping[str, Thinking] = {
    "vllm": Thinking(name="vLLM", budget=_token_budget, leaks=True),
    "dynamo": Thinking(name="dynamo", budget=_token_budget),
    "tensorrt-llm": Thinking(name="TensorRT-LLM", budget=_token_budget, none_is_an_effort=False),
    "sglang": Thinking(
        name="SGLang", budget=lambda tokens: {"custom_params": {"thinking_budget": tokens}}, zero=False
    ),
    "llama.cpp": Thinking(name="llama.cpp", budget=lambda tokens: {"reasoning_budget_tokens": tokens}),
    "lmdeploy": Thinking(name="LMDeploy", none_is_an_effort=False),
    "transformers": Thinking(
        name="transformers serve",
        effort=lambda word: {TEMPLATE: {"reasoning_effort": word}},
        none_is_an_effort=False,
        continues=False,
    ),
    "ollama": Thinking(name="ollama", switch=_effort_none),
    "llama-cpp-python": Thinking(name="llama-cpp-python", switch=None, continues=False),
}
"""By `ServerRecord.engine`. transformers serve always adds a generation prompt (its chat_completion.py), and
so do llama-cpp-python's chat formats."""
_HOSTS: Mapping[str, Thinking] = {
    "openrouter.ai": Thinking(
        name="OpenRouter",
        budget=lambda tokens: {"reasoning": {"max_tokens": tokens}},
        zero=False,
        switch=lambda *, on: {"reasoning": {"enabled": on}},
        effort=lambda word: {"reasoning": {"effort": word}},
        none_is_an_effort=False,
    ),
    "dashscope.aliyuncs.com": (
        _dashscope := Thinking(
            name="DashScope",
            budget=lambda tokens: {"enable_thinking": True, "thinking_budget": tokens},
            zero=False,
            switch=lambda *, on: {"enable_thinking": on},
            none_is_an_effort=False,
            left_open="partial",
        )
    ),
    "dashscope-intl.aliyuncs.com": _dashscope,
    "dashscope-us.aliyuncs.com": _dashscope,
    "z.ai": (
        _zai := Thinking(
            name="Z.ai",
            switch=_type,
            effort=lambda word: {**_effort(word), **_type(on=True)},
            none_is_an_effort=False,
        )
    ),
    "bigmodel.cn": _zai,
    "deepseek.com": Thinking(name="DeepSeek", switch=_type, none_is_an_effort=False, left_open="prefix"),
    "moonshot.ai": (
        _moonshot := Thinking(name="Moonshot", switch=_type, none_is_an_effort=False, left_open="partial")
    ),
    "moonshot.cn": _moonshot,
    "mistral.ai": Thinking(name="Mistral", switch=_effort_none, left_open="prefix"),
    "openai.com": Thinking(name="OpenAI", switch=_effort_none, continues=False),
}
"""By the end of the host's name in `base_url`."""


def thinking_of(engine: str | None, host: str = "") -> Thinking:
    """How the server is told how much to think: by its host, else by its engine."""
    for name, thinking in _HOSTS.items():
        if host == name or host.endswith(f".{name}"):
            return thinking
    return _ENGINES.get(engine or "", _UNKNOWN)
