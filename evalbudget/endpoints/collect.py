"""The events of one reply → Reply."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from evalbudget.endpoints.brake import Brake
from evalbudget.endpoints.calls import ToolCalls
from evalbudget.endpoints.growing import Growing
from evalbudget.endpoints.trail import Trail
from evalbudget.endpoints.wire import Choice, Chunk, Delta, TokenDetails, ToolPiece, UsagePiece
from evalbudget.reasoning.counting import Evidence, count_by
from evalbudget.reasoning.loops.of_reply import loop_of
from evalbudget.reasoning.parts import Parts
from evalbudget.reasoning.split import split_content, split_field
from evalbudget.reasoning.token_ids import Spans, Vocabulary
from evalbudget.records import ReasoningForm, Reply, Stopped, Timings, TokenSource, Usage

_REPETITION = "repetition"
"""vLLM's `finish_reason` for a reply that it ended because of a loop, and ours."""
_CUT = (None, "length", _REPETITION)
"""`finish_reason` of a reply that may have been cut in its thinking."""


class Collector:
    """Puts the pieces of one reply together. Times are seconds of one clock, taken once for each read."""

    __slots__ = (
        "_before_thinking",
        "_called",
        "_calls",
        "_content",
        "_content_chars",
        "_cut_is_thinking",
        "_dropped_fields",
        "_evidence",
        "_field",
        "_first_call_at",
        "_marking",
        "_marks",
        "_prompt_opens_thinking",
        "_reasoning",
        "_said",
        "_served_model",
        "_started",
        "_steps",
        "_thought",
        "_trail",
        "_usage",
        "brake",
        "error",
        "finish_reason",
        "first_token_at",
        "stopped",
        "template_opened",
    )

    def __init__(
        self,
        started: float,
        *,
        prompt_opens_thinking: bool = False,
        cut_is_thinking: bool = False,
        dropped_fields: tuple[str, ...] = (),
        vocabulary: Vocabulary | None = None,
        closing_counted: bool = False,
        brake: Brake | None = None,
    ) -> None:
        """`cut_is_thinking`: a content without markers that was cut off never left the thinking.

        `vocabulary`: of the model, where known. `closing_counted`: see `counting.Evidence`. `brake`: hears
        all that comes.
        """
        self._started = started
        self._cut_is_thinking = cut_is_thinking
        self._dropped_fields = dropped_fields
        self._prompt_opens_thinking = prompt_opens_thinking
        self._content = Growing()
        self._content_chars = 0
        self._reasoning = Growing()
        self._before_thinking: int | None = None
        """Characters of content before the first thinking that came in a field of its own."""
        self._field: str | None = None
        """The name of that field."""
        self._said: list[str] = []
        """Content of the read at hand."""
        self._thought: list[str] = []
        """Thinking of the read at hand."""
        self._called = False
        """The read at hand held a piece of a tool call."""
        self._marks: list[tuple[int, float]] = []
        """Characters of content so far, and when: at each read in which the answer may have begun."""
        self._marking = True
        self._calls = ToolCalls()
        self._first_call_at: float | None = None
        self._usage = UsagePiece()
        self._trail = Trail(vocabulary, closing_counted=closing_counted)
        self._steps = self._trail.steps
        self._evidence = Evidence()
        self._served_model: str | None = None
        self.brake = brake
        self.stopped: Stopped | None = None
        """Why we ended the stream, where we did."""
        self.first_token_at: float | None = None
        self.finish_reason: str | None = None
        self.error: Any = None
        """What the server sent instead of the next event."""
        self.template_opened = False
        """Known with the reply: its thinking was opened by the chat template, as the content shows."""

    @property
    def empty(self) -> bool:
        """No token has come."""
        return self.first_token_at is None

    def take(self, chunks: list[Chunk], at: float) -> bool:
        """Add what one read brought, up to an error; whether a token was among it."""
        for chunk in chunks:
            if chunk.choices:
                self._take_choice(chunk.choices[0], chunk.choices)
            elif chunk.error is not None:
                self.error = chunk.error
            elif chunk.error_message is not None and chunk.choices is None:
                self.error = {"message": chunk.error_message, "code": chunk.error_code}
            if chunk.timings is not None or chunk.prompt_token_ids is not None or chunk.sglext is not None:
                self._trail.take_chunk(chunk)
            if chunk.usage is not None:
                self._usage = chunk.usage
                if self.brake is not None and chunk.choices and chunk.usage.completion_tokens is not None:
                    self._trail.take_usage(chunk.usage.completion_tokens)
            if self.error is not None:
                break
        if self._served_model is None:
            self._served_model = next((chunk.model for chunk in chunks if chunk.model), None)
        return self._close_read(at)

    def heed_brake(self, at: float) -> None:
        """Note that the reply is complete, where the brake says so."""
        brake = self.brake
        if brake is None or brake.why is None or self.error is not None:
            return
        self.stopped = brake.why
        if self.stopped is Stopped.LOOP:
            self.finish_reason = _REPETITION
            verdict = None if brake.sure else loop_of(self.reply(at))
            if verdict is not None and not (verdict.doom and verdict.certain_token is not None):
                self.stopped = self.finish_reason = None
                brake.carry_on()

    def reply(self, ended: float, *, streamed: bool = True) -> Reply:
        """All that has come."""
        spans = self._trail.spans(self.finish_reason, continues=self._before_thinking is not None)
        parts = self._parts(spans)
        calls = self._calls.joined() + parts.tool_calls
        closed = parts.closed or (bool(calls) if parts.reasoning else None)
        reply = Reply(
            reasoning=parts.reasoning,
            answer=parts.answer,
            tool_calls=calls,
            finish_reason=self.finish_reason,
            reasoning_form=parts.form,
            reasoning_field=self._field,
            thinking_closed=closed,
            stopped=self.stopped,
            usage=_usage(self._usage),
            timings=self._timings(ended, parts) if streamed else Timings(latency_s=ended - self._started),
            served_model=self._served_model,
            dropped_fields=self._dropped_fields,
            prompt_token_ids=self._trail.prompt,
        )
        opened = None if parts.thinking_at is None else parts.thinking_at[0] == 0
        self._evidence = self._trail.evidence(spans, inline=parts.thinking_at, prompt_opened=opened)
        return self._with_ids(self._counted(reply), spans)

    @property
    def unread(self) -> bool:
        """Token ids came, and nobody has asked yet which of them are markers."""
        return self._trail.unread

    def read_with(self, reply: Reply, vocabulary: Vocabulary) -> Reply:
        """The same reply, its token ids read with the vocabulary."""
        self._trail.learn(vocabulary)
        streamed = reply.timings.ttft_s is not None
        return self.reply(self._started + (reply.timings.latency_s or 0.0), streamed=streamed)

    @property
    def opening_unsure(self) -> bool:
        """Tokens came before the thinking, of which the prompt shows whether they were an opening marker."""
        steps = self._evidence.steps
        return (
            self._evidence.step_source is TokenSource.TIMINGS
            and steps is not None
            and steps.thinking_until is not None
            and steps.before_thinking > 0
        )

    def recounted(
        self, reply: Reply, *, tokenized: int | None = None, prompt_opened: bool | None = None
    ) -> Reply:
        """The reply, after the server was asked how many tokens its thinking has, or how its prompt ends."""
        self._evidence = replace(
            self._evidence,
            tokenized=self._evidence.tokenized if tokenized is None else tokenized,
            prompt_opened=self._evidence.prompt_opened if prompt_opened is None else prompt_opened,
        )
        return self._counted(reply)

    def _counted(self, reply: Reply) -> Reply:
        return replace(reply, counts=count_by(reply, self._evidence))

    def _with_ids(self, reply: Reply, spans: Spans | None) -> Reply:
        """With the ids, where they are all there, and what only they can tell."""
        ids, completion = self._trail.ids, reply.usage.completion_tokens
        if ids is None or (completion is not None and completion != len(ids)):
            return reply
        reply = replace(reply, token_ids=ids)
        if reply.counts is None or reply.counts.source is not TokenSource.TOKEN_IDS:
            return reply
        if spans is None:
            return replace(reply, answer_begins=self._answer_begins(reply))
        closed = spans.answer_at is not None if reply.reasoning else None
        return replace(reply, answer_begins=spans.answer_at, thinking_closed=closed)

    def _answer_begins(self, reply: Reply) -> int | None:
        """By the counts beside the pieces; the closing marker is one token."""
        if not reply.reasoning:
            return 0
        until, inline = self._steps.thinking_until, self._evidence.inline
        if until is None and inline is not None:
            until = self._steps.at(inline[1])
        return until + 1 if until and reply.thinking_closed else None

    def _take_choice(self, choice: Choice, choices: list[Choice]) -> None:
        if choice.index:
            first = next((each for each in choices if not each.index), None)
            if first is None:
                return
            choice = first
        if choice.delta is not None:
            self._take_delta(choice.delta)
        elif choice.message is not None:
            self._steps.muddled = True  # all at once: it tells nothing of when
            self._take_delta(choice.message)
        elif choice.text:
            self._steps.answer = True
            self._said.append(choice.text)
            self._steps.chars += len(choice.text)
        if choice.finish_reason:
            self.finish_reason = choice.finish_reason
            self._trail.take_end(choice)
        if choice.token_ids:
            self._trail.take_ids(choice.token_ids)

    def _take_delta(self, delta: Delta) -> None:
        text = delta.content
        if text:
            self._steps.answer = True
            if isinstance(text, str):
                self._said.append(text)
                self._steps.chars += len(text)
            else:
                self._take_parts(text)
        thought = delta.reasoning or delta.reasoning_content
        if thought:
            self._think(thought, "reasoning" if delta.reasoning else "reasoning_content")
        elif delta.reasoning_details is not None:
            self._take_details(delta.reasoning_details)
        if delta.tool_calls is not None or delta.function_call is not None or delta.refusal is not None:
            self._take_rarer(delta)

    def _think(self, text: str, field: str) -> None:
        if self._before_thinking is None:
            self._field = field
            self._before_thinking = self._content_chars + sum(map(len, self._said))
            self._steps.maps = False
        self._steps.thinking = True
        self._thought.append(text)

    def _take_rarer(self, delta: Delta) -> None:
        for piece in delta.tool_calls or ():
            self._calls.add(piece)
            self._called = self._steps.answer = True
        if delta.function_call is not None:
            self._calls.add(ToolPiece(index=0, function=delta.function_call))
            self._called = self._steps.answer = True
        if delta.refusal:
            self._steps.answer = True
            self._said.append(delta.refusal)

    def _take_parts(self, parts: list[Any]) -> None:
        """Content as a list of parts; Mistral sends thinking as one kind of them."""
        for part in parts:
            if isinstance(part, str):
                self._said.append(part)
            elif isinstance(part, dict) and part.get("type") == "thinking":
                thinking = part.get("thinking")
                pieces = thinking if isinstance(thinking, list) else [{"text": thinking}]
                for text in _texts(pieces):
                    self._think(text, "content")
            else:
                self._said += _texts([part])

    def _take_details(self, details: list[Any]) -> None:
        """OpenRouter's list, where the provider sends nothing else; encrypted thinking has no text."""
        for text in _texts(details):
            self._think(text, "reasoning_details")

    def _close_read(self, at: float) -> bool:
        fresh = self._called or bool(self._said) or bool(self._thought)
        if self.brake is not None:
            self.brake.hear(self._thought, self._said, self._trail, called=self._called)
        if self._thought:
            self._reasoning.add("".join(self._thought))
            self._thought.clear()
        if self._said:
            self._close_content("".join(self._said), at)
            self._said.clear()
        if self._called:
            self._called = False
            self._first_call_at = self._first_call_at or at
        if fresh and self.first_token_at is None:
            self.first_token_at = at
        return fresh

    def _close_content(self, text: str, at: float) -> None:
        """Note where the answer may begin: at the first text, and behind what may end a marker."""
        self._content.add(text)
        self._content_chars += len(text)
        may_end_marker = any(end in text for end in (">", "]", "▷", "final"))
        if self._marking or may_end_marker:
            self._marks.append((self._content_chars, at))
            self._marking = may_end_marker or text.isspace()

    def _parts(self, spans: Spans | None) -> Parts:
        content = _whole_characters(self._content.text())
        if self._before_thinking is None:
            cut = self._cut_is_thinking and self.finish_reason in _CUT
            opened = self._prompt_opens_thinking or cut
            if spans is not None and spans.prompt_opened is not None:
                opened = spans.prompt_opened
            parts = split_content(content, prompt_opens_thinking=opened)
            self.template_opened = parts.template_opened
            return parts
        reasoning = _whole_characters(self._reasoning.text())
        if spans is not None and spans.prompt_opened is False and not spans.thought and not content.strip():
            # The server's parser took an answer without thinking for thinking, as vLLM's do when the closing
            # marker never comes; prompt and reply show that no marker opened any.
            self._marks.append((len(reasoning), self.first_token_at or self._started))
            return Parts.of(reasoning="", answers=[(0, reasoning)], form=ReasoningForm.NONE, closed=None)
        return split_field(reasoning, content, before_thinking=self._before_thinking)

    def _timings(self, ended: float, parts: Parts) -> Timings:
        answered = [] if self._first_call_at is None else [self._first_call_at]
        if parts.answer_at is not None:
            answered += [at for chars, at in self._marks if chars > parts.answer_at][:1]
        return Timings(
            latency_s=ended - self._started,
            ttft_s=None if self.first_token_at is None else self.first_token_at - self._started,
            first_answer_s=min(answered) - self._started if answered else None,
        )


def _texts(parts: list[Any]) -> list[str]:
    """The texts of parts that have one."""
    found = (part.get("text") or part.get("summary") for part in parts if isinstance(part, dict))
    return [text for text in found if isinstance(text, str)]


def _whole_characters(text: str) -> str:
    """Joins the halves of a surrogate pair that came in two events; a half that stays alone is replaced."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _usage(piece: UsagePiece) -> Usage:
    completion = piece.completion_tokens_details or TokenDetails()
    prompt = piece.prompt_tokens_details or TokenDetails()
    return Usage(
        prompt_tokens=piece.prompt_tokens,
        completion_tokens=piece.completion_tokens,
        reasoning_tokens=_first(completion.reasoning_tokens, piece.reasoning_tokens),
        cached_tokens=_first(prompt.cached_tokens, piece.cached_tokens, piece.prompt_cache_hit_tokens),
    )


def _first(*figures: int | None) -> int | None:
    return next((figure for figure in figures if figure is not None), None)
