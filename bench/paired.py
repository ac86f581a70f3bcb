"""How often the intervals of two models' difference, of flips and of the ratio of tokens hold the truth.

    python -m bench.paired [--runs 2000]

Questions differ: half of the variance of an answer lies between them (beta distributed). The candidate has
the same chances of each question, moved a little either way, or a tenth less; or it only loses: as often as
said a question that the base has right, once and for all. Shown are shares of runs in percent, nominal 95,
for "questions like these" (a new draw of them each run) and "this benchmark" (its own difference is the
truth); how often p is at most 0.05, which where both are alike is a false alarm (for this benchmark the
candidate has the very chances of the base then); and how often a candidate that is worse by just the margin
is called no worse, nominal 5. Then categories that weigh otherwise than they are many, excess flips, and
lengths: lognormal over questions and answers, the candidate's a tenth longer.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from statistics import fmean

import numpy as np

from evalbudget.stats import (
    Comparison,
    QuestionAnswers,
    Target,
    compare_answers,
    student_quantile,
    token_ratio,
)
from evalbudget.stats.bootstrap import percentiles, resampled_means

DESIGNS = ((30, 1), (30, 2), (30, 4), (30, 16), (198, 1), (198, 8), (541, 1), (541, 2))
SHARES = (0.1, 0.35, 0.9)
LOSSES = (0.02, 0.05, 0.1, 0.2)
CATEGORIES = (("a", 40, 1.0, 0.2), ("b", 15, 1.0, 0.5), ("c", 6, 2.0, 0.8))
"""Name, questions, weight, accuracy."""
_NEAR = 1e-9


def chances(chance: np.random.Generator, questions: int, share: float, loss: float) -> np.ndarray:
    """Two sides × questions: of a right answer; the candidate's lie `loss` lower, of each a share."""
    base = chance.beta(share, 1 - share, size=questions)
    moved = 0.1 * np.minimum(base, 1 - base) * chance.uniform(-1, 1, size=questions)
    return np.stack([base, (base + moved) * (1 - loss)])


def asked(chance: np.random.Generator, sides: np.ndarray, answers: int) -> np.ndarray:
    """Two sides × questions × answers, 0 or 1."""
    return (chance.random((*sides.shape, answers)) < sides[:, :, np.newaxis]).astype(float)


def only_losing(chance: np.random.Generator, questions: int, loss: float) -> np.ndarray:
    """All that the candidate does otherwise is to lose this share of the questions."""
    lost = chance.random(questions) < loss
    return np.stack([np.ones(questions), np.where(lost, 0.0, 1.0)])[:, :, np.newaxis]


def named(side: np.ndarray) -> dict[str, list[float]]:
    """Question → its answers."""
    return {f"{number:05}": answers for number, answers in enumerate(side.tolist())}


def compared(pair: np.ndarray, margin: float = 0.02) -> Comparison:
    """Both sides compared."""
    sides = [{key: QuestionAnswers(scores=tuple(each)) for key, each in named(side).items()} for side in pair]
    found = compare_answers(*sides, margin=margin)
    assert found is not None
    return found


def holds(found: Comparison, target: Target, truth: float) -> bool:
    """Whether the interval does."""
    judged = found.judged[target]
    return judged.low - _NEAR <= truth <= judged.high + _NEAR


def mean_percent(told: Mapping[str, list[float]]) -> str:
    """A line of means; a column without any is "-"."""
    return "".join(f"{100 * fmean(each):9.1f}" if each else f"{'-':>9}" for each in told.values())


def differences(chance: np.random.Generator, runs: int) -> None:
    """Both targets over all designs."""
    columns = ("held", "width", "p<=.05", "no worse", "student", "percent.", "b.held", "b.p<=.05", "b.worse")
    print(f"{'difference':32}" + "".join(f"{name:>9}" for name in columns))
    for questions, answers in DESIGNS:
        for share in SHARES:
            for loss in (0.0, 0.1):
                told: dict[str, list[float]] = {name: [] for name in columns}
                for _ in range(runs):
                    sides = chances(chance, questions, share, loss)
                    _one(told, asked(chance, sides, answers), -share * loss)
                    if answers > 1:
                        alike = sides if loss else sides[[0, 0]]
                        _fixed(told, asked(chance, alike, answers), float((alike[1] - alike[0]).mean()))
                label = f"{questions} x {answers}, accuracy {share}, {loss} less"
                print(f"{label:32}{mean_percent(told)}", flush=True)


def _one(told: Mapping[str, list[float]], pair: np.ndarray, truth: float) -> None:
    found = compared(pair, margin=max(-truth, 0.001))
    judged = found.judged["questions"]
    told["held"].append(holds(found, "questions", truth))
    told["width"].append(judged.high - judged.low)
    told["p<=.05"].append(judged.p <= 0.05)
    if truth:
        told["no worse"].append(judged.no_worse)
    means = pair[1].mean(axis=1) - pair[0].mean(axis=1)
    reach = student_quantile(len(means) - 1) * math.sqrt(means.var(ddof=1) / len(means))
    told["student"].append(abs(means.mean() - truth) <= reach + _NEAR)
    drawn = percentiles(resampled_means(means[:, np.newaxis], resamples=500)[:, 0], 0.95)
    assert drawn is not None
    told["percent."].append(drawn.low - _NEAR <= truth <= drawn.high + _NEAR)


def _fixed(told: Mapping[str, list[float]], pair: np.ndarray, truth: float) -> None:
    found = compared(pair, margin=max(-truth, 0.001))
    told["b.held"].append(holds(found, "benchmark", truth))
    told["b.p<=.05"].append(found.judged["benchmark"].p <= 0.05)
    if truth < 0:
        told["b.worse"].append(found.judged["benchmark"].no_worse)


