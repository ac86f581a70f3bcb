"""Real llama.cpp: what its log tells is what the model's configuration needs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from embedded.scripted import ARCHITECTURES
from evalbudget.kv import cache_type, kv_bytes, model_of_gguf
from evalbudget.probes.logs import facts_of_log
from tests.engine_fixtures import GgufOf, embedded

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("kind", ["f16", "q8_0"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_log_of_llama_cpp_tells_the_cache_that_its_metadata_explain(
    architecture: str, kind: str, scripted_gguf: GgufOf, tmp_path: Path
) -> None:
    async def start() -> None:
        async with embedded(scripted_gguf(architecture), tmp_path, context=2048, slots=2, kv_dtype=kind):
            pass

    asyncio.run(start())
    logs = [log for log in tmp_path.rglob("*.log") if "llama_kv_cache: size" in log.read_text("utf-8")]
    assert len(logs) == 1
    facts = facts_of_log(logs[0].read_text(encoding="utf-8"))
    assert (facts.engine, facts.kv_dtype, facts.max_model_len) == ("llama.cpp", kind, 2048)
    assert facts.pool is not None
    part = facts.pool.parts[0]
    assert part.tokens == 4096
    asked = cache_type(kind)
    assert asked is not None
    needed = kv_bytes(model_of_gguf(facts.metadata, architecture).groups, asked).bytes_per_token
    assert abs(part.bytes - part.tokens * needed) <= part.rounding
