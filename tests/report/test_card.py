"""The small table for a model card, how it was measured, and Markdown that renders as it was meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from evalbudget.contracts import JournalRecord
from evalbudget.report.card import card, how_measured
from evalbudget.report.figures import RunFigures, gather
from evalbudget.report.markdown import markdown
from tests.report.html.pages import EVIL, hostile_run
from tests.store.making import make_attempt, make_failed, make_run, make_server, make_store

CONDITIONS = {
    "aime25": {
        "task_version": 2,
        "repeats": 4,
        "seed": 0,
        "budget_mode": "trace",
        "sampling": {"temperature": 0.6, "top_p": 0.95, "top_k": "left to the server", "max_tokens": 32768},
    }
}


def figures_of(tmp_path: Path, *records: JournalRecord, **run: object) -> RunFigures:
    first = replace(make_run(status="finished"), **run)  # type: ignore[arg-type]
    return gather(make_store(tmp_path / "s.duckdb", [first, *records]), None)


def test_a_model_a_row_with_its_quantization_accuracy_tokens_and_loops(tmp_path: Path) -> None:
    attempts = [make_attempt(number, budget=budget) for number in range(8) for budget in (512, None)]
    looped = replace(make_attempt(9, outcome="looped"), loop_kind="tail", loop_doom=True)
    small = card(figures_of(tmp_path, make_server(), *attempts, looped))
    assert small is not None
    assert small.head == ("model", "quantization", "aime25 (95 %)", "mean tokens", "loops")
    [row] = small.rows
    assert row[:2] == ("m", "nvfp4")
    assert row[2].startswith("88.9 % (")
    assert row[3] == "1,000"
    assert small.names == 2
    assert "without a budget" in small.note


def test_more_tasks_than_models_stand_in_rows(tmp_path: Path) -> None:
    tasks = ("a", "b", "c", "d")
    models = ("m", "n")
    attempts = [make_attempt(0, model=model, task=task) for task in tasks for model in models]
    small = card(figures_of(tmp_path, *attempts))
    assert small is not None
    assert small.head == ("task", "m", "n")
    assert [row[0] for row in small.rows] == ["a", "b", "c", "d"]


def test_more_models_than_tasks_stand_in_rows_with_accuracies_alone(tmp_path: Path) -> None:
    attempts = [make_attempt(0, model=model, task=task) for task in "abc" for model in "mnop"]
    small = card(figures_of(tmp_path, *attempts))
    assert small is not None
    assert small.head == ("model", "a (95 %)", "b (95 %)", "c (95 %)")
    assert len(small.rows) == 4


def test_the_largest_budget_stands_for_a_model_that_was_not_asked_without_one(tmp_path: Path) -> None:
    limited = [make_attempt(number, budget=512, outcome="wrong") for number in range(3)]
    more = [make_attempt(number, budget=2048) for number in range(3)]
    small = card(figures_of(tmp_path, *limited, *more))
    assert small is not None
    assert small.rows[0][1].startswith("100 % (")
    assert "at the largest budget" in small.note


def test_what_was_not_asked_is_unknown_and_what_failed_is_said(tmp_path: Path) -> None:
    records = (make_attempt(0, model="m", task="a"), make_attempt(0, model="n", task="b"))
    small = card(figures_of(tmp_path, *records, make_failed(1, model="m", task="a")))
    assert small is not None
    assert small.rows[0][3:] == ("-", "-")
    assert "1 failed attempt is in no figure" in small.note


def test_how_it_was_measured_names_version_repeats_sampling_budgets_and_engine(tmp_path: Path) -> None:
    attempts = [make_attempt(number, budget=budget) for number in range(3) for budget in (0, 2048, None)]
    lines = how_measured(figures_of(tmp_path, make_server(), *attempts, conditions=CONDITIONS))
    assert lines == (
        "aime25: version 2; 3 questions, each answered 4 times; temperature 0.6, top_p 0.95, max_tokens "
        "32,768, top_k left to the server; budgets 0, 2,048, unlimited: one trace, forced answers (not "
        "budget-aware); seed 0",
        "m: vllm 0.22 · context 32,768",
    )


@pytest.mark.parametrize(
    "broken", [{"aime25": "x"}, {"aime25": {"sampling": 3, "repeats": []}}, {"other": {}}]
)
def test_conditions_that_nobody_wrote_so_break_nothing(tmp_path: Path, broken: dict[str, object]) -> None:
    assert isinstance(how_measured(figures_of(tmp_path, make_attempt(), conditions=broken)), tuple)


def test_without_an_attempt_there_is_no_card(tmp_path: Path) -> None:
    figures = figures_of(tmp_path)
    assert card(figures) is None
    assert "| model" not in markdown(figures)


def test_hostile_markdown_renders_as_tables_and_text(tmp_path: Path) -> None:
    text = markdown(gather(make_store(tmp_path / "s.duckdb", hostile_run()), None))
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    raw = {token.content.strip() for token in tokens if token.type == "html_block"}
    assert all(each.startswith(("<details><summary>", "</details>")) for each in raw)
    inline = [child for token in tokens for child in token.children or ()]
    assert not [child for child in inline if child.type in ("html_inline", "link_open", "image")]
    widths = []
    for token in tokens:
        if token.type == "tr_open":
            widths.append(0)
        elif token.type in ("th_open", "td_open"):
            widths[-1] += 1
    tables = sum(token.type == "table_open" for token in tokens)
    assert tables >= 3
    assert set(widths) <= {5, 8, 10, 11}
    shown = "".join(child.content for child in inline)
    assert EVIL[0] in shown
    assert EVIL[1] in shown
