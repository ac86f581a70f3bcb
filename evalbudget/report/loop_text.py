"""The text of a looping attempt, as much of it as tells the loop: the beginning, where it loops, the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from evalbudget.reasoning.loops.spans import LoopSpan, loop_span
from evalbudget.store.browse import AttemptRead, Browse

MOST_LOOKED_AT: Final = 200_000
"""Characters that are looked through for the loop: some 50,000 tokens, a fifth of a second. Of a longer text
those around the token at which the loop began."""
_EDGE: Final = 1_200
"""Characters of the text's beginning and of its end that are shown."""
_BEFORE: Final = 800
_BEHIND: Final = 2_400
"""Characters before the loop's beginning and behind it."""
_LEFT: Final = 600
"""Characters before and behind the end of a loop that was left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A stretch of the text."""

    start: int
    """Its place in the whole text, in characters."""
    text: str
    unit: tuple[int, int] | None
    """The first saying of what is repeated, from and to, within `text`; None where it lies elsewhere."""
    repeated: tuple[int, int] | None
    """All that repeats it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopText:
    """A text with its loop."""

    chars: int
    """Of the whole text."""
    span: LoopSpan | None
    """None where the text alone does not show the loop that the model's tokens do: nothing is marked then,
    and where it begins is reckoned from its token."""
    excerpts: tuple[Excerpt, ...]
    """By place; what lies between two of them is not shown."""


def span_of(browse: Browse, run_id: str, read: AttemptRead) -> LoopSpan | None:
    """Where an attempt's loop stands in all that it generated; None without one, or where the text does not
    tell."""
    if not read.chars.get("generated") or read.line.loop_kind in (None, "none"):
        return None
    return _span_in(*_looked_at(browse, run_id, read), read)


def loop_text(browse: Browse, run_id: str, read: AttemptRead) -> LoopText | None:
    """What to show of a looping attempt; None where it has no text, or none that may be shown."""
    chars = read.chars.get("generated", 0)
    if not chars or read.line.loop_kind in (None, "none"):
        return None
    first, known = _looked_at(browse, run_id, read)
    span = _span_in(first, known, read)
    onset = _about(read) if span is None else span.start
    ranges = [(0, _EDGE), (onset - _BEFORE, onset + _BEHIND), (chars - _EDGE, chars)]
    if span is not None and not read.line.loop_doom:
        ranges.append((span.end - _LEFT, span.end + _LEFT))
    excerpts = []
    for start, end in merged(ranges, chars):
        if first <= start and end <= first + len(known):
            text = known[start - first : end - first]
        else:
            text = browse.piece(run_id, read.line.job, "generated", start, end - start)
        excerpts.append(_excerpt(text, start, span))
    return LoopText(chars=chars, span=span, excerpts=tuple(excerpts))


def _looked_at(browse: Browse, run_id: str, read: AttemptRead) -> tuple[int, str]:
    """What is looked through for the loop, and where it begins in the whole text."""
    start = _window(read.chars["generated"], _about(read))
    return start, browse.piece(run_id, read.line.job, "generated", start, MOST_LOOKED_AT)


def _span_in(start: int, text: str, read: AttemptRead) -> LoopSpan | None:
    """The loop of the text that begins with this character of the whole, as places in the whole."""
    thought, doom = read.chars.get("reasoning", 0) - start, bool(read.line.loop_doom)
    has_answer = read.chars.get("answer") and not read.is_rescued and 0 <= thought < len(text)
    found = loop_span(text, answer_at=thought if has_answer else None, doom=doom)
    if found is None:
        return None
    end = read.chars["generated"] if doom and found.end >= len(text) else start + found.end
    return LoopSpan(start=start + found.start, unit_end=start + found.unit_end, end=end)


def merged(ranges: Iterable[tuple[int, int]], chars: int) -> list[tuple[int, int]]:
    """The ranges within a text of so many characters, by place; those that touch or nearly do are one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((max(start, 0), min(end, chars)) for start, end in ranges):
        if found and start <= found[-1][1] + _LEFT:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif start < end:
            found.append((start, end))
    return found


def within(span: tuple[int, int], start: int, length: int) -> tuple[int, int] | None:
    """The part of a span of the whole text that lies in the `length` characters from `start` on."""
    begin, end = max(span[0] - start, 0), min(span[1] - start, length)
    return (begin, end) if begin < end else None


def gaps(excerpts: Sequence[Excerpt], chars: int) -> list[int]:
    """Characters that are left out before each excerpt, and behind the last."""
    ends = [0, *(each.start + len(each.text) for each in excerpts)]
    starts = [*(each.start for each in excerpts), chars]
    return [max(start - end, 0) for start, end in zip(starts, ends, strict=True)]


def _excerpt(text: str, start: int, span: LoopSpan | None) -> Excerpt:
    unit = repeated = None
    if span is not None:
        unit = within((span.start, span.unit_end), start, len(text))
        repeated = within((span.unit_end, span.end), start, len(text))
    return Excerpt(start=start, text=text, unit=unit, repeated=repeated)


def _about(read: AttemptRead) -> int:
    """The character at which the loop began, as if all tokens were equally long."""
    onset, tokens = read.line.loop_onset_token, read.line.completion_tokens
    chars = read.chars.get("generated", 0)
    if onset is None or not tokens:
        return 0
    return max(0, min(chars, chars * onset // tokens))


def _window(chars: int, onset: int) -> int:
    return max(0, min(onset - MOST_LOOKED_AT // 4, chars - MOST_LOOKED_AT))
