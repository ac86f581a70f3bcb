"""Where an interval of a difference is wider, or less certain, than 95 % says: in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalbudget.stats.pairing import Pairing

_FEW_QUESTIONS = 10
_MANY_QUESTIONS = 100
_FEW_DIFFERING = 6
"""Fewer never give a p below 0.05 where each question was answered once."""
_FEW_THAT_COUNT = 5.0
_MUCH = 0.2


def weakness(pairing: Pairing) -> str | None:
    """The worst that is to be said; None where simulated intervals hold the truth in 93 to 97 % (`drawn`,
    `fixed`)."""
    differences = pairing.differences
    differing = int((abs(differences) > 1e-9).sum())
    few = (
        (differences.size == 1, "one question says nothing of others"),
        (
            differences.size < _FEW_QUESTIONS,
            f"only {differences.size} questions: what others would give is hardly known",
        ),
        (
            any(part.size == 1 for part in pairing.strata),
            "some categories have one question: how much others would vary is taken from the rest",
        ),
        (
            bool(pairing.named) and _heavy(pairing),
            "a category of few questions weighs much: what others of it would give is hardly known",
        ),
        (
            not differing,
            "no question differs: the interval is what so many questions can rule out, wider than 95 %",
        ),
        (
            differing < _FEW_DIFFERING,
            f"only {differing} of {differences.size} questions differ: the interval is wider than 95 % needs",
        ),
    )
    for there, words in few:
        if there:
            return words
    if differences.size < _MANY_QUESTIONS and _that_count(pairing) < _FEW_THAT_COUNT:
        return (
            "a few questions make most of the difference: the interval holds the truth less often than 95 %"
        )
    return None


def _heavy(pairing: Pairing) -> bool:
    """Whether a fifth of the score rests on fewer than ten questions of one category."""
    return any(
        part.size < _FEW_QUESTIONS and float(pairing.weights[part].sum()) >= _MUCH for part in pairing.strata
    )


def _that_count(pairing: Pairing) -> float:
    """How many questions of equal differences would spread as much: (Σd²)² ÷ Σd⁴."""
    squares = (pairing.differences * pairing.weights) ** 2
    return float(squares.sum() ** 2 / (squares**2).sum())
