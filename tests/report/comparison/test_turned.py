"""Which questions turned between two models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evalbudget.report.comparison import flips_by_question
from evalbudget.store.paired import ModelOfRun
from evalbudget.store.queries import Store
from tests.store.making import make_attempt, make_run, make_store

BASE, CANDIDATE = ModelOfRun("r1", "wide"), ModelOfRun("r1", "narrow")


def test_lost_questions_come_first_and_the_largest_difference_first(tmp_path: Path) -> None:
    """Question → right answers of three, of the base and of the candidate."""
    right = {1: (3, 0), 2: (2, 1), 3: (0, 3), 4: (3, 2), 5: (0, 1), 6: (2, 2), 7: (3, 3)}
    records = [
        replace(
            make_attempt(
                number, model=model, repeat=repeat, outcome="correct" if repeat < solved else "wrong"
            ),
            category="algebra",
        )
        for number, both in right.items()
        for model, solved in zip(("wide", "narrow"), both, strict=True)
        for repeat in range(3)
    ]
    records.append(make_attempt(8, model="wide"))
    store = Store(make_store(tmp_path / "s.duckdb", [make_run(), *records]))
    found = flips_by_question(store, "aime25", BASE, CANDIDATE)
    assert [(each.question, each.way) for each in found] == [
        ("s1", "lost"),
        ("s2", "lost"),
        ("s3", "won"),
        ("s4", "lower"),
        ("s5", "higher"),
    ]
    assert (found[0].base, found[0].candidate, found[0].difference) == (1.0, 0.0, -1.0)
    assert (found[0].base_answers, found[0].category) == (3, "algebra")
    assert flips_by_question(store, "aime25", BASE, CANDIDATE, budget=64) == ()
