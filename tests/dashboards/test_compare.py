"""The page Compare over real stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from streamlit.testing.v1 import AppTest

from evalbudget.report.comparison import compare_models
from evalbudget.store.queries import Store
from tests.report.charts.test_forest import BASE, CANDIDATE, two_models
from tests.store.making import make_attempt, make_run, make_server, make_store

Page = Callable[[str], AppTest]
EVIL = "**b** <script>alert(1)</script> ![i](http://x)"


def said(shown: AppTest) -> str:
    """What stands in our escaped HTML."""
    return "\n".join(each.proto.body for each in shown.get("html"))


def table(shown: AppTest, column: str) -> AppTest:
    """The table that has such a column."""
    return next(each.value for each in shown.dataframe if column in each.value)  # type: ignore[no-any-return]


def test_one_model_alone_says_what_a_comparison_takes(page: Page, db: Path) -> None:
    make_store(db, [make_run(), make_server(), make_attempt()])
    shown = page("compare").run()
    assert not shown.exception
    assert "quantization: nvfp4" in shown.code[0].value


def test_two_quantizations_are_compared_in_the_core_s_words(page: Page, db: Path) -> None:
    make_store(db, two_models())
    shown = page("compare").run()
    assert not shown.exception
    found = compare_models(Store(db), BASE, CANDIDATE)
    assert found.sentence in said(shown)
    assert all(each.sentence in said(shown) for each in found.compared)
    assert len(shown.get("vega_lite_chart")) == 2
    rows = table(shown, "base: bf16")
    assert list(rows[""]) == [row.title for row in found.compared[0].rows]
    assert list(rows["difference"]) == [row.difference for row in found.compared[0].rows]


def test_a_question_that_was_lost_leads_to_its_answers(page: Page, db: Path) -> None:
    make_store(db, two_models())
    shown = page("compare").run()
    flips = table(shown, "read_candidate")
    assert flips["question"][0] == "s0"
    link = urlsplit(flips["read_candidate"][0])
    assert link.path == "/answers"
    assert parse_qs(link.query) == {
        "run": ["r1"],
        "answer_task": ["aime25"],
        "answer_model": ["narrow"],
        "answer_sample": ["s0"],
    }


def test_the_address_chooses_sides_margin_target_and_task(page: Page, db: Path) -> None:
    make_store(db, two_models())
    shown = page("compare")
    chosen = {"base": "narrow", "candidate": "wide", "margin": "40", "about": "questions like these"}
    for key, value in {**chosen, "compared": "ifeval", "at": "unlimited"}.items():
        shown.query_params[key] = value
    shown.run()
    assert not shown.exception
    found = compare_models(Store(db), CANDIDATE, BASE, margin=0.4, target="questions")
    assert all(each.sentence in said(shown) for each in found.compared)
    assert list(table(shown, "base: nvfp4")["difference"]) == [
        row.difference for row in found.compared[1].rows
    ]


def test_an_address_that_names_what_is_not_there_shows_the_usual(page: Page, db: Path) -> None:
    make_store(db, two_models())
    shown = page("compare")
    for key in (
        "base",
        "candidate",
        "base_run",
        "candidate_run",
        "at",
        "about",
        "margin",
        "compared",
        "flips",
    ):
        shown.query_params[key] = EVIL
    shown.run()
    assert not shown.exception
    assert compare_models(Store(db), BASE, CANDIDATE).sentence in said(shown)


def test_two_runs_of_one_model_stand_side_by_side(page: Page, db: Path) -> None:
    for run, day in (("r1", 21), ("r2", 22)):
        started = f"2026-11-{day}T09:00:00.000+00:00"
        attempts = [make_attempt(number, run_id=run) for number in range(8)]
        make_store(db, [make_run(run, started_at=started), make_server(run), *attempts], run)
    shown = page("compare").run()
    assert not shown.exception
    assert "m of run r2 scores as m of run r1 on every question" in said(shown)
    assert [each.value for each in shown.selectbox if each.label.endswith("run")] == ["r1", "this run"]


def test_the_same_model_twice_is_no_comparison(page: Page, db: Path) -> None:
    make_store(db, two_models())
    shown = page("compare")
    shown.query_params["candidate"] = "wide"
    shown.run()
    assert not shown.exception
    assert "same model" in shown.info[0].value


def test_names_that_would_like_to_be_markup_stay_text(page: Page, db: Path) -> None:
    records = [
        replace(each, model=EVIL + each.model, task=EVIL)
        for each in (make_attempt(number, model=model) for number in range(3) for model in ("a", "b"))
    ]
    make_store(db, [make_run(), *records])
    shown = page("compare").run()
    assert not shown.exception
    assert all("<script" not in each.value for each in (*shown.markdown, *shown.caption, *shown.subheader))
    assert "<script" not in said(shown)
    assert "&lt;script&gt;" in said(shown)
