"""Replies made to mislead, with the verdict that a careful reader, or else the official code, gives."""

from __future__ import annotations

import pytest

from evalbudget.records import Reply
from evalbudget.scoring import SCORERS
from tests.bfcl_questions import called, function, question, said

WEATHER = function("weather.get", ["city"], city="string", days="integer", exact="boolean")
WANTED = [{"weather.get": {"city": ["Quito"], "days": [3, ""], "exact": ["", True]}}]
SIMPLE = question("simple_python", [WEATHER], WANTED)
TOOLS = question("simple_python", [WEATHER], WANTED, mode="fc")
TWO = question("parallel", [WEATHER], [*WANTED, {"weather.get": {"city": ["Lima"], "days": [""]}}])
NOTHING = question("live_irrelevance", [WEATHER])
ANYTHING = question("live_relevance", [WEATHER])

RIGHT = [
    '[weather.get(city="Quito")]',
    'weather.get(city="Quito", days=3)',
    "[weather.get(city='QUITO.', days=3, exact=True)]",
    '```\n[weather.get(city="Quito")]\n```',
    '[weather.get(days=1+2, city="Qui" + "to")]',
    '[(weather.get(city="Quito"))]',
    '[weather.get(city="Quito"),]',
    '[weather.get(city="Quito") # the capital\n]',
    '[\n  weather.get(\n    city="Quito",\n    days=3,\n  )\n]',
    '[weather.get(city="Qu\\x69to", days=0x3)]',
    '[weather.get("a positional argument", city="Quito")]',
]
WRONG = [
    ("", "no_call"),
    ('I call weather.get(city="Quito") now.', "not_decoded"),
    ('[weather.get(city="Quito")]\nThis gets the weather.', "not_decoded"),
    ('[weather.get(city="Quito")] or [weather.get(city="Lima")]', "not_decoded"),
    ('```python\n[weather.get(city="Quito")]\n```', "not_decoded"),
    ('{"name": "weather.get", "arguments": {"city": "Quito"}}', "no_call"),
    ('[{"weather.get": {"city": "Quito"}}]', "no_call"),
    ("[\"weather.get(city='Quito')\"]", "not_decoded"),
    ('[weather_get(city="Quito")]', "wrong_name"),
    ('[get(city="Quito")]', "wrong_name"),
    ('[weather.get("Quito")]', "missing_parameter"),
    ('[weather.get(city="Quito", days="3")]', "wrong_type"),
    ('[weather.get(city="Quito", days=3.0)]', "wrong_type"),
    ('[weather.get(city="Quito", days=三)]', "wrong_type"),
    ('[weather.get(city="Quito", days=٣)]', "not_decoded"),
    ('[weather.get(city="Quito", exact=true)]', "wrong_type"),
    ('[weather.get(city="Quito", exact=1)]', "wrong_type"),
    ('[weather.get(city="Quito", when="now")]', "unexpected_parameter"),
    ('[weather.get(city="Quito", **{"days": 3})]', "unexpected_parameter"),
    ('[weather.get(city="Lima"), weather.get(city="Quito")]', "wrong_count"),
    ('[weather.get(city=capital(of="Ecuador"))]', "wrong_type"),
    ('[weather.get(city=["Quito"])]', "wrong_type"),
    ('[weather.get(city="not Quito")]', "wrong_value"),
    ('[weather.get(city="Lima")]', "wrong_value"),
    ("[weather.get(city=__import__('os').popen('echo Quito').read())]", "wrong_value"),
    ('[weather.get(city="Qui" + str("to"))]', "not_decoded"),
    ('[weather.get(city=(lambda: "Quito")())]', "wrong_value"),
    ('[weather.get(city="Quito", days=10**10**10)]', "not_decoded"),
    ('[print(weather.get(city="Quito"))]', "wrong_name"),
    ("[weather.get(city={city})]", "not_decoded"),
    ("What would the city be?", "no_call"),
    ("[]", "no_call"),
    ('(weather.get(city="Quito"),)', "not_decoded"),
]


@pytest.mark.parametrize("text", RIGHT)
def test_a_right_call_in_an_unusual_dress_passes(text: str) -> None:
    score = said(SIMPLE, text)
    assert score.value == 1, score.details


@pytest.mark.parametrize(("text", "word"), WRONG)
def test_what_is_no_right_call_fails_and_says_why(text: str, word: str) -> None:
    score = said(SIMPLE, text)
    assert (score.value, score.details["error"]) == (0, word)
    assert score.details["reason"]


def test_a_call_in_the_thinking_alone_is_no_call() -> None:
    reply = Reply(reasoning='[weather.get(city="Quito")]', answer="I have thought about it.")
    assert SCORERS["bfcl"](SIMPLE, reply).value == 0
    assert SCORERS["bfcl"](NOTHING, reply).value == 1


