"""Comparisons as the words that a reader sees, for every kind of report alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from evalbudget.report.paired import Compared
from evalbudget.report.words import budget, one_line
from evalbudget.stats import PairedDifference, TokenRatio

TITLE: Final = "compared"
MEANING: Final = (
    "Compared: the difference of accuracy on the same questions, each weighing the same, and in brackets its "
    "95 % interval on questions like these. p: how often models alike differ so much (sign-flip test), not "
    "corrected for the number of comparisons. Lost: the model named second has most of its answers to the "
    "question right and the first has not; won: the reverse."
)
_FEW: Final = 6
"""Fewer questions that differ never give a p below 0.05, however large the difference is."""


def sentences(compared: Iterable[Compared]) -> tuple[str, ...]:
    """One for each comparison, of one line and plain text."""
    return tuple(map(sentence, compared))


def sentence(each: Compared) -> str:
    """Such as: tiny-q4 beside tiny-f16 on sums: 7.1 points lower (−10.2 to −4.1), p = 0.0002; 24 questions
    lost, 6 won; tokens 1.02 times (0.99 to 1.05)."""
    where = one_line(each.task, 80) + ("" if each.budget is None else f" at budget {budget(each.budget)}")
    found = each.difference
    parts = [
        f"{_change(found)}, {_chance(found.p)}",
        f"{_questions(found.lost)} lost, {found.won:,} won",
    ]
    if found.differing < _FEW:
        parts.append(f"only {found.differing} of {_questions(found.questions)} differ")
    if found.left_out:
        parts.append(f"{_questions(found.left_out)} that one alone answered left out")
    if each.tokens is not None:
        parts.append(_tokens(each.tokens))
    return f"{one_line(each.candidate, 80)} beside {one_line(each.base, 80)} on {where}: {'; '.join(parts)}"


def _change(found: PairedDifference) -> str:
    points = f"{abs(100 * found.difference):.1f}"
    within = f"({_signed(found.low)} to {_signed(found.high)})"
    if points == "0.0":
        return f"equal {within}"
    return f"{points} points {'lower' if found.difference < 0 else 'higher'} {within}"


def _signed(share: float) -> str:
    """Points with their sign, such as −10.2, +4.1 or 0.0."""
    text = f"{abs(100 * share):.1f}"
    return text if text == "0.0" else f"{'−' if share < 0 else '+'}{text}"


def _chance(p: float) -> str:
    if p < 0.0001:
        return "p < 0.0001"
    return f"p = {p:.4f}" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def _questions(number: int) -> str:
    return "1 question" if number == 1 else f"{number:,} questions"


def _tokens(found: TokenRatio) -> str:
    ends = "" if found.low is None or found.high is None else f" ({found.low:.2f} to {found.high:.2f})"
    return f"tokens {found.ratio:.2f} times{ends}"
