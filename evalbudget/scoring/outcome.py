"""What became of a scored reply."""

from __future__ import annotations

from evalbudget.records import Outcome, Reply, Score


def decide_outcome(score: Score, reply: Reply, *, doom: bool = False) -> Outcome:
    """The first that holds: correct, looped, truncated, no_answer, wrong.

    A partial score is not correct. `doom`: the loop detector's verdict. `repetition` is what servers with a
    detector of their own give as finish_reason; `length` stands for max_tokens and for a full context alike.
    """
    if score.value >= 1.0:
        return Outcome.CORRECT
    if doom or reply.finish_reason == "repetition":
        return Outcome.LOOPED
    if reply.finish_reason == "length":
        return Outcome.TRUNCATED
    return Outcome.NO_ANSWER if score.extracted is None else Outcome.WRONG
