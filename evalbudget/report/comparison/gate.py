"""The gate of `compare --gate`: whether every comparison is shown no worse by the margin."""

from __future__ import annotations

from dataclasses import dataclass

from evalbudget.report.comparison.records import Compared, Comparisons
from evalbudget.report.comparison.words import TARGETS, chance, place, points


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a pipeline acts on.

    Each comparison is tested at a one-sided 5 %, without a correction: the gate passes only where all of them
    do, and so lets a candidate that is lower by the margin anywhere pass in at most 5 % of cases
    (intersection-union test, Berger 1982, Technometrics 24:295-300).
    """

    passed: bool
    missed: tuple[str, ...]
    """A line for each that is not shown no worse, and why: lower, or not enough answers."""

    @property
    def line(self) -> str:
        """Passed or missed, of one line."""
        return "gate passed" if self.passed else f"gate missed: {'; '.join(self.missed)}"


def gate_of(told: Comparisons) -> Gate:
    """Over all comparisons; one that both were asked but that has nothing to compare is missed too."""
    missed = [_why(each) for each in told.compared if not each.no_worse]
    missed += [
        f"{each.pair.candidate.name} on {place(each.task, None)}: {each.why}"
        for each in told.not_compared
        if each.tried
    ]
    return Gate(passed=bool(told.compared) and not missed, missed=tuple(missed))


def _why(each: Compared) -> str:
    where = f"{each.pair.candidate.name} on {place(each.task, each.budget)}"
    margin = points(each.found.margin)
    if each.verdict == "lower beyond margin":
        return f"{where} is lower by more than {margin}"
    judged = each.judged
    told = f"not enough answers to show it no worse by {margin} on {TARGETS[each.target]}"
    if each.verdict == "lower":
        told = f"lower, and {told}"
    more = f"; {judged.more_repeats:,} more repeats would tell" if judged.more_repeats else ""
    return f"{where}: {told} ({chance(judged.p_no_worse)}{more})"
