"""The forest of accuracies, and accuracy against tokens: what is drawn, value by value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evalbudget.report.charts import frontier as frontiers
from evalbudget.report.charts.accuracy import accuracy, accuracy_frame, at_largest_budget, described
from evalbudget.report.charts.frontier import frontier, frontier_frame, on_frontier
from evalbudget.report.charts.style import DARK, LIGHT
from evalbudget.store.cells import Cell

HOSTILE = "<script>alert(1)</script>"


def cell(model: str = "m", task: str = "sums", budget: int | None = None, **changes: Any) -> Cell:
    unknown = dict.fromkeys(
        (
            *("accuracy_completed", "accuracy_upper", "tokens_per_correct", "loop_rate", "waste_share"),
            *("kv_peak_bytes", "mean_latency_s", "exact_token_share"),
        )
    )
    made = Cell(
        **{"run_id": "r", "model": model, "task": task, "budget": budget, "budget_mode": "trace"},
        **{"questions": 10, "attempts": 21, "failed": 1, "accuracy": 0.5, "ci_low": 0.3, "ci_high": 0.7},
        **{"correct": 10, "wrong": 10, "no_answer": 0, "truncated": 0, "looped": 0},
        **{"mean_reasoning_tokens": 80.0, "mean_completion_tokens": 100.0, "pareto": True},
        **unknown,
    )
    return replace(made, **changes)


def drawn_values(chart: Any) -> list[dict[str, Any]]:
    """The rows of the one dataset."""
    (rows,) = chart.to_dict()["datasets"].values()
    return list(rows)


def test_unlimited_is_above_every_budget() -> None:
    cells = [cell(budget=None), cell(budget=8192), cell("n", budget=0), cell("n", budget=512)]
    assert [(each.model, each.budget) for each in at_largest_budget(cells)] == [("m", None), ("n", 512)]


def test_the_forest_has_a_row_for_each_known_accuracy_with_its_interval() -> None:
    cells = [cell("m"), cell("n", accuracy=None, ci_low=None, ci_high=None), cell("o", task="aime25")]
    rows = drawn_values(accuracy(cells, ["m", "n", "o"], LIGHT))
    assert [(row["model"], row["task"]) for row in rows] == [("m", "sums"), ("o", "aime25")]
    assert (rows[0]["accuracy"], rows[0]["ci_low"], rows[0]["ci_high"]) == (0.5, 0.3, 0.7)
    assert (rows[0]["scored"], rows[0]["failed"]) == (20, 1)


def test_the_forest_draws_whiskers_below_dots_and_keeps_the_colours_of_the_whole_run() -> None:
    layers = accuracy([cell("n")], ["m", "n"], DARK).to_dict()["layer"]
    assert [layer["mark"]["type"] for layer in layers] == ["rule", "point", "text"]
    assert (layers[0]["encoding"]["x"]["field"], layers[0]["encoding"]["x2"]["field"]) == (
        "ci_low",
        "ci_high",
    )
    assert layers[1]["encoding"]["x"]["field"] == "accuracy"
    scale = layers[1]["encoding"]["color"]["scale"]
    assert scale == {"domain": ["m", "n"], "range": list(DARK.series[:2])}


def test_one_task_names_its_models_at_the_axis_and_several_stand_in_blocks() -> None:
    one = accuracy([cell("m"), cell("n")], ["m", "n"], LIGHT).to_dict()["layer"][1]["encoding"]
    assert one["y"]["field"] == "model"
    assert one["color"]["legend"] is None
    two = accuracy([cell("m"), cell("m", "aime25")], ["m"], LIGHT).to_dict()["layer"][1]["encoding"]
    assert (two["y"]["field"], two["yOffset"]["field"]) == ("task", "model")
    assert two["y"]["sort"] == ["sums", "aime25"]


@pytest.mark.parametrize("draw", [accuracy, frontier])
def test_the_axis_shows_all_of_every_interval(draw: Any) -> None:
    cells = [cell(ci_low=0.31, ci_high=0.69), cell("n", accuracy=0.97, ci_low=0.9, ci_high=0.999)]
    text = str(draw(cells, ["m", "n"], LIGHT).to_dict()["layer"])
    assert "'domain': [0.3, 1.0]" in text


@pytest.mark.parametrize("draw", [accuracy, frontier])
def test_nothing_known_draws_an_empty_chart(draw: Any) -> None:
    assert drawn_values(draw([cell(accuracy=None, ci_low=None, ci_high=None)], ["m"], LIGHT)) == []


def test_the_frontier_leaves_out_what_has_no_tokens_for_a_logarithm_knows_none() -> None:
    cells = [cell(), cell("n", mean_completion_tokens=None), cell("o", mean_completion_tokens=0.0)]
    rows = drawn_values(frontier(cells, ["m", "n", "o"], LIGHT))
    assert [(row["model"], row["tokens"], row["thinking_tokens"]) for row in rows] == [("m", 100, 80)]


def test_the_frontier_joins_and_names_its_points_alone_by_their_tokens() -> None:
    cells = [
        cell("m", accuracy=0.9, mean_completion_tokens=1000.0),
        cell("m", budget=512, accuracy=0.6, mean_completion_tokens=100.0),
        cell("n", accuracy=0.5, mean_completion_tokens=900.0, pareto=False),
    ]
    assert [each.budget for each in on_frontier(cells)] == [512, None]
    assert list(frontier_frame(cells)["name"].fillna("")) == ["m", "m at 512", ""]
    joined, *_, names = frontier(cells, ["m", "n"], LIGHT).to_dict()["layer"]
    assert joined["transform"] == [{"filter": "datum.on_frontier"}]
    assert names["transform"] == [{"filter": "datum.name"}]
    assert joined["encoding"]["x"]["scale"]["type"] == "log"


def test_of_points_that_lie_on_each_other_one_is_named() -> None:
    cells = [cell(model) for model in ("m", "n", "o")]
    assert frontier_frame(cells)["name"].notna().sum() == 1


def test_names_of_models_are_data_in_the_charts() -> None:
    told = described([cell(HOSTILE)]) + frontiers.described([cell(HOSTILE)])
    assert told.count(HOSTILE) == 2
    assert list(accuracy_frame([cell(HOSTILE)])["model"]) == [HOSTILE]
