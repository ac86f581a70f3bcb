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
    assert {name: each.scores for name, each in found.base.items()} == {"s1": (1.0, 0.0), "s2": (1.0,)}
    assert found.base["s1"].completion_tokens == (10, 20)
    assert found.base["s1"].reasoning_tokens == (7, 15)
    assert found.base["s2"].completion_tokens == ()
    assert list(found.candidate) == ["s1"]
    assert found.candidate["s1"].scores == (1.0,)
    assert found.candidate["s1"].completion_tokens == (30,)


def test_categories_come_with_the_answers(tmp_path: Path) -> None:
    records = [
        replace(make_attempt(number, model=model), category=category)
        for model in ("wide", "narrow")
        for number, category in enumerate(("algebra", None, "number theory"))
    ]
    found = paired(make_store(tmp_path / "s.duckdb", records))
    assert found is not None
    assert [each.stratum for each in found.base.values()] == ["algebra", None, "number theory"]


def test_only_generated_replies_are_looked_at_for_loops(tmp_path: Path) -> None:
    """What budget mode `trace` forces from a trace repeats that trace's loop."""
    looped = [
        replace(make_attempt(1, model=model, budget=budget), budget_mode=mode, loop_doom=doom, repeat=repeat)
        for model in ("wide", "narrow")
        for budget, mode, doom, repeat in (
            (None, None, True, 0),
            (None, None, None, 1),
            (64, "trace", True, 0),
            (32, "force", False, 0),
        )
    ]
    db = make_store(tmp_path / "s.duckdb", looped)
    at = {budget: Store(db).paired("aime25", BASE, CANDIDATE, budget) for budget in (None, 64, 32)}
    assert {budget: found and found.base["s1"].loops for budget, found in at.items()} == {
        None: (True,),
        64: (),
        32: (False,),
    }


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
    assert found.base["s1"].completion_tokens == found.candidate["s1"].completion_tokens == (7,)


def test_any_budget_that_both_have_can_be_asked_for(tmp_path: Path) -> None:
    records = [
        make_attempt(1, model=model, budget=budget, tokens=1 + (budget or 99))
        for model, budgets in (("wide", (None, 8, 32)), ("narrow", (None, 8, 16)))
        for budget in budgets
    ]
    db = make_store(tmp_path / "s.duckdb", [*records, make_attempt(1, model="wide", task="other")])
    store = Store(db)
    assert [(each.task, each.budget) for each in store.common_conditions(BASE, CANDIDATE)] == [
        ("aime25", None),
        ("aime25", 8),
    ]
    found = store.paired("aime25", BASE, CANDIDATE, 8)
    assert found is not None
    assert (found.budget, found.base["s1"].completion_tokens) == (8, (9,))
    assert store.paired("aime25", BASE, CANDIDATE, 16) is None


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
    assert (found.base["s1"].scores, found.candidate["s1"].scores) == ((1.0,), (0.0,))


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
    assert len(found.base) == len(found.candidate) == 541
    assert sum(len(each.completion_tokens) for each in found.candidate.values()) == 50_000


def test_the_known_models_come_by_run_the_newest_first(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    for run_id, day in (("r1", "20"), ("r2", "21")):
        started = f"2026-11-{day}T09:00:00.000+00:00"
        servers = [make_server(run_id, model) for model in ("z", "a", "never-asked")]
        attempts = [make_attempt(1, run_id=run_id, model=model) for model in ("a", "z", "no-server")]
        write_journal(db, run_id, [make_run(run_id, started_at=started), *servers, *attempts])
    catch_up(db)
    found = Store(db).known_models()
    assert [(each.run_id, each.model) for each in found] == [
        (run_id, model) for run_id in ("r2", "r1") for model in ("z", "a", "no-server")
    ]
    assert (found[0].family, found[0].quantization) == ("glm", "nvfp4")
    assert (found[2].family, found[2].quantization) == (None, "unknown")
