"""The shipped suites, run by the real command on real engines, from an empty folder."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from tests.command import evalbudget

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.engine


def settled(report: str) -> list[str]:
    """A report's lines without its figures, which move a little from one processor to another."""
    kept = [line for line in report.splitlines() if not re.search(r"quickstart-\d|started 20| on ", line)]
    return [" ".join(re.sub(r"[-−+]?[\d.,]*\d[\d.,]*[kM]?|[KM]iB", "#", line).split()) for line in kept]


def shape(report: str) -> list[str]:
    """What stands first on each line of its tables, and its titles."""
    lines = [line.split("#")[0].strip() for line in settled(report)]
    return [line for line in lines if line]


def test_the_readme_shows_what_the_quickstart_prints(quickstart: tuple[Path, str]) -> None:
    block = re.search(r"<!-- quickstart:begin -->\n```\n(.*?)```", README, re.DOTALL)
    assert block, "README.md has lost the quickstart's output"
    shown, printed = set(shape(block.group(1))), set(shape(quickstart[1]))
    # Warnings and flags of single lines depend on single answers; tables, titles and notes do not.
    assert len(shown & printed) >= 0.8 * len(shown | printed), sorted(shown ^ printed)
    for title in ("sums", "compared", "servers", "KV memory", "counts of thinking tokens"):
        assert title in shown & printed


def asked(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / "results" / "evalbudget.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_accuracy_rises_with_the_budget_until_the_thinking_is_done(quickstart: tuple[Path, str]) -> None:
    sql = "SELECT model, budget, accuracy, attempts FROM cells WHERE model <> 'tiny-early' ORDER BY ALL"
    curves: dict[str, list[float]] = {}
    for model, _budget, accuracy, attempts in asked(quickstart[0], sql):
        assert attempts == 210
        curves.setdefault(model, []).append(accuracy)
    assert sorted(curves) == ["tiny-f16", "tiny-q4_0", "tiny-w3"]
    for model, curve in curves.items():
        assert len(curve) == 6, model
        for less, more in pairwise(curve[:5]):  # 0, 8, 16, 32, 64
            assert more > less, (model, curve)
    assert curves["tiny-f16"][5] > 0.9
    assert curves["tiny-w3"][5] < curves["tiny-f16"][5] - 0.1


def test_the_early_checkpoint_loops_and_the_finished_model_does_not(quickstart: tuple[Path, str]) -> None:
    found = dict(asked(quickstart[0], "SELECT model, loop_rate FROM cells WHERE budget IS NULL"))
    assert found["tiny-early"] >= 0.1
    assert found["tiny-f16"] <= 0.01
    assert found["tiny-q4_0"] <= 0.01


def test_each_embedded_engine_leaves_its_log_with_the_size_of_its_kv_cache(
    quickstart: tuple[Path, str],
) -> None:
    logs = sorted((quickstart[0] / "results").glob("*/logs/tiny-*.log"))
    assert len(logs) == 4
    for log in logs:
        assert "llama_kv_cache: size =" in log.read_text(encoding="utf-8", errors="replace")


def test_the_memory_of_each_answer_is_its_tokens_times_what_a_token_takes(
    quickstart: tuple[Path, str],
) -> None:
    folder = quickstart[0]
    servers = "SELECT DISTINCT attention, kv_verdict, kv_bytes_per_token_expected FROM servers"
    assert asked(folder, servers) == [("mla", "agrees", 4 * (64 + 32) * 2)]
    told = asked(
        folder,
        "SELECT count(*), bool_and(kv_bytes = (prompt_tokens + completion_tokens) * kv_bytes_per_token)"
        " FROM attempts JOIN servers USING (run_id, model) WHERE budget IS NULL",
    )
    assert told == [(4 * 210, True)]
    cells = asked(
        folder,
        "SELECT kv_sequence_bytes = max(kv_bytes), abs(mean_kv_bytes - avg(kv_bytes)) < 1"
        " FROM cells JOIN attempts USING (run_id, model, task)"
        " WHERE cells.budget IS NOT DISTINCT FROM attempts.budget"
        " GROUP BY model, cells.budget, kv_sequence_bytes, mean_kv_bytes",
    )
    assert cells == [(True, True)] * 24


def test_aime_on_an_engine_inside_and_one_behind_http_is_exported(tmp_path: Path, shared: Path) -> None:
    hub = shared / "hub"
    done = evalbudget(tmp_path, "run", "aime-embedded", "--limit", "5", hub=hub)
    assert done.returncode == 0, done.stderr
    done = evalbudget(tmp_path, "export", "--format", "parquet", "--out", "tables")
    assert done.returncode == 0, done.stderr
    tables = tmp_path / "tables"
    attempts = pd.read_parquet(tables / "attempts.parquet")
    assert sorted(attempts.groupby("model").size().items()) == [("behind-http", 5), ("embedded", 5)]
    assert set(attempts["extracted"]) == {"4"}
    assert set(attempts["outcome"]) == {"wrong"}
    for table in ("runs", "servers", "readings", "cells"):
        assert len(duckdb.read_parquet(str(tables / f"{table}.parquet")).fetchall()) > 0, table
