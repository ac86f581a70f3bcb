"""The hash of an identity: the same for the same facts, whatever machine, order of keys or way of writing."""

from __future__ import annotations

import json
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from evalbudget.fingerprint import digest, fingerprint_of, plain_json
from evalbudget.records import JsonValue

IDENTITY: dict[str, JsonValue] = {
    "weights": {"file": "sha256 00ff"},
    "engine": "vllm",
    "engine_version": "0.33.0",
    "kv_dtype": "fp8",
    "max_model_len": 32768,
    "extra_body": {"chat_template_kwargs": {"enable_thinking": False}},
    "flags": {"seed_offset": 0.5, "names": ["ä", "b"]},
    "patches": {},
}
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)
MAPPINGS = st.dictionaries(st.text(max_size=6), VALUES, max_size=6)


def turned(value: JsonValue) -> JsonValue:
    """The same value, the keys of every mapping in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(list(value))}
    return [turned(each) for each in value] if isinstance(value, list) else value


def test_a_fixed_identity_has_a_fixed_fingerprint() -> None:
    assert fingerprint_of(IDENTITY) == "86f3d1c08e1b0cdc"


def test_another_process_finds_the_same() -> None:
    code = (
        "import json, sys; from evalbudget.fingerprint import fingerprint_of;"
        " print(fingerprint_of(json.loads(sys.argv[1])))"
    )
    words = [sys.executable, "-c", code, json.dumps(turned(IDENTITY))]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fingerprint_of(IDENTITY)


@given(MAPPINGS)
def test_the_order_of_keys_and_the_way_through_json_change_nothing(identity: dict[str, JsonValue]) -> None:
    mixed = turned(identity)
    assert isinstance(mixed, dict)
    assert fingerprint_of(mixed) == fingerprint_of(identity)
    assert fingerprint_of(json.loads(json.dumps(identity))) == fingerprint_of(identity)


@given(MAPPINGS, st.text(min_size=7, max_size=9), LEAVES)
def test_one_more_name_is_another_hash_unless_it_is_unknown(
    identity: dict[str, JsonValue], name: str, value: JsonValue
) -> None:
    more = {**identity, name: value}
    assert (fingerprint_of(more) == fingerprint_of(identity)) is (value is None)


def test_what_is_known_of_nothing_has_no_hash() -> None:
    assert fingerprint_of({}) is None
    assert fingerprint_of({"engine": None}) is None


def test_numbers_and_keys_count_as_json_reads_them() -> None:
    assert fingerprint_of({"a": 1.0}) == fingerprint_of({"a": 1})
    assert plain_json({1: float("nan"), "b": (1, {"c"})}) == {"1": "nan", "b": [1, "{'c'}"]}
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    assert fingerprint_of({"deep": plain_json(deep)}) is not None


def test_text_that_no_utf8_holds_has_a_hash() -> None:
    assert digest("\ud800") != digest("\ud801")
    assert fingerprint_of({"a": "\ud800"}) is not None
