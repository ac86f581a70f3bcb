"""Answers for the tests of curves: made by hand, or by hypothesis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from evalbudget.stats import Answer

GRID: tuple[int | None, ...] = (0, 64, 128, 512, 2048, None)


def answer(
    question: str,
    budget: int | None,
    score: float,
    *,
    repeat: int = 0,
    thought: int | None = 100,
    forced: bool = False,
    extracted: str | None = None,
) -> Answer:
    """One answer; ten tokens more than its thinking in all."""
    return Answer(
        question=question,
        repeat=repeat,
        budget=budget,
        score=score,
        reasoning_tokens=thought,
        completion_tokens=None if thought is None else thought + 10,
        forced=forced,
        extracted=extracted,
    )


def row(question: str, scores: Mapping[int | None, float], repeat: int = 0) -> list[Answer]:
    """One question and repeat, its scores by budget."""
    return [answer(question, budget, score, repeat=repeat) for budget, score in scores.items()]


def trace(question: str, length: int, scores: Sequence[float], repeat: int = 0) -> list[Answer]:
    """One trace over `GRID`: forced answers at budgets below its length, from there its own: the last."""
    ends = [length if budget is None else min(length, budget) for budget in GRID]
    return [
        answer(
            question,
            budget,
            scores[-1] if end == length else score,
            repeat=repeat,
            thought=end,
            forced=end < length,
        )
        for budget, end, score in zip(GRID, ends, scores, strict=True)
    ]


SCORES = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@st.composite
def traces(draw: st.DrawFn, least: int = 1, most: int = 8) -> list[Answer]:
    """All answers of several questions, each with one or two traces."""
    found: list[Answer] = []
    for number in range(draw(st.integers(least, most))):
        for repeat in range(draw(st.integers(1, 2))):
            scores = draw(st.lists(SCORES, min_size=len(GRID), max_size=len(GRID)))
            found += trace(f"q{number}", draw(st.integers(0, 5000)), scores, repeat)
    return found


@st.composite
def some_of(draw: st.DrawFn) -> list[Answer]:
    """Answers of an unfinished run, some without counts: anything may be missing."""
    whole = draw(traces())
    kept = draw(st.lists(st.booleans(), min_size=len(whole), max_size=len(whole)))
    counted = draw(st.lists(st.booleans(), min_size=len(whole), max_size=len(whole)))
    return [
        each
        if known
        else answer(
            each.question, each.budget, each.score, repeat=each.repeat, thought=None, forced=each.forced
        )
        for each, here, known in zip(whole, kept, counted, strict=True)
        if here
    ]
