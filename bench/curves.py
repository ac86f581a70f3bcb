"""How often the bands of budget curves hold the truth, and what a curve costs to work out.

    python -m bench.curves [--runs 500] [--questions 30]

First the interval of one share, by its parts: the percentiles of the bootstrap alone, Wilson's alone, and the
outer of both, which the curves use. Questions differ: half of the variance of an answer lies between them
(beta distributed). Then whole curves from single traces: a question needs some thinking before its answer is
right, so many tokens differ with the question and less with the repeat; half of the traces go on for long
after that, and some lose it again. The truth is the curve of 200,000 traces. Shown are shares of runs in
percent, nominal 95, and the time of one curve on this machine.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from evalbudget.stats import LEVEL, Answer, clustered_wilson, curve, dominated_for_sure
from evalbudget.stats.area import area_weights
from evalbudget.stats.bootstrap import percentiles, resampled_means, share_interval
from evalbudget.stats.isotonic import budgets_reaching, rising

BUDGETS: list[int | None] = [0, 64, 128, 256, 512, 1024, 2048, 4096, None]
UNLIMITED = 1 << 40
SHARES = (0.1, 0.32, 0.6, 0.9, 0.97)
REPEATS = (1, 2, 4, 8)


def one_share(chance: np.random.Generator, questions: int, repeats: int, truth: float, runs: int) -> str:
    """Coverage and mean width of the three intervals of a share."""
    held, width = np.zeros(3), np.zeros(3)
    for run in range(runs):
        difficulty = chance.beta(truth, 1 - truth, size=questions)
        means = chance.binomial(repeats, difficulty) / repeats
        draws = resampled_means(means[:, np.newaxis], seed=run)[:, 0]
        mean, spread, answers = float(means.mean()), float(means.var(ddof=1)), questions * repeats
        middle = percentiles(draws, LEVEL)
        assert middle is not None
        wilson = clustered_wilson(mean, spread, questions, answers)
        outer = share_interval(mean, draws, spread=spread, questions=questions, answers=answers, level=LEVEL)
        for index, found in enumerate((middle, wilson, outer)):
            held[index] += found.low <= truth + 1e-12 and found.high >= truth - 1e-12
            width[index] += found.high - found.low
    return "".join(f"{100 * h / runs:8.1f} ({100 * w / runs:4.1f})" for h, w in zip(held, width, strict=True))


def traces(
    chance: np.random.Generator, questions: int, repeats: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths (questions × repeats); with an axis for the budgets, what is right and what is kept."""
    size = (questions, repeats)
    need = np.exp(chance.normal(6.0, 1.0, size=(questions, 1)) + chance.normal(0.0, 0.5, size=size))
    solvable = chance.random(size) < chance.beta(1.6, 0.4, size=(questions, 1))
    length = need * np.where(chance.random(size) < 0.5, np.exp(np.abs(chance.normal(0, 1, size=size))), 1.1)
    loses = (chance.random(size) < 0.1) & (length > 2 * need)
    ends = np.array([UNLIMITED if budget is None else budget for budget in BUDGETS])
    kept = np.minimum(length[:, :, np.newaxis], ends)
    right = solvable[:, :, np.newaxis] & (kept >= need[:, :, np.newaxis])
    right &= ~(loses[:, :, np.newaxis] & (kept >= 2 * need[:, :, np.newaxis]))
    guessed = chance.random((questions, repeats, len(BUDGETS))) < 0.05
    guessed[kept >= length[:, :, np.newaxis]] = False
    return length, right | guessed, kept


def answers_of(length: np.ndarray, right: np.ndarray, kept: np.ndarray) -> list[Answer]:
    """The same as answers."""
    return [
        Answer(
            question=f"{question:05}",
            repeat=repeat,
            budget=budget,
            score=float(right[question, repeat, index]),
            reasoning_tokens=int(kept[question, repeat, index]),
            completion_tokens=int(kept[question, repeat, index]) + 100,
            forced=bool(kept[question, repeat, index] < length[question, repeat]),
        )
        for question in range(right.shape[0])
        for repeat in range(right.shape[1])
        for index, budget in enumerate(BUDGETS)
    ]


