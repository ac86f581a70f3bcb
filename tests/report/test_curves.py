"""Budgets, effort words and loops in a report: golden files, and what each line says."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from evalbudget.cli import cli
from evalbudget.report.chart import print_curves
from evalbudget.report.curve_words import MODES
from evalbudget.report.figures import gather
from evalbudget.report.json_text import json_text
from evalbudget.report.markdown import markdown
from evalbudget.report.warnings import loop_lines, warnings
from evalbudget.store.loops import LoopCost
from evalbudget.store.queries import Store
from evalbudget.suite.schema import BudgetMode
from tests.report.test_report import compare, terminal
from tests.store.making import make_attempt, make_run, make_server, make_store
from tests.store.traces import traced_run


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a run with budgets, to be read only."""
    return make_store(tmp_path_factory.mktemp("curves") / "s.duckdb", traced_run())


def chart(db: Path, width: int = 80, encoding: str = "utf-8") -> str:
    """The chart without colour."""
    page = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_curves(gather(db, None), Console(file=page, width=width, color_system=None))
    page.seek(0)
    return page.read()


def test_the_terminal_shows_budgets_effort_words_and_loops_like_this(db: Path) -> None:
    text = terminal(gather(db, None))
    compare("budgets.txt", text)
    assert max(map(len, text.splitlines())) <= 80


def test_markdown_has_the_curves(db: Path) -> None:
    compare("budgets.md", markdown(gather(db, None)))


def test_the_chart_looks_like_this(db: Path) -> None:
    text = chart(db)
    compare("curve.txt", text)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_of_the_chart_is_wider_than_the_terminal(db: Path, width: int) -> None:
    assert max(map(len, chart(db, width).splitlines())) <= width


def test_where_the_encoding_has_no_better_the_chart_is_ascii(db: Path) -> None:
    text = chart(db, encoding="ascii")
    compare("curve-ascii.txt", text)
    assert "?" not in text


def test_every_budget_mode_has_its_label() -> None:
    assert set(MODES) == set(BudgetMode.__args__)


def test_json_has_curves_efforts_and_loops_unrounded(db: Path) -> None:
    told = json.loads(json_text(gather(db, None)))
    cells = Store(db).cells("r1")
    assert [curve["model"] for curve in told["curves"]] == [
        "flash-bf16-kv",
        "flash-fp8-kv",
        "GLM-4.7-Flash-REAP-NVFP4",
    ]
    curve = told["curves"][0]
    assert (curve["budget_mode"], curve["first_budget"], curve["last_budget"]) == ("trace", 128, 2048)
    assert curve["area"] == cells[0].curve_area
    assert [point["strict"] for point in curve["points"]] == [cell.accuracy_strict for cell in cells[:5]]
    assert [point["effort"] for point in told["efforts"]] == ["low", "medium", "high"]
    assert told["loops"][0]["certain"] == 4


def test_a_server_that_ignores_its_budget_is_named_with_the_flag_that_is_missing(tmp_path: Path) -> None:
    attempts = [
        replace(make_attempt(number, budget=512), budget_mode="server", budget_honoured=number >= 12)
        for number in range(30)
    ]
    store = make_store(tmp_path / "s.duckdb", [make_run(), make_server(), *attempts])
    figures = gather(store, None)
    [line] = warnings(figures)
    assert line.startswith("budget ignored in 12 of 30 attempts of model m (budget 512); start vLLM with")
    assert "budget ignored in 12 of 30 attempts of model m (budget 512)" in " ".join(
        terminal(figures).split()
    )
    assert "--reasoning-parser" in markdown(figures)


def test_what_stopping_and_rescuing_did_is_told() -> None:
    nothing = LoopCost(
        model="m",
        task="t",
        attempts=40,
        tokens=0,
        certain=0,
        certain_finished=0,
        certain_correct=0,
        certain_tokens_behind=0,
        stopped=0,
        stopped_tokens=0,
        rescued=0,
        rescued_correct=0,
    )
    [stopped] = loop_lines([replace(nothing, stopped=2, stopped_tokens=9000)])
    assert "2 streams of 40 ended for a loop, after 9,000 tokens in all" in stopped
    assert "at most 5.0 points higher" in stopped
    [rescued] = loop_lines([replace(nothing, rescued=4, rescued_correct=3)])
    assert "3 of them correctly: 7.5 points of accuracy that loops would have cost" in rescued
    assert loop_lines([nothing]) == ()


def test_text_from_outside_does_nothing_in_a_chart(tmp_path: Path) -> None:
    evil = "[red]x[/red]\x1b[31m\u202e\n"
    attempts = [make_attempt(number, model=evil, task=evil, budget=64) for number in range(3)]
    store = make_store(tmp_path / "s.duckdb", [make_run(), *attempts])
    text = chart(store)
    assert "[red]x[/red]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_run_without_budgets_says_what_a_chart_needs(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.duckdb", [make_run(), make_attempt()])
    assert "no curve: this run has no budgets" in chart(store, 120)
    assert "Curves" not in terminal(gather(store, None))


def test_the_command_draws_the_chart_and_refuses_another_form(db: Path) -> None:
    drawn = CliRunner().invoke(cli, ["report", "--db", str(db), "--curve"])
    assert "low · 812 tokens" in drawn.output
    assert CliRunner().invoke(cli, ["report", "--db", str(db), "--curve", "--json"]).exit_code == 2
