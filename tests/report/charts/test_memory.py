"""Charts of memory: what their data say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from evalbudget.report.charts import memory as charts
from evalbudget.report.charts.picture import svg
from evalbudget.report.charts.style import LIGHT, styled
from evalbudget.report.memory_room import GIB, fitting
from evalbudget.store.queries import Store
from tests.report.test_memory import MHA, MLA, a_run_with_memory
from tests.store.making import make_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A run with memory, to be read only."""
    return Store(make_store(tmp_path_factory.mktemp("memory") / "s.duckdb", a_run_with_memory()))


def data(drawn: Any) -> list[dict[str, Any]]:
    return [row for rows in drawn.to_dict()["datasets"].values() for row in rows]


def test_a_line_a_model_shows_measured_expected_and_the_ratio(store: Store) -> None:
    memory = store.memory("r1")
    models = store.models("r1")
    drawn = charts.per_token_chart(memory, models, LIGHT)
    assert drawn is not None
    rows = {row["model"]: row for row in data(drawn)}
    assert "hosted" not in rows
    wide = rows["GLM-4.7-Flash-REAP-NVFP4-before"]
    assert (wide["measured"], wide["expected"], wide["told"]) == (MHA, MLA, "17.8 ×")
    assert rows["silent"]["measured"] is None
    assert rows["flash-bf16-kv"]["told"] == "agrees"
    assert "17.8 ×" in svg(styled(drawn, LIGHT))


def test_without_any_figure_there_is_no_such_chart(store: Store) -> None:
    hosted = [each for each in store.memory("r1") if each.model == "hosted"]
    assert charts.per_token_chart(hosted, ["hosted"], LIGHT) is None


def test_use_over_time_is_drawn_by_whatever_the_servers_show(store: Store) -> None:
    use = store.use_over_time("r1")
    assert charts.shown_use(use) == ("kv_usage", "kv_used_bytes", "kv_used_tokens")
    drawn = charts.use_chart(use, store.models("r1"), LIGHT, "kv_used_bytes")
    peaks = [row["kv_used_bytes"] for row in data(drawn) if row["model"] == "flash-bf16-kv"]
    assert max(peaks) == 4400 * MLA
    assert "bytes of the KV cache in use" in svg(styled(drawn, LIGHT))
    assert charts.shown_use([]) == ()


def test_requests_are_running_or_waiting(store: Store) -> None:
    use = store.use_over_time("r1")
    drawn = charts.requests_chart(use, store.models("r1"), LIGHT)
    assert {(row["kind"], row["requests"]) for row in data(drawn)} >= {("running", 1)}
    assert "<svg" in svg(styled(drawn, LIGHT))


def test_what_fits_grows_with_the_gpu_and_what_does_not_fit_is_left_out(store: Store) -> None:
    memory, weights = store.memory("r1"), {"flash-bf16-kv": 13 * GIB}
    over = [(gib, fitting(memory, weights, gib * GIB)) for gib in (8, 24, 48)]
    drawn = charts.fits_chart(over, store.models("r1"), LIGHT, 24)
    assert drawn is not None
    rows = [row for row in data(drawn) if row.get("by") == "measured"]
    assert [(row["memory"], row["tokens"]) for row in rows] == [
        (24, 11 * GIB // MLA),
        (48, 35 * GIB // MLA),
    ]
    assert charts.fits_chart(over[:1], store.models("r1"), LIGHT, 8) is None


def test_a_time_that_no_table_holds_is_drawn_all_the_same(store: Store) -> None:
    use = [replace(store.use_over_time("r1")[0], at=datetime(9999, 1, 1, tzinfo=UTC))]
    assert "<svg" in svg(styled(charts.use_chart(use, ["m"], LIGHT, "kv_usage"), LIGHT))
