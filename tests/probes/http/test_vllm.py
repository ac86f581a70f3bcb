"""What vLLM's pages tell: recorded ones, and labels as other releases and set-ups show them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.probes.http.registry import facts_of_pages
from evalbudget.records import CachePool, ServerFacts
from tests.probes.http.reading import recorded, told

LIST = {"data": [{"id": "m", "owned_by": "vllm", "root": "/models/m", "max_model_len": 4096}]}


def facts(labels: str = "", engines: int = 1, **pages: object) -> ServerFacts:
    """From the labels of so many engines, and these pages."""
    lines = [f'vllm:cache_config_info{{{labels},engine="{at}"}} 1.0' for at in range(engines)]
    given = {
        "/metrics": "\n".join(lines) + "\n",
        **{path.replace("__", "/"): page for path, page in pages.items()},
    }
    return facts_of_pages("vllm", told(given, LIST))


def pool(labels: str, engines: int = 1) -> CachePool:
    found = facts(labels, engines).pool
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("model", "bytes_per_token", "blocks", "block"),
    [
        ("mla", 3 * 576 * 2, 19418, 16),
        ("mla-dummy", 3 * 576 * 2, 19418, 16),
        ("gqa", 4 * 2 * 2 * 64 * 2, 4096, 128),
    ],
)
def test_a_uniform_models_cache_is_read_with_its_bytes(
    shared: Path, model: str, bytes_per_token: int, blocks: int, block: int
) -> None:
    cache = recorded(shared, "vllm-cpu", model).pool
    assert cache is not None
    assert (cache.source, cache.blocks, cache.block_tokens, cache.tokens) == (
        "http",
        blocks,
        block,
        blocks * block,
    )
    (part,) = cache.parts
    assert part.tokens is not None
    assert part.bytes == 2**30
    assert part.bytes - part.rounding <= part.tokens * bytes_per_token <= part.bytes
    assert not cache.overridden


def test_a_hybrid_models_bytes_belong_to_no_number_of_tokens(shared: Path) -> None:
    cache = recorded(shared, "vllm-cpu", "lfm2").pool
    assert cache is not None
    assert (cache.tokens, cache.blocks, cache.block_tokens) == (986895, 8192, 128)
    assert cache.concurrency == pytest.approx(240.94, abs=0.01)
    assert cache.max_model_len == 4096
    assert [(part.bytes, part.tokens) for part in cache.parts] == [(2**30, None)]


def test_a_cache_that_vllm_sized_itself_shows_no_bytes(shared: Path) -> None:
    page = (shared / "samples/vllm-cpu/gqa-autokv.metrics.txt").read_text(encoding="utf-8")
    cache = facts_of_pages("vllm", told({"/metrics": page}, LIST)).pool
    assert cache is not None
    assert (cache.tokens, cache.blocks, cache.parts) == (697216, 5447, ())


def test_the_configuration_is_read_from_the_text_of_development_mode(shared: Path) -> None:
    found = recorded(shared, "vllm-cpu", "gqa")
    assert (found.engine, found.engine_version, found.served_model) == ("vllm", "0.32.0", "tiny-gqa")
    assert (found.model_path, found.max_model_len, found.ranks) == ("models/gqa-script", 4096, 1)
    assert (found.weight_dtype, found.quantization, found.kv_dtype) == ("bfloat16", "bf16", None)
    expected = {
        "enable_prefix_caching": True,
        "enforce_eager": True,
        "gpu_memory_utilization": 0.92,
        "kv_cache_memory_bytes": 2**30,
        "prefix_caching_hash_algo": "sha256",
        "reasoning_parser": "qwen3",
        "VLLM_MLA_DISABLE": False,
    }
    assert {name: found.flags.get(name) for name in expected} == expected
    assert "num_gpu_blocks_override" not in found.flags


def test_the_document_of_newer_releases_tells_the_same() -> None:
    config = {
        "model_config": {"model": "/m", "dtype": "torch.bfloat16", "quantization": "compressed-tensors"},
        "cache_config": {"cache_dtype": "fp8_e4m3", "gpu_memory_utilization": 0.9},
        "parallel_config": {"tensor_parallel_size": 4, "pipeline_parallel_size": 2},
        "load_config": {"load_format": "dummy"},
        "speculative_config": {"method": "mtp", "num_speculative_tokens": 1, "model": None, "x": "y"},
    }
    page = {"vllm_config": config, "vllm_env": {"VLLM_MLA_DISABLE": True, "VLLM_HOST_IP": "10.0.0.1"}}
    found = facts(**{"__server_info?config_format=json": page, "__server_info": page})
    assert (found.quantization, found.kv_dtype, found.ranks) == ("compressed-tensors", "fp8_e4m3", 4)
    assert found.weight_dtype == "bfloat16"
    assert (found.flags["pipeline_parallel_size"], found.flags["load_format"]) == (2, "dummy")
    assert found.flags["VLLM_MLA_DISABLE"] is True
    drafts = found.flags["speculative_config"]
    assert isinstance(drafts, dict)
    assert (drafts["method"], drafts["num_speculative_tokens"]) == ("mtp", 1)
    assert "10.0.0.1" not in str(found)


def test_drafts_stand_in_the_text_with_their_settings() -> None:
    drafts = "SpeculativeConfig(method='mtp', model='/m', num_spec_tokens=1)"
    found = facts(__server_info={"vllm_config": f"model='/m', speculative_config={drafts}, dtype=x"})
    assert found.flags["speculative_config"] == drafts


def test_a_release_without_a_capacity_leaves_it_open() -> None:
    cache = pool('block_size="16",cache_dtype="fp8",num_gpu_blocks="733",num_gpu_blocks_override="None"')
    assert (cache.tokens, cache.blocks, cache.block_tokens, cache.parts) == (None, 733, 16, ())
    assert facts('block_size="16",cache_dtype="fp8",num_gpu_blocks="733"').kv_dtype == "fp8"


def test_blocks_are_of_all_engines_and_a_capacity_is_of_one() -> None:
    labels = (
        'block_size="16",num_gpu_blocks="2000",kv_cache_size_tokens="16000",kv_cache_max_concurrency="4.0",'
        'kv_cache_memory_bytes="16000000"'
    )
    cache = pool(labels, engines=2)
    assert (cache.tokens, cache.blocks, cache.concurrency) == (32000, 2000, 8.0)
    assert [(part.bytes, part.tokens) for part in cache.parts] == [(16_000_000, 16000)]


def test_blocks_set_by_hand_leave_the_bytes_open() -> None:
    cache = pool(
        'block_size="16",num_gpu_blocks="10",num_gpu_blocks_override="10",kv_cache_memory_bytes="9999"'
    )
    assert cache.overridden
    assert cache.parts == ()


def test_an_adapter_names_the_weights_below_it() -> None:
    listing = {
        "data": [
            {"id": "base", "owned_by": "vllm", "root": "/models/base", "max_model_len": 4096},
            {"id": "fine", "owned_by": "vllm", "root": "/adapters/fine", "parent": "base"},
        ]
    }
    found = facts_of_pages("vllm", told({}, listing, at=1))
    assert (found.model_path, found.flags) == ("/models/base", {"adapter": "/adapters/fine"})
    assert found.pool is None


def test_of_several_models_the_labels_of_the_one_asked_for_count() -> None:
    page = (
        'vllm:cache_config_info{model_name="other",num_gpu_blocks="1"} 1\n'
        'vllm:cache_config_info{model_name="m",num_gpu_blocks="2"} 1\n'
    )
    cache = facts_of_pages("vllm", told({"/metrics": page}, LIST)).pool
    assert cache is not None
    assert cache.blocks == 2


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.text(max_size=8)))
def test_labels_of_no_release_make_it_raise(labels: dict[str, str]) -> None:
    escapes = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    text = ",".join(f'{name}="{value.translate(escapes)}"' for name, value in labels.items())
    assert facts(f'block_size="x",num_gpu_blocks="5",{text}').pool is not None


@pytest.mark.parametrize(
    "config", ["quantization=" + "x" * 100_000, "dtype=" * 200_000, "model='" + "a" * 100_000, ""]
)
def test_a_configuration_of_any_length_is_read_in_one_pass(config: str) -> None:
    assert facts(__server_info={"vllm_config": config}).engine == "vllm"
