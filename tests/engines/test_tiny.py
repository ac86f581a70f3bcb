"""The trained model in real llama.cpp: it says what PyTorch says, and solves what it was trained to solve."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType
from gguf.quants import dequantize
from scipy.stats import binomtest

from embedded.tiny.quantize import in_three_bits, quantized
from embedded.tiny.vocabulary import add_vocabulary
from evalbudget.kv import judge
from evalbudget.probes.logs import facts_of_log
from evalbudget.shipped import shipped_folder
from evalbudget.wiring.kv import read_kv_model
from tests.asking import rows
from tests.command import evalbudget
from tests.engine_fixtures import embedded

pytestmark = [pytest.mark.engine, pytest.mark.slow]

FOLDER = shipped_folder("embedded")
GREEDY = FOLDER / "tiny" / "greedy.jsonl"
MODELS = {"f16": "tiny-f16.gguf", "w3": "tiny-w3.gguf", "early": "tiny-early.gguf"}
LEVELS, EACH = range(2, 9), 72
MAX_TOKENS = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished greedy run of all three on 504 fresh sums."""
    home = tmp_path_factory.mktemp("tiny")
    task = {
        "name": "fresh",
        "title": "fresh sums",
        "data": {"sums": {"seed": 99, "each": EACH}},
        "columns": {"id": "id", "question": "question", "target": "target", "category": "level"},
        "prompt": "{question}",
        "scorer": "integer",
    }
    (home / "fresh.yaml").write_text(json.dumps(task), encoding="utf-8")
    suite = {
        "name": "tiny",
        "models": [{"name": name, "gguf": str(FOLDER / file)} for name, file in MODELS.items()],
        "tasks": ["fresh.yaml"],
        "sampling": {"temperature": 0, "max_tokens": MAX_TOKENS},
    }
    (home / "suite.yaml").write_text(json.dumps(suite), encoding="utf-8")
    done = evalbudget(home, "run", "suite.yaml", enough_s=250)
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def attempts(folder: Path, model: str) -> dict[str, dict[str, Any]]:
    """Sample → its row."""
    return {row["sample_id"]: row for row in rows(folder, "attempts", model)}


def accuracy(found: Mapping[str, Mapping[str, Any]]) -> float:
    return float(np.mean([row["correct"] for row in found.values()]))


