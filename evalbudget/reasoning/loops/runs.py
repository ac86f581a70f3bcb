"""Periodic runs: a stretch in which every token is the one of a period before, small breaks allowed.

A sequence is given as a `str` with one character for each token, so that comparing and searching run at the
speed of C. A run is followed backwards from its end. Where it breaks (a word that was cut, another
connective, a border tokenised in another way), it goes on behind at most `slack` tokens, at a distance that
may differ by as much; a break costs more than the same number of equal tokens gains (`matched`), and the run
begins where the balance is best: local alignment with a drop-off, as in the finders of tandem repeats in DNA.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from evalbudget.reasoning.loops.rules import Rules

_ANCHORS = 8, 16, 48
"""Tokens before a run's end that are looked for: 8 are found under noise; 48 tell the period of a unit that
itself repeats something."""
_RESUMES = 4
"""Equal tokens with which a run resumes behind a break."""


@dataclass(frozen=True, slots=True)
class Run:
    """Tokens `start` to `end`, exclusive; the first period is part of them."""

    start: int
    end: int
    period: int
    """Tokens, as it is in the run's beginning."""
    broken: bool
    """Whether there are breaks in it."""

    @property
    def span(self) -> int:
        """Its tokens."""
        return self.end - self.start

    @property
    def repeats(self) -> float:
        """How many periods it has."""
        return self.span / self.period


def runs_ending(text: str, end: int, *, floor: int, slack: int, rules: Rules) -> Iterator[Run]:
    """The runs that end at most `slack` tokens before `end`, the nearest end first; none before `floor`.

    Each of at most 3 × (`slack` + 1) candidate periods is followed through `window` tokens at most.
    """
    low = max(floor, end - rules.window)
    tried: set[int] = set()
    for stop in range(end, max(end - slack, low) - 1, -1):
        for period in _periods(text, stop, low):
            if period not in tried:
                tried.add(period)
                yield run_back(text, stop, period, floor=low, rules=rules)


def run_back(text: str, end: int, period: int, *, floor: int, rules: Rules) -> Run:
    """The run with this period that ends at `end`, followed back as far as it goes."""
    cost = rules.matched / (1 - rules.matched)
    at, lag, broken, score, best = end, period, False, 0.0, 0.0
    first, first_lag, was_broken = end, period, False
    while True:
        equal = _equal_before(text, at, at - lag, floor)
        at, score = at - equal, score + equal
        if score > best:
            best, first, first_lag, was_broken = score, at, lag, broken
        resumed = _resume(text, at, lag, period, floor=floor, slack=rules.slack)
        if resumed is None:
            break
        skipped, drift = resumed
        score -= cost * _tokens_lost(skipped, drift)
        if score < best - rules.give_up:
            break
        at, lag, broken = at - skipped, lag + drift, True
    return Run(max(first - first_lag, floor), end, first_lag, was_broken)


def _periods(text: str, stop: int, low: int) -> Iterator[int]:
    """How far before `stop` the last tokens were said before, for each length of anchor."""
    for width in _ANCHORS:
        if stop - width < low:
            return
        found = text.rfind(text[stop - width : stop], low, stop - 1)
        if found < 0:
            return
        yield stop - width - found


def _resume(text: str, at: int, lag: int, period: int, *, floor: int, slack: int) -> tuple[int, int] | None:
    """Tokens to skip before `at`, and what to add to the distance, for the run to go on, cheapest first."""
    for skipped, drift in _breaks(slack):
        here, there = at - skipped, at - skipped - lag - drift
        if there - _RESUMES < floor or abs(lag + drift - period) > period // 2:
            continue
        if text[there - _RESUMES : there] == text[here - _RESUMES : here]:
            return skipped, drift
    return None


@cache
def _breaks(slack: int) -> tuple[tuple[int, int], ...]:
    """Every break of at most `slack` tokens on both sides."""
    breaks = [
        (skipped, drift)
        for skipped in range(slack + 1)
        for drift in range(-skipped, slack - skipped + 1)
        if skipped or drift
    ]
    return tuple(sorted(breaks, key=lambda found: (_tokens_lost(*found), abs(found[1]))))


def _tokens_lost(skipped: int, drift: int) -> int:
    return max(skipped, skipped + drift)


def _equal_before(text: str, one: int, other: int, floor: int) -> int:
    """How many tokens before `one` are those before `other`, which is the earlier; none before `floor`."""
    equal, step = 0, 16
    while step and equal < other - floor:
        step = min(step, other - floor - equal)
        a, b = one - equal, other - equal
        if text[a - step : a] == text[b - step : b]:
            equal += step
            step *= 2
        elif step == 1:
            return equal
        else:
            step //= 2
    return equal
