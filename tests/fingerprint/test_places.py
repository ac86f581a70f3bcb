"""Attacks on what leaves a machine: no path, address or key gets through, and names of models do."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.fingerprint import without_places

PARTS = st.text("abcXYZ019_-é", min_size=3, max_size=12)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/home/ada/models/Qwen3-8B", "Qwen3-8B"),
        ("~/models/x.gguf", "x.gguf"),
        ("./GLM-4.7-Flash-REAP-NVFP4", "GLM-4.7-Flash-REAP-NVFP4"),
        ("../weights/a b/c d.gguf", "c d.gguf"),
        (r"C:\Users\ada\x.gguf", "x.gguf"),
        ("models/deep/down/x.gguf", "x.gguf"),
        ("Qwen/Qwen3-1.7B", "Qwen/Qwen3-1.7B"),
        ("qwen3:1.7b-q8_0", "qwen3:1.7b-q8_0"),
        (
            "/root/.cache/hub/models--Qwen--Qwen3-8B/snapshots/0123456789abcdef/config.json",
            "Qwen/Qwen3-8B@0123456789abcdef",
        ),
        ('{"model": "/home/ada/draft", "k": 3}', '{"model": "draft", "k": 3}'),
        ("http://ada:pw@lab-1.example:8000/v1", "URL"),
        ("10.0.0.7:8000", "HOST"),
        ("0.33.0", "0.33.0"),
        ("0.15.1.2", "HOST"),
        ("b9181-0c1e57098", "b9181-0c1e57098"),
        ("</think>\n\n", "</think>"),
    ],
)
def test_a_path_is_cut_to_its_last_part_and_a_model_keeps_its_name(text: str, kept: str) -> None:
    assert without_places(text) == kept


@given(
    st.lists(PARTS, min_size=2, max_size=6), st.sampled_from(["/", "~/", "../", "--x=/", '{"a": "/', "= /"])
)
def test_no_folder_of_a_rooted_path_gets_through(parts: list[str], opening: str) -> None:
    folders = [f"folder{part}" for part in parts]
    told = str(without_places(opening + "/".join([*folders, "last"])))
    assert not any(folder in told for folder in folders)
    assert "last" in told


@pytest.mark.parametrize(
    "name",
    ["api_key", "API-KEY", "hf_token", "admin_api_key", "password", "x.secret", "ssl_keyfile", "cookie"],
)
def test_fields_that_tell_of_a_secret_are_left_out_at_every_depth(name: str) -> None:
    held = {"a": [{"b": {name: "kanarienvogel", "max_tokens": 5, "tokenizer": "t"}}]}
    assert without_places(held) == {"a": [{"b": {"max_tokens": 5, "tokenizer": "t"}}]}


@pytest.mark.parametrize(
    "key",
    ["sk-" + "a1" * 12, "hf_" + "Ab1" * 8, "Bearer abcdefgh12345678", "eyJ" + "a" * 12 + "." + "b" * 12],
)
def test_what_has_the_shape_of_a_key_is_hidden_wherever_it_stands(key: str) -> None:
    assert key not in json.dumps(without_places({"template": f"x {key} y", "/etc/" + key: ["z=" + key]}))


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_text_from_outside_is_json_afterwards(value: object) -> None:
    json.dumps(without_places(value))


@pytest.mark.parametrize(
    "text", ["/" * 100_000, "a/" * 50_000, ":" * 100_000, "http://" * 20_000, "../" * 40_000]
)
def test_long_hostile_texts_are_short_afterwards(text: str) -> None:
    assert len(str(without_places(text))) <= 500
