"""The chart of curves: what its data say, and what a reader can turn on and off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalbudget.report.charts.curves import ALL, STRICT, Over, curve_rows, curves_chart
from evalbudget.report.charts.picture import svg
from evalbudget.report.charts.style import DARK, LIGHT, styled
from evalbudget.report.curves import ModelCurve, curves_in
from evalbudget.store.queries import Store
from tests.store.making import make_attempt, make_run, make_store
from tests.store.traces import traced_run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A run with budgets and effort words, to be read only."""
    return Store(make_store(tmp_path_factory.mktemp("curves") / "s.duckdb", traced_run()))


@pytest.fixture(scope="module")
def curves(store: Store) -> tuple[ModelCurve, ...]:
    return curves_in(store.cells("r1"))


def names(curves: tuple[ModelCurve, ...]) -> list[str]:
    return [curve.model for curve in curves]


def spec(curves: tuple[ModelCurve, ...], **options: Any) -> dict[str, Any]:
    told: dict[str, Any] = curves_chart(curves, names(curves), LIGHT, **options).to_dict()
    return told


def data(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for rows in told["datasets"].values() for row in rows]


def test_the_rows_are_the_cells_figures_with_unlimited_last(store: Store, curves: Any) -> None:
    rows = curve_rows(curves)
    cells = [cell for cell in store.cells("r1") if cell.model in names(curves)]
    assert [row["accuracy"] for row in rows] == [cell.accuracy for cell in cells]
    assert [row["low"] for row in rows] == [cell.curve_low for cell in cells]
    assert [row["budget"] for row in rows[:5]] == ["0", "128", "512", "2,048", "unlimited"]
    assert [row["place"] for row in rows[:5]] == [0, 1, 2, 3, 4]


def test_the_strict_line_is_dashed_and_can_be_left_out(curves: Any) -> None:
    both, forced = spec(curves), spec(curves, strict=False)
    assert {row["line"] for row in data(both) if "line" in row} == {ALL, STRICT}
    assert {row["line"] for row in data(forced) if "line" in row} == {ALL}
    [scale] = [
        layer["encoding"]["strokeDash"]["scale"]
        for layer in both["layer"]
        if "strokeDash" in layer["encoding"]
    ]
    assert scale == {"domain": [ALL, STRICT], "range": [[1, 0], [5, 4]]}


def test_bands_are_areas_over_budgets_whiskers_over_tokens_and_can_be_left_out(curves: Any) -> None:
    assert spec(curves)["layer"][0]["mark"]["type"] == "area"
    assert spec(curves, over="tokens")["layer"][0]["mark"]["type"] == "rule"
    assert len(spec(curves, bands=False)["layer"]) == len(spec(curves)["layer"]) - 1


def test_effort_words_have_a_place_among_tokens_alone(store: Store, curves: Any) -> None:
    efforts = store.efforts("r1")
    over_tokens = data(spec(curves, over="tokens", efforts=efforts))
    assert {row["effort"] for row in over_tokens if "effort" in row} == {"low", "medium", "high"}
    assert not [row for row in data(spec(curves, efforts=efforts)) if "effort" in row]


@pytest.mark.parametrize("over", ["budget", "tokens"])
def test_it_becomes_a_picture_in_which_names_do_nothing(curves: Any, over: Over) -> None:
    drawn = curves_chart(curves, names(curves), DARK, over=over)
    picture = svg(styled(drawn, DARK))
    assert "thinking tokens allowed" in picture or "mean tokens" in picture
    assert all(name in picture for name in names(curves))


def test_a_hostile_name_stays_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>[a](b)"
    records: list[Any] = [make_run()]
    for budget in (8, None):
        attempt = make_attempt(0, model=evil, budget=budget)
        records.append(replace(attempt, budget_mode="trace" if budget else None))
    found = curves_in(Store(make_store(tmp_path / "s.duckdb", records)).cells("r1"))
    picture = svg(styled(curves_chart(found, [evil], LIGHT), LIGHT))
    assert "<script" not in picture
    assert "&lt;script&gt;" in picture
