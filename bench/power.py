"""How often a true difference is found: beside what `plan` promises before a run, and what a comparison says
of its own design after it.

    python -m bench.power [--runs 1000]

The benchmark is fixed: its questions have the variance within questions that `plan` assumes for the task,
and the candidate is lower by just the effect that `plan` promises to find with 80 %, each question's chances
moved as far on the scale of log-odds. Shown are shares of runs in percent: p at most 0.05 on this benchmark;
the same for a candidate lower by the `detectable` difference that a first run told; and the promise kept in
the mean (promised, detectable), in points of accuracy.
"""

from __future__ import annotations

import argparse
from statistics import fmean

import numpy as np
from scipy.optimize import brentq
from scipy.stats import beta

from bench.paired import asked, compared
from evalbudget.stats import assumed_variance, detectable_effect

DESIGNS = (("aime25", 30, 16), ("aime25", 30, 64), ("gpqa_diamond", 198, 8), ("ifeval", 541, 4))
SHARES = (0.35, 0.5, 0.7, 0.9)


def benchmark(questions: int, share: float, within: float) -> np.ndarray:
    """Chances of a right answer to each question: the quantiles of a beta distribution with these means."""
    size = 1 / (share * (1 - share) / within - 1)
    places = (np.arange(questions) + 0.5) / questions
    return np.clip(beta.ppf(places, share * size, (1 - share) * size), 1e-9, 1 - 1e-9)


def lowered(chances: np.ndarray, effect: float) -> np.ndarray:
    """The same benchmark for a candidate that is lower by `effect` on it."""
    odds = np.log(chances / (1 - chances))

    def moved(by: float) -> np.ndarray:
        return 1 / (1 + np.exp(by - odds))

    return moved(brentq(lambda by: float((chances - moved(by)).mean()) - effect, 0, 100))


def found(chance: np.random.Generator, sides: np.ndarray, answers: int, runs: int) -> float:
    """Share of runs, in percent, where the difference is told from 0 on this benchmark."""
    pairs = (compared(asked(chance, sides, answers)) for _ in range(runs))
    return 100 * fmean(pair.judged["benchmark"].p <= 0.05 for pair in pairs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    chance = np.random.default_rng(11)
    print(f"{'design':34} promised    found detectable   found")
    for task, questions, answers in DESIGNS:
        within = assumed_variance(task)
        promised = detectable_effect(questions, answers, within)
        for share in SHARES:
            if share * (1 - share) <= 1.05 * within:
                continue
            base = benchmark(questions, share, within)
            first = compared(asked(chance, np.stack([base, lowered(base, promised)]), answers))
            told = first.judged["benchmark"].detectable
            powers = [
                found(chance, np.stack([base, lowered(base, effect)]), answers, runs)
                for effect in (promised, told)
            ]
            label = f"{task}, {questions} x {answers}, accuracy {share}"
            print(
                f"{label:34}{100 * promised:9.2f}{powers[0]:9.1f}{100 * told:10.2f}{powers[1]:9.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
