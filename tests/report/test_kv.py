"""`evalbudget kv` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import evalbudget

REPOSITORY = Path(__file__).parents[2]
FLASH = {
    "model_type": "glm4_moe_lite",
    "num_hidden_layers": 47,
    "num_attention_heads": 20,
    "num_key_value_heads": 20,
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 192,
    "v_head_dim": 256,
    "max_position_embeddings": 202_752,
    "num_nextn_predict_layers": 1,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(FLASH))
    return tmp_path


def test_the_model_stands_beside_its_wrong_reading(folder: Path) -> None:
    words = ["--as", "mha", "--memory", "24GiB", "--weights", "13.5GiB"]
    done = evalbudget(folder, "kv", "config.json", *words)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "bytes per token 54,144 962,560 17.8 ×" in lines
    assert "202,752 tokens (its most) 10.2 GiB 181.8 GiB 17.8 ×" in lines
    assert "tokens of one sequence 208,227 11,712" in lines
    assert "1,152 bytes per token more" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_figures_come_as_json(folder: Path) -> None:
    done = evalbudget(folder, "kv", ".", "--json", "--kv-dtype", "fp8", "--tokens", "11728", "--as", "mha")
    told = json.loads(done.stdout)
    assert (told["attention"], told["kv_dtype"], told["bytes_per_token"]) == ("mla", "fp8", 27_072)
    assert told["totals"] == [{"tokens": 11_728, "bytes": 27_072 * 11_728, "sequences": None}]
    assert told["as"]["bytes_per_token"] == 481_280
    assert told["as"]["ratio"] == pytest.approx(17.78, abs=0.01)


def test_a_gguf_is_read_from_its_header() -> None:
    done = evalbudget(REPOSITORY, "kv", "embedded/scripted.gguf", "--json")
    told = json.loads(done.stdout)
    assert (told["architecture"], told["kv_dtype"], told["bytes_per_token"]) == ("qwen3", "fp16", 256)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["missing.json"], "a config.json, its folder or a .gguf works"),
        (["broken.json"], "broken.json:1: no JSON and no GGUF"),
        (["config.json", "--kv-dtype", "q8"], 'unknown cache type "q8"; did you mean "q8_0"?'),
        (["config.json", "--as", "mqa"], 'unknown reading "mqa"; did you mean "mha"?'),
        (["config.json", "--memory", "24"], "such as 24GiB or 24 GB"),
        (["config.json", "--memory", "1G", "--weights", "2G"], "has to be more than --weights"),
        (["config.json", "--as", "no-window"], "this model is what it is anyway"),
    ],
)
def test_wrong_input_is_one_line(folder: Path, words: list[str], says: str) -> None:
    (folder / "broken.json").write_text("no json")
    done = evalbudget(folder, "kv", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
