"""What several answers to one question are worth: pass@k and maj@k, exact, with intervals for questions like
these.

pass@k   the chance that one of k answers is right. Source: Chen et al. 2021, arXiv:2107.03374, section 2.1.
maj@k    the chance that the answer given most often among k is right; m that are equally frequent share it.

Both are taken over all ways to choose k of a question's answers, never over one of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from evalbudget.stats.intervals import LEVEL, Interval, clustered_interval

MOST = 128
"""The largest k: the ways to choose it from 10,000 answers are still a number that a double holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """How the answers to a question fall, and of how many questions that is true."""

    answers: int
    """Scored ones, at least one."""
    right: int
    """They are one class, whatever their text."""
    wrong: tuple[int, ...] = ()
    """Of each text that was extracted from wrong answers, how often. What is left of `answers` gave none, and
    votes for nothing."""
    questions: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareAt:
    """A figure of k answers."""

    k: int
    value: float
    """0 to 1, each question weighing the same."""
    low: float
    """Its 95 % interval for questions like these."""
    high: float
    questions: int
    """Those with at least k scored answers: the others are left out."""


def pass_at_k(votes: Sequence[Votes]) -> tuple[ShareAt, ...]:
    """By k: powers of two, up to the most answers that a question has, and to `MOST`."""
    return tuple(
        _share_at(votes, k, [pass_at(each, k) for each in votes if each.answers >= k]) for k in _ks(votes)
    )


def majority_at_k(votes: Sequence[Votes]) -> tuple[ShareAt, ...]:
    """The same of maj@k; empty where no answer that is wrong has a text to vote for, for then nothing can be
    counted."""
    if not any(each.wrong for each in votes):
        return ()
    return tuple(
        _share_at(votes, k, [majority_at(each, k) for each in votes if each.answers >= k]) for k in _ks(votes)
    )


def pass_at(votes: Votes, k: int) -> float:
    """1 - C(n - c, k) ÷ C(n, k), for k from 1 to n."""
    missed = math.comb(votes.answers - votes.right, k)
    return 1 - missed / math.comb(votes.answers, k)


def majority_at(votes: Votes, k: int) -> float:
    """Over all k of the answers: 1 ÷ m where the right ones are, with m - 1 others, the most frequent class;
    0 where another is, and where none of the k votes."""
    return _majority(votes.answers, votes.right, tuple(sorted(votes.wrong)), k)


@lru_cache(maxsize=20_000)
def _majority(answers: int, right: int, wrong: tuple[int, ...], k: int) -> float:
    """Sum over j, the right ones among the k: C(right, j) times the ways to fill up with at most j of each
    wrong class and any number that vote for nothing. A class with exactly j counts y, and as 1 ÷ m is the
    integral of y^(m - 1) over 0 to 1, Gauss's nodes, enough of them to be exact, stand for y."""
    import numpy as np  # noqa: PLC0415  (a tenth of a second, for repeats alone)

    nodes, weights = np.polynomial.legendre.leggauss(len(wrong) // 2 + 1)
    ties, weights = (nodes + 1) / 2, weights / 2
    silent = answers - right - sum(wrong)
    found = 0.0
    for j in range(1, min(right, k) + 1):
        rest = k - j
        ways = np.zeros((len(ties), rest + 1))
        ways[:, : silent + 1] = [math.comb(silent, taken) for taken in range(min(silent, rest) + 1)]
        for size in wrong:
            added = np.zeros_like(ways)
            for taken in range(min(size, j, rest) + 1):
                factor = math.comb(size, taken) * (ties if taken == j else 1.0)
                added[:, taken:] += (ways[:, : rest + 1 - taken].T * factor).T
            ways = added
        found += math.comb(right, j) * float(weights @ ways[:, rest])
    return min(1.0, found / math.comb(answers, k))


def _ks(votes: Sequence[Votes]) -> list[int]:
    most = min(max((each.answers for each in votes), default=0), MOST)
    return [2**power for power in range(most.bit_length())]


def _share_at(votes: Sequence[Votes], k: int, values: Sequence[float]) -> ShareAt:
    """`values`: of each question with at least k answers; n answers are n ÷ k draws of k, rounded down."""
    counted = [each for each in votes if each.answers >= k]
    questions = sum(each.questions for each in counted)
    pairs = list(zip(values, counted, strict=True))
    value = math.fsum(one * each.questions for one, each in pairs) / questions
    spread = math.fsum((one - value) ** 2 * each.questions for one, each in pairs) / max(1, questions - 1)
    draws = questions**2 / math.fsum(each.questions / (each.answers // k) for each in counted)
    within: Interval = clustered_interval(min(max(value, 0.0), 1.0), spread, questions, draws, LEVEL)
    return ShareAt(k=k, value=value, low=within.low, high=within.high, questions=questions)
