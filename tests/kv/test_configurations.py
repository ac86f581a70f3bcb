"""Configurations → bytes: the shared cases exactly, and models of our own for every kind of layer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalbudget.errors import InputError
from evalbudget.kv import CACHE_TYPES, READINGS, KvBytes, kv_bytes, model_of_config, read_as

BF16 = CACHE_TYPES["bf16"]
SMALL = {"model_type": "llama", "num_hidden_layers": 4, "num_attention_heads": 8, "hidden_size": 512}
LATENT = {
    "model_type": "glm4_moe_lite",
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 192,
    "v_head_dim": 256,
    "head_dim": 64,
    "hidden_size": 256,
}


def cost(config: dict[str, Any], kind: str = "bf16", tp: int = 1) -> KvBytes:
    return kv_bytes(model_of_config(config).groups, CACHE_TYPES[kind], tp=tp)


def as_read(config: dict[str, Any], name: str) -> int:
    groups = read_as(model_of_config(config).groups, READINGS[name])
    assert groups is not None
    return kv_bytes(groups, BF16).bytes_per_token


def spelled_out(config: dict[str, Any]) -> dict[str, Any]:
    """gpt-oss' list of layers is told in words."""
    if isinstance(config.get("layer_types"), str):
        return {**config, "layer_types": ["sliding_attention", "full_attention"] * 12}
    return config


def test_every_shared_case_holds_exactly(shared: Path) -> None:
    told = json.loads((shared / "knowledge/kv_cases.json").read_text())
    for case in told["cases"]:
        for config in (case["config"], spelled_out(case["config"])):
            model, found = model_of_config(config), cost(config)
            assert model.attention == case["attention"], case["name"]
            assert found.bytes_per_token == case["bytes_per_token"], case["name"]
            assert found.fixed_bytes == case.get("fixed_bytes", 0), case["name"]
            windows = [(each.window, each.bytes_per_token) for each in found.windows]
            expected = [(case["window"], case["window_bytes_per_token"])] if "window" in case else []
            assert windows == expected, case["name"]
        if "as_mha_bytes_per_token" in case:
            assert cost(case["config"], "fp8").bytes_per_token == case["fp8_bytes_per_token"]
            assert as_read(case["config"], "mha") == case["as_mha_bytes_per_token"]
            assert as_read(case["config"], "latent-and-v") == case["llama_cpp_before_19067"]
            assert as_read(case["config"], "head-dim") == 240_640


def test_the_published_logs_hold_within_one_percent(shared: Path) -> None:
    told = json.loads((shared / "knowledge/kv_cases.json").read_text())
    flash = next(case["config"] for case in told["cases"] if case["name"] == "GLM-4.7-Flash")
    log = told["logs"][0]
    measured = (log["k_mib"] + log["v_mib"]) * 2**20
    assert measured == pytest.approx(as_read(flash, "latent-and-v") * log["n_ctx"], rel=0.01)
    fp8, bf16 = told["logs"][3], told["logs"][4]
    assert cost(flash, "fp8").total(fp8["tokens"]) / 2**30 == pytest.approx(fp8["gib"], rel=0.01)
    assert cost(flash).total(bf16["tokens"]) / 2**30 == pytest.approx(bf16["gib"], rel=0.01)


def test_heads_are_shared_or_not() -> None:
    assert model_of_config(SMALL).attention == "mha"
    assert cost(SMALL).bytes_per_token == 4 * 8 * 2 * 64 * 2
    assert model_of_config({**SMALL, "num_key_value_heads": 2}).attention == "gqa"
    assert model_of_config({**SMALL, "num_key_value_heads": 1}).attention == "mqa"
    assert as_read({**SMALL, "num_key_value_heads": 2}, "mha") == cost(SMALL).bytes_per_token


def test_a_latent_is_kept_once_and_the_trap_of_head_dim_is_not_stepped_into() -> None:
    assert model_of_config(LATENT).attention == "mla"
    assert cost(LATENT).bytes_per_token == 3 * 576 * 2
    assert as_read(LATENT, "head-dim") == 3 * 4 * 2 * 64 * 2


