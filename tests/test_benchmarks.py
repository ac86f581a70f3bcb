"""A real run of each benchmark on the embedded engine, from the mirror of the data sets."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.command import evalbudget

pytestmark = [pytest.mark.engine, pytest.mark.slow]

TASKS = {"aime25", "gpqa_diamond", "ifeval", "bfcl_v3", "bfcl_v4"}


@pytest.fixture(scope="module")
def folder(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the suite was run."""
    pytest.importorskip("bfcl_eval")
    folder = tmp_path_factory.mktemp("benchmarks")
    done = evalbudget(folder, "run", "benchmarks-embedded", "--limit", "10", hub=shared / "hub")
    assert done.returncode == 0, done.stderr
    return folder


def test_every_benchmark_is_asked_scored_and_reported_with_its_measures(folder: Path) -> None:
    done = evalbudget(folder, "report", "--format", "json")
    told = json.loads(done.stdout)
    assert {(cell["task"], cell["attempts"], cell["failed"]) for cell in told["cells"]} == {
        (task, 10, 0) for task in TASKS
    }
    measured = {part["task"]: {each["name"] for each in part["measures"]} for part in told["measures"]}
    assert {"prompt-strict", "inst-strict", "prompt-loose", "inst-loose", "mean-of-four"} <= measured[
        "ifeval"
    ]
    assert {"last-match", "first-match"} <= measured["gpqa_diamond"]
    assert "overall of what was run" in measured["bfcl_v3"] & measured["bfcl_v4"]


def test_the_texts_of_private_questions_stay_in_the_store(folder: Path) -> None:
    done = evalbudget(folder, "export", "--format", "csv", "--out", "tables")
    assert done.returncode == 0, done.stderr
    csv.field_size_limit(2**24)
    with (folder / "tables" / "attempts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["prompt"] != "" for row in rows if row["task"] == "gpqa_diamond"} == {False}
    assert all(row["prompt"] for row in rows if row["task"] != "gpqa_diamond")


def test_thinking_is_counted_exactly_and_looked_at_for_loops(folder: Path) -> None:
    told = json.loads(evalbudget(folder, "report", "--format", "json").stdout)
    assert {share["source"] for share in told["token_sources"]} == {"timings"}
    assert {cell["loop_rate"] for cell in told["cells"]} == {0.0}
