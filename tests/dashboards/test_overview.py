"""The page Overview."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from evalbudget.store.journal import Journal
from evalbudget.store.load import catch_up
from tests.dashboards.reading import HOSTILE, acting, charts, table, texts
from tests.store.making import make_attempt, make_failed, make_run, make_server, make_store

SUITE = "name: flash-kv\nmodels: [{name: m}]\n"
CONDITIONS = {"aime25": {"samples": "30, ids 0", "repeats": 2, "budgets": ["unlimited", 512]}}


def test_without_a_store_the_page_says_what_to_do(page: Callable[[str], AppTest]) -> None:
    shown = page("overview").run()
    assert not shown.exception
    assert "Nothing to show yet" in shown.info[0].value
    assert shown.code[0].value == "evalbudget run quickstart"


def test_a_run_without_attempts_is_there_and_says_so(page: Callable[[str], AppTest], db: Path) -> None:
    make_store(db, [make_run()])
    shown = page("overview").run()
    assert not shown.exception
    assert list(table(shown, "suite")["attempts"]) == [0]
    assert "no attempt yet" in shown.info[0].value
    assert charts(shown) == 0


def test_the_chosen_run_has_its_figures_its_charts_and_its_failures(
    page: Callable[[str], AppTest], db: Path
) -> None:
    records = [make_run(status="finished"), make_server(), make_attempt(0), make_attempt(1, outcome="wrong")]
    make_store(db, [*records, make_failed(2)])
    shown = page("overview").run()
    assert not shown.exception
    told = {metric.label: metric.value for metric in shown.metric}
    assert told["status"] == "finished"
    assert (told["attempts"], told["failed"]) == ("3", "1")
    row = table(shown, "strict accuracy").iloc[0]
    assert (row["accuracy"], row["scored"], row["failed"]) == (0.5, 2, 1)
    assert row["low"] < 0.5 < row["high"]
    assert row["completion tokens"] == 1000
    assert charts(shown) == 2
    assert "1 × the server answered 429 to every try" in texts(shown)
    assert any("in no average" in each.value for each in shown.caption)


def test_unknown_figures_stay_empty_and_no_tokens_mean_no_frontier(
    page: Callable[[str], AppTest], db: Path
) -> None:
    make_store(db, [make_run(), make_attempt(0, tokens=None)])
    shown = page("overview").run()
    assert not shown.exception
    row = table(shown, "strict accuracy").iloc[0]
    assert row.isna()["completion tokens"]
    assert row.isna()["KV bytes per answer"]
    assert any("No tokens are counted" in each.value for each in shown.info)


def test_a_live_run_moves_while_attempts_come(page: Callable[[str], AppTest], db: Path) -> None:
    run = replace(make_run(), suite=SUITE, conditions=CONDITIONS)

    async def follow() -> list[AppTest]:
        journal = Journal.create(db, "r1")
        for record in (run, make_server(), make_attempt(0)):
            await journal.append(record)
        catch_up(db)  # as the run's own loader does
        first = page("overview").run()
        seen = [(first.metric[1].value, table(first, "suite").iloc[0].to_dict())]
        for number in range(1, 12):
            await journal.append(make_attempt(number))
        catch_up(db)
        first.run()
        seen.append((first.metric[1].value, table(first, "suite").iloc[0].to_dict()))
        assert not first.exception
        await journal.close()
        return seen

    (before, row_before), (after, row_after) = asyncio.run(follow())
    assert (before, after) == ("1", "12")
    assert row_before["status"].endswith("running")
    assert (row_before["planned"], row_after["planned"]) == (120, 120)
    assert row_after["progress"] == pytest.approx(0.1)


def test_the_filters_narrow_table_and_charts(page: Callable[[str], AppTest], db: Path) -> None:
    attempts = [
        make_attempt(number, model=model, task=task, budget=budget)
        for number in range(2)
        for model in ("m", "n")
        for task in ("aime25", "sums")
        for budget in (None, 512)
    ]
    make_store(db, [make_run(), *attempts])
    shown = page("overview").run()
    assert len(table(shown, "strict accuracy")) == 8
    shown.multiselect(key="models").set_value(["n"])
    shown.multiselect(key="tasks").set_value(["sums"])
    shown.multiselect(key="overview_budgets").set_value(["512"])
    shown.run()
    cells = table(shown, "strict accuracy")
    assert [tuple(row) for row in cells[["task", "model", "budget"]].to_numpy()] == [("sums", "n", "512")]
    linked = page("overview")
    linked.query_params["overview_budgets"] = "unlimited"
    assert set(table(linked.run(), "strict accuracy")["budget"]) == {"unlimited"}


def test_the_run_of_the_address_is_marked_in_the_table(page: Callable[[str], AppTest], db: Path) -> None:
    make_store(db, [make_run(status="finished"), make_attempt()])
    later = make_run("r2", status="finished", started_at="2026-11-21T12:00:00.000+00:00")
    make_store(db, [later, make_attempt(run_id="r2")], run_id="r2")
    shown = page("overview")
    shown.query_params["run"] = "r1"
    shown.run()
    assert list(table(shown, "suite")["run"]) == ["r2", "r1"]
    assert shown.session_state["table-runs"]["selection"]["rows"] == [1]
    assert "run r1" in texts(shown)


def test_names_that_would_like_to_be_markup_stay_text(page: Callable[[str], AppTest], db: Path) -> None:
    name = " ".join(HOSTILE)
    run = replace(make_run(), name=name, version=name, options={"only": name}, suite=name)
    servers = [replace(make_server(model=each), family=name, engine=name) for each in HOSTILE]
    answered = [
        make_attempt(number, model=each, task=task)
        for number, each in enumerate(HOSTILE)
        for task in HOSTILE[:2]
    ]
    failed = [make_failed(9, model=each, task=each, error=name) for each in HOSTILE]
    make_store(db, [run, *servers, *answered, *failed])
    shown = page("overview").run()
    assert not shown.exception
    assert set(HOSTILE) == set(table(shown, "strict accuracy")["model"])
    assert not [each for each in acting(shown) if any(name in each for name in HOSTILE)]
