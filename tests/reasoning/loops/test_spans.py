"""Where a loop stands in its text."""

from __future__ import annotations

import pytest

from evalbudget.reasoning.loops.spans import LoopSpan, loop_span

UNIT = "And so it goes on. "


def test_a_doom_loop_reaches_from_its_first_saying_to_the_end() -> None:
    text = "First a thought. " + UNIT * 100
    found = loop_span(text, answer_at=None, doom=True)
    assert found is not None
    assert text[: found.start] == "First a thought"
    assert text[found.start : found.unit_end] == ". And so it goes on"
    assert found.end == len(text)


def test_a_loop_that_was_left_ends_before_what_follows() -> None:
    tail = "".join(f"Then comes thought {number} about {chr(97 + number % 26) * 5}. " for number in range(80))
    text = "First a thought. " + UNIT * 200 + tail
    found = loop_span(text, answer_at=None, doom=False)
    assert found is not None
    assert "First a thought".startswith(text[: found.start][:15])
    assert abs(found.end - (len(text) - len(tail))) < 2 * len(UNIT)


def test_a_loop_in_the_answer_is_counted_from_the_beginning_of_the_reply() -> None:
    thinking = "A short thought.\n"
    text = thinking + UNIT * 100
    found = loop_span(text, answer_at=len(thinking), doom=True)
    assert found is not None
    assert found.start >= len(thinking)
    assert found == LoopSpan(start=found.start, unit_end=found.start + len(UNIT), end=len(text))


@pytest.mark.parametrize("text", ["", "Nothing comes again here."])
def test_a_text_that_does_not_show_the_loop_has_no_place(text: str) -> None:
    assert loop_span(text, answer_at=None, doom=True) is None
