"""The frontier over tokens and accuracy: which points nothing else beats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evalbudget.stats.answers import Answer
from evalbudget.stats.bootstrap import RESAMPLES, percentiles, resampled_means
from evalbudget.stats.intervals import LEVEL

LEAST_DIFFERING: Final = 6
"""Questions that must differ in score before a difference is sure: with five, all one way, even an exact test
(two-sided, 5 %) leaves it open."""


def pareto(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether each point (mean tokens, accuracy) is on the frontier.

    One is off it where another has no more tokens and no less accuracy, and is better in one of the two.
    Equal points are on it together.
    """
    return [not any(_beats(other, point) for other in points) for point in points]


def _beats(other: tuple[float, float], point: tuple[float, float]) -> bool:
    return other[0] <= point[0] and other[1] >= point[1] and other != point


def dominated_for_sure(
    point: Sequence[Answer],
    by: Sequence[Answer],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> bool:
    """Whether `by` uses fewer tokens and is more accurate than `point` beyond chance, on the same questions.

    Each takes the answers of one point: one model at one budget. Compared are the questions that both
    answered and whose tokens both counted: the intervals of both paired differences, whole questions drawn
    again, must lie on `by`'s side of 0. Two points of equal accuracy are never sure.
    """
    import numpy as np  # noqa: PLC0415  (a tenth of a second, for curves alone)

    first, second = _question_means(point), _question_means(by)
    shared = sorted(first.keys() & second.keys())
    differences = np.array([[b - a for a, b in zip(first[q], second[q], strict=True)] for q in shared])
    if np.count_nonzero(differences[:, 0] if shared else []) < LEAST_DIFFERING:
        return False
    draws = resampled_means(differences, resamples=resamples, seed=seed)
    gained, spent = percentiles(draws[:, 0], level), percentiles(draws[:, 1], level)
    return gained is not None and spent is not None and gained.low > 0 and spent.high < 0


def _question_means(answers: Sequence[Answer]) -> dict[str, tuple[float, float]]:
    """Mean score and mean completion tokens of each question, over the answers whose tokens are known."""
    found: dict[str, list[tuple[float, int]]] = {}
    for answer in answers:
        if answer.completion_tokens is not None:
            found.setdefault(answer.question, []).append((answer.score, answer.completion_tokens))
    return {
        question: (sum(score for score, _ in each) / len(each), sum(tokens for _, tokens in each) / len(each))
        for question, each in found.items()
    }