def whole_curves(chance: np.random.Generator, questions: int, repeats: int, runs: int) -> str:
    """Coverage of the bands, the area and the tokens to the best."""
    length, right, kept = traces(chance, 200_000, 1)
    forced = right.mean(axis=(0, 1))
    strict = (right & (kept >= length[:, :, np.newaxis])).mean(axis=(0, 1))
    area = float(forced @ np.array(area_weights(BUDGETS)))
    tokens = float(budgets_reaching(BUDGETS, rising(forced[np.newaxis]), 0.95)[0])
    held = np.zeros(5)
    for run in range(runs):
        found = curve(answers_of(*traces(chance, questions, repeats)), seed=run)
        points = found.points
        held[0] += np.mean([p.low <= f <= p.high for p, f in zip(points, forced, strict=True)])
        inside = [
            p.strict_low is not None and p.strict_high is not None and p.strict_low <= s <= p.strict_high
            for p, s in zip(points, strict, strict=True)
        ]
        held[1] += np.mean(inside)
        held[2] += found.area_low is not None and found.area_low <= area <= (found.area_high or 0)
        low, high = found.tokens_to_best_low, found.tokens_to_best_high
        held[3] += (low or np.inf) <= tokens + 1 and tokens <= (high or np.inf)
        held[4] += found.tokens_to_best is None
    return "".join(f"{100 * share / runs:10.1f}" for share in held)


def sure_by_chance(chance: np.random.Generator, questions: int, repeats: int, runs: int) -> float:
    """Share of runs in which one of two points of equal accuracy is called dominated, at twice the tokens."""
    held = 0
    for run in range(runs):
        difficulty = chance.beta(0.5, 0.5, size=(questions, 1))
        sides = []
        for tokens in (2000, 1000):
            right = chance.random((questions, repeats)) < difficulty
            sides.append(
                [
                    Answer(
                        question=f"{question:05}",
                        repeat=repeat,
                        budget=None,
                        score=float(right[question, repeat]),
                        reasoning_tokens=tokens,
                        completion_tokens=tokens,
                        forced=False,
                    )
                    for question in range(questions)
                    for repeat in range(repeats)
                ]
            )
        held += dominated_for_sure(*sides, seed=run)
    return 100 * held / runs


def milliseconds(chance: np.random.Generator, questions: int, repeats: int) -> float:
    """Of the fastest of five."""
    answers = answers_of(*traces(chance, questions, repeats))
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        curve(answers)
        spent.append(time.perf_counter() - start)
    return 1000 * min(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--questions", type=int, default=30)
    options = parser.parse_args()
    chance = np.random.default_rng(4)
    print(f"{options.questions} questions, {options.runs} runs; % that hold the truth (mean width, points)")
    print(f"{'accuracy':>8} {'repeats':>8} {'percentile':>15} {'Wilson':>15} {'outer of both':>15}")
    for truth in SHARES:
        for repeats in REPEATS:
            print(
                f"{truth:8} {repeats:8} {one_share(chance, options.questions, repeats, truth, options.runs)}"
            )
    print("\ncurves; % that hold the truth, and % whose tokens to the best are beyond the budgets")
    print(f"{'repeats':>8}{'forced':>10}{'strict':>10}{'area':>10}{'tokens':>10}{'beyond':>10}")
    for repeats in REPEATS:
        print(f"{repeats:8}{whole_curves(chance, options.questions, repeats, options.runs)}")
    print("\ntwo points of equal accuracy, % in which one is called dominated for sure (at most 2.5 wanted)")
    for repeats in REPEATS:
        print(f"{repeats:8}{sure_by_chance(chance, options.questions, repeats, options.runs):10.1f}")
    print(f"\nms for one curve with {len(BUDGETS)} budgets")
    for questions, repeats in ((30, 8), (200, 1), (200, 8), (14_042, 1)):
        print(f"{questions:8} questions × {repeats}: {milliseconds(chance, questions, repeats):8.1f}")


if __name__ == "__main__":
    main()
