"""What llama.cpp's pages tell: recorded ones of two builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalbudget.probes.http.registry import facts_of_pages
from tests.probes.http.reading import recorded, told


@pytest.mark.parametrize("engine", ["xllamacpp", "llama-server"])
def test_it_tells_its_file_its_template_and_its_slots(shared: Path, engine: str) -> None:
    found = recorded(shared, engine, "gqa")
    assert (found.engine, found.served_model, found.model_path) == (
        "llama.cpp",
        "tiny-gqa",
        "models/gqa.gguf",
    )
    assert (found.max_model_len, found.quantization) == (2048, "f16")
    assert found.weights == "5123072 bytes, 2558720 values"
    assert found.engine_version is not None
    assert found.engine_version.startswith("b")
    assert found.template is not None
    assert "enable_thinking" in found.template
    assert found.flags["bits_per_weight"] == pytest.approx(16.018)
    assert found.flags["total_slots"] in {2, 4}


@pytest.mark.parametrize("model", ["gqa", "mla", "mla-legacy", "lfm2"])
def test_it_tells_nothing_of_its_cache(shared: Path, model: str) -> None:
    found = recorded(shared, "llama-server", model)
    assert (found.engine, found.pool, found.kv_dtype) == ("llama.cpp", None, None)


def test_the_context_is_one_slots(shared: Path) -> None:
    props = {"build_info": "b1", "default_generation_settings": {"n_ctx": 1024}}
    listing = {"data": [{"id": "m", "owned_by": "llamacpp", "meta": {"n_ctx": 4096, "ftype": "Q8_0"}}]}
    assert facts_of_pages("llama.cpp", told({"/props": props}, listing)).max_model_len == 1024
    alone = facts_of_pages("llama.cpp", told({}, listing))
    assert (alone.max_model_len, alone.quantization) == (4096, "q8_0")


@pytest.mark.parametrize(
    ("ftype", "name"),
    [
        ("Q4_K - Medium", "q4_k_m"),
        ("(guessed) Q4_K - Small", "q4_k_s"),
        ("Q4_0", "q4_0"),
        ("all F32", "all f32"),
        ("unknown", None),
        (7, None),
    ],
)
def test_file_types_are_written_as_files_are_named(ftype: object, name: str | None) -> None:
    pages: dict[str, object] = {"/props": {"build_info": "b1", "model_ftype": ftype}}
    assert facts_of_pages("llama.cpp", told(pages)).quantization == name
