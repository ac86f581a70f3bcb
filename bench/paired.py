"""How often the intervals of two models' difference, and of their ratio of tokens, hold the truth.

    python -m bench.paired [--runs 2000]

Questions differ: half of the variance of an answer lies between them (beta distributed). The candidate has
the same chances of each question, moved a little either way, or a tenth less; or it only loses: as often as
said a question that the base has right, once and for all. Then lengths: lognormal over questions and answers,
the candidate's a tenth longer. Shown are shares of runs in percent, nominal 95, for what `evalbudget.stats`
gives, for Student's interval alone and for the bootstrap's percentiles alone; and how often p is at most
0.05, which where both are alike is a false alarm.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from evalbudget.stats import paired_difference, student_quantile, token_ratio
from evalbudget.stats.bootstrap import percentiles, resampled_means

DESIGNS = ((30, 1), (30, 4), (30, 16), (198, 1), (198, 8), (541, 1))
SHARES = (0.1, 0.35, 0.9)
LOSSES = (0.02, 0.05, 0.1, 0.2)
_NEAR = 1e-9


def scores(chance: np.random.Generator, shape: tuple[int, int], share: float, loss: float) -> np.ndarray:
    """Two sides × questions × answers, 0 or 1; the candidate's chances lie `loss` lower, of each a share."""
    base = chance.beta(share, 1 - share, size=shape[0])
    moved = 0.1 * np.minimum(base, 1 - base) * chance.uniform(-1, 1, size=shape[0])
    sides = np.stack([base, (base + moved) * (1 - loss)])
    return (chance.random((2, *shape)) < sides[:, :, np.newaxis]).astype(float)


def only_losing(chance: np.random.Generator, questions: int, loss: float) -> np.ndarray:
    """All that the candidate does otherwise is to lose this share of the questions."""
    lost = chance.random(questions) < loss
    return np.stack([np.ones(questions), np.where(lost, 0.0, 1.0)])[:, :, np.newaxis]


def named(side: np.ndarray) -> dict[str, list[float]]:
    """Question → its answers."""
    return {f"{number:05}": answers for number, answers in enumerate(side.tolist())}


def held(pairs: list[np.ndarray], truth: float) -> str:
    """Coverage of the difference by the three recipes, mean width of ours, and how often p is small."""
    ours = student = middle = small = 0
    width = 0.0
    for pair in pairs:
        found = paired_difference(named(pair[0]), named(pair[1]))
        assert found is not None
        ours += found.low - _NEAR <= truth <= found.high + _NEAR
        width += found.high - found.low
        small += found.p <= 0.05
        means = pair[1].mean(axis=1) - pair[0].mean(axis=1)
        reach = student_quantile(len(means) - 1) * math.sqrt(means.var(ddof=1) / len(means))
        student += abs(means.mean() - truth) <= reach + _NEAR
        drawn = percentiles(resampled_means(means[:, np.newaxis], resamples=500)[:, 0], 0.95)
        assert drawn is not None
        middle += drawn.low - _NEAR <= truth <= drawn.high + _NEAR
    told = [100 * each / len(pairs) for each in (ours, student, middle, width, small)]
    return "".join(f"{each:9.1f}" for each in told)


def lengths(chance: np.random.Generator, shape: tuple[int, int], between: float, apart: float) -> np.ndarray:
    """Two sides × questions × answers; `between` questions and `apart`: standard deviations of logarithms."""
    base = np.exp(chance.normal(7, between, size=shape[0]))
    factor = 1.1 * np.exp(chance.normal(0, apart, size=shape[0]) - apart**2 / 2)
    sides = np.stack([base, base * factor])
    return sides[:, :, np.newaxis] * np.exp(chance.normal(0, 0.5, size=(2, *shape)))


def held_ratio(pairs: list[np.ndarray]) -> str:
    """Coverage of the ratio by our recipe and by percentiles alone."""
    ours = middle = 0
    for pair in pairs:
        found = token_ratio(named(pair[0]), named(pair[1]))
        assert found is not None and found.low is not None and found.high is not None
        ours += found.low <= 1.1 <= found.high
        draws = resampled_means(pair.mean(axis=2).T, resamples=500)
        drawn = percentiles(draws[:, 1] / draws[:, 0], 0.95)
        assert drawn is not None
        middle += drawn.low <= 1.1 <= drawn.high
    return "".join(f"{100 * each / len(pairs):9.1f}" for each in (ours, middle))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=2000)
    runs = parser.parse_args().runs
    chance = np.random.default_rng(7)
    print(f"{'difference':32}     ours  student  percent.   width p<=0.05")
    for shape in DESIGNS:
        for share in SHARES:
            for loss in (0.0, 0.1):
                pairs = [scores(chance, shape, share, loss) for _ in range(runs)]
                label = f"{shape[0]} x {shape[1]}, accuracy {share}, {loss} less"
                print(f"{label:32}{held(pairs, -share * loss)}", flush=True)
    for questions in (30, 198):
        for loss in LOSSES:
            pairs = [only_losing(chance, questions, loss) for _ in range(runs)]
            print(f"{f'{questions} x 1, loses {loss}':32}{held(pairs, -loss)}", flush=True)
    print(f"\n{'ratio of tokens':32}     ours  percent.")
    for shape in DESIGNS:
        for between, apart in ((0.8, 0.1), (1.2, 0.3)):
            pairs = [lengths(chance, shape, between, apart) for _ in range(max(1, runs // 4))]
            label = f"{shape[0]} x {shape[1]}, spread {between} and {apart}"
            print(f"{label:32}{held_ratio(pairs)}", flush=True)


if __name__ == "__main__":
    main()
