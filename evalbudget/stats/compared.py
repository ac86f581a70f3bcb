"""Two models on one task, compared: from their answers to `Comparison`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evalbudget.stats.comparison import (
    DEFAULT_MARGIN,
    Comparison,
    Judged,
    QuestionAnswers,
    RateChange,
    Target,
)
from evalbudget.stats.design import more_repeats
from evalbudget.stats.drawn import drawn_estimate, drawn_p
from evalbudget.stats.fixed import fixed_estimate, fixed_p, noise_parts, one_answer
from evalbudget.stats.flips import flips
from evalbudget.stats.intervals import LEVEL
from evalbudget.stats.matched_pairs import mcnemar_p
from evalbudget.stats.pairing import Pairing, paired
from evalbudget.stats.ratio import token_ratio
from evalbudget.stats.weakness import weakness

if TYPE_CHECKING:
    from evalbudget.stats.estimate import Estimate


def compare_answers(
    base: Mapping[str, QuestionAnswers],
    candidate: Mapping[str, QuestionAnswers],
    *,
    margin: float = DEFAULT_MARGIN,
    weights: Mapping[str, float] | None = None,
    seed: int = 0,
    level: float = LEVEL,
) -> Comparison | None:
    """Question → answers of two models to one task; None where no question has answers of both.

    `margin`: of accuracy, above 0, named before anybody looks. `weights`: stratum → weight, where the score
    is an average of categories: each stratum's mean counts with its weight, scaled over the strata that both
    have; a question whose stratum has none is left out.
    """
    found = paired(base, candidate, weights)
    if found is None:
        return None
    questions, pairing = found
    ours, theirs = pairing.base, pairing.candidate
    lost, won = _turned(pairing)
    return Comparison(
        questions=len(questions),
        left_out=pairing.left_out,
        unweighted=pairing.unweighted,
        base_answers=int(ours.answers.sum()),
        candidate_answers=int(theirs.answers.sum()),
        base=float(pairing.weights @ ours.means),
        candidate=float(pairing.weights @ theirs.means),
        difference=pairing.seen,
        margin=margin,
        judged=_judged(pairing, margin, seed, level),
        differing=int((abs(pairing.differences) > 1e-9).sum()),
        lost=lost,
        won=won,
        mcnemar_p=mcnemar_p(lost, won) if _once(pairing) else None,
        flips=flips(pairing, level),
        tokens=token_ratio(
            {question: base[question].completion_tokens for question in questions},
            {question: candidate[question].completion_tokens for question in questions},
            level=level,
        ),
        thinking=token_ratio(
            {question: base[question].reasoning_tokens for question in questions},
            {question: candidate[question].reasoning_tokens for question in questions},
            level=level,
        ),
        loops=rate_change(
            {question: base[question].loops for question in questions},
            {question: candidate[question].loops for question in questions},
            seed=seed,
            level=level,
        ),
        strata=pairing.named,
        weak=weakness(pairing),
    )


def rate_change(
    base: Mapping[str, Sequence[bool]],
    candidate: Mapping[str, Sequence[bool]],
    *,
    seed: int = 0,
    level: float = LEVEL,
) -> RateChange | None:
    """How often something is so of both models' answers, over the questions where both were looked at; None
    where there is none. Question → one verdict an answer."""
    found = paired(_as_scores(base), _as_scores(candidate))
    if found is None:
        return None
    pairing = found[1]
    estimate = drawn_estimate(pairing)
    ends = estimate.interval(level) if estimate else None
    return RateChange(
        base=float(pairing.base.means.mean()),
        candidate=float(pairing.candidate.means.mean()),
        difference=pairing.seen,
        low=ends.low if ends else -1.0,
        high=ends.high if ends else 1.0,
        p=drawn_p(pairing, estimate, seed)[0],
    )


def _judged(pairing: Pairing, margin: float, seed: int, level: float) -> dict[Target, Judged]:
    found: dict[Target, Judged] = {}
    fixed = fixed_estimate(pairing)
    if fixed:
        found["benchmark"] = _judge("benchmark", pairing, fixed, margin, level, *fixed_p(pairing, fixed))
    drawn = drawn_estimate(pairing)
    p, exact = drawn_p(pairing, drawn, seed)
    found["questions"] = _judge("questions", pairing, drawn, margin, level, p, exact)
    return found


def _judge(
    target: Target,
    pairing: Pairing,
    estimate: Estimate | None,
    margin: float,
    level: float,
    p: float,
    p_exact: bool,
) -> Judged:
    """Of one target; without an estimate nothing is known but what was seen."""
    if estimate is None:
        return Judged(
            target=target,
            low=-1.0,
            high=1.0,
            recipe="none",
            p=p,
            p_exact=p_exact,
            p_no_worse=1.0,
            p_equivalent=1.0,
            detectable=1.0,
            more_repeats=None,
        )
    ends = estimate.interval(level)
    above, below = estimate.p_above(-margin), estimate.p_below(margin)
    told = min(above, estimate.p_below(-margin)) <= 0.05
    return Judged(
        target=target,
        low=min(ends.low, pairing.seen),
        high=max(ends.high, pairing.seen),
        recipe=estimate.recipe,
        p=p,
        p_exact=p_exact,
        p_no_worse=above,
        p_equivalent=max(above, below),
        detectable=min(1.0, estimate.reach(LEVEL, 0.8) * estimate.error),
        more_repeats=0 if told else _more(target, pairing, estimate, margin),
    )


def _more(target: Target, pairing: Pairing, estimate: Estimate, margin: float) -> int | None:
    if not (pairing.base.repeated and pairing.candidate.repeated):
        return None

    def noise(more: int) -> float:
        return sum(float(part.sum()) for part in noise_parts(pairing, more)) + one_answer(pairing, more)

    lasting = 0.0 if target == "benchmark" else max(0.0, estimate.error**2 - noise(0))
    return more_repeats(lambda more: lasting + noise(more), pairing.seen + margin)


def _turned(pairing: Pairing) -> tuple[int, int]:
    """Questions that most answers of the base alone, and of the candidate alone, have right."""
    sides = (pairing.base.right_shares, pairing.candidate.right_shares)
    ours, theirs = (shares > 0.5 for shares in sides)
    return int((ours & ~theirs).sum()), int((theirs & ~ours).sum())


def _once(pairing: Pairing) -> bool:
    return all(side.binary and side.answers.max() == 1 for side in (pairing.base, pairing.candidate))


def _as_scores(verdicts: Mapping[str, Sequence[bool]]) -> dict[str, QuestionAnswers]:
    return {
        question: QuestionAnswers(scores=tuple(float(each) for each in found))
        for question, found in verdicts.items()
    }
