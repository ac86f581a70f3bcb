"""One whole reply, as the detector sees it at its end, and the runs in it that are long enough for a loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evalbudget.reasoning.loops.rules import Rules
from evalbudget.reasoning.loops.runs import Run, run_back, runs_ending
from evalbudget.reasoning.loops.walk import Walk

_NUMBER = "\0"
_MOST_CHARACTERS = 0x110000


@dataclass(frozen=True, slots=True)
class Trace:
    """Tokens, their texts, and the walk over them."""

    line: str
    """One character for each token: equal where the tokens are equal. Any but NUL."""
    pieces: Sequence[str] | None
    """The text of each token; None where texts are not known."""
    answer_at: int | None
    """The token with which the answer begins; None where none began."""
    walk: Walk
    rules: Rules

    @property
    def floor(self) -> int:
        """Where the last segment begins: an answer is not compared with the thinking before it."""
        return self.answer_at or 0


def as_line(tokens: Sequence[int]) -> str:
    """Tokens as characters, so that comparing and searching run at the speed of C."""
    try:
        return "".join([chr(token + 1) for token in tokens])
    except (ValueError, OverflowError):  # an id that no character has
        seen: dict[int, int] = {}
        return "".join([chr(seen.setdefault(token, len(seen)) % (_MOST_CHARACTERS - 1) + 1) for token in tokens])


def exact_run(trace: Trace, end: int, *, slack: int) -> Run | None:
    """The periodic run that ends at most `slack` tokens before `end`, if one is long enough for a loop."""
    rules = trace.rules
    for run in runs_ending(trace.line, end, floor=trace.floor, slack=slack, rules=rules):
        if run.repeats >= rules.min_repeats and run.span >= _least_span(trace, run):
            return run_back(trace.line, run.end, run.period, floor=trace.floor, rules=rules)
    return None


def template_run(trace: Trace) -> Run | None:
    """The same at the reply's end where numbers count as equal; its unit holds a number and a word."""
    pieces = trace.pieces
    if pieces is None:
        return None
    line, places = _without_numbers(trace, pieces)
    for run in runs_ending(line, len(line), floor=0, slack=trace.rules.slack, rules=trace.rules):
        if not _is_long_template(run, trace.rules):
            continue
        in_full = run_back(line, run.end, run.period, floor=0, rules=trace.rules)
        unit = range(in_full.start, in_full.start + in_full.period)
        if _NUMBER in line[unit.start : unit.stop] and any(is_word(pieces[places[place]]) for place in unit):
            start = places[unit.start]
            return replace(in_full, start=start, end=len(trace.line), period=places[unit.stop] - start)
    return None


def run_before(trace: Trace, end: int) -> Run | None:
    """The run that ends exactly here, of as many repeats as make a gram known."""
    floor = trace.floor if end > trace.floor else 0
    for run in runs_ending(trace.line, end, floor=floor, slack=0, rules=trace.rules):
        if run.repeats >= trace.rules.known_after:
            return run_back(trace.line, end, run.period, floor=floor, rules=trace.rules)
    return None


def still_repeats(trace: Trace) -> bool:
    """Whether the reply repeats itself up to its very end, where its last piece may have been cut."""
    ends = [len(trace.line)]
    if _last_piece_is_beginning(trace):
        ends.append(len(trace.line) - 1)
    return any(trace.walk.last_known == end - 1 or exact_run(trace, end, slack=0) for end in ends)


def is_word(piece: str) -> bool:
    """Whether a piece holds two letters or more."""
    return sum(character.isalpha() for character in piece) >= 2


def _least_span(trace: Trace, run: Run) -> int:
    """Tokens that a run needs; an unbroken one of words needs fewest."""
    rules = trace.rules
    unit = None if trace.pieces is None else trace.pieces[run.end - run.period : run.end]
    if unit is not None and not any(map(is_word, unit)):
        return rules.min_span_wordless
    return rules.min_span_broken if run.broken else rules.min_span


def _is_long_template(run: Run, rules: Rules) -> bool:
    many = run.repeats >= rules.template_repeats and run.span >= rules.template_span
    return many or (run.repeats >= rules.template_repeats_short and run.span >= rules.template_span_short)


def _without_numbers(trace: Trace, pieces: Sequence[str]) -> tuple[str, list[int]]:
    """The last segment with each number as one NUL, and the place of each of its characters in the reply."""
    characters: list[str] = []
    places: list[int] = []
    for place in range(trace.floor, len(pieces)):
        is_number = pieces[place].strip().isdecimal()
        if not (is_number and characters and characters[-1] == _NUMBER):
            characters.append(_NUMBER if is_number else trace.line[place])
            places.append(place)
    return "".join(characters), places


def _last_piece_is_beginning(trace: Trace) -> bool:
    """Whether the last piece is the beginning of what followed the last time that all before it was said."""
    line, pieces, gram = trace.line, trace.pieces, 8
    if pieces is None or len(line) <= gram:
        return False
    found = line.rfind(line[-gram - 1 : -1], trace.floor, len(line) - 2)
    expected = pieces[found + gram] if found >= 0 else ""
    return expected != pieces[-1] and expected.startswith(pieces[-1])