def test_a_right_call_behind_a_fence_with_a_word_fails_officially_and_the_row_says_so() -> None:
    fenced = '```python\n[weather.get(city="Quito")]\n```'
    assert said(SIMPLE, fenced).details["right_but_for"] == "the word after ```"
    assert said(NOTHING, fenced).details["wrong_but_for"] == "the word after ```"
    assert "right_but_for" not in said(SIMPLE, fenced.replace("Quito", "Lima")).details


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_the_versions_differ_in_which_brackets_they_forgive(version: str) -> None:
    sample = question("simple_python", [WEATHER], WANTED, version=version)
    assert said(sample, "['weather.get(city=\"Quito\")']").value == (version == "v3")
    assert said(sample, '[ weather.get(city="Quito") ]').value == (version == "v4")
    assert said(sample, '[[weather.get(city="Quito")]]').value == (version == "v3")


def test_parallel_calls_come_in_any_order_and_none_counts_twice() -> None:
    assert said(TWO, '[weather.get(city="Lima"), weather.get(city="Quito")]').value == 1
    twice = said(TWO, '[weather.get(city="Quito"), weather.get(city="Quito")]')
    assert (twice.value, twice.details["error"]) == (0, "no_match")
    assert said(TWO, '[weather.get(city="Quito")]').details["error"] == "wrong_count"


@pytest.mark.parametrize("name", ["weather.get", "weather_get"])
def test_a_tool_may_be_called_with_its_dot_or_with_the_underscore_that_it_was_offered_with(name: str) -> None:
    score = called(TOOLS, (name, {"city": "Quito", "days": 3}))
    assert (score.value, score.details["calls_from"]) == (1, "tool_calls")


@pytest.mark.parametrize(
    "arguments", ['{"city": "Quito"', "", "null", '["Quito"]', '"{}"', "{'city': 'Quito'}"]
)
def test_arguments_that_are_no_json_object_spoil_the_reply(arguments: str) -> None:
    assert called(TOOLS, ("weather_get", arguments)).details["error"] == "not_decoded"
    assert called(ANYTHING, ("weather_get", arguments)).value == 0
    assert called(NOTHING, ("weather_get", arguments)).details["wrong_but_for"]


TAGGED = '<tool_call>\n{"name": "weather_get", "arguments": {"city": "Quito"}}\n</tool_call>'
AS_JSON = '{"name": "weather.get", "parameters": {"city": "Quito"}}'


@pytest.mark.parametrize("text", [TAGGED, f"I look it up.\n{TAGGED}", AS_JSON, f"<|python_tag|>[{AS_JSON}]"])
@pytest.mark.parametrize("mode", ["fc", None])
def test_calls_that_the_server_left_in_the_text_count_and_are_told_apart(text: str, mode: str | None) -> None:
    score = said(question("simple_python", [WEATHER], WANTED, mode=mode), text)
    assert (score.value, score.details["calls_from"]) == (1, "text")
    assert said(question("irrelevance", [WEATHER], mode=mode), text).value == 0


def test_json_in_an_answer_is_no_call_where_there_was_nothing_to_call() -> None:
    assert said(question("live_irrelevance", [], mode="fc"), AS_JSON).value == 1


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>weather_get</tool_call>",
        '<tool_call>{"name": "weather_get", "arguments": {"city": "Quito"}}</tool_call>',
        '<tool_call>\n{"name": "weather_get", "arguments": {"city": "Quito"}}\n',
        '<tool_call>\n{"name": "weather_get", "arguments": "{\\"city\\": \\"Quito\\"}"}\n</tool_call>',
        f"{AS_JSON} is what I would call.",
        '[weather_get(city="Quito")]',
    ],
)
def test_what_is_no_whole_tool_call_is_none(text: str) -> None:
    assert said(TOOLS, text).value == 0
    assert said(question("irrelevance", [WEATHER], mode="fc"), text).value == 1


def test_python_in_place_of_a_tool_call_counts_for_nothing_and_the_row_says_so() -> None:
    text = '[weather_get(city="Quito")]'
    score = said(TOOLS, text)
    assert (score.value, score.details["calls_from"], score.details["error"]) == (0, "text", "not_decoded")
    assert score.details["right_but_for"] == "Python's syntax in place of a tool call"
    asked = question("irrelevance", [WEATHER], mode="fc")
    assert said(asked, text).details["wrong_but_for"] == "Python's syntax in place of a tool call"
    assert said(asked, "I cannot.").details["calls_from"] is None


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_a_broken_call_beside_a_whole_one_spoils_both_in_v3_alone(version: str) -> None:
    broken = TAGGED.replace('"Quito"', "Quito")
    sample = question("simple_python", [WEATHER], WANTED, mode="fc", version=version)
    assert said(sample, f"{TAGGED}\n{broken}").value == (version == "v4")


@pytest.mark.parametrize(
    ("text", "calls"), [("I cannot.", False), ("", False), ("[]", False), ("[f(x=1)]", True)]
)
def test_irrelevance_and_relevance_are_opposites(text: str, calls: bool) -> None:
    assert said(NOTHING, text).value == (not calls)
    assert said(ANYTHING, text).value == calls


def test_details_say_what_was_called() -> None:
    details = said(SIMPLE, '[weather.get(city="Lima", days=3)]').details
    assert details == {
        "version": "v4",
        "mode": "prompt",
        "calls_from": "prompt",
        "calls": 1,
        "expected_calls": 1,
        "decoded": ["weather.get(city='Lima', days=3)"],
        "error": "wrong_value",
        "reason": "city: 'Lima'",
    }
    assert said(SIMPLE, "no call").extracted is None
