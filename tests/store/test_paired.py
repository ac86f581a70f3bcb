"""What two models answered to the same task, as the store gives it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from evalbudget.store.load import catch_up
from evalbudget.store.paired import ModelOfRun, PairedAnswers
from evalbudget.store.queries import Store
from tests.store.making import make_attempt, make_failed, make_run, make_server, make_store, write_journal

BASE, CANDIDATE = ModelOfRun("r1", "wide"), ModelOfRun("r1", "narrow")


def paired(db: Path, task: str = "aime25") -> PairedAnswers | None:
    return Store(db).paired(task, BASE, CANDIDATE)


def test_scores_and_tokens_come_by_question_in_the_order_of_the_repeats(tmp_path: Path) -> None:
    records = [
        make_attempt(1, model="wide", repeat=1, outcome="wrong", tokens=20),
        make_attempt(1, model="wide", repeat=0, tokens=10),
        make_attempt(2, model="wide", tokens=None),
        replace(make_attempt(1, model="narrow", tokens=30), score=7.0),
        make_failed(2, model="narrow"),
        make_attempt(1, model="narrow", task="other"),
        make_attempt(1, model="third"),
    ]
    found = paired(make_store(tmp_path / "s.duckdb", records))
    assert found is not None
    assert found.budget is None
    assert found.base.scores == {"s1": (1.0, 0.0), "s2": (1.0,)}
    assert found.base.tokens == {"s1": (10, 20)}
    assert found.candidate.scores == {"s1": (1.0,)}
    assert found.candidate.tokens == {"s1": (30,)}


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ((None, 8, 32), (None, 8), None),
        ((None, 8, 32), (8, 32), 32),
        ((0,), (0, None), 0),
        ((8, -3), (8, -3), 8),
    ],
)
def test_the_largest_budget_that_both_have_is_taken(
    tmp_path: Path,
    wide: tuple[int | None, ...],
    narrow: tuple[int | None, ...],
    expected: int | None,
) -> None:
    records = [
        make_attempt(1, model=model, budget=budget, tokens=7 if budget == expected else 99)
        for model, budgets in (("wide", wide), ("narrow", narrow))
        for budget in budgets
    ]
    found = paired(make_store(tmp_path / "s.duckdb", records))
    assert found is not None
    assert found.budget == expected
    assert found.base.tokens == found.candidate.tokens == {"s1": (7,)}


def test_two_that_share_no_budget_have_nothing_to_compare(tmp_path: Path) -> None:
    records = [make_attempt(1, model="wide", budget=8), make_attempt(1, model="narrow", budget=16)]
    db = make_store(tmp_path / "s.duckdb", records)
    assert paired(db) is None
    assert paired(db, "unknown") is None


def test_the_two_sides_may_be_of_two_runs(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    for run_id, outcome in (("r1", "correct"), ("r2", "wrong")):
        write_journal(db, run_id, [make_run(run_id), make_attempt(1, run_id=run_id, outcome=outcome)])
    catch_up(db)
    found = Store(db).paired("aime25", ModelOfRun("r1", "m"), ModelOfRun("r2", "m"))
    assert found is not None
    assert (found.base.scores, found.candidate.scores) == ({"s1": (1.0,)}, {"s1": (0.0,)})


def test_models_come_in_the_order_in_which_the_run_recorded_them(tmp_path: Path) -> None:
    records = [make_run(), *(make_server(model=model) for model in ("z", "a", "M"))]
    assert Store(make_store(tmp_path / "s.duckdb", records)).models("r1") == ("z", "a", "M")


def test_a_hundred_thousand_attempts_are_paired_at_once(tmp_path: Path) -> None:
    db = make_store(tmp_path / "s.duckdb", [make_run(), make_attempt(0, model="wide")])
    with duckdb.connect(str(db)) as connection:
        connection.execute(
            """INSERT INTO attempts (run_id, model, task, sample_id, repeat, status, score, completion_tokens,
                reasoning)
            SELECT 'r1', CASE WHEN n % 2 = 0 THEN 'wide' ELSE 'narrow' END, 'aime25', 's' || (n // 2 % 541),
                n // 1082, 'ok', n % 3 // 2, n, repeat('thinking ', 100)
            FROM range(100000) AS numbers(n)"""
        )
    found = paired(db)
    assert found is not None
    assert len(found.base.scores) == len(found.candidate.scores) == 541
    assert sum(map(len, found.candidate.tokens.values())) == 50_000
