"""How several answers to a question fall, as the store counts them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evalbudget.records import Attempt
from evalbudget.stats import Votes
from evalbudget.store.queries import Store
from evalbudget.store.repeats import RepeatedAnswers
from tests.store.making import make_attempt, make_failed, make_store


def answers(number: int, *texts: str | None, model: str = "m", budget: int | None = None) -> list[Attempt]:
    """The n-th sample's; what reads right is."""
    return [
        replace(
            make_attempt(
                number,
                model=model,
                budget=budget,
                repeat=repeat,
                outcome="correct" if text is not None and text.startswith("right") else "wrong",
            ),
            extracted=text,
        )
        for repeat, text in enumerate(texts)
    ]


def repeats_of(tmp_path: Path, attempts: list[Attempt]) -> tuple[RepeatedAnswers, ...]:
    return Store(make_store(tmp_path / "s.duckdb", attempts)).repeats("r1")


def test_right_answers_are_one_class_and_wrong_ones_fall_by_their_text(tmp_path: Path) -> None:
    found = repeats_of(tmp_path, answers(1, "right", "right, too", "7", "8", "7", None))
    assert [each.votes for each in found] == [(Votes(answers=6, right=2, wrong=(1, 2)),)]


def test_questions_whose_answers_fall_alike_are_counted_together(tmp_path: Path) -> None:
    attempts = [*answers(1, "right", "7"), *answers(2, "9", "right"), *answers(3, "right"), make_failed(4)]
    (found,) = repeats_of(tmp_path, attempts)
    assert found.votes == (
        Votes(answers=2, right=1, wrong=(1,), questions=2),
        Votes(answers=1, right=1),
    )


def test_only_the_largest_budget_counts_unlimited_above_all(tmp_path: Path) -> None:
    attempts = [
        *answers(1, "right", "right", budget=512),
        *answers(1, "right", "7"),
        *answers(1, "7", "7", model="limited", budget=64),
        *answers(1, "right", "right", model="limited", budget=512),
    ]
    found = {each.model: (each.budget, each.votes[0].right) for each in repeats_of(tmp_path, attempts)}
    assert found == {"m": (None, 1), "limited": (512, 2)}


def test_single_answers_show_nothing(tmp_path: Path) -> None:
    several_below = [*answers(1, "right"), *answers(1, "right", "7", budget=64)]
    assert repeats_of(tmp_path, several_below) == ()
