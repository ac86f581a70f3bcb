"""Answers behind a thinking that we close: at a budget, before a loop, from another job's trace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.contracts import Dialogue
from evalbudget.dialogues.closing import Closing, Prefix
from evalbudget.reasoning.budgets import force_string
from evalbudget.reasoning.budgets.honoured import honoured
from evalbudget.reasoning.counting import count_tokens, sequence_tokens
from evalbudget.records import (
    Continued,
    ContinuedBy,
    Failure,
    FailureKind,
    Message,
    Reply,
    Request,
    Sampling,
    Stopped,
    Timings,
    TokenCounts,
    TokenSource,
)
from tests.bfcl_conversations import converse

FORCE = force_string("Qwen3-8B")
CLOSING_TOKENS = 24
OPEN, CLOSE, END = 1, 2, 3
LOOP = ("wait", "let", "me", "think", "about", "that", "once", "more")
BROKEN = Failure(kind=FailureKind.SERVER, message="gone", retryable=True)


def words(number: int) -> tuple[str, ...]:
    """So many words, none twice."""
    return tuple(f"thought{at}" for at in range(number))


def text(tokens: tuple[str, ...]) -> str:
    """The words as a model writes them: one token is one word with its blank."""
    return "".join(f" {word}" for word in tokens)


@dataclass
class Thinker:
    """A model behind an endpoint that keeps the contract of `Request` and `Reply`: a word is a token."""

    thinking: tuple[str, ...] = words(10)
    answer: tuple[str, ...] = ("It", "is", "42")
    tells: bool = True
    """Whether its tokens can be counted at all."""
    live: bool = True
    """Whether they can while they stream, so that a stream is ended in time."""
    with_ids: bool = True
    ends_loops: bool = False
    refuses: bool = False
    """Whether it fails at continued requests."""
    asked: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply | Failure:
        self.asked.append(request)
        if request.begun is None:
            return self._natural(request)
        return BROKEN if self.refuses else self._continued(request)

    def _natural(self, request: Request) -> Reply:
        cut, most = request.cut_thinking, request.sampling.max_tokens
        stopped, end, closed = None, "stop", True
        thinking, answer = self.thinking, self.answer
        if most is not None and len(thinking) + 1 >= most:
            thinking, answer, end, closed = thinking[: most - 1], (), "length", False
        elif most is not None and len(thinking) + len(answer) + 3 > most:
            answer, end = answer[: most - len(thinking) - 2], "length"
        if self.live and cut is not None and len(thinking) > cut:
            thinking, answer, stopped, end, closed = thinking[: cut + 1], (), Stopped.BUDGET, "", False
        elif self.ends_loops and end == "length":
            stopped, end = Stopped.LOOP, "repetition"
        marker = (CLOSE,) if closed else ()
        last = (END,) if end == "stop" else ()
        ids = (OPEN, *map(_id, thinking), *marker, *map(_id, answer), *last)
        return Reply(
            reasoning=text(thinking),
            answer=text(answer),
            finish_reason=end or None,
            thinking_closed=closed if thinking else None,
            stopped=stopped,
            counts=self._counts(len(thinking), len(answer), len(ids)),
            token_ids=ids if self.with_ids else None,
            prompt_token_ids=(7, 8) if self.with_ids else None,
            answer_begins=len(thinking) + 2 if self.with_ids and closed else None,
            timings=Timings(latency_s=4.0, ttft_s=0.5, first_answer_s=3.0 if answer else None),
            dropped_fields=("top_k",),
        )

    def _continued(self, request: Request) -> Reply:
        begun, most = request.begun, request.sampling.max_tokens
        assert begun is not None
        kept = tuple(begun.reasoning.split())[: begun.keep]
        answer = self.answer if most is None else self.answer[:most]
        finished = most is None or len(self.answer) < most
        generated = len(answer) + finished
        counts = self._counts(len(kept), len(answer), len(kept) + 1 + CLOSING_TOKENS + generated)
        return Reply(
            reasoning=text(kept),
            answer=text(answer),
            finish_reason="stop" if finished else "length",
            thinking_closed=True if kept else None,
            counts=counts,
            continued=Continued(
                by=ContinuedBy.TOKEN_IDS if begun.ids else ContinuedBy.CHAT,
                kept=len(kept) if self.tells else None,
                closing=begun.closing,
                closing_tokens=CLOSING_TOKENS,
                generated=generated,
            ),
            timings=Timings(latency_s=2.0, ttft_s=0.25, first_answer_s=0.25),
            dropped_fields=("seed", "top_k"),
        )

    def _counts(self, reasoning: int, answer: int, completion: int) -> TokenCounts:
        if not self.tells:
            return TokenCounts()
        source = TokenSource.TOKEN_IDS if self.with_ids else TokenSource.USAGE
        return TokenCounts(prompt=2, reasoning=reasoning, answer=answer, completion=completion, source=source)


_numbers = count(10)
_known: dict[str, int] = {}


def _id(word: str) -> int:
    return _known.setdefault(word, next(_numbers))


def ask(max_tokens: int | None = 1000, **fields: Any) -> Request:
    """The job's request."""
    return Request(
        messages=(Message(role="user", content="?"),), sampling=Sampling(max_tokens=max_tokens), **fields
    )


