"""Sums of several steps, made from a seed: the questions, the thinking that solves them, the answers.

A sum of level n has n operands and n - 1 steps, such as 37+48-15: operands from 2 to 49, and a running total
that stays between 0 and 299. One sum in eight, chosen by a hash of its text alone, is kept out of the
training of the embedded model (embedded/tiny): whatever the seed, what a task asks was never trained on. Of
the shortest level there are only some 4,400 sums in all, so that those are near neighbours of trained ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from evalbudget.datasets.local import Row

LEVELS: Final = tuple(range(2, 9))
"""Numbers of operands on which the embedded model was trained."""
WORDINGS: Final = (("Compute ", ".\n"), ("Calculate ", ".\n"), ("What is ", "?\n"))
"""What stands before the sum and behind it; a task uses the first, training all."""
WANTED: Final = "Put the final answer in \\boxed{}."

_LEAST, _MOST, _HIGHEST = 2, 49, 299
"""Of an operand, and of the running total."""
_KEPT_OUT_BELOW = 256 // 8
"""Of a hash's first byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """One problem."""

    first: int
    steps: tuple[tuple[str, int], ...]
    """Sign and operand of each step."""

    @property
    def text(self) -> str:
        """Such as 37+48-15."""
        return f"{self.first}" + "".join(f"{sign}{value}" for sign, value in self.steps)

    @property
    def totals(self) -> tuple[int, ...]:
        """The running total after each step."""
        found, total = [], self.first
        for sign, value in self.steps:
            total += value if sign == "+" else -value
            found.append(total)
        return tuple(found)

    @property
    def answer(self) -> int:
        """What it comes to."""
        return self.totals[-1]

    @property
    def lines(self) -> tuple[str, ...]:
        """The thinking that solves it: one line a step, such as 37+48=85."""
        before = (self.first, *self.totals)
        steps = zip(before, self.steps, self.totals, strict=False)
        return tuple(f"{total}{sign}{value}={after}\n" for total, (sign, value), after in steps)

    @property
    def is_kept_out(self) -> bool:
        """Whether no training ever sees it."""
        return hashlib.sha256(self.text.encode()).digest()[0] < _KEPT_OUT_BELOW

    def question(self, wording: int = 0) -> str:
        """As a user asks it."""
        before, behind = WORDINGS[wording]
        return f"{before}{self.text}{behind}{WANTED}"


def draw(random: Random, level: int) -> Sum:
    """Any sum of this level, kept out or not."""
    first = total = random.randint(_LEAST, _MOST)
    steps = []
    for _ in range(level - 1):
        value, sign = random.randint(_LEAST, _MOST), random.choice("+-")
        if sign == "-" and value > total:
            sign = "+"
        if sign == "+" and total + value > _HIGHEST:
            sign = "-"
        total += value if sign == "+" else -value
        steps.append((sign, value))
    return Sum(first=first, steps=tuple(steps))


def fresh(seed: int, level: int) -> Iterator[Sum]:
    """Sums that no training ever saw, each once; ends where there are no more of this level."""
    random, seen = Random(f"{seed}/{level}"), set[str]()  # noqa: S311  (problems, no secrets)
    tries = 0
    while tries < 100_000:
        made, tries = draw(random, level), tries + 1
        if made.is_kept_out and made.text not in seen:
            seen.add(made.text)
            tries = 0
            yield made


def sums_rows(seed: int, levels: Sequence[int], each: int) -> list[Row]:
    """Rows of a task, `each` of every level, in turns, so that the first few are of all levels."""
    columns = [[made for made, _ in zip(fresh(seed, level), range(each), strict=False)] for level in levels]
    return [
        {
            "id": f"{level}-{number}",
            "question": made.question(),
            "target": str(made.answer),
            "level": f"{level} operands",
        }
        for number in range(each)
        for level, column in zip(levels, columns, strict=True)
        for made in column[number : number + 1]
    ]
