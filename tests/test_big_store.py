"""The stores that `bench.big_store` makes are stores like any other, and the same each time."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from bench.big_store import MODELS, RUNS, TASKS, blocks, make
from evalbudget.store.load import catch_up
from evalbudget.store.paired import ModelOfRun
from evalbudget.store.queries import Store

ATTEMPTS = 2000


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    db = tmp_path_factory.mktemp("big") / "big.duckdb"
    make(db, ATTEMPTS)
    return db


def asked(db: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(db), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("attempts", [1, 99, 2000, 100_000, 1_000_000])
def test_as_many_attempts_are_planned_as_were_wanted(attempts: int) -> None:
    planned = list(blocks(attempts))
    assert sum(block.rows for block in planned) == attempts
    assert all(0 < block.asked <= block.task.questions for block in planned)


def test_every_attempt_stands_there_once_with_readable_json(big: Path) -> None:
    identity = "(run_id, model, task, sample_id, budget, repeat)"
    counted = asked(big, f"SELECT count(*), count(DISTINCT {identity}) FROM attempts")  # noqa: S608
    assert counted == [(ATTEMPTS, ATTEMPTS)]
    columns = ("details", "request", "tool_calls")
    broken = " OR ".join(f"NOT json_valid({column})" for column in columns)
    assert asked(big, f"SELECT count(*) FROM attempts WHERE {broken}") == [(0,)]  # noqa: S608


def test_what_a_row_says_agrees_with_itself(big: Path) -> None:
    contradictions = (
        "(status = 'ok') <> (outcome IS NOT NULL AND score IS NOT NULL)",
        "status = 'failed' AND (error_kind IS NULL OR completion_tokens IS NOT NULL OR loop_doom)",
        "reasoning_tokens + answer_tokens <> completion_tokens",
        "reasoning_tokens > budget OR (budget IS NULL) <> (budget_mode IS NULL)",
        "(outcome = 'looped') <> loop_doom OR loop_onset_token + loop_wasted_tokens > reasoning_tokens",
        "outcome = 'correct' AND extracted IS DISTINCT FROM target AND task <> 'ifeval'",
    )
    for contradiction in contradictions:
        found = asked(big, f"SELECT count(*) FROM attempts WHERE {contradiction}")  # noqa: S608
        assert found == [(0,)], contradiction


def test_doom_loops_repeat_themselves_and_one_thinking_is_of_five_megabytes(big: Path) -> None:
    loops = asked(big, "SELECT reasoning, loop_onset_token, loop_period_tokens FROM attempts WHERE loop_doom")
    assert loops
    for text, onset, period in loops:
        assert isinstance(text, str) and isinstance(onset, int) and isinstance(period, int)
        unit = text[4 * onset : 4 * (onset + period)]
        assert text[4 * onset :].startswith(unit * 3)
    assert asked(big, "SELECT max(length(reasoning)) FROM attempts") == [(5_000_000,)]


def test_the_cells_are_those_of_the_attempts(big: Path) -> None:
    by = "run_id, model, task, budget"
    of_cells = asked(big, f"SELECT {by}, attempts, failed, correct FROM cells ORDER BY ALL")  # noqa: S608
    counted = "count(*), count(*) FILTER (status <> 'ok'), count(*) FILTER (outcome = 'correct')"
    grouped = f"SELECT {by}, {counted} FROM attempts GROUP BY ALL ORDER BY ALL"  # noqa: S608
    assert of_cells == asked(big, grouped)


def test_the_store_answers_what_reports_and_pages_ask(big: Path) -> None:
    assert catch_up(big).complete
    store = Store(big)
    runs = store.runs()
    assert [run.name for run in runs] == [run.name for run in reversed(RUNS[-2:])]
    assert sum(run.attempts for run in runs) == ATTEMPTS
    newest = runs[0].run_id
    models = store.models(newest)
    assert models == tuple(model.name for model in MODELS)
    assert {cell.task for cell in store.cells(newest)} == {task.name for task in TASKS}
    assert store.failures(newest) and store.token_sources(newest) and store.use_over_time(newest)
    assert all(each.usage_peak is not None and each.preemptions is not None for each in store.memory(newest))
    sides = [ModelOfRun(newest, model) for model in (models[0], models[2])]
    answers = store.paired("lm_eval/mmlu", sides[0], sides[1])
    assert answers is not None


def test_the_same_seed_makes_the_same_attempts(big: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.duckdb"
    make(again, 40)
    other = tmp_path / "other.duckdb"
    make(other, 40)
    rows = "SELECT * FROM attempts ORDER BY ALL"
    assert asked(again, rows) == asked(other, rows)
    with pytest.raises(FileExistsError):
        make(other, 40)
