"""What is called shown of a comparison, and in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalbudget.report.comparison.records import ComparedSide, Pair, Verdict
from evalbudget.report.comparison.words import Facts, line, points, sentence, signed
from evalbudget.stats import RateChange, TokenRatio
from evalbudget.stats.comparison import Comparison, Judged, Target

PAIR = Pair(
    base=ComparedSide(run_id="r1", model="flash-bf16", name="bf16", family="flash", quantization="bf16"),
    candidate=ComparedSide(run_id="r1", model="flash-4", name="nvfp4", family="flash", quantization="nvfp4"),
    besides=(),
)


def judged(target: Target = "benchmark", **fields: object) -> Judged:
    told: dict[str, object] = {"low": -0.030, "high": 0.002, "p": 0.09, "p_no_worse": 0.3, "more_repeats": 18}
    told |= {"p_equivalent": 0.3, "detectable": 0.02, "p_exact": True, "recipe": "normal"}
    return Judged(target=target, **{**told, **fields})  # type: ignore[arg-type]


def facts(
    *verdicts: Judged, p_holm: float | None = None, family: int = 1, at: int | None = None, **fields: object
) -> Facts:
    found = Comparison(
        questions=198,
        left_out=0,
        base_answers=1584,
        candidate_answers=1584,
        base=0.70,
        candidate=0.686,
        difference=-0.014,
        margin=0.01,
        judged={each.target: each for each in verdicts},
        differing=80,
        lost=9,
        won=6,
        mcnemar_p=None,
        flips=None,
        tokens=None,
        thinking=None,
        loops=None,
    )
    first = verdicts[0]
    return Facts(
        pair=PAIR,
        task="gpqa_diamond",
        budget=at,
        found=replace(found, **fields),  # type: ignore[arg-type]
        target=first.target,
        p_holm=first.p if p_holm is None else p_holm,
        family_size=family,
    )


def ratio(of: float, low: float, high: float) -> TokenRatio:
    return TokenRatio(questions=198, base=1000, candidate=1000 * of, ratio=of, low=low, high=high)


def loops(base: float, candidate: float, p: float = 0.01) -> RateChange:
    near = (candidate - base) / 2
    return RateChange(
        base=base,
        candidate=candidate,
        difference=candidate - base,
        low=min(near, 3 * near),
        high=max(near, 3 * near),
        p=p,
    )


def test_the_sentence_of_the_issue() -> None:
    told = facts(judged(), thinking=ratio(1.12, 1.08, 1.16), loops=loops(0.01, 0.03))
    assert sentence(told) == (
        "gpqa_diamond: nvfp4 is 1.4 points lower than bf16 (−3.0 to +0.2) on this benchmark, not shown to be "
        "within 1 point; 18 more repeats would tell; it thinks 12 % longer and loops 3 times as often"
    )


@pytest.mark.parametrize(
    ("verdict", "one", "fields", "words"),
    [
        ("lower beyond margin", {"high": -0.011, "p": 0.001}, {}, "shown lower, by more than 1 point"),
        (
            "lower beyond margin",
            {"high": -0.009, "p": 0.001, "more_repeats": 0},
            {},
            "shown lower, by more than 1 point",
        ),
        (
            "lower",
            {"high": -0.002, "p": 0.02},
            {},
            "shown lower, not shown whether by more than 1 point; 18 more repeats would tell",
        ),
        (
            "lower within margin",
            {"low": -0.009, "high": -0.001, "p": 0.02, "p_no_worse": 0.01, "more_repeats": 0},
            {},
            "shown lower, but by less than 1 point",
        ),
        ("higher", {"low": 0.001, "high": 0.03, "p": 0.02, "p_no_worse": 0.0}, {}, "shown higher"),
        (
            "higher",
            {"low": 0.001, "high": 0.009, "p": 0.02, "p_no_worse": 0.0, "p_equivalent": 0.01},
            {},
            "shown higher, by less than 1 point",
        ),
        (
            "within margin",
            {"p_no_worse": 0.01, "p_equivalent": 0.04, "more_repeats": 0},
            {},
            "shown to be within 1 point",
        ),
        ("no worse", {"p_no_worse": 0.01, "more_repeats": 0}, {}, "shown to be no worse by 1 point"),
        ("identical", {"p": 1.0}, {"differing": 0, "difference": 0.0}, "scores as bf16 on every question"),
        (
            "undecided",
            {"more_repeats": None},
            {},
            "it seems to lie at the margin itself, where no number of repeats tells",
        ),
        ("undecided", {"more_repeats": 1}, {}, "1 more repeat would tell"),
    ],
)
def test_each_state_has_its_words(
    verdict: Verdict, one: dict[str, object], fields: dict[str, object], words: str
) -> None:
    told = facts(judged(**one), judged("questions"), **fields)
    assert told.verdict == verdict
    assert words in sentence(told)
    assert ("would tell" in sentence(told)) == ("would tell" in words or verdict == "identical")


def test_few_questions_are_told_only_of_questions_like_these() -> None:
    few = facts(judged("questions", more_repeats=None), differing=5)
    assert few.verdict == "too few questions"
    assert "too few to tell, only 5 questions differ: not shown to be within 1 point" in sentence(few)
    assert facts(judged("questions"), differing=6).verdict == "undecided"
    assert facts(judged(), judged("questions"), differing=5).verdict == "undecided"


def test_what_only_a_single_test_shows_is_not_shown_among_several() -> None:
    told = facts(judged(high=-0.002, p=0.02), p_holm=0.08, family=4)
    assert told.verdict == "undecided"
    assert "not shown lower once corrected for 4 comparisons: not shown to be within 1 point" in sentence(
        told
    )
    alone = facts(judged("questions", high=-0.001, p=0.06))
    assert "not shown lower by its p: not shown" in sentence(alone)


@pytest.mark.parametrize(
    ("thinking", "rate", "words"),
    [
        (ratio(1.12, 0.99, 1.3), loops(0.01, 0.03, p=0.2), None),
        (ratio(0.8, 0.7, 0.9), loops(0.02, 0.01), "it thinks 20 % shorter and loops 50 % less often"),
        (ratio(2.4, 2.0, 3.0), loops(0.0, 0.03), "it thinks 2.4 times as long and loops in 3.0 % of answers"),
        (ratio(1.004, 1.001, 1.006), loops(0.03, 0.0), "it loops in none of its answers, the base in 3.0 %"),
        (None, loops(0.01, 0.12), "it loops 12 times as often"),
    ],
)
def test_only_what_is_shown_of_tokens_and_loops_is_said(
    thinking: TokenRatio | None, rate: RateChange, words: str | None
) -> None:
    said = sentence(facts(judged(), thinking=thinking, loops=rate))
    assert words in said if words else said.endswith("18 more repeats would tell")


def test_the_line_of_a_list_names_both_models_and_the_p() -> None:
    told = facts(judged(), tokens=ratio(1.02, 0.99, 1.05), left_out=1, p_holm=0.27, family=3, at=2048)
    assert line(told) == (
        "flash-4 beside flash-bf16 on gpqa_diamond at budget 2,048: 1.4 points lower (−3.0 to +0.2) on this "
        "benchmark, p = 0.090, Holm's p = 0.27, not shown to be within 1 point; 9 questions lost, 6 won; "
        "1 question that one alone answered left out; tokens 1.02 times (0.99 to 1.05)"
    )
    assert "Holm" not in line(facts(judged()))


def test_points_keep_their_size() -> None:
    assert [points(share) for share in (0.02, 0.01, 0.014, 0.0004, 0.0)] == [
        "2 points",
        "1 point",
        "1.4 points",
        "0.04 points",
        "0 points",
    ]
    assert [signed(share) for share in (-0.1, 0.02, -0.0004)] == ["−10.0", "+2.0", "0.0"]