def run(dialogue: Dialogue, model: Thinker) -> tuple[Reply | None, Failure | None]:
    """What the runner makes of the dialogue."""
    reply, failure, _ = asyncio.run(converse(dialogue, model))
    return reply, failure


def close(
    model: Thinker,
    budget: int | None,
    *,
    rescue: bool = False,
    answer_tokens: int | None = 100,
    request: Request | None = None,
) -> Reply:
    """The reply under a budget that we hold."""
    asked = request or ask()
    reply, failure = run(
        Closing(asked, FORCE, budget=budget, rescue=rescue, answer_tokens=answer_tokens), model
    )
    assert reply is not None and failure is None
    return reply


def from_trace(model: Thinker, trace: Reply, budget: int, answer_tokens: int | None = 100) -> Reply:
    """The reply from the first tokens of a trace."""
    reply, failure = run(Prefix(ask(), FORCE, budget=budget, trace=trace, answer_tokens=answer_tokens), model)
    assert reply is not None and failure is None
    return reply


def force_of(reply: Reply) -> dict[str, Any]:
    note = reply.notes["force"]
    assert isinstance(note, dict)
    return note


# ── Closing: a budget ──


@pytest.mark.parametrize("budget", [10, 11, 5000])
def test_a_reply_within_its_budget_is_left_alone(budget: int) -> None:
    model = Thinker()
    reply = close(model, budget)
    assert model.asked == [replace(ask(), cut_thinking=budget)]
    assert reply == model(ask()) and reply.continued is None and reply.notes == {}


def test_thinking_beyond_the_budget_is_closed_and_the_answer_continued() -> None:
    model = Thinker(thinking=words(30))
    reply = close(model, 8)
    natural, going_on = model.asked
    assert natural == replace(ask(), cut_thinking=8)
    begun = going_on.begun
    assert begun is not None and going_on.cut_thinking is None
    assert (begun.keep, begun.opening, begun.closing) == (8, "<think>", FORCE.closing)
    assert (begun.reasoning, begun.reasoning_tokens) == (text(words(9)), 9)
    assert begun.ids == (OPEN, *map(_id, words(9))) and begun.prompt_ids == (7, 8)
    assert (reply.reasoning, reply.answer, reply.stopped) == (text(words(8)), " It is 42", Stopped.BUDGET)
    assert force_of(reply) == {
        "family": "qwen3",
        "why": "budget",
        "by": "token_ids",
        "kept": 8,
        "closing": FORCE.closing,
        "closing_tokens": CLOSING_TOKENS,
        "generated": 4,
        "dropped": 1,
        "dropped_text": " thought8",
    }
    assert count_tokens(reply).reasoning == 8
    assert honoured(reply, count_tokens(reply), budget=8, mode="force") is True


def test_the_seconds_of_both_requests_are_added_up() -> None:
    timings = close(Thinker(thinking=words(30)), 8).timings
    assert timings == Timings(latency_s=6.0, ttft_s=0.5, first_answer_s=4.25)


