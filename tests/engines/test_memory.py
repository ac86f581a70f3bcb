"""KV memory on real llama.cpp inside the process: expected, measured and equal, by the whole command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from embedded.scripted import scripted_model
from evalbudget.kv import cache_type, kv_bytes
from evalbudget.wiring.kv import read_kv_model
from tests.asking import rows, write_suite
from tests.command import evalbudget

ARCHITECTURES = {"qwen3": "gqa", "deepseek2": "mla", "deepseek2-legacy": "mla", "lfm2": "hybrid"}
"""Scripted model → how it attends."""
CONTEXT = 4096
"""Tokens of a sequence: so many that the two digits of a printed size do not matter."""
TYPES = ("f16", "q8_0")
LABELS = [f"{architecture} {kind}" for architecture in ARCHITECTURES for kind in TYPES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of all of them."""
    home = tmp_path_factory.mktemp("memory")
    models = []
    for architecture in ARCHITECTURES:
        gguf = scripted_model(architecture, home / f"{architecture}.gguf")
        models += [
            {"name": f"{architecture} {kind}", "gguf": str(gguf), "kv_dtype": kind, "context": CONTEXT}
            for kind in TYPES
        ]
    questions = [(mark, f"{mark} Q", "4") for mark in ("[think]", "[direct]", "[loop]")]
    write_suite(home, models, questions, sampling={"temperature": 0, "max_tokens": 200})
    done = evalbudget(home, "run", "suite.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def server(folder: Path, label: str) -> Mapping[str, Any]:
    (row,) = rows(folder, "servers", label)
    return row


@pytest.mark.parametrize("label", LABELS)
def test_expected_memory_is_what_the_architecture_needs_in_that_type(folder: Path, label: str) -> None:
    architecture, kind = label.split()
    model = read_kv_model(folder / f"{architecture}.gguf")
    asked = cache_type(kind)
    assert asked is not None
    needed = kv_bytes(model.native or model.groups, asked)
    row = server(folder, label)
    assert row["kv_bytes_per_token_expected"] == needed.bytes_per_token
    assert (row["kv_dtype"], row["attention"]) == (kind, ARCHITECTURES[architecture])


@pytest.mark.parametrize("label", [label for label in LABELS if "legacy" not in label])
def test_measured_memory_is_within_a_hundredth_of_it(folder: Path, label: str) -> None:
    row = server(folder, label)
    assert row["kv_ratio"] == pytest.approx(1, abs=0.01)
    assert (row["kv_verdict"], row["kv_source"]) == ("agrees", "log")
    assert row["kv_capacity_tokens"] == 4 * CONTEXT


@pytest.mark.parametrize("kind", TYPES)
def test_a_file_without_the_keys_of_latent_attention_is_full_attention_by_its_ratio(
    folder: Path, kind: str
) -> None:
    row, right = server(folder, f"deepseek2-legacy {kind}"), server(folder, f"deepseek2 {kind}")
    assert row["kv_verdict"] == "mla-as-mha"
    full = kv_bytes(read_kv_model(folder / "deepseek2-legacy.gguf").groups, cache_type(kind))
    assert row["kv_bytes_per_token"] == pytest.approx(full.bytes_per_token, rel=0.01)
    assert row["kv_bytes_per_token_expected"] == right["kv_bytes_per_token_expected"]
    assert row["kv_ratio"] == pytest.approx(
        full.bytes_per_token / row["kv_bytes_per_token_expected"], rel=0.01
    )
    assert "convert" in row["kv_advice"]


@pytest.mark.parametrize("label", LABELS)
def test_each_attempt_has_its_bytes(folder: Path, label: str) -> None:
    row = server(folder, label)
    attempts = rows(folder, "attempts", label)
    assert len(attempts) == 3
    for attempt in attempts:
        tokens = attempt["prompt_tokens"] + attempt["completion_tokens"]
        whole = tokens * row["kv_bytes_per_token"] + (row["kv_fixed_bytes"] or 0)
        assert attempt["kv_bytes"] == pytest.approx(whole, rel=0.01)


def test_the_report_says_it(folder: Path) -> None:
    said = evalbudget(folder, "report").stdout
    assert "mla-as-mha" in said or "full attention" in said
    assert all(len(line) <= 80 for line in said.splitlines())
