"""The shipped suites, run by the real command on real engines, from an empty folder."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from embedded.scripts import LOOP_THINKING, THINK
from tests.command import evalbudget

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.engine


def settled(report: str) -> list[str]:
    """A report's lines without what differs from run to run: its name, time, host and ports, and how much of
    the KV cache was seen in use, which moves its table's columns."""
    kept = [line for line in report.splitlines() if not re.search(r"quickstart-\d|started 20| on ", line)]
    seen = [re.sub(r"(agrees.*?KiB).*", r"\1", " ".join(line.split())) for line in kept]
    return [re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", line) for line in seen]


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a finished quickstart and what it printed."""
    folder = tmp_path_factory.mktemp("quickstart")
    done = evalbudget(folder, "run", "quickstart")
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_the_readme_shows_what_the_quickstart_prints(quickstart: tuple[Path, str]) -> None:
    block = re.search(r"<!-- quickstart:begin -->\n```\n(.*?)```", README, re.DOTALL)
    assert block, "README.md has lost the quickstart's output"
    assert settled(block.group(1)) == settled(quickstart[1])


def test_the_rows_are_what_the_scripted_model_says(quickstart: tuple[Path, str]) -> None:
    store = quickstart[0] / "results" / "evalbudget.duckdb"
    with duckdb.connect(str(store), read_only=True) as connection:
        rows = connection.execute(
            "SELECT model, any_value(trim(reasoning)), min(completion_tokens), max(completion_tokens),"
            " count(*), bool_and(token_source IS NOT NULL), bool_and(finish_reason = 'length')"
            " FROM attempts WHERE model <> 'scripted-direct' GROUP BY model ORDER BY model"
        ).fetchall()
    whole = THINK.completion_tokens
    assert rows[0] == ("scripted", "".join(THINK.reasoning).strip(), whole, whole, 48, True, False)
    assert rows[1][2:] == (64, 64, 48, True, True)
    assert "".join(LOOP_THINKING.reasoning).strip() in str(rows[1][1])


def test_each_embedded_engine_leaves_its_log_with_the_size_of_its_kv_cache(
    quickstart: tuple[Path, str],
) -> None:
    logs = sorted((quickstart[0] / "results").glob("*/logs/scripted*.log"))
    assert len(logs) == 3
    for log in logs:
        assert "llama_kv_cache: size =" in log.read_text(encoding="utf-8", errors="replace")


def test_the_memory_of_each_answer_is_its_tokens_times_what_a_token_takes(
    quickstart: tuple[Path, str],
) -> None:
    store = quickstart[0] / "results" / "evalbudget.duckdb"
    with duckdb.connect(str(store), read_only=True) as connection:
        told = connection.execute(
            "SELECT count(*), bool_and(kv_bytes = (prompt_tokens + completion_tokens) * kv_bytes_per_token)"
            " FROM attempts JOIN servers USING (run_id, model)"
        ).fetchone()
        assert told == (144, True)
        cells = connection.execute(
            "SELECT kv_sequence_bytes = max(kv_bytes), mean_kv_bytes = avg(kv_bytes)"
            " FROM cells JOIN attempts USING (run_id, model, task)"
            " GROUP BY model, kv_sequence_bytes, mean_kv_bytes"
        ).fetchall()
        assert cells == [(True, True)] * 3
        apart = connection.execute(
            "SELECT count(*) FROM cells WHERE kv_peak_bytes IS DISTINCT FROM (SELECT max(kv_used_bytes_peak)"
            " FROM attempt_load WHERE attempt_load.model = cells.model)"
        ).fetchone()
        assert apart == (0,)


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
