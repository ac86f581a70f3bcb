"""What a reader must know before trusting a comparison on one task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from evalbudget.report.comparison.records import Pair
from evalbudget.report.comparison.words import TARGETS, questions
from evalbudget.report.words import one_line, share
from evalbudget.stats.comparison import Comparison, Target
from evalbudget.store.cells import Cell
from evalbudget.store.queries import TokenShare

_MANY_FAILED: Final = 0.01
"""Of a side's attempts: from here on what failed could move the difference."""
_MANY_CUT: Final = 0.05
"""Of a side's answers: from here on the limit of tokens is part of what is compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is known of one side besides its answers."""

    name: str
    cell: Cell | None
    sources: Sequence[TokenShare]
    """Of its model in its run, over all tasks."""


def cautions(
    found: Comparison, target: Target, wanted: Target | None, base: Told, candidate: Told
) -> tuple[str, ...]:
    """One line each, plain text. `wanted`: the target that was asked for, if any."""
    return tuple(_cautions(found, target, wanted, (base, candidate)))


def _cautions(
    found: Comparison, target: Target, wanted: Target | None, sides: tuple[Told, Told]
) -> Iterator[str]:
    if wanted is not None and wanted != target:
        yield (
            f"of {TARGETS[wanted]} nothing can be said, for a question was answered only once: the verdict "
            f"is about {TARGETS[target]}"
        )
    if found.weak:
        yield one_line(found.weak)
    if found.left_out:
        yield f"{questions(found.left_out)} that one of them alone has answered left out"
    if found.unweighted:
        yield f"{questions(found.unweighted)} of categories that the score does not count left out"
    for side in sides:
        if side.cell is not None:
            yield from _of_cell(one_line(side.name, 80), side.cell)
    yield from _of_sources(*sides)


def _of_cell(name: str, cell: Cell) -> Iterator[str]:
    scored = cell.attempts - cell.failed
    if cell.attempts and cell.failed / cell.attempts >= _MANY_FAILED:
        yield (
            f"{cell.failed:,} of {cell.attempts:,} attempts of {name} failed and are in no figure: were they "
            "the hard ones, it looks better than it is"
        )
    if scored and cell.truncated / scored >= _MANY_CUT:
        yield (
            f"{share(cell.truncated / scored)} of the answers of {name} were cut by the limit of tokens: the "
            "limit is part of what is compared"
        )
    if cell.stopped:
        yield (
            f"{cell.stopped:,} of {scored:,} streams of {name} were ended for a loop as they came: some "
            "would have recovered, and its tokens are fewer for it"
        )


def _of_sources(base: Told, candidate: Told) -> Iterator[str]:
    ours, theirs = (_sources(side.sources) for side in (base, candidate))
    if ours and theirs and ours != theirs:
        names = one_line(base.name, 80), one_line(candidate.name, 80)
        yield (
            f"tokens were counted in different ways: {', '.join(ours)} ({names[0]}), {', '.join(theirs)} "
            f"({names[1]})"
        )


def _sources(shares: Sequence[TokenShare]) -> tuple[str, ...]:
    """The sources that count, by name: those of a hundredth of the answers at least."""
    total = sum(each.attempts for each in shares)
    return tuple(sorted(each.source for each in shares if each.source and each.attempts >= 0.01 * total))


def of_pair(pair: Pair) -> tuple[str, ...]:
    """What differs between the two besides what is compared."""
    return tuple(f"{pair.title}: {line}" for line in pair.besides)
