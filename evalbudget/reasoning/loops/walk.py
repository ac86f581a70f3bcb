"""How much a reply repeats itself, token by token.

Of every token is asked whether the gram that it ends was said `known_after` times before or more. A walk goes
up by one for such a token and down by one for any other, never below 0: it rises where more than half of what
is said is said for the fourth time or more. This is the CUSUM chart for a change in a rate (Page 1954,
"Continuous inspection schemes"): its height is the evidence for a loop, and where it last left 0 is where the
loop began. It needs no window, and a loop that breaks and starts anew keeps its beginning.

One dictionary holds for each gram where it was said last, and how often: the distance to the last time is the
period, where there is one (the most recent occurrence, as in the match finders of LZ77). O(1) per token.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from evalbudget.reasoning.loops.rules import Rules

_BASE, _PRIME = 1_234_567_890_123_457, (1 << 61) - 1
_NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Rise:
    """A stretch in which the walk stayed above 0."""

    height: int = 0
    """The greatest, in tokens: the evidence."""
    start: int = 0
    """The token at which it left 0; it ends the first known gram."""
    end: int = 0
    """Behind the token at which it was highest."""


@dataclass(slots=True)
class Walk:
    """Where a walk stands after the tokens that it was fed."""

    tokens: list[int]
    """`gram` zeros, then every token."""
    index: dict[int, int] = field(default_factory=dict)
    """Hash of a gram → 8 × the place of its last token + how often it was said, up to `known_after`."""
    alarms: list[int] = field(default_factory=list)
    """The token at which doom was certain, once for each rise that came so far."""
    height: int = 0
    """Now."""
    rise: Rise = Rise()
    """The present one; its height is 0 where the walk is at 0."""
    peak: Rise = Rise()
    """The highest one."""
    last_known: int = -1
    """The last token that ended a known gram; -1 without one."""


def walking(  # noqa: C901, PLR0912 - one loop, as a call for each token would cost more than all it does
    walk: Walk, rules: Rules, has_words: Callable[[int, int], bool]
) -> Generator[None, Sequence[int] | None, None]:
    """Takes tokens with `send`, in any chunks; on None it writes into `walk` where it stands.

    `has_words(start, end)` tells whether these tokens hold a word; it is asked before doom is certain. A
    generator, because its local variables are what keeps one token at a time cheap.
    """
    tokens, index, known = walk.tokens, walk.index, rules.known_after
    append, get = tokens.append, index.get
    leaving = pow(_BASE, rules.gram, _PRIME)
    place = key = height = start = top = top_end = lag = same = 0
    last_known, room, enough, run_enough = -1, rules.memory, rules.certain, _NEVER
    peak = Rise()
    while True:
        fed = yield
        if fed is None:
            now = Rise(height, start, place) if height > top else Rise(top, start, top_end)
            walk.height, walk.rise, walk.last_known = height, now, last_known
            walk.peak = max(peak, now, key=lambda rise: rise.height)
            continue
        for token in fed:
            key = (key * _BASE + token - tokens[place] * leaving) % _PRIME
            append(token)
            said = get(key, 0)
            if not said:
                lag, room = 0, room - 1
                if not room:
                    index.clear()
                    room = rules.memory
            elif place - (said >> 3) == lag:
                same += 1
            else:
                lag, same = place - (said >> 3), 0
                run_enough = _run_enough(lag, rules)
            if said & 7 == known:
                index[key] = place << 3 | known
                if not height:
                    start = place
                height += 1
                last_known = place
                if (height >= enough or same >= run_enough) and enough != _NEVER:
                    if height >= rules.beyond_doubt or has_words(place - lag + 1, place + 1):
                        walk.alarms.append(place)
                        enough = _NEVER
                    else:
                        enough, run_enough = rules.beyond_doubt, _NEVER
            else:
                index[key] = (place << 3) + (said & 7) + 1
                if height > top:
                    top, top_end = height, place
                if height:
                    height -= 1
                    if not height:
                        peak = max(peak, Rise(top, start, top_end), key=lambda rise: rise.height)
                        top, enough = 0, rules.certain
            place += 1


def _run_enough(lag: int, rules: Rules) -> int:
    """Tokens that have to come at one distance, behind the first gram and the first period, for certainty."""
    return max(rules.certain_span, rules.certain_repeats * lag) - lag - rules.gram
