"""Which questions one of two models alone has right: ids and categories, no texts."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypeAlias

from evalbudget.store.paired import AnyBudget, ModelOfRun
from evalbudget.store.queries import Store

Way: TypeAlias = Literal["lost", "won", "lower", "higher"]
"""lost: more than half of the base's answers are right, and not so of the candidate's; won: the reverse.
lower, higher: the candidate's mean score differs, but neither side of one half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """A question whose mean score differs between two models."""

    question: str
    """The sample's id."""
    category: str | None
    base: float
    """Mean score, 0 to 1; so is the next."""
    candidate: float
    base_answers: int
    candidate_answers: int
    way: Way

    @property
    def difference(self) -> float:
        """candidate - base."""
        return self.candidate - self.base


def flips_by_question(
    store: Store, task: str, base: ModelOfRun, candidate: ModelOfRun, *, budget: AnyBudget = "largest"
) -> tuple[Turned, ...]:
    """The questions that both have answered and whose mean scores differ: lost ones first, then won, lower
    and higher, each with the largest difference first. Private tasks too: an id and a category are no text.
    """
    answers = store.paired(task, base, candidate, budget)
    if answers is None:
        return ()
    found = []
    for question, ours in answers.base.items():
        theirs = answers.candidate.get(question)
        if theirs is None:
            continue
        means = fmean(ours.scores), fmean(theirs.scores)
        if abs(means[1] - means[0]) > 1e-9:
            found.append(
                Turned(
                    question=question,
                    category=ours.stratum or theirs.stratum,
                    base=means[0],
                    candidate=means[1],
                    base_answers=len(ours.scores),
                    candidate_answers=len(theirs.scores),
                    way=_way(*means),
                )
            )
    order = {"lost": 0, "won": 1, "lower": 2, "higher": 3}
    return tuple(sorted(found, key=lambda each: (order[each.way], -abs(each.difference), each.question)))


def _way(base: float, candidate: float) -> Way:
    if (base > 0.5) != (candidate > 0.5):
        return "lost" if base > 0.5 else "won"
    return "lower" if candidate < base else "higher"
