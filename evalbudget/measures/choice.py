"""What is told of a multiple-choice task beside its score: the published rule, preferences for letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from evalbudget.measures.measure import Measure, ScoredRow

_LAST = "the score: the answer given last, in any form"
_FIRST = "simple-evals' rule, for published figures"


def choice(rows: Sequence[ScoredRow]) -> tuple[Measure, ...]:
    """last-match, first-match, by position, letters given; those of them that the rows allow.

    by position: accuracy where A was right, where B was, …; its value is the largest difference. letters
    given: how often each was; its value is the share of the most frequent, 25 % where four are given evenly.
    """
    measures = []
    first = [row.details["first_match_correct"] for row in rows if "first_match_correct" in row.details]
    if first:
        right = sum(row.score for row in rows) / len(rows)
        measures.append(Measure(name="last-match", value=right, n=len(rows), note=_LAST))
        share = sum(map(bool, first)) / len(first)
        measures.append(Measure(name="first-match", value=share, n=len(first), note=_FIRST))
    by_place: dict[str, list[float]] = {}
    for row in rows:
        if _is_letter(row.target):
            by_place.setdefault(str(row.target), []).append(row.score)
    if len(by_place) > 1:
        shares = {letter: sum(scores) / len(scores) for letter, scores in by_place.items()}
        spread = max(shares.values()) - min(shares.values())
        note = f"{_listed(shares)} right where that letter is right; the value: largest difference"
        measures.append(
            Measure(name="by position", value=spread, n=sum(map(len, by_place.values())), note=note)
        )
    given = Counter(str(row.extracted) for row in rows if _is_letter(row.extracted))
    if given and len(by_place) > 1:
        every = {letter: given[letter] / given.total() for letter in sorted({*by_place, *given})}
        note = f"{_listed(every)} of the letters given; the value: the most frequent"
        measures.append(Measure(name="letters given", value=max(every.values()), n=given.total(), note=note))
    return tuple(measures)


def _is_letter(text: str | None) -> bool:
    return text is not None and len(text) == 1 and text.isascii() and text.isupper()


def _listed(shares: Mapping[str, float]) -> str:
    """Such as `A 41, B 39 %`."""
    return ", ".join(f"{letter} {100 * shares[letter]:.0f}" for letter in sorted(shares)) + " %"
