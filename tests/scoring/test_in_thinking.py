"""Answers that stand in the thinking."""

from __future__ import annotations

import pytest

from evalbudget.contracts import Scorer
from evalbudget.records import Reply, Sample, Score
from evalbudget.scoring import SCORERS
from evalbudget.scoring.in_thinking import seen_in_thinking

SAMPLE = Sample(id="s", prompt="?", target="42")
INTEGER = SCORERS["integer"]


def seen(thinking: str, scorer: Scorer = INTEGER, sample: Sample = SAMPLE) -> object:
    return seen_in_thinking(scorer, sample, Reply(reasoning=thinking, answer="no idea"))


def test_the_thinkings_own_conclusion_is_scored_as_if_it_were_the_answer() -> None:
    assert seen(r"6 * 7, so \boxed{42}. Let me check") == {"extracted": "42", "correct": True}
    assert seen(r"6 * 8, so \boxed{48}.") == {"extracted": "48", "correct": False}


def test_a_choice_is_found_by_the_scorers_own_rules() -> None:
    letters = Sample(id="s", prompt="?", target="C")
    assert seen("Hence the answer is (C).", SCORERS["choice"], letters) == {
        "extracted": "C",
        "correct": True,
    }


@pytest.mark.parametrize("thinking", ["", " \n\n", "I do not know where to begin"])
def test_thinking_without_an_answer_shows_none(thinking: str) -> None:
    assert seen(thinking) is None


def test_only_the_end_of_the_thinking_is_looked_at() -> None:
    assert seen(r"\boxed{42}" + "." * 4000) is None
    assert seen("." * 4000 + r"\boxed{42}") is not None


def test_where_tools_could_be_called_text_is_no_answer() -> None:
    tools = Sample(id="s", prompt="?", target="42", tools=({"type": "function"},))
    assert seen(r"\boxed{42}", sample=tools) is None


def test_the_scorer_sees_nothing_but_the_thinking() -> None:
    heard: list[Reply] = []

    def listening(_sample: Sample, reply: Reply) -> Score:
        heard.append(reply)
        return Score(value=0.5, extracted="half")

    assert seen("so be it", listening) == {"extracted": "half", "correct": False}
    assert (heard[0].answer, heard[0].reasoning, heard[0].tool_calls) == ("so be it", "", ())


def test_a_scorer_that_raises_sees_nothing() -> None:
    def broken(_sample: Sample, _reply: Reply) -> Score:
        raise ZeroDivisionError

    assert seen("so be it", broken) is None
