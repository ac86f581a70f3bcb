"""What is asked: samples, jobs, requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evalbudget.records.json_value import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One tool call of a reply, its streamed pieces joined."""

    name: str
    arguments: str
    """The arguments' JSON text exactly as the model wrote it, which need not be valid."""
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One chat message."""

    role: str
    """system, user, assistant or tool."""
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    """For an assistant's message: what it called."""
    tool_call_id: str | None = None
    """For a tool's message: the call that it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The options of a multiple-choice question; `choices.arranged` gives them an order for each repeat."""

    question: str
    """What the order follows from."""
    options: tuple[str, ...]
    """The right one first."""
    pieces: tuple[str, ...]
    """The prompt in pieces: text and, in every second place, a slot: `choices`, or one option's letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One question with its target, the prompt already rendered."""

    id: str
    """Unique within the task and stable: it joins runs, models and quantizations."""
    prompt: str
    """The user's message, complete."""
    target: str
    """What the scorer compares with; empty where the scorer needs no target."""
    system: str | None = None
    """The system message; None sends none."""
    category: str | None = None
    """The sample's stratum, such as BFCL's category; None where the task has none."""
    extra: Mapping[str, JsonValue] = field(default_factory=dict)
    """Further columns of the data that the scorer asks for."""
    messages: tuple[Message, ...] = ()
    """The conversation, where it has more than `system` and `prompt`, which then only show it."""
    tools: tuple[Mapping[str, JsonValue], ...] = ()
    """Functions that the model may call, as the chat-completions API takes them."""
    choices: Choices | None = None
    """Set where the order of options differs between repeats; prompt and target are then one repeat's."""

    @property
    def conversation(self) -> tuple[Message, ...]:
        """What is sent: `messages`, else the system message, if any, and the prompt."""
        if self.messages:
            return self.messages
        system = (Message(role="system", content=self.system),) if self.system is not None else ()
        return (*system, Message(role="user", content=self.prompt))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The identity of an attempt within a run: these five fields, never a joined string."""

    model: str
    task: str
    sample_id: str
    budget: int | None
    """Reasoning tokens allowed; None = unlimited, 0 = no thinking."""
    repeat: int
    """The n-th independent answer to the same sample, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How to sample. None leaves the choice to the server and sends nothing."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    max_tokens: int | None = None
    """Completion tokens allowed, thinking and answer together."""
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The beginning of a reply, from which the model is to go on with its answer.

    What is sent: prompt, `opening` where the prompt does not end in it, the thinking that is kept, `closing`.
    """

    reasoning: str = ""
    """The thinking so far, without markers."""
    reasoning_tokens: int | None = None
    """How many tokens that is, where known."""
    ids: Sequence[int] | None = field(default=None, repr=False, hash=False)
    """Ids of the reply that holds this thinking, markers included; None = cut the text anew."""
    prompt_ids: Sequence[int] | None = field(default=None, repr=False, hash=False)
    """Ids of the prompt as the server rendered it for that reply; None = have it rendered."""
    keep: int | None = None
    """Thinking tokens that are kept, from the first; None = all."""
    opening: str = "<think>"
    """Marker before the thinking."""
    closing: str = "</think>"
    """What is put behind it, the closing marker included: `reasoning.budgets.ForceString.closing`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one job asks of its endpoint; the endpoint adds the model's name and its dialect."""

    messages: tuple[Message, ...]
    sampling: Sampling
    seed: int | None = None
    """Sampling seed, different for each repeat so that repeats are independent."""
    effort: str | None = None
    """Thinking effort as a word; each server has a field of its own for it."""
    thinking_budget: int | None = None
    """Thinking tokens that the server itself is to allow, in its dialect; 0 = the thinking switched off."""
    beside_budgets: bool = False
    """Other requests of its run carry a `thinking_budget`, which not every server keeps apart."""
    cut_thinking: int | None = None
    """The stream is ended by us once its thinking has more tokens than this."""
    stop_loops: bool = False
    """The stream is ended by us once a doom loop is certain."""
    begun: Begun | None = None
    """Where set, the reply is continued instead of begun."""
    extra_body: Mapping[str, JsonValue] = field(default_factory=dict)
    """Fields passed through to the server as they are."""
    tools: tuple[Mapping[str, JsonValue], ...] = ()
    """Functions that the model may call; never left out for a server that refuses them."""
