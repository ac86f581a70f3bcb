"""Multi-turn, memory and web search: verdicts as the official evaluation gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from evalbudget.errors import InputError
from evalbudget.records import Reply, Sample, Step, ToolCall
from evalbudget.scoring.bfcl.simulated.sources import VARIABLE
from evalbudget.scoring.bfcl.simulated.steps import judge_calls
from evalbudget.scoring.bfcl.turns import (
    holds_answer,
    ready,
    scenario_of,
    score_turns,
    turns_from_recorded,
)
from tests.bfcl_conversations import (
    CATEGORIES,
    as_tool_call,
    folder_or_skip,
    multi_turn,
    named_arguments_only,
    steps,
    truth_of,
)

OFFICIAL = Path(__file__).parent / "bfcl_official_verdicts.jsonl"
"""Ground truths with calls dropped, changed, added, moved and repeated, and the verdict of bfcl-eval's own
multi_turn_checker on each; `reason` is null where it is valid."""


def spoken(sample: Sample, turns: list[list[list[str]]]) -> Reply:
    return Reply(reasoning="", answer="Done.", steps=steps(sample, turns))


def one_step_a_turn(truth: list[list[str]]) -> list[list[list[str]]]:
    return [[calls] if calls else [] for calls in truth]


@cache
def sample(category: str = "base", mode: str = "fc") -> Sample:
    return next(each for each in multi_turn("v4", category, mode) if named_arguments_only(each))


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("version", ["v3", "v4"])
def test_every_ground_truth_passes(version: str, category: str) -> None:
    checked = 0
    for each in multi_turn(version, category):
        truth = truth_of(each)
        assert judge_calls(scenario_of(each), one_step_a_turn(truth), truth).valid, each.id
        checked += 1
    assert checked == 200


@pytest.mark.parametrize("mode", ["fc", "prompt"])
def test_ground_truths_written_as_a_model_writes_them_pass(mode: str) -> None:
    writable = filter(named_arguments_only, multi_turn("v4", "long_context", mode))
    for each in islice(writable, 12):
        score = score_turns(each, spoken(each, one_step_a_turn(truth_of(each))))
        assert score.value == 1.0 and score.details["reason"] is None, each.id


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_verdicts_and_reasons_equal_the_official_ones(version: str) -> None:
    folder_or_skip(version)
    by_id = {each.id: each for category in CATEGORIES for each in multi_turn(version, category)}
    rows: list[Mapping[str, Any]] = [json.loads(line) for line in OFFICIAL.read_text().splitlines()]
    rows = [row for row in rows if row["version"] == version]
    assert len(rows) > 80
    for row in rows:
        each = by_id[row["id"]]
        found = judge_calls(scenario_of(each), row["decoded"], truth_of(each))
        assert (found.valid, found.reason) == (row["reason"] is None, row["reason"]), row


def test_a_call_that_is_missing_fails_at_its_turn() -> None:
    truth = truth_of(sample())
    for turn, calls in enumerate(truth):
        for number in range(len(calls)):
            changed = [list(each) for each in truth]
            changed[turn].pop(number)
            score = score_turns(sample(), spoken(sample(), one_step_a_turn(changed)))
            assert score.value == 0.0 and score.details["turn"] == turn


def test_looking_twice_and_more_than_needed_is_allowed() -> None:
    turns = [[["ls(a=True)", "pwd()"], *each, ["pwd()"]] for each in one_step_a_turn(truth_of(sample()))]
    assert score_turns(sample(), spoken(sample(), turns)).value == 1.0


def test_a_change_that_nobody_asked_for_is_seen_in_the_state() -> None:
    turns = one_step_a_turn(truth_of(sample()))
    turns[0].append(["mkdir(dir_name='mine')"])
    score = score_turns(sample(), spoken(sample(), turns))
    assert score.value == 0.0 and score.details["reason"] == "instance_state_mismatch"
    assert score.details["differences"] == {"GorillaFileSystem": ["root"]}


def test_a_result_that_was_never_seen_is_shown() -> None:
    turns = one_step_a_turn(truth_of(sample()))
    last = [["pwd()"]]
    score = score_turns(sample(), spoken(sample(), [*turns[:-1], last]))
    assert score.details["reason"] in {"execution_response_mismatch", "instance_state_mismatch"}
    assert score.details["missing_results"]


def test_calls_in_a_turn_without_a_ground_truth_are_not_punished_but_listed() -> None:
    each = sample("miss_param")
    turns = one_step_a_turn(truth_of(each))
    idle = turns.index([])
    turns[idle] = [["nothing()"]]
    score = score_turns(each, spoken(each, turns))
    assert score.value == 1.0 and score.details["unneeded_calls"] == [idle]


def test_a_turn_that_calls_nothing_where_something_is_due_fails() -> None:
    turns = one_step_a_turn(truth_of(sample()))
    score = score_turns(sample(), spoken(sample(), [[], *turns[1:]]))
    assert (score.details["reason"], score.details["turn"]) == ("empty_turn_model_response", 0)


def test_a_conversation_that_ended_early_fails() -> None:
    turns = one_step_a_turn(truth_of(sample()))
    score = score_turns(sample(), spoken(sample(), turns[:-1]))
    assert score.value == 0.0 and score.details["reason"] == "force_terminated"


def test_a_conversation_without_any_call_has_no_answer() -> None:
    score = score_turns(sample(), spoken(sample(), [[] for _turn in truth_of(sample())]))
    assert score.extracted is None and score.details["calls"] == 0
    assert score_turns(sample(), Reply(reasoning="", answer="Error")).details["reason"] == "inference_error"


def test_what_was_called_is_shown() -> None:
    score = score_turns(sample(), spoken(sample(), one_step_a_turn(truth_of(sample()))))
    assert score.extracted is not None and score.extracted.startswith("ls(a=True) | cd(")
    assert str(score.details["apis"]).startswith("bfcl-eval 202")
    assert (score.details["version"], score.details["mode"]) == ("v4", "fc")


def test_what_the_dialogue_noted_stands_in_the_details() -> None:
    reply = Reply(reasoning="", answer="", steps=(Step(turn=0, answer="x"),), notes={"prerequisites": 7})
    assert score_turns(sample(), reply).details["prerequisites"] == 7


# ── recorded conversations ──


def test_the_official_shape_of_function_calling_mode_is_read() -> None:
    turns = one_step_a_turn(truth_of(sample()))
    recorded = [
        [*([{call.name: call.arguments} for call in map(as_tool_call, calls)] for calls in turn), "Done."]
        for turn in turns
    ]
    reply = Reply(reasoning="", answer="", steps=turns_from_recorded(recorded))
    assert score_turns(sample(), reply).value == 1.0


def test_the_official_shape_of_prompt_mode_is_read() -> None:
    each = sample(mode="prompt")
    recorded = [
        [*(f"[{', '.join(calls)}]" for calls in turn), "Done."] for turn in one_step_a_turn(truth_of(each))
    ]
    reply = Reply(reasoning="", answer="", steps=turns_from_recorded(recorded))
    assert score_turns(each, reply).value == 1.0


def test_recorded_steps_keep_their_turns() -> None:
    found = turns_from_recorded([["a", [{"f": {"x": 1}}]], [], [None, []], [[{"g": "{}"}, {"h": "{}"}], 3]])
    assert [(each.turn, each.answer) for each in found] == [
        (0, "a"), (0, ""), (1, ""), (2, ""), (2, ""), (3, ""), (3, "3"),
    ]  # fmt: skip
    assert found[1].tool_calls == (ToolCall(name="f", arguments='{"x": 1}'),)
    assert [call.name for call in found[5].tool_calls] == ["g", "h"]


@pytest.mark.parametrize("value", ["Error during inference", {}, None, 3, ["a"], [["a"], "b"]])
def test_another_shape_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="list of turns"):
        turns_from_recorded(value)


# ── memory and web search ──


def question(*possible: str, mode: str = "fc") -> Sample:
    return Sample(
        id="memory_kv_0",
        prompt="?",
        target="",
        category="memory_kv",
        extra={
            "mode": mode,
            "version": "v4",
            "involved_classes": ["MemoryAPI_kv"],
            "ground_truth": list(possible),
        },
    )


def answered(*answers: str | ToolCall) -> Reply:
    found = [
        Step(turn=0, answer="", tool_calls=(each,))
        if isinstance(each, ToolCall)
        else Step(turn=0, answer=each)
        for each in answers
    ]
    return Reply(reasoning="", answer="", steps=tuple(found))


LOOK = ToolCall(name="core_memory_retrieve_all", arguments="{}")


def test_the_last_text_must_hold_one_of_the_answers() -> None:
    reply = answered(LOOK, "{'answer': 'Michael', 'context': '…'}")
    assert score_turns(question("Mike", "Michael"), reply).value == 1.0
    assert score_turns(question("Mike"), reply).details["reason"] == "answer_not_found"


def test_a_model_that_never_stops_calling_gave_no_answer() -> None:
    score = score_turns(question("x"), answered(LOOK, LOOK))
    assert score.extracted is None and score.details["reason"] == "no_last_message"
    assert score_turns(question("x"), answered(LOOK, "")).details["reason"] == "no_last_message"


def test_an_agentic_question_has_one_turn() -> None:
    steps_of_two = (Step(turn=0, answer="x"), Step(turn=1, answer="x"))
    reply = Reply(reasoning="", answer="x", steps=steps_of_two)
    assert score_turns(question("x"), reply).details["reason"] == "inference_error"


def test_calls_that_cannot_be_read_are_what_the_model_said() -> None:
    broken = ToolCall(name="core_memory_add", arguments="{'key': 'Michael'")
    assert score_turns(question("Michael"), answered(broken)).value == 1.0
    assert score_turns(question("Mike"), answered(broken)).value == 0.0


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("April 1, 2024", "April 1 2024", True),
        ("april 1,2024", "April 1, 2024", False),  # blanks are not taken out
        ("it's 1-20.", "120", True),
        ("the answer is 1.5", "15", True),
        ("Michaela", "Michael", False),
        ("in St. Louis (Missouri)", "st louis missouri", True),
        ("O'Brien", 'o"brien', True),
        ("price: $30", "$30", False),  # no word begins at a dollar sign: so it is officially
        ("a|b", "a|b", True),
        ("über", "ber", False),
    ],
)
def test_an_answer_counts_between_word_boundaries_without_punctuation(
    text: str, answer: str, right: bool
) -> None:
    assert holds_answer(text, answer) is right


# ── what must be installed ──


def test_what_is_missing_is_said_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(InputError, match=rf"pip install --no-deps --target {tmp_path} bfcl-eval=="):
        ready("multi_turn_base", "v3")
    with pytest.raises(InputError, match="memory_vector needs an embedding model"):
        ready("memory_vector")


def test_web_search_needs_its_packages_or_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    folder_or_skip("v4")
    monkeypatch.delenv("SERPAPI_API_KEY", raising=False)
    with pytest.raises(InputError, match=r"pip install .*google-search-results|SERPAPI_API_KEY"):
        ready("web_search_base")


def test_what_is_installed_is_ready() -> None:
    folder_or_skip("v4")
    for category in (*(f"multi_turn_{each}" for each in CATEGORIES), "memory_kv", "memory_rec_sum"):
        ready(category)