def replies(base_url: str, prompts: list[list[int]]) -> list[list[int]]:
    """The ids of its greedy replies."""
    said = []
    for ids in prompts:
        body = {"prompt": ids, "temperature": 0, "n_predict": 120, "return_tokens": True}
        request = urllib.request.Request(  # noqa: S310  (loopback)
            base_url.removesuffix("/v1") + "/completion",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  (loopback)
            said.append(json.load(response)["tokens"])
    return said


def test_llama_cpp_says_what_pytorch_says_token_for_token(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in GREEDY.read_text(encoding="utf-8").splitlines()]
    prompts = [line["prompt"] for line in lines]

    async def ask() -> list[list[int]]:
        async with embedded(FOLDER / MODELS["f16"], tmp_path, kv_dtype="f32", slots=1) as base_url:
            return await asyncio.to_thread(replies, base_url, prompts)

    said = asyncio.run(ask())
    alike = sum(ids == line["ids"] for ids, line in zip(said, lines, strict=True))
    assert len(lines) == 8 * len(LEVELS)
    assert alike >= len(lines) - 1  # another processor may round a near tie to the other side


@pytest.mark.parametrize(("kind", "file"), [("Q4_0", "tiny-q4_0.gguf"), ("W3", "tiny-w3.gguf")])
def test_the_lower_precisions_are_made_from_the_trained_file(kind: str, file: str, tmp_path: Path) -> None:
    made = quantized(FOLDER / MODELS["f16"], kind, tmp_path / file)
    assert made.read_bytes() == (FOLDER / file).read_bytes()


def test_three_bits_are_eight_levels_and_the_nearest_of_them() -> None:
    values = np.linspace(-0.7, 0.7, 64, dtype=np.float32).reshape(2, 32)
    found = dequantize(in_three_bits(values), GGMLQuantizationType.Q4_0)
    for row, back in zip(values, found, strict=True):
        step = np.abs(row).max() / 7
        assert len(np.unique(np.round(back / step))) <= 8
        assert np.abs(row - back).max() <= step * 1.001


def test_it_solves_what_it_was_trained_to_solve(folder: Path) -> None:
    found = attempts(folder, "f16")
    assert len(found) == EACH * len(LEVELS)
    short = {name: row for name, row in found.items() if int(name.split("-")[0]) <= 5}
    assert accuracy(short) >= 0.9
    assert accuracy(found) >= 0.75


def test_the_lowest_precision_is_worse_and_not_by_chance(folder: Path) -> None:
    whole, low = attempts(folder, "f16"), attempts(folder, "w3")
    lost = sum(whole[name]["correct"] and not low[name]["correct"] for name in whole)
    won = sum(low[name]["correct"] and not whole[name]["correct"] for name in whole)
    assert lost > won
    assert binomtest(won, won + lost).pvalue < 0.05


def test_the_early_checkpoint_goes_round_in_circles_and_the_finished_one_hardly_ever(folder: Path) -> None:
    loops = {name: [row["loop_doom"] for row in attempts(folder, name).values()] for name in MODELS}
    assert np.mean(loops["early"]) >= 0.1
    assert np.mean(loops["f16"]) <= 0.01
    outcomes = [row["outcome"] for row in attempts(folder, "early").values()]
    assert outcomes.count("looped") == sum(loops["early"])


def test_its_latent_attention_takes_what_the_formula_says(folder: Path) -> None:
    (server,) = rows(folder, "servers", "f16")
    assert (server["attention"], server["kv_verdict"]) == ("mla", "agrees")
    assert server["kv_bytes_per_token_expected"] == LATENT
    assert server["kv_ratio"] == pytest.approx(1, abs=0.01)


LATENT, GROUPED = 4 * (64 + 32) * 2, 4 * 2 * (64 + 64) * 2
"""Bytes for each token in F16: of the model, and of a sibling of its size with grouped-query attention."""


def sibling(gguf: Path) -> Path:
    """The same layers, width and heads, two KV heads of 64 in place of the latent; its weights are zeros."""
    writer = GGUFWriter(gguf, "qwen3")
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    writer.add_context_length(2048)
    writer.add_embedding_length(160)
    writer.add_block_count(4)
    writer.add_feed_forward_length(384)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_key_length(64)
    writer.add_value_length(64)
    writer.add_layer_norm_rms_eps(1e-5)
    add_vocabulary(writer)
    shapes = {"token_embd": (288, 160), "output": (288, 160), "output_norm": (160,)}
    for block in range(4):
        sizes = {"attn_q": (256, 160), "attn_k": (128, 160), "attn_v": (128, 160), "attn_output": (160, 256)}
        sizes |= {"ffn_gate": (384, 160), "ffn_up": (384, 160), "ffn_down": (160, 384)}
        norms = {"attn_norm": (160,), "ffn_norm": (160,), "attn_q_norm": (64,), "attn_k_norm": (64,)}
        shapes |= {f"blk.{block}.{name}": shape for name, shape in (sizes | norms).items()}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", np.zeros(shape, np.float16 if len(shape) > 1 else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return gguf


def test_a_sibling_with_heads_takes_more_by_the_ratio_of_the_formulas(tmp_path: Path) -> None:
    gguf = sibling(tmp_path / "sibling.gguf")

    async def log() -> str:
        async with embedded(gguf, tmp_path, label="sibling"):
            return (tmp_path / "sibling.log").read_text(encoding="utf-8", errors="replace")

    found = judge(read_kv_model(gguf), facts_of_log(asyncio.run(log())))
    assert (found.name, found.expected_bytes_per_token) == ("agrees", GROUPED)
    assert found.bytes_per_token == pytest.approx(LATENT * 8 / 3, rel=0.01)
