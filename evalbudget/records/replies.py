"""What came back: replies, and failures where none did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from evalbudget.records.json_value import JsonValue
from evalbudget.records.questions import ToolCall


class TokenSource(StrEnum):
    """Where a token count comes from, best first."""

    TOKEN_IDS = "token_ids"
    TIMINGS = "timings"
    USAGE = "usage"
    TOKENIZE = "tokenize"
    ESTIMATE = "estimate"


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

    latency_s: float | None
    """To the end of the reply; None where no such reply was waited for (a forced answer from a trace)."""
    ttft_s: float | None = None
    """To the first token, thinking or answer; None where the reply was not streamed."""
    first_answer_s: float | None = None
    """To the first token of the answer or of a tool call; None where none came or nothing was streamed."""


class Stopped(StrEnum):
    """Why we ended a stream before its reply was complete."""

    LOOP = "loop"
    """A doom loop was certain (`Request.stop_loops`)."""
    BUDGET = "budget"
    """The thinking was longer than allowed (`Request.cut_thinking`)."""


class ContinuedBy(StrEnum):
    """How a reply was continued."""

    TOKEN_IDS = "token_ids"
    """Prompt and beginning as token ids, on `/completions`."""
    CHAT = "chat"
    """The beginning as the last message of a chat, left open."""
    SWITCH = "switch"
    """Not at all: its thinking was switched off, which is the same as an empty beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued:
    """What was put before the part of a reply that its last request generated."""

    by: ContinuedBy
    kept: int | None
    """Thinking tokens of the beginning; None where unknown."""
    closing: str
    """What was put behind them, the closing marker included."""
    closing_tokens: int | None
    """Tokens of that; they are counted neither as thinking nor as answer, but in the completion."""
    generated: int | None
    """Tokens that the request generated."""


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
class TokenCounts:
    """Tokens of one reply; None where unknown, never 0 for unknown."""

    prompt: int | None = None
    reasoning: int | None = None
    """Thinking, without its markers."""
    answer: int | None = None
    """Behind the thinking, without markers and end token."""
    completion: int | None = None
    """Thinking, markers, answer, end token where the server counts it."""
    cached: int | None = None
    """Prompt tokens that the server took from its prefix cache."""
    source: TokenSource | None = None
    """Where `reasoning` and `answer` come from; None where they are unknown."""


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
    reasoning_field: str | None = None
    """The field in which it came: `reasoning` or `reasoning_content` as a rule; None where it had none."""
    thinking_closed: bool | None = None
    """Whether the thinking came to its end; None where there was none."""
    usage: Usage = Usage()
    timings: Timings = Timings(latency_s=0.0)
    served_model: str | None = None
    """The model's name in the reply, which a router may have changed."""
    stopped: Stopped | None = None
    """Set where we ended the stream; `finish_reason` is then `repetition` for a loop, None for a budget."""
    continued: Continued | None = None
    """Set where the reply was continued from a beginning; it is then the whole reply, beginning included."""
    dropped_fields: tuple[str, ...] = ()
    """Fields that were asked for and left out of what was sent, because the server refuses them."""
    counts: TokenCounts | None = None
    """Its tokens, where the endpoint found out more than `usage` says; `counting.count_tokens` gives them."""
    token_ids: Sequence[int] | None = field(default=None, repr=False, hash=False)
    """Ids of all its tokens, as 4-byte integers; None where the server gives none, or not all."""
    prompt_token_ids: Sequence[int] | None = field(default=None, repr=False, hash=False)
    """Ids of the prompt as the server rendered it; None where it gives none."""
    answer_begins: int | None = None
    """Index in `token_ids` of the first token behind the thinking; None where unknown or never closed."""
    steps: tuple[Step, ...] = ()
    """The dialogue's replies, in order; empty where one request was all."""
    longest_sequence: int | None = None
    """Of several requests: tokens, prompt included, of the one that came to the most; None where unknown."""
    notes: Mapping[str, JsonValue] = field(default_factory=dict)
    """What else the dialogue did, such as requests that prepared it; its scorer keeps them in the details."""

    @property
    def is_answered(self) -> bool:
        """Whether an answer came, in words or as a call."""
        return bool(self.answer.strip() or self.tool_calls)


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