def test_what_either_request_left_out_is_told() -> None:
    assert close(Thinker(thinking=words(30)), 8).dropped_fields == ("top_k", "seed")


def test_thinking_that_closed_late_is_cut_as_well() -> None:
    model = Thinker(thinking=words(30), answer=("too", "late"), live=False)
    reply = close(model, 8)
    assert len(model.asked) == 2 and reply.reasoning == text(words(8))
    assert reply.stopped is None and force_of(reply)["dropped"] == 22
    assert force_of(reply)["dropped_text"] == text(words(30)).removeprefix(text(words(8)))


def test_a_long_rest_is_not_copied_into_the_note() -> None:
    reply = close(Thinker(thinking=words(600), live=False), 8, request=ask(5000))
    assert force_of(reply)["dropped"] == 592 and "dropped_text" not in force_of(reply)


def test_thinking_that_max_tokens_cut_and_no_one_counted_is_closed() -> None:
    model = Thinker(thinking=words(2000), tells=False, with_ids=False)
    model.live = False
    reply = close(model, 8, request=ask(100))
    assert len(model.asked) == 2 and reply.answer == " It is 42"
    assert (force_of(reply)["kept"], force_of(reply)["dropped"]) == (None, None)


def test_thinking_that_max_tokens_cut_within_the_budget_stays_truncated() -> None:
    for tells in (True, False):
        model = Thinker(thinking=words(2000), live=False, tells=tells)
        reply = close(model, 500, request=ask(100))
        assert len(model.asked) == 1 and reply.finish_reason == "length" and reply.continued is None


def test_without_any_count_a_reply_that_finished_is_its_own() -> None:
    model = Thinker(thinking=words(30), live=False, tells=False)
    assert close(model, 8).continued is None and len(model.asked) == 1


def test_with_budget_0_the_thinking_is_closed_before_it_begins() -> None:
    model = Thinker()
    reply = close(model, 0)
    (only,) = model.asked
    assert only.begun is not None and only.cut_thinking is None and only.sampling.max_tokens == 1000
    assert (only.begun.keep, only.begun.closing, only.begun.reasoning) == (0, FORCE.empty, "")
    assert (reply.reasoning, reply.answer) == ("", " It is 42")
    assert (force_of(reply)["kept"], force_of(reply)["dropped"], force_of(reply)["why"]) == (0, 0, "budget")
    assert reply.timings.latency_s == 2.0
    assert honoured(reply, count_tokens(reply), budget=0, mode="force") is True


@pytest.mark.parametrize("max_tokens", [None, 1000])
def test_a_long_answer_behind_a_short_thinking_is_not_limited(max_tokens: int | None) -> None:
    model = Thinker(answer=words(400))
    reply = close(model, 50, answer_tokens=10, request=ask(max_tokens))
    assert len(reply.answer.split()) == 400 and model.asked[0].sampling.max_tokens == max_tokens


@pytest.mark.parametrize(
    ("max_tokens", "answer_tokens", "expected"),
    [(1000, 100, 100), (50, 100, 42), (None, 100, 100), (1000, None, 992), (None, None, None)],
)
def test_a_forced_answer_has_its_own_limit_and_what_max_tokens_leaves(
    max_tokens: int | None, answer_tokens: int | None, expected: int | None
) -> None:
    model = Thinker(thinking=words(30))
    close(model, 8, answer_tokens=answer_tokens, request=ask(max_tokens))
    assert model.asked[1].sampling.max_tokens == expected


def test_where_the_continued_request_fails_the_first_reply_is_kept() -> None:
    model = Thinker(thinking=words(30), refuses=True)
    dialogue = Closing(ask(), FORCE, budget=8, rescue=False, answer_tokens=10)
    reply, failure = run(dialogue, model)
    assert failure is BROKEN and reply is not None and reply.reasoning == text(words(9))


