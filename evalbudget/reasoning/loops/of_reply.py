"""The loop verdict on a server's reply, its figures in the model's tokens."""

from __future__ import annotations

from dataclasses import replace

from evalbudget.reasoning.counting import count_tokens
from evalbudget.reasoning.loops.detector import detect, detect_text
from evalbudget.reasoning.loops.verdict import LoopKind, LoopVerdict
from evalbudget.records import Reply


def loop_of(reply: Reply) -> LoopVerdict:
    """By its token ids, where the server sent them all; else by its text, the places scaled to tokens.

    Ids say nothing of numbers that count up, so a reply without a loop in its ids is looked at as text too.
    """
    by_ids = _by_ids(reply)
    if by_ids is not None and (by_ids.kind is not LoopKind.NONE or by_ids.finished):
        return by_ids
    return _by_text(reply)


def _by_ids(reply: Reply) -> LoopVerdict | None:
    if reply.token_ids is None:
        return None
    return detect(
        reply.token_ids,
        answer_at=reply.answer_begins,
        finish_reason=reply.finish_reason,
        answered=reply.is_answered,
    )


def _by_text(reply: Reply) -> LoopVerdict:
    thought = len(reply.reasoning)
    verdict = detect_text(
        reply.reasoning + reply.answer,
        answer_at=thought if reply.answer.strip() else None,
        finish_reason=reply.finish_reason,
        answered=reply.is_answered,
    )
    completion = count_tokens(reply).completion
    if completion is None or not verdict.tokens:
        return verdict
    return _scaled(verdict, completion / verdict.tokens)


def _scaled(verdict: LoopVerdict, tokens_per_piece: float) -> LoopVerdict:
    """Places and lengths in tokens, as if every piece of the text had equally many."""

    def in_tokens(pieces: int | None) -> int | None:
        return None if pieces is None else round(pieces * tokens_per_piece)

    period = in_tokens(verdict.period_tokens)
    return replace(
        verdict,
        onset_token=in_tokens(verdict.onset_token),
        period_tokens=None if period is None else max(1, period),
        span_tokens=in_tokens(verdict.span_tokens),
        wasted_tokens=round(verdict.wasted_tokens * tokens_per_piece),
        certain_token=in_tokens(verdict.certain_token),
        tokens=round(verdict.tokens * tokens_per_piece),
    )
