"""What was thought after the answer was there: by hand, and by its own laws."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.stats import Answer, curve, post_answer_share
from tests.stats.made import answer, row, traces


def test_the_share_counts_from_the_first_budget_after_which_nothing_changes() -> None:
    assert post_answer_share([(100, "7"), (200, "8"), (400, "8"), (1000, "8")], 1000) == 0.8


def test_an_answer_that_comes_back_counts_from_its_return() -> None:
    assert post_answer_share([(100, "8"), (200, "7"), (400, "8"), (1000, "8")], 1000) == 0.6


def test_an_answer_that_was_there_without_thinking_makes_all_of_it_superfluous() -> None:
    assert post_answer_share([(0, "8"), (500, "8"), (1000, "8")], 1000) == 1


def test_an_answer_that_only_the_end_gives_leaves_nothing_after_it() -> None:
    assert post_answer_share([(100, None), (500, "7"), (1000, "8")], 1000) == 0


def test_budgets_beyond_the_end_of_the_trace_change_nothing() -> None:
    assert post_answer_share([(100, "8"), (2000, "8"), (300, "8")], 300) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("steps", "total"),
    [
        ([], 100),
        ([(100, "8")], 100),
        ([(50, "8"), (100, None)], 100),
        ([(0, "8"), (0, "8")], 0),
        ([(512, "8"), (100, "8")], 100),
    ],
    ids=["nothing", "asked nowhere", "no answer", "no thinking", "shorter than every budget"],
)
def test_where_it_cannot_be_known_it_is_none(steps: list[tuple[int, str | None]], total: int) -> None:
    assert post_answer_share(steps, total) is None


@given(
    answers=st.lists(st.sampled_from(["7", "8", None]), min_size=1, max_size=6),
    total=st.integers(1, 10_000),
)
def test_the_share_is_a_share(answers: list[str | None], total: int) -> None:
    steps = [(2**index * 16, each) for index, each in enumerate(answers)]
    share = post_answer_share([*steps, (total, "8")], total)
    assert share is None or 0 <= share <= 1


def test_the_curves_share_is_the_mean_of_its_questions_traces() -> None:
    def steps(question: str, repeat: int, *extracted: str) -> list[Answer]:
        lengths = {250: 250, 500: 500, None: 1000}
        return [
            answer(question, budget, 0, repeat=repeat, thought=length, extracted=each)
            for (budget, length), each in zip(lengths.items(), extracted, strict=True)
        ]

    answers = [*steps("a", 0, "8", "8", "8"), *steps("a", 1, "7", "8", "8"), *steps("b", 0, "6", "7", "8")]
    assert curve(answers).post_answer_share == pytest.approx((0.625 + 0) / 2)


def test_regret_is_what_an_oracle_that_stops_each_trace_would_gain() -> None:
    answers = [
        *row("a", {64: 1, 256: 0.5, None: 0}),
        *row("a", {64: 0, 256: 1, None: 1}, repeat=1),
        *row("b", {64: 0, 256: 0.5, None: 0.25}),
    ]
    found = curve(answers)
    assert found.regret == pytest.approx((0.5 + 0.25) / 2)
    assert found.lost_after_correct == pytest.approx(0.5 / 2)


def test_traces_without_an_end_or_without_a_budget_are_passed_over() -> None:
    answers = [*row("a", {64: 1}), *row("b", {None: 0}), *row("c", {64: 1, None: 0})]
    assert curve(answers).regret == 1
    assert curve(row("a", {64: 1, 128: 0})).regret is None
    assert curve(row("a", {None: 0})).lost_after_correct is None


@given(answers=traces())
@settings(deadline=None)
def test_regret_is_never_negative_and_losing_costs_more_than_nothing(answers: list[Answer]) -> None:
    found = curve(answers, resamples=10)
    assert found.regret is not None and found.lost_after_correct is not None
    assert 0 <= found.regret <= 1
    assert (found.lost_after_correct > 0) <= (found.regret > 0)
