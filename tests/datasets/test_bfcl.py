"""BFCL's samples: from a small mirror of our own making, and the whole of the real one where it is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from evalbudget.datasets import load_samples
from evalbudget.datasets.bfcl import asked_categories, left_out, mode_unknown
from evalbudget.errors import DataError, InputError
from evalbudget.records import Message, Sample
from evalbudget.tasks import Task, TaskSettings, load_task

V3 = "gorilla-llm/Berkeley-Function-Calling-Leaderboard"
V4 = "ShishirPatil/gorilla/bfcl_v4"
FUNCTION = {
    "name": "area.of",
    "description": "Gives an area.",
    "parameters": {
        "type": "dict",
        "properties": {
            "side": {"type": "float", "description": "Its side."},
            "points": {
                "type": "array",
                "items": {"type": "tuple", "items": {"type": "float"}},
                "description": "P",
            },
            "style": {
                "type": "dict",
                "properties": {"fill": {"type": "any", "description": "F"}},
                "description": "S",
            },
        },
        "required": ["side"],
    },
}
JAVA_FUNCTION = {
    "name": "Areas.of",
    "description": "Gives an area.",
    "parameters": {
        "type": "dict",
        "properties": {
            "sides": {"type": "ArrayList", "items": {"type": "long"}, "description": "Sides."},
            "shape": {"type": "any", "description": "Shape."},
        },
        "required": [],
    },
}


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def row(sample_id: str, *messages: tuple[str, str], function: Mapping[str, Any] = FUNCTION) -> dict[str, Any]:
    turn = [{"role": role, "content": content} for role, content in messages]
    return {"id": sample_id, "question": [turn], "function": [function]}


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror with a few single-turn questions of v4."""
    folder = tmp_path / V4
    rows = [
        row("simple_python_0", ("user", "How big?\u2028Tell me.")),
        row("simple_python_1", ("user", "Big?")),
    ]
    write(folder / "BFCL_v4_simple_python.json", rows)
    answers = [
        {"id": f"simple_python_{n}", "ground_truth": [{"area.of": {"side": [n + 1.0]}}]} for n in (1, 0)
    ]
    write(folder / "possible_answer/BFCL_v4_simple_python.json", answers)
    java = row("simple_java_0", ("user", "How big?"), function=JAVA_FUNCTION)
    write(folder / "BFCL_v4_simple_java.json", [java])
    write(
        folder / "possible_answer/BFCL_v4_simple_java.json",
        [{"id": "simple_java_0", "ground_truth": [{"Areas.of": {"sides": [[1]]}}]}],
    )
    asked = row(
        "live_irrelevance_0-0-0",
        ("system", "Be kind."),
        ("user", "Hi."),
        ("assistant", "Yes?"),
        ("user", "Go."),
    )
    write(folder / "BFCL_v4_live_irrelevance.json", [asked])
    monkeypatch.setenv("EVALBUDGET_HUB", str(tmp_path))
    return folder


def task(name: str = "bfcl_v4", mode: str | None = None) -> Task:
    return load_task(name, settings=TaskSettings(mode=mode))


def loaded(*categories: str, name: str = "bfcl_v4", mode: str | None = None) -> tuple[Sample, ...]:
    return load_samples(task(name, mode), categories=categories)


@pytest.mark.usefixtures("mirror")
def test_a_question_comes_with_tools_as_the_chat_api_takes_them() -> None:
    first, second = loaded("simple_python")
    assert (first.id, first.category) == ("simple_python_0", "simple_python")
    assert first.prompt == "How big?\u2028Tell me."
    assert first.conversation == (Message(role="user", content="How big?\u2028Tell me."),)
    assert json.loads(first.target) == [{"area.of": {"side": [1.0]}}] == first.extra["ground_truth"]
    assert json.loads(second.target) == [{"area.of": {"side": [2.0]}}]
    assert first.tools == (
        {
            "type": "function",
            "function": {
                "name": "area_of",
                "description": "Gives an area. Note that the provided function is in Python 3 syntax.",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "side": {
                            "type": "number",
                            "description": "Its side. This is a float type value.",
                            "format": "float",
                        },
                        "points": {
                            "type": "array",
                            "items": {"type": "array", "items": {"type": "number"}},
                            "description": "P",
                        },
                        "style": {
                            "type": "object",
                            "properties": {"fill": {"type": "string", "description": "F"}},
                            "description": "S",
                        },
                    },
                    "required": ["side"],
                },
            },
        },
    )
    assert (first.extra["version"], first.extra["mode"]) == ("v4", "fc")
    assert first.extra["functions"] == [FUNCTION]


