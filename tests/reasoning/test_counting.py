"""Counts that are taken, counts that are doubted, and counts that are unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.reasoning.counting import (
    Evidence,
    add_counts,
    count_by,
    count_tokens,
    longest_sequence,
    sequence_tokens,
)
from evalbudget.reasoning.steps import Steps
from evalbudget.reasoning.token_ids import Spans
from evalbudget.records import (
    Continued,
    ContinuedBy,
    Reply,
    Step,
    TokenCounts,
    TokenSource,
    ToolCall,
    Usage,
)

FIGURE = st.none() | st.integers(0, 10_000)
ENDS = st.sampled_from([None, "stop", "length", "tool_calls"])
REPLIES = st.builds(
    lambda reasoning, answer, calls, usage, finish, closed: Reply(
        reasoning=reasoning,
        answer=answer,
        tool_calls=calls,
        usage=usage,
        finish_reason=finish,
        thinking_closed=closed,
    ),
    st.text(max_size=50),
    st.text(max_size=50),
    st.lists(st.builds(ToolCall, name=st.just("f"), arguments=st.text(max_size=20)), max_size=2).map(tuple),
    st.builds(
        Usage, prompt_tokens=FIGURE, completion_tokens=FIGURE, reasoning_tokens=FIGURE, cached_tokens=FIGURE
    ),
    ENDS,
    st.none() | st.booleans(),
)
SMALL = st.integers(0, 60)


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    """Anything that a server may make us believe, sense or not."""
    steps = Steps(maps=True)
    for _ in range(draw(st.integers(0, 6))):
        steps.thinking, steps.answer = draw(st.booleans()), draw(st.booleans())
        steps.chars += draw(st.integers(0, 20))
        steps.count(draw(SMALL))
    spans = draw(
        st.none()
        | st.builds(
            Spans,
            thinking=SMALL,
            answer=SMALL,
            answer_at=st.none() | SMALL,
            thought=st.booleans(),
            prompt_opened=st.none() | st.booleans(),
        )
    )
    generated = None if spans is None else spans.thinking + spans.answer + draw(st.integers(0, 4))
    places = sorted(draw(st.lists(SMALL, min_size=3, max_size=3)))
    return Evidence(
        spans=spans,
        steps=draw(st.none() | st.just(steps)),
        generated=generated,
        inline=draw(st.none() | st.just((places[0], places[1], places[2]))),
        stopped_by_text=draw(st.booleans()),
        prompt_opened=draw(st.none() | st.booleans()),
        closing_counted=draw(st.booleans()),
        tokenized=draw(FIGURE),
    )


def counts(
    reasoning: str, answer: str, completion: int | None, claimed: int | None = None, **more: object
) -> TokenCounts:
    usage = Usage(completion_tokens=completion, reasoning_tokens=claimed)
    return count_tokens(Reply(reasoning=reasoning, answer=answer, usage=usage, **more))  # type: ignore[arg-type]


@given(REPLIES, evidences())
def test_counts_are_consistent_whatever_the_server_says(reply: Reply, evidence: Evidence) -> None:
    found = count_by(reply, evidence)
    known = reply.usage.completion_tokens
    assert found.completion == (evidence.generated if known is None else known)
    assert (found.prompt, found.cached) == (reply.usage.prompt_tokens, reply.usage.cached_tokens)
    if found.reasoning is None:
        assert (found.answer, found.source) == (None, None)
        return
    assert found.source is not None
    if found.completion is None:
        assert (found.answer, found.source) == (None, TokenSource.TOKENIZE)
        return
    assert found.answer is not None
    assert min(found.reasoning, found.answer) >= 0
    assert found.reasoning + found.answer <= found.completion
    if reply.reasoning.strip() and found.completion:
        assert found.reasoning > 0


@given(REPLIES)
def test_without_usage_and_evidence_nothing_is_known(reply: Reply) -> None:
    bare = Reply(reasoning=reply.reasoning, answer=reply.answer)
    assert count_tokens(bare) == TokenCounts()


def test_counts_that_the_endpoint_found_out_go_before_usage() -> None:
    exact = TokenCounts(reasoning=9, answer=7, completion=19, source=TokenSource.TIMINGS)
    usage = Usage(completion_tokens=19, reasoning_tokens=3)
    assert count_tokens(Reply(reasoning="so", answer="4", usage=usage, counts=exact)) is exact


CLOSED = {"thinking_closed": True, "finish_reason": "stop"}
LONG = "x" * 3000


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (counts("so", "4" * 10, 24, 14), (14, 10, TokenSource.USAGE)),
        (counts("so", "4" * 10, 24, 14, **CLOSED), (14, 8, TokenSource.USAGE)),
        (counts("", "4", 5, None), (0, 5, TokenSource.USAGE)),
        (counts("", "4", 5, None, finish_reason="stop"), (0, 4, TokenSource.USAGE)),
        (counts("", "4", 5, 0), (0, 5, TokenSource.USAGE)),
        (counts("", "4", 500, 450), (450, 50, TokenSource.USAGE)),
        (counts("", "4", 5, 6), (None, None, None)),
        (counts("so" * 15, "4" * 10, 40, 0), (30, 10, TokenSource.ESTIMATE)),
        (counts("so" * 15, "4" * 10, 40, None), (30, 10, TokenSource.ESTIMATE)),
        (counts("so" * 15, "4" * 10, 40, 41), (30, 10, TokenSource.ESTIMATE)),
        (counts("so" * 15, "4" * 10, 40, 40), (30, 10, TokenSource.ESTIMATE)),
        (counts("so on", "", 48, 48), (48, 0, TokenSource.USAGE)),
        (counts("so on", "", 48, None), (48, 0, TokenSource.ESTIMATE)),
        (counts("so on", "", 48, 0), (48, 0, TokenSource.ESTIMATE)),
        (counts("so on", "\n", 10, 8), (8, 0, TokenSource.USAGE)),
        (counts("x" * 10_000, "4", 100, None), (99, 1, TokenSource.ESTIMATE)),
        # A summary is shorter than the thinking that it tells of.
        (counts("so on", "4", 5_000, 4_990), (4_990, 10, TokenSource.USAGE)),
        # So long a text is never so few tokens, nor so short an answer so many.
        (counts(LONG, "4" * 3000, 1_000, 3), (499 + 1, 500, TokenSource.ESTIMATE)),
        (counts(LONG, "4", 1_000, 100), (999, 1, TokenSource.ESTIMATE)),
    ],
)
def test_each_rule(found: TokenCounts, expected: tuple[int | None, int | None, TokenSource | None]) -> None:
    assert (found.reasoning, found.answer, found.source) == expected


def test_sglangs_closing_marker_is_taken_out() -> None:
    usage = Usage(completion_tokens=24, reasoning_tokens=15)
    closed = Reply(reasoning="so", answer="4" * 9, usage=usage, finish_reason="stop", thinking_closed=True)
    found = count_by(closed, Evidence(closing_counted=True))
    assert (found.reasoning, found.answer) == (14, 8)
    cut = Reply(reasoning="so", answer="", usage=Usage(completion_tokens=15, reasoning_tokens=15))
    assert count_by(cut, Evidence(closing_counted=True)).reasoning == 15


def test_ids_that_are_not_all_there_are_not_counted() -> None:
    usage = Usage(completion_tokens=24, reasoning_tokens=14)
    reply = Reply(reasoning="so", answer="4" * 10, usage=usage)
    spans = Spans(thinking=10, answer=7, answer_at=12, thought=True, prompt_opened=False)
    assert count_by(reply, Evidence(spans=spans, generated=19)).source is TokenSource.USAGE
    assert count_by(reply, Evidence(spans=spans, generated=24)).source is TokenSource.TOKEN_IDS


def test_ids_that_contradict_the_text_are_not_counted() -> None:
    usage = Usage(completion_tokens=24, reasoning_tokens=14)
    spans = Spans(thinking=24, answer=0, answer_at=None, thought=True, prompt_opened=True)
    evidence = Evidence(spans=spans, generated=24)
    assert count_by(Reply(reasoning="so", answer="4" * 10, usage=usage), evidence).reasoning == 14
    assert count_by(Reply(reasoning="", answer="4" * 10, usage=usage), evidence).source is TokenSource.USAGE
    assert count_by(Reply(reasoning="so", answer="", usage=usage), evidence).reasoning == 24


def test_the_tokenizer_is_believed_before_the_estimate_and_only_where_it_can_be_right() -> None:
    usage = Usage(completion_tokens=24)
    reply = Reply(
        reasoning="so" * 10, answer="4" * 10, usage=usage, thinking_closed=True, finish_reason="stop"
    )
    found = count_by(reply, Evidence(tokenized=14))
    assert (found.reasoning, found.answer, found.source) == (14, 8, TokenSource.TOKENIZE)
    assert count_by(reply, Evidence(tokenized=14, prompt_opened=False)).answer == 7
    assert count_by(reply, Evidence(tokenized=24)).source is TokenSource.ESTIMATE


def test_the_counts_of_a_dialogue_are_added_and_its_source_is_the_least() -> None:
    first = TokenCounts(
        prompt=5, reasoning=9, answer=7, completion=19, cached=0, source=TokenSource.TOKEN_IDS
    )
    second = TokenCounts(prompt=6, reasoning=1, answer=2, completion=4, cached=1, source=TokenSource.ESTIMATE)
    assert add_counts([first, second]) == TokenCounts(
        prompt=11, reasoning=10, answer=9, completion=23, cached=1, source=TokenSource.ESTIMATE
    )
    unknown = add_counts([first, TokenCounts(prompt=1)])
    assert (unknown.prompt, unknown.reasoning, unknown.source) == (6, None, None)
    assert add_counts([]) == TokenCounts()


# ── the sequence that stood in the cache ──


def counted(prompt: int | None, completion: int | None) -> Reply:
    return Reply(reasoning="", answer="a", usage=Usage(prompt_tokens=prompt, completion_tokens=completion))


def continued(by: ContinuedBy, usage: Usage, counts: TokenCounts) -> Reply:
    beginning = Continued(by=by, kept=100, closing="</think>", closing_tokens=4, generated=20)
    return Reply(reasoning="r", answer="a", usage=usage, counts=counts, continued=beginning)


def test_a_sequence_is_prompt_and_completion_and_unknown_without_either() -> None:
    assert sequence_tokens(counted(30, 12)) == 42
    assert sequence_tokens(counted(None, 12)) is sequence_tokens(counted(30, None)) is None


def test_the_ids_of_the_prompt_count_where_the_server_does_not() -> None:
    stopped = Reply(reasoning="r", answer="", counts=TokenCounts(completion=9), prompt_token_ids=(7, 8))
    assert sequence_tokens(stopped) == 11


def test_a_continued_replys_beginning_counts_once() -> None:
    """Its last request's prompt is 30 + 100 + 4 tokens, and 20 were generated."""
    told, whole = Usage(prompt_tokens=134, completion_tokens=20), TokenCounts(prompt=30, completion=124)
    assert sequence_tokens(continued(ContinuedBy.TOKEN_IDS, told, whole)) == 154
    assert sequence_tokens(continued(ContinuedBy.TOKEN_IDS, Usage(), whole)) == 154
    chat = TokenCounts(prompt=None, completion=124)
    assert sequence_tokens(continued(ContinuedBy.CHAT, told, chat)) == 154
    assert sequence_tokens(continued(ContinuedBy.CHAT, Usage(), chat)) is None


def test_of_a_dialogue_the_longest_request_counts_and_never_the_sum() -> None:
    replies = [counted(100, 50), counted(180, 900), counted(300, 10)]
    assert longest_sequence(replies) == 1080
    assert longest_sequence([*replies, counted(None, 1)]) is None
    assert longest_sequence([]) is None
    step = Step(turn=0, answer="a")
    summed = Reply(reasoning="", answer="a", counts=TokenCounts(prompt=580, completion=960), steps=(step,))
    assert sequence_tokens(summed) is None
