"""`exact`: the answer is the target, word for word."""

from __future__ import annotations

import unicodedata

from evalbudget.records import Reply, Sample, Score

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e"))
"""Blanks without a width, soft hyphens, marks of the writing direction."""


def exact(sample: Sample, reply: Reply, *, ignore_case: bool = False) -> Score:
    """1 where the whole answer equals the target, as `normal` writes them; no mark or word may be added."""
    given, target = normal(reply.answer, ignore_case), normal(sample.target, ignore_case)
    return Score(value=float(given == target), extracted=" ".join(reply.answer.split()) or None)


def normal(text: str, ignore_case: bool) -> str:
    """Text for comparison: runs of white space are one blank, Unicode is NFC, what nobody can see is gone."""
    text = unicodedata.normalize("NFC", " ".join(text.translate(_INVISIBLE).split()))
    return text.casefold() if ignore_case else text
