"""Token ids cut at the markers: closed, cut, opened by the template, absent, in several blocks, harmony."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.reasoning.split import split_content
from evalbudget.reasoning.token_ids import HarmonyIds, Spans, Vocabulary, read_spans
from evalbudget.records import ReasoningForm

OPEN, CLOSE, END = 100, 101, 102
THINKING = Vocabulary(closing={OPEN: CLOSE})
TEXT = {OPEN: "<think>", CLOSE: "</think>", 1: "a", 2: "b", 3: "\n"}
START, CHANNEL, MESSAGE, FINISH, RETURN, CALL, ANALYSIS, FINAL, COMMENTARY, ROLE, TO = range(200, 211)
HARMONY = Vocabulary(
    harmony=HarmonyIds(
        start=START,
        channel=CHANNEL,
        message=MESSAGE,
        ends=frozenset({FINISH, RETURN, CALL}),
        analysis=ANALYSIS,
    )
)
USER = [7] * 20


def read(ids: list[int], prompt: list[int] | None = None, *, continues: bool = False) -> Spans:
    return read_spans(ids, prompt, THINKING, has_end=ids[-1:] == [END], continues=continues)


@pytest.mark.parametrize(
    ("ids", "prompt", "thinking", "answer", "answer_at", "thought"),
    [
        ([OPEN, 1, 2, CLOSE, 3, 1, END], USER, 2, 2, 4, True),
        ([OPEN, 1, 2, CLOSE, 3, 1], None, 2, 2, 4, True),
        ([3, OPEN, 1, CLOSE, 1], USER, 1, 2, 4, True),
        ([OPEN, 1, 2, END], USER, 2, 0, None, True),
        ([OPEN, 1, 2, CLOSE], USER, 2, 0, 4, True),
        ([1, 2, CLOSE, 1, END], [*USER, OPEN, 3], 2, 1, 3, True),
        ([1, 2, CLOSE, 1, END], None, 2, 1, 3, True),
        ([1, 2], [*USER, OPEN], 2, 0, None, True),
        ([1, 2, END], USER, 0, 2, 0, False),
        ([1, 2], None, 0, 2, 0, False),
        ([1, 2, END], [*USER, OPEN, 3, CLOSE, 3], 0, 2, 0, False),
        ([1, 2, END], [*USER[:5], OPEN, *USER], 0, 2, 0, False),
        ([OPEN, 1, OPEN, 1, CLOSE, 2], USER, 3, 1, 5, True),
        ([OPEN, 1, CLOSE, OPEN, 1, 1, CLOSE, 2], USER, 3, 1, 3, True),
        ([OPEN, 1, CLOSE, 2, OPEN, 2], USER, 1, 3, 3, True),
        ([1, 1, 1, OPEN, 2], USER, 0, 5, 0, False),
        ([END], USER, 0, 0, 0, False),
        ([OPEN], USER, 0, 0, None, True),
    ],
)
def test_each_rule(
    ids: list[int],
    prompt: list[int] | None,
    thinking: int,
    answer: int,
    answer_at: int | None,
    thought: bool,
) -> None:
    spans = read(ids, prompt)
    assert (spans.thinking, spans.answer, spans.answer_at, spans.thought) == (
        thinking,
        answer,
        answer_at,
        thought,
    )


def test_a_prompt_that_breaks_off_inside_thinking_opened_it_where_the_server_says_so() -> None:
    prompt = [*USER, OPEN, *[1] * 30]
    assert read([2, 2], prompt, continues=True).thinking == 2
    assert read([2, 2], prompt).thinking == 0


PIECES = st.lists(st.sampled_from([1, 2, 3]), max_size=6)


@given(PIECES, st.booleans(), st.booleans(), PIECES, st.lists(PIECES, max_size=3))
def test_the_ids_say_what_the_text_says(
    thought: list[int], opened: bool, closed: bool, said: list[int], blocks: list[list[int]]
) -> None:
    ids = [*([] if opened else [OPEN]), *thought]
    if closed:
        ids += [CLOSE, *said]
        for block in blocks:  # each on a line of its own
            ids += [3, OPEN, *block, CLOSE, 3]
    spans = read(ids, [*USER, OPEN] if opened else USER)
    parts = split_content("".join(TEXT[each] for each in ids), prompt_opens_thinking=opened)
    shown = len(parts.reasoning) if parts.form is not ReasoningForm.NONE else 0
    assert spans.thinking == shown or not parts.reasoning.strip()
    assert spans.answer == len(parts.answer)
    assert (spans.answer_at is not None) == closed


@given(
    st.lists(st.sampled_from([OPEN, CLOSE, 1, END]), max_size=30),
    st.none() | st.lists(st.sampled_from([OPEN, CLOSE, 7])),
)
def test_whatever_comes_every_token_is_counted_once_or_is_a_marker(
    ids: list[int], prompt: list[int] | None
) -> None:
    spans = read(ids, prompt)
    markers = sum(each in {OPEN, CLOSE} for each in ids)
    said = len(ids) - (ids[-1:] == [END])
    assert min(spans.thinking, spans.answer) >= 0
    assert said - markers <= spans.thinking + spans.answer <= said
    assert spans.answer_at is None or 0 <= spans.answer_at <= len(ids)


def test_a_reply_full_of_markers_is_read_in_linear_time() -> None:
    """Quadratic, it would not end before the time limit of all tests."""
    for ids in ([OPEN, 1, CLOSE] + [OPEN] * 100_000, [1] * 10 + [OPEN] * 100_000, [CLOSE] * 100_000):
        assert read(ids, USER).thinking in {1, 0}


def test_harmony_counts_the_bodies_of_analysis_as_thinking() -> None:
    ids = [CHANNEL, ANALYSIS, MESSAGE, 1, 2, 3, FINISH]
    ids += [START, ROLE, CHANNEL, FINAL, MESSAGE, 1, 2, RETURN]
    spans = read_spans(ids, None, HARMONY, has_end=True)
    assert (spans.thinking, spans.answer, spans.answer_at, spans.thought) == (3, 2, 12, True)


def test_harmony_thinking_that_was_cut_has_no_answer() -> None:
    spans = read_spans([CHANNEL, ANALYSIS, MESSAGE, 1, 2], None, HARMONY, has_end=False)
    assert (spans.thinking, spans.answer, spans.answer_at) == (2, 0, None)


@pytest.mark.parametrize(
    "call",
    [
        [START, ROLE, TO, 9, CHANNEL, COMMENTARY, 8, MESSAGE, 1, 2, CALL],
        [START, ROLE, CHANNEL, COMMENTARY, TO, 9, MESSAGE, 1, 2, CALL],
        [START, ROLE, TO, 9, CHANNEL, ANALYSIS, MESSAGE, 1, 2, CALL],
    ],
)
def test_harmony_tool_calls_are_no_thinking_on_whatever_channel(call: list[int]) -> None:
    spans = read_spans([CHANNEL, ANALYSIS, MESSAGE, 1, FINISH, *call], None, HARMONY, has_end=True)
    assert (spans.thinking, spans.answer) == (1, 2)


def test_an_empty_vocabulary_says_so() -> None:
    assert not Vocabulary()
    assert Vocabulary(closing={1: 2})
