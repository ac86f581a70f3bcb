"""Suites with budgets and loops, run by the real command on a real vLLM. Opt-in: `make test-vllm`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from embedded.scripts import LOOP_THINKING, THINK, Script
from evalbudget.records import JsonValue
from tests.asking import write_suite
from tests.command import evalbudget
from tests.engines.forced import BEHIND, CLOSING_IDS, FORCE, PROMPT, forced
from tests.engines.relay import relay_to
from tests.engines.truth import Figures, truth
from tests.engines.vllm_server import PYTHON, Server, Servers

if not PYTHON:
    pytest.skip("EVALBUDGET_VLLM names no Python with vLLM (make test-vllm)", allow_module_level=True)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROWS = (
    "SELECT budget, status, outcome, extracted, finish_reason, reasoning_tokens, answer_tokens,"
    " completion_tokens, prompt_tokens, token_source, budget_honoured, budget_mode, details, error"
    " FROM attempts WHERE sample_id = '{}' ORDER BY budget NULLS LAST"
)


def run(folder: Path, base_url: str, **suite: JsonValue) -> subprocess.CompletedProcess[str]:
    """The real command, four requests at once, on the script that answers and the one that loops."""
    write_suite(
        folder,
        [{"name": "m", "family": "scripted", "base_url": base_url, "concurrency": 4}],
        [(script.name, f"{script.mark} Q", "4") for script in (THINK, LOOP_THINKING)],
        **{"name": "vllm", "sampling": {"temperature": 0, "max_tokens": 2000}, **suite},
    )
    return evalbudget(folder, "run", "suite.yaml", enough_s=600)


def rows_of(folder: Path, script: Script) -> list[dict[str, Any]]:
    """The attempts at this script, by budget, unlimited last."""
    with duckdb.connect(str(folder / "results" / "evalbudget.duckdb"), read_only=True) as connection:
        found = connection.execute(ROWS.format(script.name))
        names = [column[0] for column in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return [{**row, "details": json.loads(row["details"])} for row in rows]


def counts_of(row: Mapping[str, Any]) -> Figures:
    return row["reasoning_tokens"], row["answer_tokens"], row["completion_tokens"]


@pytest.mark.parametrize("mode", ["trace", "force"])
def test_a_run_holds_budgets_itself(server: Server, tmp_path: Path, mode: str) -> None:
    budgets: list[JsonValue] = [0, 3, 9, 256, "unlimited"]
    done = run(tmp_path, server.url, budgets=budgets, budget_mode=mode)
    assert done.returncode == 0, done.stderr
    for script in (THINK, LOOP_THINKING):
        *limited, free = rows_of(tmp_path, script)
        assert [row["budget"] for row in limited] == [0, 3, 9, 256]
        assert (counts_of(free), free["budget_honoured"]) == (truth(script, 2000), None)
        assert "force" not in free["details"]
        for row in limited:
            assert (row["status"], row["outcome"], row["extracted"]) == ("ok", "correct", "4")
            assert (row["budget_honoured"], row["budget_mode"]) == (True, mode)
            assert (row["prompt_tokens"], row["token_source"]) == (PROMPT[script], "token_ids")
            if script is THINK and row["budget"] >= len(THINK.reasoning):
                assert counts_of(row) == truth(THINK, 200)
                assert "force" not in row["details"]
                continue
            assert counts_of(row) == forced(script, row["budget"])
            force = row["details"]["force"]
            assert (force["family"], force["why"], force["by"]) == ("scripted", "budget", "token_ids")
            assert (force["kept"], force["generated"]) == (row["budget"], BEHIND + 1)
            assert (force["closing"], force["closing_tokens"]) == (FORCE.closing, len(CLOSING_IDS))
    assert server.idle_within(10)


def test_a_run_leaves_budgets_to_the_server(parsing: Server, tmp_path: Path) -> None:
    budgets: list[JsonValue] = [0, 3, 64, "unlimited"]
    done = run(tmp_path, parsing.url, budgets=budgets, budget_mode="server")
    assert done.returncode == 0, done.stderr
    off, short, long, free = rows_of(tmp_path, THINK)
    assert [counts_of(row) for row in (off, short)] == [(0, 6, 7), (3, 7, 13)]
    assert counts_of(long) == counts_of(free) == truth(THINK, 200)
    loops = rows_of(tmp_path, LOOP_THINKING)
    assert [row["reasoning_tokens"] for row in loops] == [0, 2, 63, 2000]
    assert [row["outcome"] for row in loops] == ["correct"] * 3 + ["looped"]
    for row in (off, short, long, *loops[:3]):
        assert row["budget_honoured"] is True
        assert row["token_source"] == "token_ids"
        assert "force" not in row["details"]


def test_a_run_on_a_server_without_a_parser_says_what_is_missing(vllms: Servers, tmp_path: Path) -> None:
    done = run(tmp_path, vllms.of("none").url, budgets=[0, 3], budget_mode="server")
    assert done.returncode == 1
    assert "--reasoning-parser" in done.stderr
    for script in (THINK, LOOP_THINKING):
        off, short = rows_of(tmp_path, script)
        assert (off["status"], counts_of(off), off["budget_honoured"]) == ("ok", (0, 6, 7), True)
        assert (short["status"], short["budget_honoured"]) == ("failed", None)
        assert "--reasoning-parser" in short["error"]


def test_a_gateway_that_drops_the_budget_is_found_out(vllms: Servers, tmp_path: Path) -> None:
    with relay_to(vllms.of("qwen3").url, drops="thinking_token_budget") as relay:
        done = run(tmp_path, relay.url, budgets=[0, 3, 256], budget_mode="server")
    assert done.returncode == 0, done.stderr
    assert "--reasoning-parser" in done.stderr
    assert [row["budget_honoured"] for row in rows_of(tmp_path, THINK)] == [True, False, True]
    assert [row["budget_honoured"] for row in rows_of(tmp_path, LOOP_THINKING)] == [True, False, False]


def test_a_run_limits_whole_replies(server: Server, tmp_path: Path) -> None:
    done = run(tmp_path, server.url, budgets=[0, 5, 64], budget_mode="max_tokens")
    assert done.returncode == 0, done.stderr
    off, short, long = rows_of(tmp_path, THINK)
    assert [counts_of(row) for row in (off, short, long)] == [(0, 6, 7), truth(THINK, 5), truth(THINK, 64)]
    assert [row["outcome"] for row in (off, short, long)] == ["correct", "truncated", "correct"]
    assert all(row["budget_honoured"] for row in (off, short, long))


@pytest.mark.parametrize("loops", ["stop", "rescue"])
def test_a_run_ends_loops(server: Server, tmp_path: Path, loops: str) -> None:
    sampling: JsonValue = {"temperature": 0, "max_tokens": 30_000}
    done = run(tmp_path, server.url, loops=loops, sampling=sampling)
    assert done.returncode == 0, done.stderr
    (row,) = rows_of(tmp_path, LOOP_THINKING)
    assert row["details"]["loop"]["stopped"] is True
    assert row["details"]["loop"].get("rescued", False) is (loops == "rescue")
    assert row["outcome"] == ("looped" if loops == "stop" else "correct")
    assert row["completion_tokens"] < 1000
    (natural,) = rows_of(tmp_path, THINK)
    assert (natural["outcome"], counts_of(natural)) == ("correct", truth(THINK, 200))
    assert server.idle_within(10)
