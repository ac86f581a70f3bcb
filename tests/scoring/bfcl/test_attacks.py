"""Replies that would run code, crash a parser or take for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from evalbudget.records import Reply, ToolCall
from evalbudget.scoring import SCORERS
from evalbudget.scoring.bfcl.calls import NotDecodedError
from evalbudget.scoring.bfcl.java_values import java_value
from evalbudget.scoring.bfcl.javascript_values import javascript_value
from evalbudget.scoring.bfcl.python_calls import python_calls
from tests.bfcl_questions import called, function, question, said

SMALL_STACK = 512 * 1024
"""Bytes: what threads get on some systems."""

DEEP = {
    "signs": "f(x={})".format("-" * 3900 + "1"),
    "nots": "f(x={})".format("not " * 970 + "1"),
    "lambdas": "f(x={})".format("lambda:" * 550 + "1"),
    "choices": "f(x={})".format("1 if 1 else " * 320 + "1"),
    "attributes": "f(x=a{})".format(".b" * 1900),
    "sums": "f(x=1{})".format("+1" * 1900),
    "places": "f(x=a{})".format("[0]" * 1300),
    "calls": "f(x=a{})".format("()" * 1900),
    "lists": "f(x={})".format("[" * 1900),
    "closed lists": "f(x={}1 1{})".format("[" * 90, "]" * 90),
    "mappings": "f(x={}1 1{})".format("{1:" * 90, "}" * 90),
    "nested calls": "{}1{}".format("f(x=" * 190, ")" * 190),
    "texts in texts": "f(x=f'{}')".format("{x}" * 1200),
}


def in_a_small_thread(work: Callable[[], object]) -> list[object]:
    """What the work gives in a thread with a small stack; empty where it raises."""
    found: list[object] = []
    before = threading.stack_size(SMALL_STACK)
    try:
        thread = threading.Thread(target=lambda: found.append(work()))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return found


@pytest.mark.parametrize("name", DEEP)
def test_deep_nesting_is_refused_or_read_in_a_thread_with_a_small_stack(name: str) -> None:
    def work() -> str:
        try:
            return f"{len(python_calls(DEEP[name], 'v4'))} calls"
        except NotDecodedError as error:
            return str(error)

    assert len(in_a_small_thread(work)) == 1


def test_a_long_deep_text_ends_a_worker_and_not_this_process() -> None:
    with pytest.raises(NotDecodedError):
        python_calls("f(x={})".format("not " * 20_000 + "1"), "v4")


@pytest.mark.parametrize(
    "argument",
    [
        "__import__('pathlib').Path('{}').touch()",
        "str(__import__('pathlib').Path('{}').touch()) + 'x'",
        "1 + __import__('pathlib').Path('{}').touch()",
        "(lambda: __import__('pathlib').Path('{}').touch())()",
        "lambda: __import__('pathlib').Path('{}').touch()",
        "[open('{}', 'w')][0]",
        "{'a': open('{}', 'w')}['a']",
        "-open('{}', 'w')",
        "'%s' % open('{}', 'w')",
        "f\"{open('{}', 'w')}\"",
        "[open('{}', 'w') for _ in 'a']",
    ],
)
def test_nothing_that_a_model_wrote_is_run(argument: str, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    sample = question("simple_python", [function("f", ["x"], x="string")], [{"f": {"x": ["1"]}}])
    said(sample, f"[f(x={argument.replace('{}', str(proof))})]")
    assert not proof.exists()


@pytest.mark.parametrize(
    "argument",
    [
        "9**9**9",
        "2**10000",
        "1<<10**9",
        "'a'*10**9",
        "[0]*10**9",
        "'%1000000000d' % 1",
        "10**-10**9**9",
        "0x" + "f" * 3900,
    ],
)
def test_no_argument_may_grow(argument: str) -> None:
    with pytest.raises(NotDecodedError):
        python_calls(f"f(x={argument})", "v4")


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "f(\x00)",
        "\ud800",
        "f(x='\ud800')",
        "f(x=\ud83d)",
        "\ufeff[f(x=1)]",
        "f(x=1)\x1a",
        "\x0c" * 3000,
    ],
)
@pytest.mark.parametrize("category", ["simple_python", "simple_java", "simple_javascript"])
def test_broken_characters_are_no_answer_and_no_crash(text: str, category: str) -> None:
    sample = question(category, [function("f", x="String")], [{"f": {"x": ["1"]}}])
    assert said(sample, text).value == 0
    assert said(question(category, [function("f")], [{"f": {}}], mode="fc"), text).value == 0


def test_half_a_character_in_a_call_can_be_shown() -> None:
    sample = question("simple_python", [function("f", x="string")], [{"f": {"x": ["1"]}}], mode="fc")
    score = called(sample, ("f\ud800", '{"x\\ud800": "\\ud800"}'))
    assert str(score.extracted).encode()
    assert all(str(each).encode() for each in score.details.values())


@pytest.mark.parametrize(
    "arguments", ["[" * 100_000, '{"a":' * 100_000, "9" * 100_000, '{"x": 1e400}', '{"x": NaN}']
)
def test_hostile_json_is_wrong_and_no_crash(arguments: str) -> None:
    sample = question("simple_python", [function("f", x="float")], [{"f": {"x": [1.0]}}], mode="fc")
    calls = (ToolCall(name="f", arguments=arguments),)
    assert SCORERS["bfcl"](sample, Reply(reasoning="", answer="", tool_calls=calls)).value == 0
    assert said(sample, f'<tool_call>\n{{"name": "f", "arguments": {arguments}}}\n</tool_call>').value == 0


UNITS = [
    "[a],",
    "{a:",
    "a:1,",
    "new ArrayList<",
    "new ArrayList<>() {{ ",
    "new HashMap<> ",
    'put("a", ',
    "add(",
    "[[",
    "(",
    "-",
    " ",
]


@pytest.mark.parametrize("unit", UNITS)
def test_endless_repetition_ends(unit: str) -> None:
    text = unit * (19_000 // len(unit))
    for kind in ("ArrayList", "Array", "HashMap"):
        java_value(text, kind, "any")
        java_value(f"new ArrayList<>() {{{{ {text}", kind, "any")
    for kind in ("array", "dict"):
        javascript_value(f"[[{text}", kind)
        javascript_value(f"{{{text}}}", kind)
    for category in ("simple_java", "simple_javascript"):
        sample = question(category, [function("f", x="String")], [{"f": {"x": ["1"]}}])
        assert said(sample, f"f(x={text}").value == 0
