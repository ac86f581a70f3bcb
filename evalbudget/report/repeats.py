"""What several answers to a question show, as figures and as words, for every kind of report alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from evalbudget.report import words
from evalbudget.stats import ShareAt, majority_at_k, pass_at_k
from evalbudget.store.cells import Cell
from evalbudget.store.repeats import RepeatedAnswers

TITLE: Final = "several answers to a question"
MEANING: Final = (
    "This benchmark: the 95 % interval of the accuracy on these very questions, were they answered without "
    "end. pass@k: one of k answers is right; maj@k: the one given most often among k is; both over every "
    "choice of k of a question's answers, with the interval for questions like these."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """One model on one task at its largest budget, where it answered any question twice."""

    task: str
    model: str
    budget: int | None
    answers: int
    """The most to one question: the n of avg@n."""
    accuracy: float
    """avg@n."""
    benchmark_low: float | None
    """Its 95 % interval for this benchmark."""
    benchmark_high: float | None
    pass_at: tuple[ShareAt, ...]
    """By k: powers of two."""
    maj_at: tuple[ShareAt, ...]
    """The same; empty where the scorer takes no text from answers."""


def repeats_in(found: Iterable[RepeatedAnswers], cells: Iterable[Cell]) -> Iterator[Repeats]:
    """With the accuracies and intervals of the cells that they belong to."""
    by_place = {(cell.task, cell.model, cell.budget): cell for cell in cells}
    for each in found:
        cell = by_place.get((each.task, each.model, each.budget))
        if cell is not None and cell.accuracy is not None:
            yield Repeats(
                task=each.task,
                model=each.model,
                budget=each.budget,
                answers=max(votes.answers for votes in each.votes),
                accuracy=cell.accuracy,
                benchmark_low=cell.benchmark_low,
                benchmark_high=cell.benchmark_high,
                pass_at=pass_at_k(each.votes),
                maj_at=majority_at_k(each.votes),
            )


def sentences(repeats: Iterable[Repeats]) -> tuple[str, ...]:
    """One line for each. Neither pass@1 nor maj@1 and maj@2 are told: one is the accuracy, and so are the
    others, but for answers without a text."""
    return tuple(map(_sentence, repeats))


def _sentence(each: Repeats) -> str:
    """Such as: m on aime25: avg@4 41.7 % (38.2-45.3 for this benchmark), pass@2 50.1 % (…), maj@4 …."""
    told = f"avg@{each.answers} {words.share(each.accuracy)}"
    if each.benchmark_low is not None and each.benchmark_high is not None:
        within = words.share_within(each.accuracy, each.benchmark_low, each.benchmark_high)
        told = f"avg@{each.answers} {within.removesuffix(')')} for this benchmark)"
    parts = [told, *_shares("pass", each.pass_at, 2), *_shares("maj", each.maj_at, 4)]
    where = words.one_line(each.task, 80)
    if each.budget is not None:
        where += f" at budget {words.budget(each.budget)}"
    return f"{words.one_line(each.model, 80)} on {where}: {', '.join(parts)}"


def _shares(name: str, shares: Iterable[ShareAt], least: int) -> Iterator[str]:
    for each in shares:
        if each.k >= least:
            yield f"{name}@{each.k} {words.share_within(each.value, each.low, each.high)}"
