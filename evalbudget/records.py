"""The records that travel through a run, frozen, each field documented where it is defined.

    Sample ─ Job ─ Request → Reply | Failure → Score | Failure → Attempt        one row
    RunRecord, ServerRecord, Reading                                             what surrounds the rows

The field names of `RunRecord`, `ServerRecord`, `Attempt` and `Reading` are the columns of the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"


class FailureKind(StrEnum):
    """Why there is no verdict. A failure is never a zero: it stays out of every denominator."""

    CONNECTION = "connection"
    """No connection, or it broke before the reply was complete."""
    TIMEOUT = "timeout"
    """Connected, but the first token or the next one did not come within its limit."""
    RATE_LIMIT = "rate_limit"
    """HTTP 429 after every allowed try."""
    SERVER = "server"
    """HTTP 5xx, or an error that the server sent inside its stream."""
    BAD_STREAM = "bad_stream"
    """Bytes that are no event stream or no JSON, a stream without an end, or one over the byte limit."""
    CONTENT_FILTER = "content_filter"
    """The server's filter refused the prompt or cut the answer."""
    CONTEXT_OVERFLOW = "context_overflow"
    """Prompt and max_tokens do not fit into the model's context."""
    AUTH = "auth"
    """HTTP 401 or 403: the key is missing, wrong, or not allowed to use this model."""
    REQUEST = "request"
    """Another HTTP 4xx: the server refuses the request itself."""
    CANCELLED = "cancelled"
    """Stopped by the user or by the end of the run."""
    SCORER = "scorer"
    """The reply is there, but the scorer could not judge it."""


class Outcome(StrEnum):
    """What became of a scored attempt; the first that holds."""

    CORRECT = "correct"
    LOOPED = "looped"
    """A doom loop: repeated itself and never finished."""
    TRUNCATED = "truncated"
    """Cut by max_tokens or by the context."""
    NO_ANSWER = "no_answer"
    """Finished, with nothing to extract."""
    WRONG = "wrong"


class TokenSource(StrEnum):
    """Where a token count comes from, best first."""

    TOKEN_IDS = "token_ids"
    TIMINGS = "timings"
    USAGE = "usage"
    TOKENIZE = "tokenize"
    ESTIMATE = "estimate"


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
class Request:
    """What one job asks of its endpoint; the endpoint adds the model's name and its dialect."""

    messages: tuple[Message, ...]
    sampling: Sampling
    seed: int | None = None
    """Sampling seed, different for each repeat so that repeats are independent."""
    effort: str | None = None
    """Thinking effort as a word, sent as `reasoning_effort`."""
    extra_body: Mapping[str, JsonValue] = field(default_factory=dict)
    """Fields passed through to the server as they are."""
    tools: tuple[Mapping[str, JsonValue], ...] = ()
    """Functions that the model may call; never left out for a server that refuses them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the server says that it counted, in tokens; None where it says nothing."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    """From `completion_tokens_details` or the top level; servers are known to report a wrong 0."""
    cached_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds from sending the request, as the client saw them."""

    latency_s: float
    """To the end of the reply."""
    ttft_s: float | None = None
    """To the first token, thinking or answer; None where the reply was not streamed."""
    first_answer_s: float | None = None
    """To the first token of the answer or of a tool call; None where none came or nothing was streamed."""


