"""Whether a reply finished, by its reason and by its text."""

from __future__ import annotations

from random import Random

import pytest

from evalbudget.reasoning.loops import LoopKind, detect_text
from evalbudget.reasoning.loops.ending import breaks_off, said_to_finish
from tests.reasoning.loops.made_prose import prose


@pytest.mark.parametrize(
    ("reason", "answered", "finished"),
    [
        ("stop", None, True),
        ("stop", True, True),
        ("stop", False, False),
        ("tool_calls", True, True),
        ("length", True, False),
        ("repetition", None, False),
        (None, False, False),
        (None, True, None),
        (None, None, None),
        ("what no server says yet", True, None),
    ],
)
def test_what_a_reason_says(reason: str | None, answered: bool | None, finished: bool | None) -> None:
    assert said_to_finish(reason, answered) is finished


@pytest.mark.parametrize(
    "text",
    [
        "",
        "So the answer is 5.",
        "So the answer is \\boxed{5}\n",
        "```\nx = 1\n```\n\n",
        "| 1 | 2 |\n| 3 | 4 |",
        "1,0\n2,0\n3,0",
        "word\n=====",
        "答案是五。",
    ],
)
def test_what_comes_to_an_end(text: str) -> None:
    assert not breaks_off(text)


@pytest.mark.parametrize(
    "text",
    [
        "But perhaps more",
        "So, 17/50 is 0.34, which",
        "f + f + f +",
        "so, so,",
        "- one\n-",
        "So it is.\n\n\n\n\n\n\n",
    ],
)
def test_what_breaks_off(text: str) -> None:
    assert breaks_off(text)


UNIT = "Wait, that is not what we want, so we try again.\n\n"


@pytest.mark.parametrize(
    ("end", "doom"),
    [
        (UNIT[:20], True),  # in the middle of a word
        ("", False),  # at the end of a sentence, and not for long
        ("It is 5.", False),
    ],
)
def test_a_text_without_a_reason_is_judged_by_how_it_ends(end: str, doom: bool) -> None:
    text = prose(Random(1), 10) + "\n\n" + UNIT * 40 + end
    verdict = detect_text(text.rstrip(), finish_reason=None)
    assert (verdict.doom, verdict.kind) == (doom, LoopKind.EXACT if doom else verdict.kind)
    assert verdict.recovered != doom


def test_a_loop_that_is_long_enough_is_doom_wherever_it_is_cut() -> None:
    text = (prose(Random(1), 10) + "\n\n" + UNIT * 120).rstrip()
    assert text.endswith(".")
    assert detect_text(text, finish_reason=None).doom
    assert not detect_text(text + "\n\nSo, at last, the answer is 5.", finish_reason=None).doom


def test_a_reply_that_finished_with_a_loop_is_not_doomed() -> None:
    verdict = detect_text(prose(Random(2), 10) + UNIT * 100, finish_reason="stop")
    assert (verdict.kind, verdict.doom, verdict.recovered) == (LoopKind.EXACT, False, True)
