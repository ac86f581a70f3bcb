"""The verdict on a server's reply, in the model's tokens."""

from __future__ import annotations

from array import array

import pytest

from evalbudget.reasoning.loops import LoopKind, detect
from evalbudget.reasoning.loops.of_reply import loop_of
from evalbudget.records import Reply, Usage

ROUND = "so the sum is four, and four is the sum of two and two, "


def reply(reasoning: str, answer: str = "", *, finish_reason: str = "length", tokens: int = 1000) -> Reply:
    return Reply(
        reasoning=reasoning,
        answer=answer,
        finish_reason=finish_reason,
        usage=Usage(completion_tokens=tokens, prompt_tokens=5),
    )


def test_a_loop_in_text_is_told_in_the_tokens_that_the_server_counted() -> None:
    start = "Let me think about what is asked here, and about why anyone would ask. "
    once, twice = (loop_of(reply(start + ROUND * 100, tokens=tokens)) for tokens in (2000, 4000))
    assert once.doom and once.kind is LoopKind.EXACT
    assert once.tokens == 2000 and twice.tokens == 4000
    assert twice.period_tokens == pytest.approx(2 * (once.period_tokens or 0), abs=1)
    assert twice.wasted_tokens == pytest.approx(2 * once.wasted_tokens, abs=1)
    assert once.repeats == twice.repeats
    assert once.onset_char == twice.onset_char


def test_token_ids_go_before_text() -> None:
    ids = array("i", [*range(50), *(list(range(100, 130)) * 40)])
    given = Reply(reasoning="", answer="nothing of this repeats", finish_reason="length", token_ids=ids)
    verdict = loop_of(given)
    assert verdict.doom and verdict.period_tokens == 30
    assert verdict == detect(ids, finish_reason="length", answered=True)


def test_a_counter_is_seen_in_the_text_where_ids_show_none() -> None:
    text = "".join(f"Next I try the number {number} and see that it fails. " for number in range(300))
    ids = array("i", range(3000))
    verdict = loop_of(Reply(reasoning=text, answer="", finish_reason="length", token_ids=ids))
    assert verdict.kind is LoopKind.TEMPLATE and verdict.doom


@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_a_reply_without_a_loop_has_none(finish_reason: str) -> None:
    verdict = loop_of(reply("Two and two make four.", "\\boxed{4}", finish_reason=finish_reason, tokens=12))
    assert not verdict.doom and verdict.kind is LoopKind.NONE
    assert verdict.runaway is (finish_reason == "length")
