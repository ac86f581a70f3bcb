"""Two models' answers to the same questions as columns of numbers, one row a question."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalbudget.stats.answers import share
from evalbudget.stats.comparison import QuestionAnswers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evalbudget.stats.answers import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One model's answers to the questions that count."""

    means: Floats
    """Each question's mean score, 0 to 1."""
    answers: Floats
    """How many there are to each question, at least 1."""
    noise: Floats
    """Unbiased variance of one answer's score around its question's mean; NaN of a single answer."""
    right_shares: Floats
    """Share of the answers that are right; only 1 is right."""
    binary: bool
    """Every score is 0 or 1."""

    @property
    def repeated(self) -> bool:
        """Every question was answered more than once: the noise of an answer is known."""
        return bool((self.answers > 1).all())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Two models beside each other, the rows sorted by the questions' names."""

    base: Side
    candidate: Side
    weights: Floats
    """Of each question in the score; they sum to 1."""
    strata: tuple[NDArray[np.intp], ...]
    """Row numbers of each stratum; of one where each question weighs the same."""
    named: Mapping[str, float]
    """Stratum → its weight, summing to 1; empty where each question weighs the same."""
    left_out: int
    """Questions that one of the models alone has answered."""
    unweighted: int
    """Answered by both, but of a stratum without a weight: in no figure."""

    @property
    def differences(self) -> Floats:
        """candidate - base, of each question's mean."""
        return self.candidate.means - self.base.means

    @property
    def seen(self) -> float:
        """The difference of the scores."""
        return float(self.weights @ self.differences)

    @property
    def single(self) -> bool:
        """Every question was answered once on each side, right or wrong, and weighs the same."""
        sides = (self.base, self.candidate)
        return not self.named and all(side.binary and side.answers.max() == 1 for side in sides)


def paired(
    base: Mapping[str, QuestionAnswers],
    candidate: Mapping[str, QuestionAnswers],
    weights: Mapping[str, float] | None = None,
) -> tuple[list[str], Pairing] | None:
    """The questions that count, sorted, and their columns; None where there is none.

    `weights`: stratum → weight, not negative; those of strata that both models answered are scaled to sum to
    1. A weight that is not a positive number counts as none.
    """
    import numpy as np  # noqa: PLC0415  (a tenth of a second, for comparisons alone)

    mine = {question for question, answers in base.items() if answers.scores}
    both = sorted(question for question, answers in candidate.items() if answers.scores and question in mine)
    theirs = sum(bool(answers.scores) for answers in candidate.values())
    strata = {question: base[question].stratum or candidate[question].stratum for question in both}
    named = _scaled(weights, Counter(strata.values()))
    kept = both if weights is None else [question for question in both if strata[question] in named]
    if not kept:
        return None
    each = np.full(len(kept), 1 / len(kept))
    rows: tuple[NDArray[np.intp], ...] = (np.arange(len(kept)),)
    if weights is not None:
        of = np.array([strata[question] for question in kept])
        rows = tuple(np.flatnonzero(of == name) for name in named)
        for part, weight in zip(rows, named.values(), strict=True):
            each[part] = weight / len(part)
    found = Pairing(
        base=_side([base[question].scores for question in kept]),
        candidate=_side([candidate[question].scores for question in kept]),
        weights=each,
        strata=rows,
        named=named,
        left_out=len(mine) + theirs - 2 * len(both),
        unweighted=len(both) - len(kept),
    )
    return kept, found


def _scaled(weights: Mapping[str, float] | None, sizes: Mapping[str | None, int]) -> dict[str, float]:
    some = {
        name: weight
        for name, weight in (weights or {}).items()
        if sizes.get(name) and weight > 0 and math.isfinite(weight)
    }
    whole = math.fsum(some.values())
    return {name: some[name] / whole for name in sorted(some)}


def _side(scores: Sequence[Sequence[float]]) -> Side:
    import numpy as np  # noqa: PLC0415

    answers = np.array([len(each) for each in scores], dtype=np.float64)
    flat = np.array([share(score) for each in scores for score in each])
    starts = np.concatenate([[0], np.cumsum(answers)[:-1]]).astype(np.intp)
    means = np.add.reduceat(flat, starts) / answers
    around = flat - np.repeat(means, answers.astype(np.intp))
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = np.where(answers > 1, np.add.reduceat(around**2, starts) / (answers - 1), np.nan)
    return Side(
        right_shares=np.add.reduceat((flat == 1).astype(np.float64), starts) / answers,
        means=means,
        answers=answers,
        noise=noise,
        binary=bool(((flat == 0) | (flat == 1)).all()),
    )
