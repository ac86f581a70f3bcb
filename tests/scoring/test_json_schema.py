"""JSON in an answer, against a schema of the user's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.errors import InputError, TimeLimitError
from evalbudget.records import JsonValue, Reply, Sample, Score
from evalbudget.scoring.json_schema import check_json_schema, json_schema
from evalbudget.scoring.json_text import json_text, json_value, same

TREE = {
    "$defs": {"node": {"type": "object", "properties": {"sons": {"items": {"$ref": "#/$defs/node"}}}}},
    "$ref": "#/$defs/node",
}


def score(answer: str, target: str = "", **options: object) -> Score:
    sample = Sample(id="1", prompt="", target=target)
    return json_schema(sample, Reply(reasoning="{}", answer=answer), **options)  # type: ignore[arg-type]


def test_what_is_wrong_first_is_told_with_its_place() -> None:
    schema = {"type": "object", "properties": {"a": {"items": {"type": "integer"}}}}
    assert score('{"a": [1, 2]}', schema=schema).details == {"error": None, "path": None}
    wrong = score('{"a": [1, "x"]}', schema=schema)
    assert wrong.details == {"error": "'x' is not of type 'integer'", "path": "$.a[1]"}
    assert score("no", schema=schema).details == {"error": "no JSON", "path": None}


def test_the_value_can_be_asked_to_be_the_targets() -> None:
    options = {"schema": {"type": "object"}, "equals_target": True}
    assert score('{"b": 2.0, "a": 1}', '{"a": 1, "b": 2}', **options).value == 1.0
    assert score('{"a": true, "b": 2}', '{"a": 1, "b": 2}', **options).value == 0.0
    assert score('{"a": 1}', '{"a": 1, "b": 2}', **options).details["error"] == "not the target's value"


def test_a_schema_in_a_file_and_an_older_draft_are_read(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    draft_4 = {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 3, "exclusiveMinimum": True}
    path.write_text(json.dumps(draft_4), encoding="utf-8")
    check_json_schema(schema_file=path)
    assert score("3", schema_file=path).value == 0.0
    assert score("4", schema_file=path).value == 1.0


def test_a_schema_may_refer_to_itself_and_deep_answers_are_checked() -> None:
    check_json_schema(schema=TREE)
    assert score('{"sons": [' * 45 + "{}" + "]}" * 45, schema=TREE).value == 1.0
    assert score('{"sons": [' * 45 + "5" + "]}" * 45, schema=TREE).value == 0.0


def test_a_pattern_that_hangs_on_a_models_text_is_a_failure_and_the_next_answer_is_judged() -> None:
    schema = {"type": "string", "pattern": "^(a+)+$"}
    with pytest.raises(TimeLimitError):
        score(json.dumps("a" * 40 + "b"), schema=schema, time_limit_s=0.3)
    assert score('"aaa"', schema=schema).value == 1.0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "needs either `schema: {…}` or `schema_file: …`"),
        ({"schema": {}, "schema_file": Path("s.json")}, "needs either"),
        ({"schema": {"type": "objct"}}, "the schema: $.type: 'objct' is not valid"),
        ({"schema": {"properties": {"a": {"pattern": "("}}}}, "$.properties.a.pattern"),
        ({"schema": {"$ref": "#"}}, "refers to itself without end"),
        ({"schema": {"items": {"$ref": "#/$defs/x"}}}, "cannot refer to"),
        (
            {"schema": {"items": {"$ref": "http://127.0.0.1:9/x.json"}}},
            "cannot refer to http://127.0.0.1:9/x.json",
        ),
        ({"schema_file": Path("missing.json")}, "missing.json: cannot be read as a JSON schema"),
    ],
)
def test_a_schema_that_cannot_work_is_refused_before_anything_is_sent(
    options: dict[str, object], says: str
) -> None:
    with pytest.raises(InputError) as caught:
        check_json_schema(**options)  # type: ignore[arg-type]
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_and_data_in_a_schema_are_no_references() -> None:
    check_json_schema(schema={"properties": {"$ref": {"type": "string"}}, "enum": [{"$ref": "#/x"}]})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_every_json_value_comes_back_and_equals_itself(value: JsonValue) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert same(json_value(text), value)
    assert json_text(f"Here:\n```json\n{text}\n```\n") == text


@given(st.text(max_size=200) | st.text(alphabet='{}[]",:\\`\n json123.eE-', max_size=200))
def test_no_text_makes_the_reading_fail(text: str) -> None:
    found = json_text(text)
    if found is not None:
        try:
            json_value(found)
        except ValueError as error:
            assert "\n" not in str(error)