def test_a_part_for_text_is_found_and_gets_the_defaults_of_its_class() -> None:
    text = {"model_type": "gemma3_text", "num_hidden_layers": 34, "hidden_size": 2560, "sliding_window": 1024}
    found = cost({"model_type": "gemma3", "text_config": text})
    assert (found.bytes_per_token, found.windows[0].bytes_per_token) == (20_480, 118_784)


def test_linear_attention_keeps_a_state_of_float32() -> None:
    """Qwen3-Next-80B-A3B: 24,576 bytes a token and 73.7 MiB."""
    config = {
        "model_type": "qwen3_next",
        "num_hidden_layers": 48,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "head_dim": 256,
        "full_attention_interval": 4,
        "linear_num_key_heads": 16,
        "linear_num_value_heads": 32,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4,
    }
    found = cost(config)
    assert found.bytes_per_token == 24_576
    assert found.fixed_bytes == 36 * (8192 * 3 * 2 + 32 * 128 * 128 * 4)
    assert cost(config, tp=2).fixed_bytes == found.fixed_bytes // 2


def test_kimi_linear_has_latents_beside_linear_layers() -> None:
    linear = {"full_attn_layers": [4, 8], "num_heads": 32, "head_dim": 128, "short_conv_kernel_size": 4}
    config = {**LATENT, "model_type": "kimi_linear", "num_hidden_layers": 8, "linear_attn_config": linear}
    assert model_of_config(config).attention == "hybrid"
    assert cost(config).bytes_per_token == 2 * 576 * 2
    assert cost(config).fixed_bytes == 6 * (3 * 4096 * 3 * 2 + 32 * 128 * 128 * 4)


def test_an_indexer_costs_its_key_and_scale() -> None:
    """DeepSeek-V3.2: 78,324 bytes in BF16, 48,068 in fp8_ds_mla."""
    config = {**LATENT, "num_hidden_layers": 61, "index_head_dim": 128}
    assert cost(config).bytes_per_token == 78_324
    assert cost(config, "fp8_ds_mla").bytes_per_token == 48_068
    some = {**config, "indexer_types": ["full"] * 21 + ["shared"] * 40}
    assert cost(some).bytes_per_token == 61 * 1152 + 21 * 132


def test_layers_that_share_a_cache_own_none() -> None:
    """Gemma3n-E4B: 20 of 35 layers own a cache, 4 without a window."""
    config = {"model_type": "gemma3n_text", "num_hidden_layers": 35, "hidden_size": 2048}
    found = cost(config)
    assert (found.bytes_per_token, found.windows[0].bytes_per_token) == (8_192, 32_768)


def test_draft_layers_are_told_apart() -> None:
    draft = model_of_config({**LATENT, "num_nextn_predict_layers": 1}).draft
    assert kv_bytes(draft, BF16).bytes_per_token == 576 * 2


def test_a_window_counts_only_where_it_is_in_use() -> None:
    windowed = {**SMALL, "sliding_window": 128, "max_position_embeddings": 4096}
    assert model_of_config(windowed).attention == "sliding"
    assert model_of_config({**windowed, "use_sliding_window": False}).attention == "mha"
    assert model_of_config({**windowed, "sliding_window": 4096}).attention == "mha"


def test_a_cache_type_that_the_checkpoint_declares_is_the_default() -> None:
    scheme = {"kv_cache_scheme": {"num_bits": 8, "type": "float"}}
    assert model_of_config({**SMALL, "quantization_config": scheme}).cache_type == "fp8"
    assert model_of_config({**SMALL, "torch_dtype": "float16"}).cache_type == "fp16"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "no num_hidden_layers"),
        ({**SMALL, "num_hidden_layers": "many"}, "is no number"),
        ({**SMALL, "num_hidden_layers": 10**9}, "more than any model"),
        ({**SMALL, "layer_types": ["full_atention"] * 4}, 'did you mean "full_attention"'),
        ({**SMALL, "layer_types": ["full_attention"]}, "1 entries for 4 layers"),
        ({"num_hidden_layers": 4}, "num_attention_heads is missing"),
        ({**SMALL, "model_type": "deepseek_v4"}, "not known here yet"),
        ({**SMALL, "full_attention_interval": 2}, "linear_num_value_heads"),
    ],
)
def test_what_a_configuration_lacks_is_said(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        model_of_config(wrong)