def test_questions_with_tools_are_refused_before_anything_is_sent() -> None:
    asked, model = ask(tools=({"type": "function"},)), Thinker()
    trace = model(ask())
    assert isinstance(trace, Reply)
    for dialogue in (
        Closing(asked, FORCE, budget=8, rescue=False, answer_tokens=10),
        Prefix(asked, FORCE, budget=8, trace=trace, answer_tokens=10),
    ):
        reply, failure = run(dialogue, model)
        assert reply is None and failure is not None and failure.kind is FailureKind.REQUEST
        assert failure.message == "tool calls cannot be forced: use `budget_mode: server` or `max_tokens`"
    assert len(model.asked) == 1


def test_a_server_that_continues_nothing_leaves_no_note() -> None:
    def plain(request: Request) -> Reply:
        return Reply(reasoning="", answer="42")

    dialogue = Closing(ask(), FORCE, budget=0, rescue=False, answer_tokens=10)
    reply, _, _ = asyncio.run(converse(dialogue, plain))
    assert reply is not None and reply.answer == "42" and "force" not in reply.notes


# ── Closing: a loop ──

LOOPING = words(40) + LOOP * 100


@pytest.mark.parametrize("ends_loops", [True, False])
@pytest.mark.parametrize("with_ids", [True, False])
def test_a_loop_is_cut_off_where_it_begins(ends_loops: bool, with_ids: bool) -> None:
    model = Thinker(thinking=LOOPING, ends_loops=ends_loops, with_ids=with_ids)
    reply = close(model, None, rescue=True, request=ask(600))
    begun = model.asked[1].begun
    assert begun is not None and (begun.ids is not None) is with_ids
    kept = begun.keep if begun.keep is not None else len(begun.reasoning.split())
    assert 40 <= kept <= 40 + len(LOOP)
    assert reply.answer == " It is 42" and reply.reasoning == text(LOOPING[:kept])
    assert reply.stopped is (Stopped.LOOP if ends_loops else None)
    assert (force_of(reply)["why"], force_of(reply)["kept"]) == ("loop", kept)
    assert force_of(reply)["dropped"] == 599 - kept and "dropped_text" not in force_of(reply)


def test_a_rescued_loop_was_paid_for_and_is_kept() -> None:
    model = Thinker(thinking=LOOPING)
    reply = close(model, None, rescue=True, request=ask(600))
    counts = count_tokens(reply)
    assert counts.reasoning == 599 and counts.completion == 600 + CLOSING_TOKENS + 4
    assert (counts.answer, counts.prompt, counts.source) == (3, 2, TokenSource.TOKEN_IDS)
    rescue = reply.notes["rescue"]
    assert isinstance(rescue, dict) and rescue["thought"] == text(LOOPING[:599])
    loop = rescue["loop"]
    assert isinstance(loop, dict) and set(loop) == {
        "kind",
        "onset_token",
        "period_tokens",
        "repeats",
        "wasted_tokens",
        "segment",
        "certain_token",
        "version",
    }
    assert (loop["kind"], loop["period_tokens"], loop["segment"]) == ("exact", len(LOOP), "reasoning")
    assert honoured(reply, counts, budget=None, mode=None) is None


@pytest.mark.parametrize("with_ids", [True, False])
def test_a_loop_that_began_within_the_budget_is_cut_where_it_begins(with_ids: bool) -> None:
    model = Thinker(thinking=words(40) + LOOP * 1000, with_ids=with_ids)
    reply = close(model, 6000, rescue=True, request=ask(9000))
    assert force_of(reply)["why"] == "loop" and 40 <= force_of(reply)["kept"] <= 48
    assert reply.stopped is Stopped.BUDGET and "rescue" in reply.notes
    assert honoured(reply, count_tokens(reply), budget=6000, mode="force") is True


def test_a_loop_behind_the_budget_is_cut_off_with_the_rest() -> None:
    model = Thinker(thinking=LOOPING, live=False)
    reply = close(model, 20, rescue=True, request=ask(600))
    assert (force_of(reply)["why"], force_of(reply)["kept"]) == ("budget", 20)
    assert "rescue" not in reply.notes and count_tokens(reply).reasoning == 20


def test_a_few_repeats_at_the_budget_are_no_loop_yet() -> None:
    model = Thinker(thinking=words(40) + LOOP * 10 + words(5))
    reply = close(model, 40 + 8 * 10, rescue=True)
    assert force_of(reply)["why"] == "budget"


