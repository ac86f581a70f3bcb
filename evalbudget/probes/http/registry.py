"""Every engine whose pages can be read: adding one is a file beside this and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from evalbudget.probes.http import (
    listing,
    llama_cpp_python,
    llamacpp,
    lmdeploy,
    ollama,
    sglang,
    tensorrt_llm,
    transformers_serve,
    vllm,
)
from evalbudget.probes.http.engine import Ask, Engine, Told
from evalbudget.records import ServerFacts

ENGINES: Final[Mapping[str, Engine]] = {
    "llama-cpp-python": llama_cpp_python.ENGINE,
    "llama.cpp": llamacpp.ENGINE,
    "lmdeploy": lmdeploy.ENGINE,
    "ollama": ollama.ENGINE,
    "sglang": sglang.ENGINE,
    "tensorrt-llm": tensorrt_llm.ENGINE,
    "transformers": transformers_serve.ENGINE,
    "vllm": vllm.ENGINE,
}
"""`recognise.engine_name` → its pages; what is not here is read by its list of models alone."""


def wanted_pages(engine: str | None, name: str | None) -> tuple[Ask, ...]:
    """The pages that this engine has, once it is known who it is; `name`: the model that is asked for."""
    return _engine(engine).wants(name)


def facts_of_pages(engine: str | None, told: Told) -> ServerFacts:
    """What a server's pages tell; what they leave open is None."""
    return replace(_engine(engine).read(told), engine=engine, served_model=told.name)


def _engine(name: str | None) -> Engine:
    return ENGINES.get(name or "", listing.ENGINE)
