"""How often the intervals of a single model's figures hold the truth.

    python -m bench.coverage [--runs 2000]

Questions differ: their chances are beta distributed, with such a part of an answer's variance between
questions as the line says (the intraclass correlation), or lumpy: hard, middling and easy ones (0.02, 0.5,
0.95), as many easy as middling; or in two lumps, 0.02 and 0.9, where a draw of 30 questions may have no easy
one. Above a half the lumps are mirrored. Shown are shares of runs in percent, nominal 95; for "this
benchmark" the truth is the mean chance of the questions that were drawn. `naive` takes every answer for an
independent trial. Single answers are the same for every distribution.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np

from evalbudget.measures import weights_of
from evalbudget.stats import (
    Interval,
    ShareAt,
    Stratum,
    Votes,
    clustered_interval,
    fixed_interval,
    majority_at_k,
    pass_at_k,
    weighted_interval,
)
from evalbudget.stats.mid_p import mid_p_ends

DESIGNS = ((30, 1), (30, 16), (198, 8), (541, 1))
MORE_DESIGNS = ((30, 4), (60, 4), (30, 64))
SHARES = (0.1, 0.35, 0.9)
KINDS = ("0.1", "0.3", "0.5", "0.7", "lumpy", "two lumps")
_NEAR = 1e-9
_LUMPS = {"lumpy": ((0.5, 0.95), 0.02), "two lumps": ((0.9,), 0.02)}
_OTHERS = (0.6, 0.3, 0.1)
"""Of wrong answers: how they fall on three texts."""
_POPULATION = 400_000
"""Questions drawn for the truth of what has no closed form."""
_SIZES = {
    "simple_python": 400,
    "simple_java": 100,
    "simple_javascript": 50,
    "multiple": 200,
    "parallel": 200,
    "parallel_multiple": 200,
    "irrelevance": 240,
    "live_simple": 258,
    "live_multiple": 1053,
    "live_parallel": 16,
    "live_parallel_multiple": 24,
    "live_irrelevance": 884,
    "live_relevance": 16,
    "multi_turn_base": 200,
    "multi_turn_miss_func": 200,
    "multi_turn_miss_param": 200,
    "multi_turn_long_context": 200,
    "memory_kv": 155,
    "memory_vector": 155,
    "memory_rec_sum": 155,
    "web_search_base": 100,
    "web_search_no_snippet": 100,
}
"""BFCL v4's categories."""


def chances(draw: np.random.Generator, shape: int | tuple[int, int], share: float, kind: str) -> np.ndarray:
    """Of each question, the mean of all of them `share`."""
    if kind in _LUMPS:
        higher, low = _LUMPS[kind]
        least = min(share, 1 - share)
        each = (least - low) / sum(high - low for high in higher)
        weights = [each] * len(higher) + [1 - each * len(higher)]
        found = draw.choice(np.array([*higher, low]), size=shape, p=weights)
        return found if share <= 0.5 else 1 - found
    spread = 1 / float(kind) - 1
    return draw.beta(share * spread, (1 - share) * spread, size=shape)


def holds(found: Interval | ShareAt | None, truth: float) -> bool:
    assert found is not None
    return found.low - _NEAR <= truth <= found.high + _NEAR


def accuracy(draw: np.random.Generator, design: tuple[int, int], share: float, kind: str, runs: int) -> str:
    """Coverage for questions like these and its mean width; for this benchmark; of the naive interval."""
    questions, answers = design
    chance = chances(draw, (runs, questions), share, kind)
    means = draw.binomial(answers, chance) / answers
    width, like_these, benchmark, naive = 0.0, 0, 0, 0
    for own, truth in zip(means, chance.mean(axis=1), strict=True):
        mean, total = float(own.mean()), questions * answers
        found = clustered_interval(mean, float(own.var(ddof=1)), questions, total)
        like_these += holds(found, share)
        width += found.high - found.low
        naive += holds(Interval(*mid_p_ends(mean * total, total, 0.95)), share)
        if answers > 1:
            within = float((own * (1 - own)).mean()) * answers / (answers - 1)
            fixed = fixed_interval(mean, within, questions, answers=total, repeats=questions * (answers - 1))
            benchmark += holds(fixed, float(truth))
    told = [like_these, width, naive, *([benchmark] if answers > 1 else [])]
    return "".join(f"{100 * each / runs:8.1f}" for each in told)


