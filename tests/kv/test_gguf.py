"""A GGUF's metadata as llama.cpp lays out its cache; the sizes are those that real logs show."""

from __future__ import annotations

from typing import Any

import pytest

from evalbudget.errors import InputError
from evalbudget.kv import CACHE_TYPES, KvModel, kv_bytes, model_of_gguf

F16 = CACHE_TYPES["fp16"]


def gguf(arch: str, **keys: Any) -> KvModel:
    plain = {f"{arch}.{key.replace('__', '.')}": value for key, value in keys.items()}
    return model_of_gguf({"general.architecture": arch, **plain})


MLA = {
    "block_count": 3,
    "embedding_length": 256,
    "attention__head_count": 4,
    "attention__kv_lora_rank": 512,
    "rope__dimension_count": 64,
}
NEW = {
    "attention__head_count_kv": 1,
    "attention__key_length": 576,
    "attention__value_length": 512,
    "attention__key_length_mla": 256,
    "attention__value_length_mla": 256,
}
OLD = {"attention__head_count_kv": 4, "attention__key_length": 256, "attention__value_length": 256}


def test_a_latent_is_told_by_its_keys() -> None:
    model = gguf("deepseek2", **MLA, **NEW)
    assert model.attention == "mla"
    assert kv_bytes(model.groups, F16).total(4096) == 13.5 * 2**20
    assert kv_bytes(model.groups, CACHE_TYPES["q8_0"]).total(4096) == pytest.approx(7.17 * 2**20, rel=1e-3)


def test_a_file_without_those_keys_is_full_attention_and_its_need_is_known() -> None:
    model = gguf("deepseek2", **MLA, **OLD)
    assert model.attention == "mha"
    assert kv_bytes(model.groups, F16).total(4096) == 48 * 2**20
    assert model.native is not None
    assert kv_bytes(model.native, F16).total(4096) == 13.5 * 2**20
    assert "key_length_mla" in model.notes[0]


def test_short_convolutions_have_no_kv_heads_and_states_of_float32() -> None:
    model = gguf(
        "lfm2",
        block_count=4,
        embedding_length=256,
        attention__head_count=4,
        attention__head_count_kv=[0, 2, 0, 2],
        shortconv__l_cache=3,
    )
    kv = kv_bytes(model.groups, F16)
    assert model.attention == "hybrid"
    assert (kv.total(4096) - kv.fixed_bytes, kv.fixed_bytes) == (4 * 2**20, 2 * 256 * 2 * 4)


def test_linear_layers_as_the_log_of_qwen35_4b_shows_them() -> None:
    model = gguf(
        "qwen35",
        block_count=33,
        nextn_predict_layers=1,
        embedding_length=2560,
        attention__head_count=16,
        attention__head_count_kv=4,
        attention__key_length=256,
        attention__value_length=256,
        full_attention_interval=4,
        ssm__conv_kernel=4,
        ssm__inner_size=4096,
        ssm__state_size=128,
        ssm__group_count=16,
    )
    kv = kv_bytes(model.groups, F16)
    assert kv.fixed_bytes == 50.25 * 2**20
    assert kv.bytes_per_token * 135_168 == 4224 * 2**20
    assert kv_bytes(model.draft, F16).bytes_per_token == 4096


def test_windows_by_pattern_by_list_and_not_at_all() -> None:
    sizes = {
        "block_count": 24,
        "embedding_length": 2880,
        "attention__head_count": 64,
        "attention__head_count_kv": 8,
        "attention__key_length": 64,
        "attention__value_length": 64,
        "attention__sliding_window": 128,
    }
    kv = kv_bytes(gguf("gpt-oss", **sizes).groups, F16)
    assert kv.bytes_per_token * 131_072 == 3072 * 2**20
    assert kv.windows[0].bytes_per_token * 768 == 18 * 2**20
    listed = gguf("gemma4", **sizes, attention__sliding_window_pattern=[True] * 20 + [False] * 4)
    assert kv_bytes(listed.groups, F16).windows[0].bytes_per_token == 20 * 2048
    unused = gguf("llama", **sizes)
    assert unused.attention == "gqa"
    assert "no use" in unused.notes[0]


def test_what_a_file_lacks_is_said() -> None:
    with pytest.raises(InputError, match=r"general\.architecture"):
        model_of_gguf({})
    with pytest.raises(InputError, match=r"qwen3\.block_count is missing"):
        gguf("qwen3")
    with pytest.raises(InputError, match="not known here yet"):
        gguf("rwkv7", block_count=4)
