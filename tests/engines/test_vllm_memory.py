"""KV memory on a real vLLM: expected, measured, and equal, for servers that a run starts and stops itself.

Opt-in: `make test-vllm`.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from embedded.scripts import LOOP_THINKING
from tests.asking import rows, write_suite
from tests.command import evalbudget
from tests.engines.hf_folder import dummy_folder
from tests.engines.vllm_server import PYTHON, QUIET

if not PYTHON:
    pytest.skip("EVALBUDGET_VLLM names no Python with vLLM (make test-vllm)", allow_module_level=True)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

MODELS = {
    "mla": ("Glm4MoeLiteForCausalLM", "deepseek_r1", 3 * 576 * 2),
    "gqa": ("Qwen3ForCausalLM", "qwen3", 4 * 2 * 64 * 2 * 2),
    "hybrid": ("Lfm2ForCausalLM", "qwen3", 2 * 2 * 64 * 2 * 2),
}
"""Label → architecture, reasoning parser, bytes of cache that a token takes in BF16."""
CONTEXT, BUDGET, LONGEST = 4096, 16, 384
ASKED = 8


def model(folder: Path, label: str) -> dict[str, Any]:
    """One of `models:`, started by the run."""
    architecture, parser, _ = MODELS[label]
    weights = dummy_folder(folder / label, architecture)
    command = [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", "--model", str(weights)]
    command += ["--load-format", "dummy", "--served-model-name", label, "--host", "127.0.0.1"]
    command += ["--port", "{port}", "--max-model-len", str(CONTEXT), "--max-num-seqs", "8"]
    command += ["--enforce-eager", "--reasoning-parser", parser]
    serve = {"command": command, "env": {**QUIET, "VLLM_CPU_KVCACHE_SPACE": "1"}, "ready_s": 400}
    return {
        "name": label,
        "base_url": "http://127.0.0.1:{port}/v1",
        "config": str(weights / "config.json"),
        "concurrency": ASKED,
        "serve": serve,
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of all three."""
    home = tmp_path_factory.mktemp("memory")
    write_suite(
        home,
        [model(home, label) for label in MODELS],
        [(str(number), f"{LOOP_THINKING.mark} Q{number}", "4") for number in range(ASKED)],
        budgets=[BUDGET, "unlimited"],
        budget_mode="server",
        sampling={"temperature": 0, "max_tokens": LONGEST},
    )
    done = evalbudget(home, "run", "suite.yaml", enough_s=1000)
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def server(folder: Path, label: str) -> Mapping[str, Any]:
    (row,) = rows(folder, "servers", label)
    return row


@pytest.mark.parametrize("label", MODELS)
def test_measured_memory_equals_what_the_architecture_needs(folder: Path, label: str) -> None:
    row = server(folder, label)
    per_token = MODELS[label][2]
    assert row["kv_bytes_per_token_expected"] == per_token
    assert row["kv_bytes_per_token"] == pytest.approx(per_token, rel=0.01)
    assert row["kv_ratio"] == pytest.approx(1, abs=0.01)
    assert (row["kv_verdict"], row["kv_source"]) == ("agrees", "http")  # exact, because the size was given
    assert row["kv_capacity_bytes"] == pytest.approx(2**30, rel=0.01)


@pytest.mark.parametrize(("label", "attention"), [("mla", "mla"), ("gqa", "gqa"), ("hybrid", "hybrid")])
def test_the_server_is_known_by_what_it_shows(folder: Path, label: str, attention: str) -> None:
    row = server(folder, label)
    assert (row["engine"], row["served_model"], row["attention"]) == ("vllm", label, attention)
    assert row["engine_version"].startswith("0.")
    assert (row["max_model_len"], row["weight_dtype"]) == (CONTEXT, "bfloat16")
    assert row["fingerprint"]


@pytest.mark.parametrize("label", MODELS)
def test_budgets_and_counts_hold_on_each(folder: Path, label: str) -> None:
    attempts = rows(folder, "attempts", label)
    assert len(attempts) == 2 * ASKED
    for row in attempts:
        assert (row["status"], row["token_source"]) == ("ok", "token_ids")
        counted = row["reasoning_tokens"] + row["answer_tokens"]
        assert counted <= row["completion_tokens"] <= LONGEST
        if row["budget"] is not None:
            assert row["budget_honoured"] is True
            assert row["reasoning_tokens"] <= BUDGET


@pytest.mark.parametrize("label", ["mla", "gqa"])
def test_each_attempt_has_its_bytes_in_whole_blocks(folder: Path, label: str) -> None:
    per_token, block = MODELS[label][2], server(folder, label)["kv_block_tokens"]
    for row in rows(folder, "attempts", label):
        tokens = row["prompt_tokens"] + row["completion_tokens"]
        assert row["kv_bytes"] == pytest.approx(-(-tokens // block) * block * per_token, rel=0.01)


@pytest.mark.parametrize("label", MODELS)
def test_use_was_read_while_the_attempts_ran(folder: Path, label: str) -> None:
    readings = rows(folder, "readings", label)
    assert max(row["running"] for row in readings) > 1
    peak = max(row["kv_used_bytes"] for row in readings)
    assert 0 < peak < 2**30
    cells = rows(folder, "cells", label)
    assert max(cell["kv_peak_bytes"] or 0 for cell in cells) == peak


def test_the_servers_ran_in_turns_and_nothing_of_them_is_left(folder: Path) -> None:
    spans = []
    for label in MODELS:
        times = [row["started_at"] for row in rows(folder, "attempts", label)]
        spans.append((min(times), max(times)))
    assert all(before[1] < after[0] for before, after in pairwise(spans))
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert str(folder).encode() not in status.read_bytes()
        except OSError:
            continue
