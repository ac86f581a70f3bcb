"""What Ollama's pages tell, as its documents describe them."""

from __future__ import annotations

from evalbudget.kv import model_of_gguf
from evalbudget.probes.http.registry import facts_of_pages, wanted_pages
from evalbudget.records import ServerFacts
from tests.probes.http.documented import OLLAMA, OLLAMA_DIGEST, OLLAMA_LIST, OLLAMA_SHOW
from tests.probes.http.reading import told

INFO = OLLAMA_SHOW["model_info"]
assert isinstance(INFO, dict)


def facts(pages: dict[str, object], name: str = "llama3") -> ServerFacts:
    return facts_of_pages("ollama", told({**OLLAMA, **pages}, OLLAMA_LIST, name))


def test_it_tells_the_models_digest_type_context_and_template() -> None:
    found = facts({})
    assert (found.engine_version, found.served_model) == ("0.12.6", "llama3")
    assert (found.weights, found.quantization) == (f"sha256:{OLLAMA_DIGEST}", "q4_0")
    assert (found.architecture, found.template, found.max_model_len) == ("llama", "{{ .Prompt }}", 16384)
    assert found.pool is None
    assert found.flags == {"parameters": 'num_keep 24\nnum_ctx 8192\nstop "<|eot_id|>"'}


def test_the_metadata_are_what_the_kv_memory_is_computed_from() -> None:
    metadata = facts({}).metadata
    assert model_of_gguf(metadata).context == 8192
    assert not any(name.startswith("tokenizer.") for name in metadata)


def test_a_model_that_is_not_loaded_has_the_context_of_its_file() -> None:
    assert facts({"/api/ps": {"models": []}}).max_model_len == 8192
    plain = {**OLLAMA_SHOW, "parameters": "stop x"}
    assert facts({"/api/ps": {"models": []}, "/api/show": plain}).max_model_len is None


def test_a_list_that_was_left_out_is_taken_from_the_full_answer() -> None:
    short = {**OLLAMA_SHOW, "model_info": {**INFO, "llama.attention.head_count_kv": []}}
    assert facts({"/api/show": short}).metadata == {}
    heads = [8, 0] * 16
    full = {
        "model_info": {**INFO, "llama.attention.head_count_kv": heads, "tokenizer.ggml.tokens": ["a"] * 5000}
    }
    found = facts({"/api/show": short, "/api/show, all": full})
    assert found.metadata["llama.attention.head_count_kv"] == heads
    assert found.template == "{{ .Prompt }}"


def test_it_is_asked_for_the_model_by_its_name() -> None:
    bodies = [ask.body for ask in wanted_pages("ollama", "llama3") if ask.path == "/api/show"]
    assert bodies == [{"model": "llama3"}, {"model": "llama3", "verbose": True}]
    assert all(ask.body is None for ask in wanted_pages("ollama", None))
