"""Recorded text, as `evalbudget loops` reads it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.errors import InputError
from evalbudget.reasoning.loops import DETECTOR_VERSION, LoopVerdict, loops_of_lines

LOOP = "Wait, that is not what we want.\n\n" * 60
SENTENCE = "The sum of the first ten odd numbers is a hundred."


def verdict_of(**row: object) -> LoopVerdict:
    (found,) = loops_of_lines(json.dumps({"id": "1"} | row), "replies.jsonl")
    return found.verdict


def test_a_line_has_what_the_contract_names() -> None:
    (found,) = loops_of_lines(json.dumps({"id": 7, "text": LOOP, "finish_reason": "length"}), "x")
    line = json.loads(found.json_line())
    contract = ("id", "kind", "doom", "onset_char", "period", "repeats", "wasted_tokens")
    assert [line[key] for key in contract] == ["7", "exact", True, 0, 11, 60.0, 649]
    assert list(line)[: len(contract)] == list(contract)
    assert line["version"] == DETECTOR_VERSION
    assert line["published"]["liquid"] is True


def test_a_reply_without_a_loop_has_empty_places() -> None:
    (found,) = loops_of_lines(json.dumps({"id": "a", "text": SENTENCE}), "x")
    line = json.loads(found.json_line())
    assert (line["kind"], line["doom"], line["runaway"], line["finished"]) == ("none", False, False, None)
    assert [line[key] for key in ("onset_char", "period", "repeats", "unit", "segment")] == [None] * 5


@pytest.mark.parametrize("answer", ["42", "D", "Paris", ""])
def test_a_short_answer_without_a_reason_is_no_runaway(answer: str) -> None:
    assert not verdict_of(answer=answer).runaway
    assert verdict_of(answer=answer, finish_reason="length").runaway


def test_thinking_that_never_closed_has_not_finished() -> None:
    assert verdict_of(text=f"<think>{LOOP}", finish_reason="stop").doom
    assert verdict_of(reasoning=LOOP, answer="", finish_reason="stop").doom
    assert not verdict_of(reasoning=LOOP, answer=SENTENCE, finish_reason="stop").doom
    assert not verdict_of(text=f"<think>{LOOP}</think>{SENTENCE}", finish_reason="stop").doom


def test_places_count_over_reasoning_and_answer_together() -> None:
    found = verdict_of(reasoning=SENTENCE, answer=LOOP, finish_reason="length")
    assert (found.segment, found.onset_char) == ("answer", len(SENTENCE))
    found = verdict_of(text=f"<think>{SENTENCE}</think>{LOOP}", finish_reason="length")
    assert (found.segment, found.onset_char) == ("answer", len(f"<think>{SENTENCE}</think>"))


def test_a_runs_journal_is_read_too() -> None:
    lines = [{"kind": "journal"}, {"kind": "attempt", "sample_id": "q1", "reasoning": LOOP, "answer": ""}]
    (found,) = loops_of_lines("\n".join(map(json.dumps, lines)), "x")
    assert (found.id, found.verdict.doom) == ("q1", True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[1]", "a JSON object was expected"),
        ('{"text": "a"}', "`id` must be"),
        ('{"id": true, "text": "a"}', "`id` must be"),
        ('{"id": "1"}', "neither `text` nor `reasoning`"),
        ('{"id": "1", "text": 5}', "`text` must be a text"),
        ('{"id": "1", "text": "a", "finish_reason": []}', "`finish_reason` must be a text"),
    ],
)
def test_a_broken_line_is_named(line: str, said: str) -> None:
    good = json.dumps({"id": "0", "text": SENTENCE})
    with pytest.raises(InputError) as error:
        list(loops_of_lines(f"{good}\n\n{line}\n", "replies.jsonl"))
    assert str(error.value).startswith("replies.jsonl:3: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@given(
    st.lists(st.text(st.characters(), max_size=40), max_size=4),
    st.none() | st.sampled_from(["stop", "length"]),
)
def test_any_text_gives_a_line_of_json(texts: list[str], finish_reason: str | None) -> None:
    rows = [{"id": "x", "text": text * 30, "finish_reason": finish_reason} for text in texts]
    found = list(loops_of_lines("\n".join(map(json.dumps, rows)), "x"))
    assert [json.loads(each.json_line().encode())["id"] for each in found] == ["x"] * len(rows)


def test_half_a_surrogate_pair_can_be_written() -> None:
    (found,) = loops_of_lines(
        '{"id": "1", "text": "' + "so \\ud800 it is, " * 60 + '", "finish_reason": "length"}', "x"
    )
    assert found.verdict.doom
    assert found.json_line().encode()