class ReasoningForm(StrEnum):
    """How the thinking reached us."""

    FIELD = "field"
    """In a field of its own: `reasoning` or `reasoning_content`."""
    INLINE = "inline"
    """Inside the content, between `<think>` and `</think>`, one of the two possibly missing."""
    HARMONY = "harmony"
    """Inside the content, on harmony's `analysis` channel."""
    NONE = "none"
    """There was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One reply within a dialogue, with what the tools made of it."""

    turn: int
    """The user's message that it belongs to, from 0."""
    answer: str
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    results: tuple[str, ...] = ()
    """What each call returned, as the model was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, thinking and answer apart.

    Of a dialogue: answer and end of its last reply, thinking and calls of all, tokens and seconds added up.
    """

    reasoning: str
    """The thinking without its markers; empty where there was none."""
    answer: str
    """What the scorer sees: the content without thinking."""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    """As the server said: stop, length, tool_calls, repetition, …; None where it said nothing."""
    reasoning_form: ReasoningForm = ReasoningForm.NONE
    thinking_closed: bool | None = None
    """Whether the thinking came to its end; None where there was none."""
    usage: Usage = Usage()
    timings: Timings = Timings(latency_s=0.0)
    served_model: str | None = None
    """The model's name in the reply, which a router may have changed."""
    dropped_fields: tuple[str, ...] = ()
    """Fields that were asked for and left out of what was sent, because the server refuses them."""
    steps: tuple[Step, ...] = ()
    """The dialogue's replies, in order; empty where one request was all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no reply, or no score. Data, not an exception."""

    kind: FailureKind
    message: str
    """One line for the user, without secrets."""
    retryable: bool = False
    """Whether the same request may succeed later."""
    retry_after_s: float | None = None
    """What the server asked to wait, in seconds."""
    status: int | None = None
    """The HTTP status, where there was one."""
    partial: Reply | None = None
    """What had arrived before it failed: nothing received is thrown away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """Tokens of one reply; None where unknown, never 0 for unknown."""

    prompt: int | None = None
    reasoning: int | None = None
    """Thinking, without its markers."""
    answer: int | None = None
    completion: int | None = None
    """Thinking, markers, answer, end token where the server counts it."""
    cached: int | None = None
    """Prompt tokens that the server took from its prefix cache."""
    source: TokenSource | None = None
    """Where `reasoning` and `answer` come from; None where they are unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A scorer's verdict."""

    value: float
    """Between 0 and 1."""
    extracted: str | None
    """What the scorer took for the answer; None where it found nothing."""
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    """Anything else worth keeping: second verdicts, reasons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One execution of a suite: a row of `runs`."""

    run_id: str
    name: str
    status: str
    """running, finished or interrupted."""
    started_at: str
    """ISO 8601, UTC."""
    finished_at: str | None
    suite: str
    """The suite's YAML as it was read; a secret never stands in it."""
    version: str
    host: str
    options: Mapping[str, JsonValue] = field(default_factory=dict)
    """`limit` and `only` of the command line, which a resume keeps; and `private_tasks`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRecord:
    """What is known of one model's server in one run: a row of `servers`."""

    run_id: str
    model: str
    family: str | None = None
    quantization: str = "unknown"
    base_url: str | None = None
    served_model: str | None = None
    """The name that requests carry."""
    engine: str = "unknown"
    """vllm, sglang, llama.cpp, ollama, … or unknown."""
    engine_version: str | None = None
    architecture: str | None = None
    attention: str | None = None
    """mha, gqa, mqa, mla, sliding or hybrid."""
    weight_dtype: str | None = None
    kv_dtype: str | None = None
    max_model_len: int | None = None
    """Context in tokens, for one sequence."""
    flags: Mapping[str, JsonValue] = field(default_factory=dict)
    """The command or the parameters that the engine was started with, where known."""
    patches: Mapping[str, str] = field(default_factory=dict)
    """Name of each patch → sha256 of its file."""
    kv_capacity_tokens: int | None = None
    kv_bytes_per_token: float | None = None
    kv_bytes_per_token_expected: float | None = None
    kv_fixed_bytes: int | None = None
    kv_ratio: float | None = None
    kv_verdict: str | None = None
    kv_source: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A job with its reply and its score or failure: a row of `attempts`."""

    run_id: str
    model: str
    task: str
    sample_id: str
    budget: int | None
    repeat: int
    category: str | None = None
    budget_mode: str | None = None
    """trace, force, server or max_tokens; None without a budget."""
    status: str
    """ok, or failed: then there is no outcome and no score."""
    outcome: str | None = None
    score: float | None = None
    correct: bool | None = None
    extracted: str | None = None
    target: str | None = None
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    reasoning_tokens: int | None = None
    answer_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    token_source: str | None = None
    budget_honoured: bool | None = None
    ttft_s: float | None = None
    first_answer_s: float | None = None
    latency_s: float | None = None
    loop_kind: str | None = None
    loop_doom: bool | None = None
    loop_onset_token: int | None = None
    loop_period_tokens: int | None = None
    loop_repeats: float | None = None
    loop_wasted_tokens: int | None = None
    loop_segment: str | None = None
    kv_bytes: float | None = None
    error_kind: str | None = None
    error: str | None = None
    tries: int = 1
    """Requests sent for this job in this execution, retries included; 0 where none was sent."""
    started_at: str
    """ISO 8601, UTC: when the first try was sent."""
    request: Mapping[str, JsonValue] = field(default_factory=dict)
    """What was sent besides the messages: sampling, seed, passed-through fields."""
    prompt: str = ""
    reasoning: str = ""
    answer: str = ""
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def job(self) -> Job:
        """The attempt's identity within its run."""
        return Job(
            model=self.model, task=self.task, sample_id=self.sample_id, budget=self.budget, repeat=self.repeat
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One observation of a server: a row of `readings`."""

    run_id: str
    model: str
    at: str
    """ISO 8601, UTC."""
    kv_usage: float | None = None
    """Share of the KV cache in use, 0 to 1."""
    kv_used_tokens: int | None = None
    kv_used_bytes: int | None = None
    running: int | None = None
    waiting: int | None = None
    preemptions: int | None = None  # since the server started
    source: str = ""
    """metrics, log or slots."""