@pytest.mark.usefixtures("mirror")
def test_java_parameters_are_asked_for_as_texts() -> None:
    (sample,) = loaded("simple_java")
    tool: Any = sample.tools[0]
    assert tool["function"]["description"].endswith(
        " Note that the provided function is in Java 8 SDK syntax."
    )
    properties = tool["function"]["parameters"]["properties"]
    assert properties["shape"] == {
        "type": "string",
        "description": "Shape. This parameter can be of any type of Java object in string representation.",
    }
    assert properties["sides"] == {
        "type": "string",
        "description": "Sides. This is Java ArrayList type parameter in string representation. The list"
        " elements are of type long; they are not in string representation.",
    }


@pytest.mark.usefixtures("mirror")
def test_in_prompt_mode_the_functions_stand_before_the_system_message_that_there_is() -> None:
    (plain, _), (talk,) = loaded("simple_python", mode="prompt"), loaded("live_irrelevance", mode="prompt")
    assert (plain.tools, talk.tools) == ((), ())
    assert [message.role for message in plain.messages] == ["system", "user"]
    assert [message.role for message in talk.messages] == ["system", "user", "assistant", "user"]
    system = plain.messages[0].content
    assert system.startswith("You are an expert in composing functions.You are given")
    assert '\n    {\n        "name": "area.of",\n' in system
    assert talk.messages[0].content == f"{system}\n\nBe kind."
    assert (talk.prompt, talk.target) == ("Hi.\n\nGo.", "no call")


def test_the_system_prompt_of_v4_is_the_official_one(mirror: Path) -> None:
    prompts = pytest.importorskip("bfcl_eval.constants.default_prompts")
    style = prompts.PROMPT_STYLE_TEMPLATES["classic"]
    hint = " Note that the provided function is in Python 3 syntax."
    shown = [{**FUNCTION, "description": f"{FUNCTION['description']}{hint}"}]
    official = prompts.PROMPT_TEMPLATE_MAPPING["plaintext"].format(
        persona=style["persona"],
        task=style["task"],
        tool_call_format=style["tool_call_no_tag"].format(
            output_format=prompts.OUTPUT_FORMAT_MAPPING["python"], param_types=""
        ),
        multiturn_behavior=style["multiturn_behavior"],
        available_tools=style["available_tools"].format(format="json", functions=json.dumps(shown, indent=4)),
    )
    assert loaded("simple_python", mode="prompt")[0].system == official
    for file in mirror.rglob("*v4_simple_python.json"):
        target = mirror.parents[2] / V3 / file.relative_to(mirror).parent / "BFCL_v3_simple.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    system = str(loaded("simple", name="bfcl_v3", mode="prompt")[0].system)
    assert system.endswith(f"Here is a list of functions in JSON format that you can invoke.\n{shown}\n\n")
    assert f"\n\n{style['multiturn_behavior']}\n\n" in system


@pytest.mark.usefixtures("mirror")
def test_only_the_files_of_the_categories_asked_for_are_read() -> None:
    assert len(loaded("simple_python", "live_irrelevance")) == 3
    with pytest.raises(DataError, match=r"no file BFCL_v4_multiple\.json in"):
        loaded("multiple")


@pytest.mark.usefixtures("mirror")
def test_categories_take_turns_so_that_a_limit_takes_some_of_each() -> None:
    samples = load_samples(task(), 3, categories=["live_irrelevance", "simple_java", "simple_python"])
    assert [sample.category for sample in samples] == ["simple_python", "simple_java", "live_irrelevance"]


def test_a_group_stands_for_its_categories() -> None:
    assert asked_categories(task("bfcl_v3"), ["live"]) == (
        *("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple"),
        *("live_irrelevance", "live_relevance"),
    )
    assert len(asked_categories(task(), ["single_turn"])) == 13
    assert asked_categories(task(), ["non_live", "simple_java"])[:3] == (
        *("simple_python", "simple_java", "simple_javascript"),
    )
    with pytest.raises(InputError, match=r'unknown category "simpel".*did you mean "simple"'):
        asked_categories(task("bfcl_v3"), ["simpel"])


def test_what_cannot_run_is_told_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SERPAPI_API_KEY", raising=False)
    lines = left_out(task())
    assert any("web_search_base, web_search_no_snippet" in line for line in lines)
    assert any("memory_vector" in line for line in lines)
    assert left_out(task(), ["single_turn"]) == ()
    with pytest.raises(InputError, match="web search"):
        asked_categories(task(), ["simple_python", "web_search_base"])
    with pytest.raises(InputError, match="web search"):
        asked_categories(task(), ["web_search"])


