"""What a comparison is about, and what is then told as differing besides."""

from __future__ import annotations

import pytest

from evalbudget.fingerprint import differences, meant_by, unintended
from evalbudget.records import JsonValue

BASE: dict[str, JsonValue] = {
    "weights": {"file": "sha256 1"},
    "architecture": "qwen3",
    "quantization": "q8_0",
    "weight_dtype": "q8_0",
    "engine": "llama.cpp",
    "engine_version": "b9181",
    "kv_dtype": "f16",
    "template": "t1",
    "max_model_len": 4096,
    "flags": {},
    "patches": {},
}
Q4: dict[str, JsonValue] = {"weights": {"file": "sha256 2"}, "quantization": "q4_0", "weight_dtype": "q4_0"}


def besides(change: dict[str, JsonValue], *, family: str | None = "qwen3") -> tuple[str, list[str]]:
    """(what it is about, what differs besides) of the base and the base with a change."""
    other = BASE | change
    meant = meant_by(BASE, other, family=family, other_family=family)
    return meant.subject, [each.name for each in unintended(differences(BASE, other), meant)]


CASES: list[tuple[dict[str, JsonValue], str, list[str]]] = [
    (Q4, "the quantization", []),
    (Q4 | {"engine_version": "b9200"}, "the quantization", ["engine_version"]),
    (Q4 | {"engine": "vllm"}, "the quantization", ["engine"]),
    (Q4 | {"template": "t2", "kv_dtype": "q8_0"}, "the quantization", ["kv_dtype", "template"]),
    ({"kv_dtype": "q8_0"}, "the cache type", []),
    ({"kv_dtype": "q8_0", "max_model_len": 8192}, "the cache type", ["max_model_len"]),
    ({"kv_dtype": "q8_0", "weights": {"file": "sha256 3"}}, "the cache type", ["weights"]),
    ({"patches": {"mla.diff": "aa"}}, "the patches", []),
    ({"engine_version": "b9200"}, "the engine's version", []),
    ({"engine": "vllm", "engine_version": "0.33"}, "the engine", []),
    ({"effort": "low"}, "the effort", []),
    ({"extra_body": {"top_k": 1}}, "the request fields", []),
    ({"weights": {"file": "sha256 3"}}, "the weights", []),
    ({}, "their names", []),
    ({"prefix_caching": True}, "their names", ["prefix_caching"]),
]


@pytest.mark.parametrize(("change", "subject", "left"), CASES)
def test_within_a_family_the_first_that_differs_is_meant_and_the_rest_is_told(
    change: dict[str, JsonValue], subject: str, left: list[str]
) -> None:
    assert besides(change) == (subject, left)


def test_models_without_a_family_in_common_may_differ_in_weights_and_template_alone() -> None:
    change: dict[str, JsonValue] = {"weights": {"file": "sha256 9"}, "architecture": "lfm2", "template": "t2"}
    assert besides(change, family=None) == ("the models", [])
    assert besides(change | {"kv_dtype": "q8_0"}, family=None) == ("the models", ["kv_dtype"])
    assert meant_by(BASE, BASE, family="a", other_family="b").subject == "the models"
