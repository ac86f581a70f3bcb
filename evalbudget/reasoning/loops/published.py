"""The rules of others, on one reply. They decide nothing here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evalbudget.reasoning.loops.verdict import Published

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TAIL = 1024
_BASE, _MIX = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9


def published_rules(tokens: Sequence[int], text: str | None) -> Published:
    """What each published rule says of the tokens, and of the text where there is one."""
    import numpy as np  # noqa: PLC0415 - a tenth of a second that only a verdict needs

    array = np.fromiter(tokens, dtype=np.int64, count=len(tokens))
    eight, sixteen, thirty = _gram_hashes(array)
    thirty = np.sort(thirty)
    return Published(
        liquid=None if text is None else antidoom_hit(text),
        ngram30x20=bool((thirty[19:] == thirty[:-19]).any()),
        vllm=vllm_would_stop(array),
        rho16_tail=_share_said_before(sixteen, array.size),
        rho8_tail=_share_said_before(eight, array.size),
    )


def vllm_would_stop(
    tokens: NDArray[np.int64], *, shortest: int = 16, longest: int = 128, count: int = 8
) -> bool:
    """Whether, after any token, the last p × `count` tokens have period p; p from `shortest` to `longest`.

    Source: vllm/v1/core/sched/utils.py, as `repetition_detection` tests after every token.
    """
    import numpy as np  # noqa: PLC0415

    for period in range(shortest, min(longest, tokens.size // count) + 1):
        changes = np.flatnonzero(tokens[period:] != tokens[:-period])
        runs = np.diff(changes, prepend=-1, append=tokens.size - period) - 1
        if runs.max(initial=0) >= period * (count - 1):
            return True
    return False


def antidoom_hit(
    text: str, *, times: int = 4, longest: int = 1024, least: int = 60, sample: int = 16, every: int = 128
) -> bool:
    """Whether a span of at most `longest` characters comes `times` times in a row, `least` characters in all.

    Source: `find_inner_repetition` of Liquid4All/antidoom, its defaults and its way to look: every 128
    characters a sample of 16 is looked for behind itself, then before; the distance is the candidate for the
    span. A repetition between two samples is therefore not seen, there as here.
    """
    for at in range(0, len(text) - sample, every):
        probe = text[at : at + sample]
        behind = text.find(probe, at + sample, at + longest + sample)
        before = text.rfind(probe, max(at - longest, 0), at)
        for period in (behind - at if behind >= 0 else 0, at - before if before >= 0 else 0):
            if period and _times_in_a_row(text, at, period) >= max(times, -(-least // period)):
                return True
    return False


def _times_in_a_row(text: str, at: int, period: int) -> int:
    """How often the span at this place comes, without a gap, before and behind it included."""
    unit, times = text[at : at + period], 0
    here = at
    while text.startswith(unit, here) and here + period <= len(text):
        times, here = times + 1, here + period
    here = at - period
    while here >= 0 and text.startswith(unit, here):
        times, here = times + 1, here - period
    return times


def _gram_hashes(tokens: NDArray[np.int64]) -> tuple[NDArray[np.uint64], ...]:
    """A hash for each gram of 8, of 16 and of 30 tokens; equal grams have equal hashes. Modulo 2^64."""
    import numpy as np  # noqa: PLC0415

    mixed = tokens.astype(np.uint64) * np.uint64(_MIX)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(_BASE)
    two = _joined(mixed, mixed, 1)
    four = _joined(two, two, 2)
    eight = _joined(four, four, 4)
    sixteen = _joined(eight, eight, 8)
    fourteen = _joined(_joined(eight, four, 8), two, 12)
    return eight, sixteen, _joined(sixteen, fourteen, 16)


def _joined(first: NDArray[np.uint64], then: NDArray[np.uint64], size: int) -> NDArray[np.uint64]:
    """Hashes of the grams that `first`, of `size` tokens, and `then`, right behind it, make together."""
    import numpy as np  # noqa: PLC0415

    behind = then[size:]
    factor = np.uint64(pow(_BASE, size, 1 << 64))
    return first[: behind.size] * factor + behind


def _share_said_before(grams: NDArray[np.uint64], tokens: int) -> float | None:
    """Share of the last 1024 tokens that end a gram which came before."""
    import numpy as np  # noqa: PLC0415

    if not tokens:
        return None
    tail = min(tokens, _TAIL)
    earlier, last = grams[:-tail], grams[-tail:]
    said = np.isin(last, earlier)
    first = np.zeros(last.size, dtype=bool)
    first[np.unique(last, return_index=True)[1]] = True
    return float((said | ~first).sum() / tail)
