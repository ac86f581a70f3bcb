"""One whole reply, as the detector sees it at its end, and the runs in it that are long enough for a loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalbudget.reasoning.loops.rules import Rules
from evalbudget.reasoning.loops.runs import Run, run_back, runs_ending
from evalbudget.reasoning.loops.walk import Walk

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
        return "".join(
            [chr(seen.setdefault(token, len(seen)) % (_MOST_CHARACTERS - 1) + 1) for token in tokens]
        )


def exact_run(trace: Trace, end: int, *, slack: int) -> Run | None:
    """The periodic run that ends at most `slack` tokens before `end`, if one is long enough for a loop."""
    rules = trace.rules
    runs = runs_ending(trace.line, end, floor=trace.floor, slack=slack, rules=rules)
    long = [run for run in runs if run.repeats >= rules.min_repeats and run.span >= _least_span(trace, run)]
    if not long:
        return None
    run = max(long, key=lambda found: (not found.broken, found.repeats))
    return run_back(trace.line, run.end, run.period, floor=trace.floor, rules=rules)


def first_saying(line: str, start: int, end: int, *, floor: int, rules: Rules) -> int:
    """Where a loop begins that was seen from `start` to `end`: with the first saying of what it repeats.

    Back from `start`, as far as more than half of the grams come again in the loop's first tokens.
    """
    gram = rules.gram
    looped = {line[at : at + gram] for at in range(start, min(end, start + rules.window // 4) - gram + 1)}
    begins, height, best = start, 0, 0
    for at in range(start - 1, floor - 1, -1):
        height += 1 if line[at : at + gram] in looped else -1
        if height > best:
            begins, best = at, height
        elif height < best - rules.give_up:
            break
    return begins


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


def _last_piece_is_beginning(trace: Trace) -> bool:
    """Whether the last piece is the beginning of what followed the last time that all before it was said."""
    line, pieces, gram = trace.line, trace.pieces, 8
    if pieces is None or len(line) <= gram:
        return False
    found = line.rfind(line[-gram - 1 : -1], trace.floor, len(line) - 2)
    expected = pieces[found + gram] if found >= 0 else ""
    return expected != pieces[-1] and expected.startswith(pieces[-1])