def test_a_loop_from_the_first_token_on_leaves_nothing() -> None:
    model = Thinker(thinking=LOOP * 100)
    reply = close(model, None, rescue=True, request=ask(600))
    assert model.asked[1].begun is not None and model.asked[1].begun.closing == FORCE.empty
    assert reply.reasoning == "" and force_of(reply)["kept"] == 0


def test_a_loop_in_text_that_no_one_counts_is_cut_in_the_text() -> None:
    model = Thinker(thinking=LOOPING, tells=False, with_ids=False)
    reply = close(model, None, rescue=True, request=ask(600))
    begun = model.asked[1].begun
    assert begun is not None and begun.keep is None and begun.ids is None
    assert text(LOOPING).startswith(begun.reasoning) and 40 <= len(begun.reasoning.split()) <= 48
    assert reply.answer == " It is 42" and count_tokens(reply).reasoning is None


def test_a_loop_in_the_answer_cannot_be_rescued() -> None:
    for thinking in (words(10), ()):
        model = Thinker(thinking=thinking, answer=LOOP * 100)
        reply = close(model, None, rescue=True, request=ask(500))
        assert len(model.asked) == 1 and reply.finish_reason == "length"


def test_without_rescue_a_loop_is_left_as_it_came() -> None:
    model = Thinker(thinking=LOOPING, ends_loops=True)
    reply = close(model, 2000, request=ask(600))
    assert len(model.asked) == 1 and reply.stopped is Stopped.LOOP


def test_a_reply_that_came_out_of_its_loop_is_left_as_it_came() -> None:
    model = Thinker(thinking=LOOPING + words(400))
    assert close(model, None, rescue=True, request=ask(5000)).finish_reason == "stop"
    assert len(model.asked) == 1


# ── Prefix ──


def trace_of(model: Thinker, max_tokens: int | None = 1000) -> Reply:
    """The unlimited reply."""
    reply = model(ask(max_tokens))
    assert isinstance(reply, Reply)
    model.asked.clear()
    return reply


@pytest.mark.parametrize("budget", [10, 11, 5000])
def test_a_trace_that_thought_no_more_than_the_budget_is_the_reply(budget: int) -> None:
    model = Thinker()
    trace = trace_of(model)
    assert from_trace(model, trace, budget) is trace and model.asked == []


def test_a_longer_trace_is_continued_from_its_first_tokens() -> None:
    model = Thinker(thinking=words(30))
    trace = trace_of(model)
    reply = from_trace(model, trace, 8)
    (only,) = model.asked
    assert only.begun is not None and only.begun.ids is trace.token_ids
    assert (only.begun.keep, only.begun.reasoning, only.begun.reasoning_tokens) == (8, trace.reasoning, 30)
    assert only.sampling.max_tokens == 100
    assert (reply.reasoning, reply.answer, reply.stopped) == (text(words(8)), " It is 42", None)
    assert reply.timings == Timings(latency_s=None)
    assert (force_of(reply)["dropped"], force_of(reply)["kept"]) == (22, 8)
    assert "dropped_text" not in force_of(reply)
    assert honoured(reply, count_tokens(reply), budget=8, mode="trace") is True


def test_a_prefix_of_nothing_has_the_empty_closing() -> None:
    model = Thinker()
    reply = from_trace(model, trace_of(model), 0)
    assert model.asked[0].begun is not None and model.asked[0].begun.closing == FORCE.empty
    assert reply.reasoning == "" and force_of(reply)["dropped"] == 10


def test_a_trace_that_was_cut_in_fewer_tokens_would_not_have_used_the_budget() -> None:
    model = Thinker(thinking=words(2000))
    trace = trace_of(model, max_tokens=101)
    assert trace.thinking_closed is False and count_tokens(trace).reasoning == 100
    assert from_trace(model, trace, 101) is trace
    assert from_trace(model, trace, 100).answer == " It is 42"


def test_a_trace_without_thinking_is_its_own_prefix_even_uncounted() -> None:
    model = Thinker(thinking=(), tells=False)
    trace = trace_of(model)
    assert from_trace(model, trace, 0) is trace