def test_an_absent_file_of_the_hub_is_one_line_that_says_what_to_set(tmp_path: Path) -> None:
    load = (
        "from evalbudget.datasets import load_samples; from evalbudget.tasks import load_task\n"
        "try: load_samples(load_task('bfcl_v3'), categories=['simple'])\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    environment["EVALBUDGET_BFCL_V3"] = str(tmp_path)
    ran = subprocess.run(
        [sys.executable, "-c", load], env=environment, capture_output=True, text=True, check=True
    )
    (line,) = ran.stdout.splitlines()
    assert line.startswith(f"DataError {V3}: BFCL_v3_simple.json could not be loaded from the Hub (")
    assert line.endswith(f"or set EVALBUDGET_HUB to a folder that holds {V3}/")


def test_without_a_mirror_v4_comes_from_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bfcl_eval")
    monkeypatch.delenv("EVALBUDGET_HUB", raising=False)
    assert len(loaded("simple_javascript")) == 50


@pytest.mark.usefixtures("mirror")
def test_an_unknown_mode_is_for_the_scorer_to_find_out() -> None:
    (sample, _) = mode_unknown(loaded("simple_python"))
    assert sample.extra["mode"] is None
    assert sample.extra["functions"] == [FUNCTION]


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        ({"id": "simple_java_0"}, "not as BFCL's files are"),
        ({"id": "simple_java_0", "question": [[]], "function": [{"name": "f"}]}, "not as BFCL's files are"),
        ({"id": "other", "question": [[]], "function": []}, "no possible answer to other"),
    ],
)
def test_a_broken_file_is_one_line_that_names_it(mirror: Path, break_it: dict[str, Any], said: str) -> None:
    write(mirror / "BFCL_v4_simple_java.json", [break_it])
    with pytest.raises(DataError, match=said) as told:
        loaded("simple_java")
    assert "simple_java" in str(told.value) and "\n" not in str(told.value)


SIZES = {
    "multiple": 200,
    "parallel": 200,
    "parallel_multiple": 200,
    "irrelevance": 240,
    "live_simple": 258,
    "live_multiple": 1053,
    "live_parallel": 16,
    "live_parallel_multiple": 24,
}
OF_VERSION = {
    "bfcl_v3": {"simple": 400, "java": 100, "javascript": 50, "live_irrelevance": 882, "live_relevance": 18},
    "bfcl_v4": {
        **{"simple_python": 400, "simple_java": 100, "simple_javascript": 50},
        **{"live_irrelevance": 884, "live_relevance": 16},
    },
}


@pytest.mark.parametrize("name", OF_VERSION)
def test_every_single_turn_question_is_there(
    name: str, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVALBUDGET_HUB", str(shared / "hub"))
    samples = loaded("single_turn", name=name)
    assert Counter(sample.category for sample in samples) == SIZES | OF_VERSION[name]
    assert len({sample.id for sample in samples}) == 3641
    assert {len(sample.tools) > 0 for sample in samples if "relevance" not in str(sample.category)} == {True}


def test_conversations_carry_what_their_dialogues_need(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bfcl_eval")
    monkeypatch.setenv("EVALBUDGET_HUB", str(shared / "hub"))
    by_category: dict[str, Any] = {}
    for sample in loaded("multi_turn_miss_func", "memory_kv", "memory_rec_sum"):
        by_category.setdefault(str(sample.category), sample)
    missing = by_category["multi_turn_miss_func"]
    (turn,) = missing.extra["missed_function"]
    late = {each["function"]["name"] for each in missing.extra["missed_tools"][turn]}
    assert late and not late & {each["function"]["name"] for each in missing.tools}
    [described] = [each["function"]["description"] for each in missing.extra["missed_tools"][turn]][:1]
    hint = "Python 3 syntax"
    assert hint in missing.tools[0]["function"]["description"] and hint not in described
    assert missing.extra["turns"][int(turn)] == []
    assert len(missing.extra["ground_truth"]) == len(missing.extra["turns"])
    memory = by_category["memory_kv"]
    assert memory.id.startswith("memory_kv_0-")
    assert memory.extra["involved_classes"] == ["MemoryAPI_kv"]
    assert [message.role for message in memory.messages] == ["system", "user"]
    assert len(memory.extra["prerequisites"]) == 10
    assert by_category["memory_rec_sum"].extra["involved_classes"] == ["MemoryAPI_rec_sum"]
