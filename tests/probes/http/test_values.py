"""Values of any kind become what was asked for, or nothing; settings lose what is secret or long."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given

from evalbudget.probes.http.settings import settings, without
from evalbudget.probes.values import MOST, decimal, document, labels, named, plain, text, whole
from tests.probes.http.reading import SCALARS, json_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (3.0, 3), ("16", 16), (" 16 ", 16), ("1e3", 1000), (MOST, MOST)]
    + [(value, None) for value in (0, -1, 2.5, MOST + 1, "None", "", None, True, [], {}, math.inf, "1e999")]
    + [(value, None) for value in (math.nan, "nan", "9" * 5000, "²", "0x10")],
)
def test_counts_are_positive_whole_numbers(value: object, expected: int | None) -> None:
    assert whole(value) == expected


@pytest.mark.parametrize(
    "word", ["", "None", "none", "NULL", "auto", "Auto", " unknown ", 5, None, ["a"], "a" * 5000]
)
def test_words_that_say_nothing_are_none(word: object) -> None:
    assert named(word) is None


def test_halves_of_surrogate_pairs_do_not_get_into_a_record() -> None:
    said = text(json.loads(r'"a\ud800b"'))
    assert said is not None
    assert said.encode("utf-8") == b"a?b"


@given(SCALARS)
def test_no_value_makes_them_raise(value: object) -> None:
    number = decimal(value)
    assert number is None or (math.isfinite(number) and abs(number) <= 1e400)
    for read in (whole, named, text, plain, document):
        read(value)


def test_labels_that_are_not_set_are_left_out() -> None:
    page = 'x{a="None",b="2",c="a\\"b"} 1.0\nx{b="3"} 1\ny{b="4"} 1\nx{b="5" 1'
    assert labels(page, "x") == ({"b": "2", "c": 'a"b'}, {"b": "3"})
    assert labels({"a": 1}, "x") == ()


def test_settings_hold_no_secret_and_nothing_long() -> None:
    given = {
        "api_key": "sk-1",
        "admin_api_key": "sk-2",
        "ssl_key_password": "sk-3",
        "hf_token": "sk-4",
        "speculative_tokens": "sk-5",
        "keys": ["sk-6"],
        "nested": {"client_secret": "sk-7", "size": 1},
        "as_text": '{"api_key": "sk-8"}',
        "header": "Authorization: Bearer sk-9",
        "address": "http://me:sk-10@host/x",
        "long": "x" * 5000,
        "many": list(range(5000)),
        "unset": None,
        "empty": [],
        "max_total_tokens": 4096,
        "tokenizer_mode": "auto",
        "off": False,
    }
    kept = settings(given)
    assert "sk-" not in json.dumps(kept)
    assert kept == {
        "address": "http://***@host/x",
        "max_total_tokens": 4096,
        "nested": {"client_secret": None, "size": 1},
        "off": False,
        "tokenizer_mode": "auto",
    }


@given(json_of("api_key", "password", "a"))
def test_settings_are_json_that_a_journal_can_hold(value: object) -> None:
    kept = settings({"x": value})
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept
    json.dumps(kept, ensure_ascii=False).encode("utf-8")
    assert "s3cret" not in json.dumps(without({"s3cret": ["s3cret!", {"a": "xs3cret"}], **kept}, "s3cret"))
