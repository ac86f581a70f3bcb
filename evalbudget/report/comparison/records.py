"""What a comparison of two models comes to, with the words for it: text in it is plain, never markup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from evalbudget.stats.comparison import Comparison, Judged, Target
from evalbudget.store.cells import Cell
from evalbudget.store.paired import ModelOfRun

Verdict: TypeAlias = Literal[
    "lower beyond margin",
    "lower",
    "lower within margin",
    "higher",
    "identical",
    "within margin",
    "no worse",
    "too few questions",
    "undecided",
]
"""What is shown of the candidate, for the target of the comparison; the first that holds.

lower, higher: its 95 % interval lies on that side of 0, and so says Holm's p; `beyond margin` and `within
margin` add on which side of the margin, `lower` alone that this is not shown. identical: the same mean score
on every question, which shows nothing by itself. within margin: shown on both sides. no worse: shown not to
be lower by the margin. too few questions: of questions like these, where fewer than six differ. undecided:
none of these. `Compared.no_worse` says for each of them whether no worse is shown.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSide:
    """One model of a comparison."""

    run_id: str
    model: str
    """Its label in that run."""
    name: str
    """What sentences call it, of one line: its quantization where that is what is compared and the two differ
    in it, else its label, with its run where both have one label."""
    family: str | None
    quantization: str
    """unknown where nothing tells it."""

    @property
    def side(self) -> ModelOfRun:
        """As the store's queries take it."""
        return ModelOfRun(self.run_id, self.model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A candidate and what it is compared to."""

    base: ComparedSide
    candidate: ComparedSide
    besides: tuple[str, ...]
    """What differs besides what is compared, a line each: `differences.lines_between`."""

    @property
    def title(self) -> str:
        """Both names, of one line."""
        return f"{self.candidate.name} beside {self.base.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a comparison's table; each text of one line, empty where there is nothing to say."""

    title: str
    base: str = ""
    candidate: str = ""
    difference: str = ""
    """With its interval where it has one."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtBudget:
    """The same task at another budget."""

    budget: int | None
    """None = unlimited."""
    found: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A pair on one task."""

    pair: Pair
    task: str
    budget: int | None
    """None = unlimited."""
    target: Target
    """What the verdict is about: benchmark = this benchmark, questions = questions like these."""
    found: Comparison
    p_holm: float
    """The target's p, corrected for all comparisons that were asked for together."""
    family_size: int
    """How many these are."""
    verdict: Verdict
    sentence: str
    """The verdict with the difference, tokens and loops; begins with the task."""
    line: str
    """Shorter, naming both models and the p: one of a list."""
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    """What a reader must know of this task's figures; what differs between the models is told by the pair."""
    base_cell: Cell | None
    """All that the run has of the base at this budget, other questions included; so is the next."""
    candidate_cell: Cell | None
    others: tuple[AtBudget, ...] = ()
    """At the other budgets that both have, the largest first, where asked for; in no family."""

    @property
    def judged(self) -> Judged:
        """Of the target that the verdict is about."""
        return self.found.judged[self.target]

    @property
    def no_worse(self) -> bool:
        """Shown to be not lower by the margin: what a gate asks for."""
        return self.judged.no_worse


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCompared:
    """A task that a pair cannot be compared on."""

    pair: Pair
    task: str
    why: str
    tried: bool
    """Both were asked it, but share no budget or no question with scored answers: a gate is missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparisons:
    """All that was asked for together."""

    pairs: tuple[Pair, ...]
    compared: tuple[Compared, ...]
    """By pair, then by task."""
    not_compared: tuple[NotCompared, ...]
    margin: float
    """Of accuracy, 0 to 1."""
    sentence: str
    """Over all of them; that of the one where there is one; empty where there is none."""
