"""Counters that run away: runs in which numbers count as equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evalbudget.reasoning.loops.rules import Rules
from evalbudget.reasoning.loops.runs import Run, run_back, runs_ending
from evalbudget.reasoning.loops.trace import Trace, first_saying, is_word

_NUMBER = "\0"
"""Stands for a number; `Trace.line` has none."""


def template_run(trace: Trace) -> Run | None:
    """The run of the last segment, numbers taken as equal, that ends the reply and is long enough for a loop.

    Its unit holds a number and a word, and its numbers change: there are at least half as many different ones
    as repeats. None where texts are not known.
    """
    pieces, rules = trace.pieces, trace.rules
    if pieces is None:
        return None
    line, places = _without_numbers(trace, pieces)
    for found in runs_ending(line, len(line), floor=0, slack=rules.slack, rules=rules):
        if not _is_long(found, rules):
            continue
        run = run_back(line, found.end, found.period, floor=0, rules=rules)
        unit = range(run.start, run.start + run.period)
        if any(is_word(pieces[places[at]]) for at in unit) and _counts(pieces[places[run.start] :], run):
            begins = first_saying(line, run.start, len(line), floor=0, rules=rules)
            period = places[unit.stop] - places[unit.start]
            return replace(run, start=places[begins], end=len(trace.line), period=period)
    return None


def _is_long(run: Run, rules: Rules) -> bool:
    many = run.repeats >= rules.template_repeats and run.span >= rules.template_span
    return many or (run.repeats >= rules.template_repeats_short and run.span >= rules.template_span_short)


def _counts(pieces: Sequence[str], run: Run) -> bool:
    """Whether the numbers in these pieces change from one repeat to the next."""
    digits = "".join(piece if _is_number(piece) else " " for piece in pieces)
    return 2 * len(set(digits.split())) >= run.repeats


def _without_numbers(trace: Trace, pieces: Sequence[str]) -> tuple[str, list[int]]:
    """The last segment with one NUL for each number, and where in the reply each of its characters stands;
    behind them, where the reply ends."""
    characters: list[str] = []
    places: list[int] = []
    for place in range(trace.floor, len(pieces)):
        is_number = _is_number(pieces[place])
        if not (is_number and characters and characters[-1] == _NUMBER):
            characters.append(_NUMBER if is_number else trace.line[place])
            places.append(place)
    return "".join(characters), [*places, len(pieces)]


def _is_number(piece: str) -> bool:
    return piece.strip().isdecimal()
