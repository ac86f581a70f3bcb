"""The page Budgets over real stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.store.making import make_attempt, make_run, make_server, make_store
from tests.store.traces import traced_run

Page = Callable[[str], AppTest]
EVIL = "**b** <script>alert(1)</script> ![i](http://x)"


def test_a_run_without_budgets_says_which_keys_make_some(page: Page, db: Path) -> None:
    make_store(db, [make_run(), make_attempt()])
    shown = page("budgets").run()
    assert not shown.exception
    assert "budget_mode: trace" in shown.code[0].value
    assert not shown.get("vega_lite_chart")


def test_each_task_has_its_curves_a_row_for_each_and_the_effort_words(page: Page, db: Path) -> None:
    make_store(db, traced_run())
    shown = page("budgets").run()
    assert not shown.exception
    assert len(shown.get("vega_lite_chart")) == 1
    whole, points, efforts = (each.value for each in shown.dataframe)
    assert list(whole["model"]) == ["flash-bf16-kv", "flash-fp8-kv", "GLM-4.7-Flash-REAP-NVFP4"]
    assert all(" % (" in text for text in whole["area over log budget"])
    assert list(points["budget"][:5]) == ["0", "128", "512", "2,048", "unlimited"]
    assert list(efforts["effort"]) == ["low", "medium", "high"]


def test_the_address_leaves_lines_out_and_changes_the_axis(page: Page, db: Path) -> None:
    make_store(db, traced_run())
    shown = page("budgets")
    for key, value in (("over", "tokens"), ("strict", "false"), ("bands", "false")):
        shown.query_params[key] = value
    shown.run()
    assert not shown.exception
    assert [each.value for each in shown.toggle] == [False, False]
    chart = shown.get("vega_lite_chart")[0].proto.spec
    assert "mean_completion_tokens" in chart
    assert "thinking tokens allowed" not in chart


def test_a_server_that_ignored_its_budgets_is_named_with_what_mends_it(page: Page, db: Path) -> None:
    ignored = [
        replace(make_attempt(number, budget=64, tokens=900), budget_mode="server", budget_honoured=False)
        for number in range(3)
    ]
    make_store(db, [make_run(), make_server(), *ignored])
    shown = page("budgets").run()
    assert not shown.exception
    assert any("budget ignored in 3 of 3 attempts of model m" in each.value for each in shown.text)
    assert any("--reasoning-parser" in each.value for each in shown.text)


def test_names_that_would_like_to_be_markup_stay_text(page: Page, db: Path) -> None:
    attempts = [
        replace(
            make_attempt(number, model=EVIL, task=EVIL, budget=budget),
            budget_mode=None if budget is None else EVIL,
        )
        for number in range(2)
        for budget in (8, None)
    ]
    make_store(db, [make_run(), make_server(model=EVIL), *attempts])
    shown = page("budgets").run()
    assert not shown.exception
    assert all("<script" not in each.value for each in (*shown.markdown, *shown.caption, *shown.subheader))
    [heading] = [each.proto.body for each in shown.get("html")]
    assert "&lt;script&gt;" in heading
    assert "<script" not in heading
