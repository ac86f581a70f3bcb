"""A difference with its uncertainty, asked for intervals and one-sided tests: both always agree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

from evalbudget.stats.matched_pairs import DifferenceInterval, matched_score, tango_interval

_STRAIGHT = 1e-6
"""Bends below it are rounding."""
_MOST_BENT = 0.35
"""Skewness that is followed: of 30 questions a greater one is mostly one of them alone."""


class Estimate(Protocol):
    """What is known of a difference, -1 to 1."""

    @property
    def recipe(self) -> str:
        """How intervals and tests are made."""

    @property
    def error(self) -> float:
        """Standard error of the difference, above 0."""

    def interval(self, level: float) -> DifferenceInterval:
        """Two-sided."""

    def p_above(self, assumed: float) -> float:
        """One-sided, of "it is `assumed` or less": small = it is shown to lie above."""

    def p_below(self, assumed: float) -> float:
        """The same of "it is `assumed` or more"."""

    def reach(self, level: float, power: float) -> float:
        """How many standard errors away a truth is found with `power` at a two-sided 1 - `level`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """The difference divided by its error follows Student's t."""

    seen: float
    error: float
    degrees: float
    """Of freedom, above 0; infinite = normal."""
    recipe: str

    def interval(self, level: float) -> DifferenceInterval:
        """Two-sided; never beyond -1 and 1, and always around what was seen."""
        reach = self.quantile((1 + level) / 2) * self.error
        return DifferenceInterval(
            max(-1.0, min(self.seen, self.seen - reach)), min(1.0, max(self.seen, self.seen + reach))
        )

    def p_above(self, assumed: float) -> float:
        """One-sided."""
        return self.tail((self.seen - assumed) / self.error)

    def p_below(self, assumed: float) -> float:
        """One-sided."""
        return self.tail((assumed - self.seen) / self.error)

    def reach(self, level: float, power: float) -> float:
        """In standard errors."""
        return self.quantile((1 + level) / 2) + self.quantile(power)

    def quantile(self, share: float) -> float:
        """Where so large a share of its distribution lies below."""
        if math.isinf(self.degrees):
            return NormalDist().inv_cdf(share)
        from scipy.special import stdtrit  # noqa: PLC0415  (as in `intervals.student_quantile`)

        return float(stdtrit(self.degrees, share))

    def tail(self, distance: float) -> float:
        """Share of its distribution beyond so many standard errors."""
        if math.isinf(self.degrees):
            return NormalDist().cdf(-distance)
        from scipy.special import stdtr  # noqa: PLC0415

        return float(stdtr(self.degrees, -distance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Skewed:
    """The more careful one, at each end, of Student's t and of Hall's: the latter bends t by how skewed the
    difference is itself.

    Source: Hall 1992, Journal of the Royal Statistical Society B 54:221-228: t + at²/3 + a²t³/27 + a/6.
    """

    student: Student
    skewness: float
    """Of the difference, as it varies from draw to draw; above 0: seldom far up."""

    @property
    def recipe(self) -> str:
        """How intervals and tests are made."""
        return self.student.recipe

    @property
    def error(self) -> float:
        """Standard error of the difference, above 0."""
        return self.student.error

    def interval(self, level: float) -> DifferenceInterval:
        """Two-sided."""
        plain = self.student.interval(level)
        reach = self.student.quantile((1 + level) / 2)
        low = self.student.seen - self._straight(reach) * self.error
        high = self.student.seen - self._straight(-reach) * self.error
        return DifferenceInterval(min(plain.low, max(-1.0, low)), max(plain.high, min(1.0, high)))

    def p_above(self, assumed: float) -> float:
        """One-sided."""
        distance = (self.student.seen - assumed) / self.error
        return max(self.student.tail(distance), self.student.tail(self._bent(distance)))

    def p_below(self, assumed: float) -> float:
        """One-sided."""
        distance = (self.student.seen - assumed) / self.error
        return max(self.student.tail(-distance), self.student.tail(-self._bent(distance)))

    def reach(self, level: float, power: float) -> float:
        """In standard errors."""
        return self.student.reach(level, power)

    @property
    def _bend(self) -> float:
        return max(-_MOST_BENT, min(_MOST_BENT, self.skewness)) / 3

    def _bent(self, distance: float) -> float:
        bend = self._bend
        return distance + bend * distance**2 + bend**2 * distance**3 / 3 + bend / 2

    def _straight(self, bent: float) -> float:
        """Where `_bent` gives this: it only rises."""
        bend = self._bend
        if abs(bend) < _STRAIGHT:
            return bent
        return (math.cbrt(1 + 3 * bend * (bent - bend / 2)) - 1) / bend


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Single answers, right or wrong: the score test for matched pairs (Tango 1998; Nam 1997)."""

    lost: int
    won: int
    questions: int

    @property
    def recipe(self) -> str:
        """How intervals and tests are made."""
        return "tango"

    @property
    def error(self) -> float:
        """Of as many questions that differ as there are, but at least one lost and one won."""
        differing = max(2, self.lost + self.won)
        apart = (self.won - self.lost) ** 2 / self.questions
        return math.sqrt(max(differing - apart, 2.0)) / self.questions

    def interval(self, level: float) -> DifferenceInterval:
        """Two-sided."""
        return tango_interval(self.lost, self.won, self.questions, level)

    def p_above(self, assumed: float) -> float:
        """One-sided."""
        return NormalDist().cdf(-matched_score(self.won, self.lost, self.questions, assumed))

    def p_below(self, assumed: float) -> float:
        """One-sided."""
        return NormalDist().cdf(matched_score(self.won, self.lost, self.questions, assumed))

    def reach(self, level: float, power: float) -> float:
        """In standard errors."""
        normal = NormalDist()
        return normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)