def strata(chance: np.random.Generator, runs: int) -> None:
    """`CATEGORIES`, answered once and four times, the candidate alike or a tenth lower."""
    columns = ("held", "width", "p<=.05", "b.held", "b.p<=.05")
    print(f"\n{'weighted categories':32}" + "".join(f"{name:>9}" for name in columns))
    whole = sum(weight for _, _, weight, _ in CATEGORIES)
    weights = {name: weight for name, _, weight, _ in CATEGORIES}
    for answers in (1, 4):
        for loss in (0.0, 0.1):
            truth = -loss * sum(weight * share for _, _, weight, share in CATEGORIES) / whole
            told: dict[str, list[float]] = {name: [] for name in columns}
            for _ in range(runs):
                parts = [chances(chance, questions, share, loss) for _, questions, _, share in CATEGORIES]
                drawn = [asked(chance, part, answers) for part in parts]
                found = compare_answers(_sorted(drawn, 0), _sorted(drawn, 1), weights=weights)
                assert found is not None
                judged = found.judged["questions"]
                told["held"].append(holds(found, "questions", truth))
                told["width"].append(judged.high - judged.low)
                told["p<=.05"].append(judged.p <= 0.05)
                if answers > 1:
                    here = sum(
                        weight * float((part[1] - part[0]).mean()) / whole
                        for part, (_, _, weight, _) in zip(parts, CATEGORIES, strict=True)
                    )
                    told["b.held"].append(holds(found, "benchmark", here))
                    told["b.p<=.05"].append(found.judged["benchmark"].p <= 0.05)
            print(f"{f'{answers} answers, {loss} less':32}{mean_percent(told)}", flush=True)


def _sorted(drawn: list[np.ndarray], side: int) -> dict[str, QuestionAnswers]:
    return {
        f"{name}{number}": QuestionAnswers(scores=tuple(scores), stratum=name)
        for part, (name, _, _, _) in zip(drawn, CATEGORIES, strict=True)
        for number, scores in enumerate(part[side].tolist())
    }


def turned(chance: np.random.Generator, kind: str, base: np.ndarray) -> np.ndarray:
    """The candidate's chances."""
    if kind == "moved":
        return base + 0.8 * np.minimum(base, 1 - base) * chance.uniform(-1, 1, size=base.size)
    if kind == "a tenth lost":
        return np.where(chance.random(base.size) < 0.1, 0.0, base)
    return base * (0.7 if kind == "a third lower" else 1.0)


def excess(chance: np.random.Generator, runs: int) -> None:
    """Flips that reruns do not explain."""
    print(f"\n{'excess flips':40}     held    width")
    for questions, answers in ((30, 2), (30, 16), (198, 8), (541, 2)):
        for kind in ("alike", "moved", "a tenth lost", "a third lower"):
            for share in SHARES:
                many = chance.beta(share, 1 - share, size=400_000)
                truth = float(((many - turned(chance, kind, many)) ** 2).mean())
                told: dict[str, list[float]] = {"held": [], "width": []}
                for _ in range(runs):
                    base = chance.beta(share, 1 - share, size=questions)
                    sides = np.stack([base, turned(chance, kind, base)])
                    found = compared(asked(chance, sides, answers)).flips
                    assert found is not None
                    assert found.excess_low is not None and found.excess_high is not None
                    told["held"].append(found.excess_low - _NEAR <= truth <= found.excess_high + _NEAR)
                    told["width"].append(found.excess_high - found.excess_low)
                label = f"{questions} x {answers}, {kind}, accuracy {share}"
                print(f"{label:40}{mean_percent(told)}", flush=True)


def lengths(chance: np.random.Generator, shape: tuple[int, int], between: float, apart: float) -> np.ndarray:
    """Two sides × questions × answers; `between` questions and `apart`: standard deviations of logarithms."""
    base = np.exp(chance.normal(7, between, size=shape[0]))
    factor = 1.1 * np.exp(chance.normal(0, apart, size=shape[0]) - apart**2 / 2)
    sides = np.stack([base, base * factor])
    return sides[:, :, np.newaxis] * np.exp(chance.normal(0, 0.5, size=(2, *shape)))


def ratios(chance: np.random.Generator, runs: int) -> None:
    """Our recipe, and percentiles alone."""
    print(f"\n{'ratio of tokens':32}     held percent.")
    for shape in DESIGNS:
        for between, apart in ((0.8, 0.1), (1.2, 0.3)):
            told: dict[str, list[float]] = {"held": [], "percent.": []}
            for _ in range(runs):
                pair = lengths(chance, shape, between, apart)
                found = token_ratio(named(pair[0]), named(pair[1]))
                assert found is not None and found.low is not None and found.high is not None
                told["held"].append(found.low <= 1.1 <= found.high)
                draws = resampled_means(pair.mean(axis=2).T, resamples=500)
                drawn = percentiles(draws[:, 1] / draws[:, 0], 0.95)
                assert drawn is not None
                told["percent."].append(drawn.low <= 1.1 <= drawn.high)
            label = f"{shape[0]} x {shape[1]}, spread {between} and {apart}"
            print(f"{label:32}{mean_percent(told)}", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=2000)
    runs = parser.parse_args().runs
    chance = np.random.default_rng(7)
    differences(chance, runs)
    print(f"\n{'single answers, only loses':32}     held")
    for questions in (30, 198):
        for loss in LOSSES:
            pairs = (only_losing(chance, questions, loss) for _ in range(runs))
            told = {"held": [float(holds(compared(pair), "questions", -loss)) for pair in pairs]}
            print(f"{f'{questions} x 1, loses {loss}':32}{mean_percent(told)}", flush=True)
    strata(chance, runs)
    excess(chance, runs)
    ratios(chance, runs)


if __name__ == "__main__":
    main()
