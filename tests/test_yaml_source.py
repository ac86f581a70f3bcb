"""YAML with lines: what is read, and that every mistake becomes one line with its place."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, StrictInt

from evalbudget.errors import InputError
from evalbudget.yaml_source import Checked, key_text, nearest, parse, read_yaml


class Inner(Checked):
    """A mapping within a list."""

    size: StrictInt = Field(ge=0)
    colour: str = "red"


class Outer(Checked):
    """A document."""

    title: str
    parts: tuple[Inner, ...] = ()


def complaint(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse(read_yaml(text, "doc.yaml"), Outer)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def texts(max_size: int | None = None) -> st.SearchStrategy[str]:
    """Not such as 0E0, which PyYAML writes bare: a text in YAML 1.1, and in 1.2, as here, a number."""
    return st.text(max_size=max_size).filter(lambda text: not re.fullmatch(r"[-+]?[\d.]+[eE][-+]?\d+", text))


def short_texts(max_size: int | None = None) -> st.SearchStrategy[str]:
    """No characters beyond U+FFFF, which `json.dumps` writes as two escapes that YAML does not join."""
    return st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=max_size)


def documents(words: Callable[[int | None], st.SearchStrategy[str]]) -> st.SearchStrategy[dict[str, object]]:
    numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    values = st.recursive(
        st.none() | st.booleans() | numbers | words(None),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words(8), inner, max_size=4),
        max_leaves=12,
    )
    return st.dictionaries(words(8), values, min_size=1, max_size=5)


@given(documents(texts))
def test_whatever_yaml_writes_is_read_back(document: dict[str, object]) -> None:
    text = yaml.safe_dump(document, sort_keys=False)
    assert read_yaml(text, "x").data == document


@given(documents(short_texts))
def test_json_is_read_as_json_reads_it(document: dict[str, object]) -> None:
    assert read_yaml(json.dumps(document), "x").data == document


@given(st.text(max_size=60) | st.text(alphabet="a:-[]{}&*!|>'\"%@`#,? \n\t01", max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        source = read_yaml(text, "x")
    except InputError as error:
        assert "\n" not in str(error)
        assert str(error).startswith("x:")
    else:
        assert isinstance(source.data, dict)


@given(st.randoms(use_true_random=False), st.integers(min_value=1, max_value=8))
def test_the_line_of_each_key_is_the_line_on_which_it_stands(rng: random.Random, parts: int) -> None:
    lines, wanted = ["title: x"], {}
    lines += ["# a comment"] * rng.randrange(3) + ["parts:"]
    for number in range(parts):
        lines += ["", "  # another"] * rng.randrange(2)
        lines.append("  - colour: red")
        wanted["parts", number, "colour"] = len(lines)
        lines.append("    size: 3")
        wanted["parts", number, "size"] = len(lines)
    source = read_yaml("\n".join(lines), "x")
    assert {path: source.line(path) for path in wanted} == wanted


def test_numbers_dates_and_words_are_read_as_a_reader_would() -> None:
    text = "a: 1e-5\nb: 2026-11-21\nc: 12:30:00\nd: '1e5'\ne: 0.6\nf: -2E+3\ng: true\nh: ~"
    data = read_yaml(text, "x").data
    assert isinstance(data, dict)
    assert {key: data[key] for key in "abdefgh"} == {
        "a": 1e-5,
        "b": "2026-11-21",
        "d": "1e5",
        "e": 0.6,
        "f": -2000.0,
        "g": True,
        "h": None,
    }


def test_anchors_and_merged_keys_work_wherever_they_are_used_again() -> None:
    text = "base: &b {size: 1, colour: red}\none: &o {<<: *b, colour: blue}\ntwo: *o\nthree: {<<: *o}"
    data = read_yaml(text, "x").data
    blue = {"size": 1, "colour": "blue"}
    assert data == {"base": {"size": 1, "colour": "red"}, "one": blue, "two": blue, "three": blue}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "doc.yaml:1: the file is empty"),
        ("- a", "doc.yaml:1: the file holds no keys"),
        ("title: a\ntitle: b", 'doc.yaml:2: "title" stands here twice, first in line 1'),
        ("title: a\nparts:\n  - {size: 1, size: 2}", 'doc.yaml:3: "size" stands here twice, first in line 3'),
        ("title: a\n\tparts: []", "doc.yaml:2: not valid YAML:"),
        ("title: [a", "not valid YAML:"),
        ("title: a: b", "doc.yaml:1: not valid YAML: mapping values are not allowed"),
        ("title: *nowhere", "doc.yaml:1: not valid YAML: found undefined alias"),
        ("a: 1\n---\nb: 2", "not valid YAML: expected a single document"),
        ("title: \x07", "not valid YAML"),
        ("title: !!python/name:os.system x", "doc.yaml:1: a value of an unknown kind"),
        ("title: !!binary aGk=", "doc.yaml:1: a value of an unknown kind"),
        ("title: &x [*x]", "nested values"),
        ("? [a]\n: b", "doc.yaml:1: a key must be a word"),
        ("a: {<<: 3}", "doc.yaml:1: `<<` takes a mapping"),
        ("colour: red", "doc.yaml:1: title: missing (and 1 more mistake)"),
        ("title: a\n\nparst: []", 'doc.yaml:3: parst: unknown key, did you mean "parts"?'),
        (
            "title: a\nparts:\n  - size: 1\n    clour: x",
            'doc.yaml:4: parts[0].clour: unknown key, did you mean "colour"?',
        ),
        ("title: a\nparts:\n  - size: 1\n    zzz: x", "parts[0].zzz: unknown key, known: colour, size"),
        ("title: a\nparts:\n  - size: x", "doc.yaml:3: parts[0].size: must be a whole number, not 'x'"),
        (
            "title: a\nparts:\n  - size: -4",
            "doc.yaml:3: parts[0].size: must be greater than or equal to 0, not -4",
        ),
        ("title: a\nparts: {size: 1}", "doc.yaml:2: parts: must be a list, not a mapping"),
        ("title: a\nparts: [3]", "doc.yaml:2: parts[0]: must be a mapping, not 3"),
        ("title:", "doc.yaml:1: title: must be text"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_its_place(text: str, says: str) -> None:
    assert says in complaint(text)


def test_a_value_that_could_be_a_secret_is_not_shown() -> None:
    assert "hunter2-hunter2" not in complaint("title: a\nparts: [{size: hunter2-hunter2}]")


def test_many_aliases_of_aliases_are_refused_before_they_fill_the_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "too many or too deeply nested values" in complaint("\n".join(lines))


def test_deep_nesting_is_refused() -> None:
    assert "nested values" in complaint("title: " + "[" * 200 + "]" * 200)


@pytest.mark.parametrize(
    ("word", "known", "says"),
    [
        ("Trce", ["trace", "force"], 'did you mean "trace"?'),
        ("xyz", ["trace", "force"], "known: trace, force"),
        ("xyz", [], "there are none"),
    ],
)
def test_the_nearest_word_or_all_of_them(word: str, known: list[str], says: str) -> None:
    assert nearest(word, known) == says


def test_a_path_is_written_as_a_reader_would() -> None:
    assert key_text(("models", 0, "serve", "patches", 1)) == "models[0].serve.patches[1]"