def test_an_uncounted_trace_has_no_prefixes() -> None:
    model = Thinker(tells=False)
    dialogue = Prefix(ask(), FORCE, budget=8, trace=trace_of(model), answer_tokens=10)
    reply, failure = run(dialogue, model)
    assert reply is None and failure is not None and "the server gives no counts" in failure.message
    assert not failure.retryable and model.asked == []


def test_where_a_prefix_fails_the_trace_does_not_stand_in_its_row() -> None:
    model = Thinker(thinking=words(30))
    trace = trace_of(model)
    model.refuses = True
    reply, failure = run(Prefix(ask(), FORCE, budget=8, trace=trace, answer_tokens=10), model)
    assert reply is None and failure is BROKEN


def test_a_prefix_of_a_rescued_trace_is_one_of_what_was_kept() -> None:
    model = Thinker(thinking=LOOPING)
    trace = close(model, None, rescue=True, request=ask(600))
    model.asked.clear()
    assert count_tokens(trace).reasoning == 599
    assert from_trace(model, trace, 100) is trace, "without its loop it thought no more than 48"
    shorter = from_trace(model, trace, 16)
    begun = model.asked[0].begun
    assert begun is not None and begun.ids is None and begun.reasoning == trace.reasoning
    assert shorter.reasoning == text(words(16))
    assert force_of(shorter)["dropped"] == force_of(trace)["kept"] - 16


def test_a_rescued_trace_from_the_journal_is_told_by_its_notes() -> None:
    model = Thinker(thinking=LOOPING)
    rescued = close(model, None, rescue=True, request=ask(600))
    recorded = replace(rescued, continued=None, token_ids=None)
    assert from_trace(model, recorded, 100) is recorded


# ── both ──


@settings(deadline=None)
@given(length=st.integers(0, 60), budget=st.integers(0, 70), live=st.booleans(), with_ids=st.booleans())
def test_a_prefix_is_what_a_run_under_that_budget_would_have_said(
    length: int, budget: int, live: bool, with_ids: bool
) -> None:
    def make() -> Thinker:
        return Thinker(thinking=words(length), live=live, with_ids=with_ids)

    model = make()
    trace = trace_of(model)
    both: list[Callable[[], Reply]] = [
        lambda: close(make(), budget),
        lambda: from_trace(make(), trace, budget),
    ]
    forced, traced = (each() for each in both)
    assert (forced.reasoning, forced.answer) == (traced.reasoning, traced.answer)
    for reply, mode in ((forced, "force"), (traced, "trace")):
        counts = count_tokens(reply)
        assert counts.reasoning == min(length, budget)
        assert honoured(reply, counts, budget=budget, mode=mode) is True
        assert ("force" in reply.notes) is (reply.continued is not None)


# ── what stood in the cache ──


def test_behind_a_cut_the_longer_of_both_requests_is_the_sequence() -> None:
    in_time, late = Thinker(thinking=words(30)), Thinker(thinking=words(300), live=False)
    assert sequence_tokens(close(in_time, 8)) == 2 + 1 + 8 + CLOSING_TOKENS + 4
    assert sequence_tokens(close(late, 8)) == 2 + 1 + 300 + 1 + 3 + 1


def test_a_rescued_loop_stood_in_the_cache_but_not_beside_its_answer() -> None:
    assert sequence_tokens(close(Thinker(thinking=LOOPING), None, rescue=True, request=ask(600))) == 2 + 600
    uncounted = Thinker(thinking=LOOPING, tells=False, with_ids=False)
    assert sequence_tokens(close(uncounted, None, rescue=True, request=ask(600))) is None


def test_a_forced_answer_from_a_trace_has_a_sequence_of_its_own() -> None:
    model = Thinker(thinking=words(30))
    trace = model(ask())
    assert isinstance(trace, Reply)
    assert sequence_tokens(from_trace(model, trace, 8)) == 2 + 1 + 8 + CLOSING_TOKENS + 4
    assert sequence_tokens(from_trace(model, trace, 50)) == sequence_tokens(trace) == 2 + 1 + 30 + 1 + 3 + 1
