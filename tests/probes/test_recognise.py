"""Which engine answers, by the pages that real ones sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.probes.recognise import ENGINE_PAGES, OTHER_PAGE, listed_models, recognise
from evalbudget.records import ServerFacts

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "id", "meta", "x"]), inner)
    ),
    max_leaves=8,
)


def recorded(shared: Path, engine: str, model: str) -> ServerFacts:
    """The engine, from its recorded pages."""
    folder = shared / "samples" / engine

    def page(name: str) -> object:
        path = folder / f"{model}.{name}"
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError):
            return None

    models = listed_models(page("models.json"))
    pages = {path: page(f"get_{path.strip('/').replace('/', '_')}.txt") for path in ENGINE_PAGES}
    return recognise(models, models[0] if models else None, pages)


@pytest.mark.parametrize("engine", ["xllamacpp", "llama-server"])
def test_llama_cpp_is_known_with_its_context_and_its_file_type(shared: Path, engine: str) -> None:
    found = recorded(shared, engine, "gqa")
    assert (found.engine, found.max_model_len, found.quantization) == ("llama.cpp", 2048, "f16")
    assert found.engine_version is not None
    assert found.engine_version.startswith("b")


def test_vllm_is_known_with_its_version_and_types(shared: Path) -> None:
    found = recorded(shared, "vllm-cpu", "mla")
    assert (found.engine, found.engine_version, found.max_model_len) == ("vllm", "0.32.0", 4096)
    assert (found.weight_dtype, found.quantization, found.kv_dtype) == ("bfloat16", "bf16", None)


@pytest.mark.parametrize("engine", ["transformers-serve", "llama-cpp-python"])
def test_engines_that_show_nothing_of_themselves_are_unknown(shared: Path, engine: str) -> None:
    assert recorded(shared, engine, "gqa").engine is None


@pytest.mark.parametrize(
    ("listing", "pages", "expected"),
    [
        (
            {"data": [{"id": "a", "owned_by": "library"}]},
            {"/api/version": {"version": "0.9"}},
            ("ollama", "0.9"),
        ),
        (
            {"data": [{"id": "a", "owned_by": "sglang"}]},
            {"/server_info": {"version": "0.5.23"}},
            ("sglang", "0.5.23"),
        ),
        ({}, {"/server_info": {"internal_states": [], "version": "0.5"}}, ("sglang", "0.5")),
        ({"data": [{"id": "a", "owned_by": "lmdeploy"}]}, {}, ("lmdeploy", None)),
        (
            {"data": [{"id": "a", "owned_by": "tensorrt_llm"}]},
            {"/version": {"version": "1.2"}},
            ("tensorrt-llm", "1.2"),
        ),
        ({}, {OTHER_PAGE: {"paths": {"/load_model": {}}}}, ("transformers", None)),
        ({}, {OTHER_PAGE: {"info": {"title": "llama.cpp Python API"}}}, ("llama-cpp-python", None)),
        ({"data": [{"id": "a", "owned_by": "system"}]}, {}, (None, None)),
    ],
)
def test_other_engines_are_known_by_what_they_show(
    listing: object, pages: dict[str, object], expected: tuple[str, str | None]
) -> None:
    found = recognise(listed_models(listing), None, pages)
    assert (found.engine, found.engine_version) == expected


@pytest.mark.parametrize(
    ("ftype", "name"),
    [
        ("Q4_K - Medium", "q4_k_m"),
        ("(guessed) Q4_K - Small", "q4_k_s"),
        ("Q4_0", "q4_0"),
        ("all F32", "all f32"),
    ],
)
def test_llama_cpps_file_types_are_written_as_files_are_named(ftype: str, name: str) -> None:
    assert recognise((), None, {"/props": {"build_info": "b1", "model_ftype": ftype}}).quantization == name


@given(JSON, st.dictionaries(st.sampled_from([*ENGINE_PAGES, OTHER_PAGE]), JSON))
def test_no_page_makes_it_raise(listing: object, pages: dict[str, object]) -> None:
    models = listed_models(listing)
    recognise(models, models[0] if models else None, pages)
