"""What LMDeploy, TensorRT-LLM, transformers serve, llama-cpp-python, routers and unknown servers tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.probes.http.registry import ENGINES, facts_of_pages, wanted_pages
from evalbudget.probes.recognise import ENGINE_PAGES, engine_name, listed_models
from evalbudget.records import ServerFacts
from tests.probes.http.documented import (
    LMDEPLOY_ENGINE,
    LMDEPLOY_LIST,
    LMDEPLOY_METRICS,
    OPENROUTER_LIST,
    TRTLLM_LIST,
    TRTLLM_PROMETHEUS,
    TRTLLM_STATISTICS,
)
from tests.probes.http.reading import json_of, recorded, told


def test_lmdeploy_tells_its_configuration_and_its_blocks() -> None:
    pages: dict[str, object] = {"/metrics": LMDEPLOY_METRICS, "/distserve/engine_info": LMDEPLOY_ENGINE}
    found = facts_of_pages("lmdeploy", told(pages, LMDEPLOY_LIST))
    assert (found.quantization, found.weight_dtype, found.kv_dtype) == ("awq", "bfloat16", "int8")
    assert (found.max_model_len, found.ranks, found.model_path) == (32768, 2, None)
    assert (found.flags["cache_max_entry_count"], found.flags["enable_prefix_caching"]) == (0.8, False)
    assert found.pool is not None
    assert (found.pool.tokens, found.pool.blocks, found.pool.block_tokens) == (2871 * 64, 2871, 64)
    assert found.pool.parts == ()


def test_lmdeploys_turbomind_shows_no_blocks() -> None:
    found = facts_of_pages("lmdeploy", told({"/metrics": LMDEPLOY_METRICS}, LMDEPLOY_LIST))
    assert (found.pool, found.ranks) == (None, 2)


def test_tensorrt_llm_tells_its_configuration_and_its_blocks() -> None:
    pages: dict[str, object] = {
        "/version": {"version": "1.2.0"},
        "/prometheus/metrics": TRTLLM_PROMETHEUS,
        "/metrics": TRTLLM_STATISTICS,
    }
    found = facts_of_pages("tensorrt-llm", told(pages, TRTLLM_LIST))
    assert (found.engine_version, found.model_path) == ("1.2.0", "meta-llama/Llama-3.1-8B")
    assert (found.quantization, found.weight_dtype, found.kv_dtype) == ("FP8", "bfloat16", "fp8")
    assert (found.max_model_len, found.ranks) == (8192, 4)
    assert found.flags == {
        "cache_dtype": "fp8",
        "enable_block_reuse": True,
        "free_gpu_memory_fraction": 0.9,
        "page_size": 32,
        "pipeline_parallel_size": 2,
        "tensor_parallel_size": 4,
    }
    assert found.pool is not None
    assert (found.pool.tokens, found.pool.blocks, found.pool.block_tokens) == (64000, 1000, 64)


@pytest.mark.parametrize(
    ("pages", "tokens"),
    [
        ({"/metrics": TRTLLM_STATISTICS}, 64000),
        ({"/metrics": TRTLLM_PROMETHEUS}, 64000),
        ({"/metrics": []}, None),
        ({"/metrics": [{"kvCacheStats": {"maxNumBlocks": 5}}]}, None),
    ],
)
def test_tensorrt_llms_blocks_are_found_where_they_are_shown(
    pages: dict[str, object], tokens: int | None
) -> None:
    pool = facts_of_pages("tensorrt-llm", told(pages, TRTLLM_LIST)).pool
    assert (pool.tokens if pool else None) == tokens


@pytest.mark.parametrize("engine", ["transformers-serve", "llama-cpp-python"])
@pytest.mark.parametrize("model", ["gqa", "mla"])
def test_recorded_pages_that_say_nothing_leave_gaps(shared: Path, engine: str, model: str) -> None:
    found = recorded(shared, engine, model)
    assert found == ServerFacts(served_model=found.served_model)


def test_llama_cpp_python_tells_its_version() -> None:
    page = {"info": {"title": "🦙 llama.cpp Python API", "version": "0.3.36"}}
    assert facts_of_pages("llama-cpp-python", told({"/openapi.json": page})).engine_version == "0.3.36"


def test_transformers_serve_tells_no_version_of_its_own() -> None:
    page = {"info": {"title": "FastAPI", "version": "0.1.0"}, "paths": {"/load_model": {}}}
    assert facts_of_pages("transformers", told({"/openapi.json": page})).engine_version is None


def test_a_router_is_named_where_it_is_certain_and_tells_of_its_list_alone() -> None:
    models = listed_models(OPENROUTER_LIST)
    assert engine_name(models, {}) == "openrouter"
    found = facts_of_pages("openrouter", told({}, OPENROUTER_LIST))
    assert (found.engine, found.max_model_len) == ("openrouter", 202752)
    assert wanted_pages("openrouter", "x") == wanted_pages(None, None) == ()


def test_an_unknown_server_tells_what_its_list_has() -> None:
    listing = {"data": [{"id": "a", "owned_by": "x", "max_context_length": 32768, "quantization": "Q4_K_M"}]}
    found = facts_of_pages(None, told({}, listing))
    assert found == ServerFacts(served_model="a", max_model_len=32768, quantization="q4_k_m")


OF_PAGES = (
    *("internal_states", "memory_usage", "kvcache", "token_capacity", "page_size", "tp_size", "vllm_config"),
    *("cache_config", "model_config", "models", "name", "model_info", "details", "parameters", "digest"),
    *("default_generation_settings", "n_ctx", "meta", "size", "n_params", "num_gpu_blocks", "block_size"),
    *(
        "kvCacheStats",
        "maxNumBlocks",
        "tokensPerBlock",
        "info",
        "version",
        "paths",
        "data",
        "id",
        "x",
        "root",
    ),
)
PAGES = (
    json_of(*OF_PAGES)
    | st.text(max_size=40)
    | st.sampled_from([LMDEPLOY_METRICS, TRTLLM_PROMETHEUS, "<html>"])
)


@pytest.mark.parametrize("engine", [*sorted(ENGINES), None])
@given(data=st.data())
def test_no_page_makes_a_reader_raise(engine: str | None, data: st.DataObject) -> None:
    listing = data.draw(st.fixed_dictionaries({"data": st.lists(json_of(*OF_PAGES), max_size=2)}))
    paths = [*ENGINE_PAGES, *(ask.key for ask in wanted_pages(engine, "m"))]
    pages = data.draw(st.dictionaries(st.sampled_from(paths), PAGES))
    engine_name(listed_models(listing), pages)
    found = facts_of_pages(engine, told(pages, listing, name="m"))
    str(found).encode("utf-8")
    if found.pool is not None:
        assert all(part.bytes > 0 for part in found.pool.parts)
        assert found.pool.tokens is None or found.pool.tokens > 0
