"""The sign-flip test of paired differences: were the two models alike, each sign would be a coin's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evalbudget.stats.answers import Floats

DRAWS = 20_000
"""Where all sums are too many to be told one by one."""

_ALIKE = 1e-7
"""Sums nearer than this are one: thirds and the like are never exact."""
_MOST_SUMS = 1 << 18
_MOST_DRAWN = 2_000_000
"""Numbers held at once."""
_MOST_SIZES = 1000
"""Different sizes that are drawn: the sum of more is as good as normal."""


@dataclass(frozen=True, slots=True)
class SignFlip:
    """What the test says."""

    p: float
    """Two-sided, 0 to 1."""
    exact: bool
    """All 2^n flips were weighed; else `DRAWS` of them were drawn, from a fixed seed, or, where more than a
    thousand sizes differ, the sum was taken as normal."""


def sign_flip(differences: Sequence[float], *, seed: int = 0) -> SignFlip:
    """How often flipped signs give a mean at least as far from 0; of no differences: 1.

    Sizes that are equal are flipped together, by a binomial count, and equal sums are one: with scores of 0
    and 1 even thousands of questions are weighed exactly. With answers of one repeat it is McNemar's exact
    test. Otherwise Monte Carlo, (1 + as far) / (1 + draws). Sources: Fisher 1935, The Design of Experiments,
    section 21; Phipson & Smyth 2010, doi:10.2202/1544-6115.1585, for the draws.
    """
    import numpy as np  # noqa: PLC0415  (a tenth of a second, for comparisons alone)

    numbers = np.array(differences, dtype=np.float64)
    sizes, times = _sizes(np.abs(numbers))
    if not sizes.size:
        return SignFlip(1.0, exact=True)
    far = abs(float(numbers.sum())) - _ALIKE
    weighed = _all_sums(sizes, times)
    if weighed is not None:
        sums, chances = weighed
        return SignFlip(min(1.0, float(chances[np.abs(sums) >= far].sum())), exact=True)
    if sizes.size > _MOST_SIZES:
        return SignFlip(2 * NormalDist().cdf(-max(0.0, far) / float(np.sqrt(times @ sizes**2))), exact=False)
    hits = _drawn(sizes, times, far, seed)
    return SignFlip((1 + hits) / (1 + DRAWS), exact=False)


def _sizes(sizes: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Each size that is not 0 once, rising, and how often it is there."""
    import numpy as np  # noqa: PLC0415

    some = np.sort(sizes[sizes > _ALIKE])
    starts = np.flatnonzero(np.diff(some, prepend=-1.0) > _ALIKE)
    return some[starts], np.diff(np.append(starts, some.size))


def _all_sums(sizes: Floats, times: NDArray[np.int64]) -> tuple[Floats, Floats] | None:
    """Every sum that flips can give, and its chance; None where they are too many."""
    import numpy as np  # noqa: PLC0415
    from scipy.special import gammaln  # noqa: PLC0415

    sums, chances = np.zeros(1), np.ones(1)
    for size, count in zip(sizes, times, strict=True):
        if sums.size * (count + 1) > _MOST_SUMS:
            return None
        plus = np.arange(count + 1)
        ways = gammaln(count + 1) - gammaln(plus + 1) - gammaln(count - plus + 1)
        added = np.exp(ways - count * np.log(2))
        sums = (sums[:, np.newaxis] + size * (2 * plus - count)).ravel()
        chances = (chances[:, np.newaxis] * added).ravel()
        _, first, place = np.unique(np.rint(sums / _ALIKE), return_index=True, return_inverse=True)
        sums = sums[first]
        chances = np.bincount(place, weights=chances).astype(np.float64)
    return sums, chances / chances.sum()


def _drawn(sizes: Floats, times: NDArray[np.int64], far: float, seed: int) -> int:
    """How many of `DRAWS` sums lie at least so far from 0."""
    import numpy as np  # noqa: PLC0415

    chance = np.random.default_rng(seed)
    most = max(1, _MOST_DRAWN // sizes.size)
    hits = 0
    for first in range(0, DRAWS, most):
        rows = min(most, DRAWS - first)
        plus = chance.binomial(times, 0.5, size=(rows, sizes.size))
        hits += int(np.count_nonzero(np.abs((2 * plus - times) @ sizes) >= far))
    return hits
