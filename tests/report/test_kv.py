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


def llamacpp_log(folder: Path, values: float) -> Path:
    """What llama.cpp prints of 200,192 cells of GLM-4.7-Flash, before and after pull request 19067."""
    keys = 10_337.06
    first = "srv    load_model: loading model 'GLM-4.7-Flash-Q4_K_M.gguf'\n"
    line = f"llama_kv_cache: size = {keys + values:7.2f} MiB (200192 cells,  47 layers,  1/1 seqs), "
    line += f"K (f16): {keys:7.2f} MiB, V (f16): {values:7.2f} MiB\n"
    path = folder / "llama.log"
    path.write_text(first + line, encoding="utf-8")
    return path


def test_a_log_is_judged_beside_the_model(folder: Path) -> None:
    llamacpp_log(folder, 9_188.50)
    done = evalbudget(folder, "kv", "config.json", "--log", "llama.log")
    said = " ".join(done.stdout.split())
    assert "measured by its log: latent-and-v" in said
    assert "102,272 bytes per token, expected 54,144 in fp16: 1.889 times" in said
    assert "19067" in said
    assert max(map(len, done.stdout.splitlines())) <= 80
    llamacpp_log(folder, 0)
    told = json.loads(evalbudget(folder, "kv", "config.json", "--log", "llama.log", "--json").stdout)
    assert (told["measured"]["verdict"], told["measured"]["advice"]) == ("agrees", "")
    assert told["measured"]["capacity_tokens"] == 200_192


def test_the_users_type_and_number_of_gpus_go_before_the_logs(folder: Path) -> None:
    llamacpp_log(folder, 0)
    words = ["--log", "llama.log", "--kv-dtype", "q8_0", "--tp", "2", "--json"]
    told = json.loads(evalbudget(folder, "kv", "config.json", *words).stdout)
    assert told["measured"]["verdict"] == "wider-type"
    assert "on each of 2 GPUs" in told["measured"]["says"]


def test_recorded_logs_are_judged(shared: Path) -> None:
    samples = shared / "samples"
    for log, config, verdict in (
        ("vllm-cpu/mla.startup.log", "mla", "agrees"),
        ("vllm-cpu/gqa.startup.log", "gqa", "agrees"),
        ("vllm-cpu/lfm2.startup.log", "lfm2", None),
        ("llama-server/mla.startup.log", "mla", "agrees"),
        ("llama-server/lfm2.startup.log", "lfm2", "agrees"),
        ("llama-server/mla-legacy.startup.log", "mla", "mla-as-mha"),
    ):
        file = f"vllm-cpu/models/{config}.config.json"
        done = evalbudget(samples, "kv", file, "--log", log, "--json")
        assert json.loads(done.stdout)["measured"]["verdict"] == verdict, log


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
        (["config.json", "--log", "missing.log"], "missing.log cannot be read"),
        (["config.json", "--log", "broken.json"], "says nothing of a KV cache"),
    ],
)
def test_wrong_input_is_one_line(folder: Path, words: list[str], says: str) -> None:
    (folder / "broken.json").write_text("no json")
    done = evalbudget(folder, "kv", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
