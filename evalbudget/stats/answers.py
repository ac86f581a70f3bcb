"""One scored answer, as the curves take it, and many of them as a table of questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, nan
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One scored attempt. Failed attempts have none: they stay out of every curve.

    Question, repeat and budget name it: a curve takes each of these at most once.
    """

    question: str
    """The sample's id within its task: what is drawn again together."""
    repeat: int
    budget: int | None
    """Reasoning tokens allowed; None = unlimited, 0 = no thinking."""
    score: float
    """0 to 1; only 1 is correct."""
    reasoning_tokens: int | None
    """Of this answer; None where unknown."""
    completion_tokens: int | None
    """Thinking and answer of this answer; None where unknown."""
    forced: bool
    """Its thinking was cut, by us or at the budget by the server: it did not finish by itself."""
    extracted: str | None = None
    """What the scorer took as its answer; None where it found none. Only `post_answer_share` reads it."""


Trace: TypeAlias = Mapping[int | None, Answer]
"""The answers of one question and repeat by budget."""


def traces_of(answers: Iterable[Answer]) -> dict[tuple[str, int], dict[int | None, Answer]]:
    """The answers by question and repeat, then by budget."""
    found: dict[tuple[str, int], dict[int | None, Answer]] = {}
    for answer in answers:
        found.setdefault((answer.question, answer.repeat), {})[answer.budget] = answer
    return found


def budgets_of(answers: Iterable[Answer]) -> list[int | None]:
    """Each budget that was asked for, rising, unlimited last."""
    found = {answer.budget for answer in answers}
    finite = sorted(budget for budget in found if budget is not None)
    return [*finite, None] if None in found else [*finite]


@dataclass(frozen=True, slots=True)
class Table:
    """Question means, one row a question and one column a budget."""

    means: Floats
    """Each question's mean over its repeats, 0 to 1; NaN where it has none at this budget."""
    answers: tuple[int, ...]
    """How many answers each column is made of."""


def table(columns: Sequence[Iterable[tuple[str, float]]]) -> Table:
    """From the (question, score) pairs of each column; the order of pairs changes nothing.

    A score outside 0 to 1 is taken as the nearer end, as in `cells`.
    """
    import numpy as np  # noqa: PLC0415  (a tenth of a second, for curves alone)

    scores: list[dict[str, list[float]]] = []
    for column in columns:
        found: dict[str, list[float]] = {}
        for question, score in column:
            found.setdefault(question, []).append(share(score))
        scores.append(found)
    questions = sorted(set[str]().union(*scores))
    means = np.array(
        [[_mean(column.get(question, ())) for column in scores] for question in questions], dtype=np.float64
    )
    return Table(means.reshape(len(questions), len(scores)), tuple(sum(map(len, c.values())) for c in scores))


def share(score: float) -> float:
    """The score, or the nearer of 0 and 1."""
    return score if 0.0 <= score <= 1.0 else min(max(score, 0.0), 1.0)


def mean_of_questions(pairs: Iterable[tuple[str, float]]) -> float | None:
    """Mean of each question's mean; None of no pairs."""
    found: dict[str, list[float]] = {}
    for question, value in pairs:
        found.setdefault(question, []).append(value)
    return fsum(_mean(values) for values in found.values()) / len(found) if found else None


def _mean(values: Sequence[float]) -> float:
    if len(values) == 1:
        return values[0]
    return fsum(values) / len(values) if values else nan
