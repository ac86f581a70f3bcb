"""The forest plot and the tokens by question: what their data say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evalbudget.report.charts.forest import forest_chart, forest_rows
from evalbudget.report.charts.picture import svg
from evalbudget.report.charts.questions import MOST_POINTS, token_rows, tokens_chart
from evalbudget.report.charts.style import DARK, LIGHT, styled
from evalbudget.report.comparison import Comparisons, compare_models
from evalbudget.store.paired import ModelOfRun
from evalbudget.store.queries import Store
from tests.store.making import make_attempt, make_run, make_server, make_store

BASE, CANDIDATE = ModelOfRun("r1", "wide"), ModelOfRun("r1", "narrow")
RIGHT = {"wide": (2, 2, 2, 1, 1, 0, 0, 2, 2, 2, 2, 2), "narrow": (0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 0, 0)}
"""Model → right answers of two, by question of `aime25`; on `ifeval` both are right always."""


def two_models() -> list[Any]:
    """Two quantizations on two tasks, two answers to each question; the narrow one thinks twice as long."""
    records: list[Any] = [make_run()]
    for place, (model, solved) in enumerate(RIGHT.items()):
        server = replace(make_server(model=model), quantization=("bf16", "nvfp4")[place])
        records.append(server)
        for task, right in (("aime25", solved), ("ifeval", (2,) * 12)):
            records += (
                make_attempt(
                    number,
                    model=model,
                    task=task,
                    repeat=repeat,
                    outcome="correct" if repeat < good else "wrong",
                    tokens=(1000 + 10 * number) * (1 + place),
                )
                for number, good in enumerate(right)
                for repeat in range(2)
            )
    return records


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """That run, to be read only."""
    return Store(make_store(tmp_path_factory.mktemp("forest") / "s.duckdb", two_models()))


@pytest.fixture(scope="module")
def found(store: Store) -> Comparisons:
    return compare_models(store, BASE, CANDIDATE)


def data(drawn: Any) -> list[dict[str, Any]]:
    return [row for rows in drawn.to_dict()["datasets"].values() for row in rows]


def test_a_row_a_task_has_the_difference_in_points_with_both_intervals(found: Comparisons) -> None:
    rows = {row["label"]: row for row in forest_rows(found.compared)}
    worse, judged = rows["aime25"], found.compared[0].found.judged
    assert worse["difference"] == pytest.approx(100 * (4 - 18) / 24)
    assert worse["target"] == "this benchmark"
    assert (worse["low"], worse["high"]) == (100 * judged["benchmark"].low, 100 * judged["benchmark"].high)
    assert worse["other_low"] == 100 * judged["questions"].low
    assert (worse["side"], rows["ifeval"]["side"]) == ("lower", "neither")


def test_zero_and_the_margin_are_lines_of_the_plot(found: Comparisons) -> None:
    drawn = forest_chart(found.compared, LIGHT)
    assert drawn is not None
    [ends] = [row for row in data(drawn) if "zero" in row]
    assert ends == {"from": pytest.approx(-2), "to": pytest.approx(2), "zero": 0}
    picture = svg(styled(drawn, DARK))
    assert "aime25" in picture
    assert "−58.3 (" in picture
    assert forest_chart([], LIGHT) is None


def test_a_point_a_question_stands_where_both_models_tokens_are(store: Store) -> None:
    answers = store.paired("aime25", BASE, CANDIDATE)
    assert answers is not None
    rows = {row["question"]: row for row in token_rows(answers)}
    assert (rows["s3"]["base"], rows["s3"]["candidate"]) == (1030, 2060)
    assert [rows[f"s{number}"]["way"] for number in (0, 2, 6)] == ["lost", "lost", "won"]
    assert rows["s5"]["way"] == "alike"
    drawn = tokens_chart(list(rows.values()), LIGHT)
    assert drawn is not None
    assert "<svg" in svg(styled(drawn, LIGHT))


def test_of_very_many_questions_some_are_drawn_and_of_none_nothing() -> None:
    row = {"question": "q", "category": None, "base": 10.0, "candidate": 20.0, "way": "alike"}
    drawn = tokens_chart([row] * (MOST_POINTS + 1), LIGHT)
    assert drawn is not None
    assert len([each for each in data(drawn) if "question" in each]) <= MOST_POINTS
    assert tokens_chart([], LIGHT) is None
    assert tokens_chart([{**row, "base": 0.0}], LIGHT) is None