def fallen(draw: np.random.Generator, chance: np.ndarray, answers: int) -> np.ndarray:
    """Each question's answers by class: right, then the wrong texts."""
    parts = np.concatenate([chance[:, np.newaxis], np.outer(1 - chance, _OTHERS)], axis=1)
    return draw.multinomial(answers, parts)


def repeats(draw: np.random.Generator, design: tuple[int, int], share: float, kind: str, runs: int) -> str:
    """Coverage of pass@k and maj@k, for k = 4 and for as many as were answered."""
    questions, answers = design
    truths = {}
    for k in (4, answers):
        many = fallen(draw, chances(draw, _POPULATION, share, kind), k)
        top = many == many.max(axis=1, keepdims=True)
        truths[k] = ((many[:, 0] > 0).mean(), (top[:, 0] / top.sum(axis=1)).mean())
    held = dict.fromkeys(((k, part) for part in (0, 1) for k in truths), 0)
    for _ in range(runs):
        found = fallen(draw, chances(draw, questions, share, kind), answers)
        votes = [
            Votes(answers=answers, right=right, wrong=tuple(each for each in wrong if each))
            for right, *wrong in found.tolist()
        ]
        for part, figures in enumerate((pass_at_k(votes), majority_at_k(votes))):
            for figure in figures:
                if figure.k in truths:
                    held[figure.k, part] += holds(figure, truths[figure.k][part])
    return "".join(f"{100 * each / runs:8.1f}" for each in held.values())


def overall(draw: np.random.Generator, share: float, most: int, runs: int) -> str:
    """Coverage of BFCL's overall score, categories of different accuracy, so many questions of each."""
    weights = weights_of("bfcl", "bfcl_v4", _SIZES)
    logits = np.log(share / (1 - share)) + np.linspace(-1.5, 1.5, len(_SIZES))
    shares = dict(zip(_SIZES, 1 / (1 + np.exp(-logits)), strict=True))
    truth = sum(weight * shares[name] for name, weight in weights.items())
    found, width = 0, 0.0
    for _ in range(runs):
        strata = [
            Stratum(
                weight=weight,
                question_means=draw.binomial(1, shares[name], size=min(most, _SIZES[name])).tolist(),
            )
            for name, weight in weights.items()
        ]
        interval = weighted_interval(strata)
        found += holds(interval, float(truth))
        assert interval is not None
        width += interval.high - interval.low
    return f"{100 * found / runs:8.1f}{100 * width / runs:8.1f}"


def cases(
    designs: tuple[tuple[int, int], ...], shares: tuple[float, ...]
) -> Iterator[tuple[str, tuple[int, int], float, str]]:
    """(label, design, share, kind)."""
    for design in designs:
        for share in shares:
            for kind in KINDS if design[1] > 1 else KINDS[:1]:
                named = f"{design[0]} x {design[1]}, {share}" + (f", {kind}" if design[1] > 1 else "")
                yield named, design, share, kind


Row = Callable[[np.random.Generator, tuple[int, int], float, str, int], str]


def table(
    title: str, row: Row, designs: tuple[tuple[int, int], ...], shares: tuple[float, ...], runs: int
) -> None:
    """Print a line for each case."""
    print(f"\n{title}")
    for label, design, share, kind in cases(designs, shares):
        print(f"{label:28}{row(np.random.default_rng(7), design, share, kind, runs)}", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=2000)
    runs = parser.parse_args().runs
    heads = "   these   width   naive  this benchmark"
    table(f"{'accuracy':28}{heads}", accuracy, (*DESIGNS, *MORE_DESIGNS), SHARES, runs)
    table(f"{'rate of loops':28}{heads}", accuracy, DESIGNS, (0.02, 0.05), runs)
    few = max(1, runs // 5)
    table(f"{'repeats':28}  pass@4  pass@n   maj@4   maj@n", repeats, ((30, 16), (198, 8)), SHARES, few)
    print(f"\n{'BFCL overall':28}    held   width")
    for most in (10, 50, 2000):
        for share in SHARES:
            label = f"at most {most} each, {share}"
            print(f"{label:28}{overall(np.random.default_rng(7), share, most, few)}", flush=True)


if __name__ == "__main__":
    main()
