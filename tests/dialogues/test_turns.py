"""Multi-turn dialogues with a scripted model, on the official simulated APIs."""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalbudget.dialogues import MemoryBanks, dialogue_for
from evalbudget.dialogues.conversation import MOST_STEPS
from evalbudget.dialogues.turns import TurnsDialogue
from evalbudget.records import Failure, Message, Reply, Request, Sample, ToolCall
from evalbudget.scoring.bfcl.turns import score_turns
from tests.bfcl_conversations import (
    CATEGORIES,
    Scripted,
    as_tool_call,
    converse,
    job_of,
    multi_turn,
    named_arguments_only,
    request_of,
    said,
    truth_of,
)


def talk(sample: Sample, replies: Sequence[Reply]) -> tuple[Reply, list[Request]]:
    reply, failure, requests = asyncio.run(
        converse(TurnsDialogue(sample, request_of(sample)), Scripted(replies))
    )
    assert failure is None and reply is not None
    return reply, requests


def right_replies(sample: Sample) -> list[Reply]:
    """A model that knows the ground truth: each turn in one step of calls, then a text."""
    replies = []
    for calls in truth_of(sample):
        if calls and sample.extra["mode"] == "prompt":
            replies.append(said(f"[{', '.join(calls)}]"))
        elif calls:
            replies.append(said("", *(as_tool_call(call, number) for number, call in enumerate(calls))))
        replies.append(said("Done."))
    return replies


def writable(version: str, category: str, mode: str) -> Sample:
    return next(sample for sample in multi_turn(version, category, mode) if named_arguments_only(sample))


@pytest.mark.parametrize("mode", ["fc", "prompt"])
@pytest.mark.parametrize("category", CATEGORIES)
def test_a_model_that_calls_what_the_ground_truth_calls_is_right(category: str, mode: str) -> None:
    sample = writable("v4", category, mode)
    reply, requests = talk(sample, right_replies(sample))
    assert score_turns(sample, reply).value == 1.0
    assert len(requests) == len(reply.steps) == len(right_replies(sample))
    assert [step.turn for step in reply.steps] == sorted(step.turn for step in reply.steps)


def test_results_go_back_as_tool_messages_with_the_ids_of_their_calls() -> None:
    sample = writable("v4", "base", "fc")
    reply, requests = talk(sample, right_replies(sample))
    first = len(truth_of(sample)[0])
    shown = requests[1].messages[len(requests[0].messages) :]
    assert shown[0].role == "assistant" and len(shown[0].tool_calls) == first
    assert [message.role for message in shown[1:]] == ["tool"] * first
    assert [message.tool_call_id for message in shown[1:]] == [call.id for call in shown[0].tool_calls]
    assert tuple(message.content for message in shown[1:]) == reply.steps[0].results
    assert all(request.tools == requests[0].tools for request in requests)


def test_in_prompt_mode_results_go_back_as_the_list_that_the_official_handlers_write() -> None:
    sample = writable("v4", "base", "prompt")
    reply, requests = talk(sample, right_replies(sample))
    assistant, user = requests[1].messages[-2:]
    assert assistant == Message(role="assistant", content=reply.steps[0].answer)
    assert user.role == "user"
    assert ast.literal_eval(user.content) == [
        {"role": "tool", "name": call, "content": result}
        for call, result in zip(truth_of(sample)[0], reply.steps[0].results, strict=True)
    ]
    assert not any(message.tool_calls or message.role == "tool" for message in requests[-1].messages)


def test_each_request_is_the_jobs_with_a_longer_conversation() -> None:
    sample = writable("v4", "base", "fc")
    _reply, requests = talk(sample, right_replies(sample))
    opened = request_of(sample)
    assert requests[0] == opened
    for before, after in pairwise(requests):
        assert after.messages[: len(before.messages)] == before.messages
        assert (after.seed, after.sampling) == (opened.seed, opened.sampling)


def test_the_next_turn_follows_when_no_call_is_made() -> None:
    sample = writable("v4", "base", "fc")
    reply, requests = talk(sample, [])
    turns = sample.extra["turns"]
    assert isinstance(turns, list)
    assert [request.messages[-1].content for request in requests] == [turn[0]["content"] for turn in turns]  # type: ignore[call-overload,index]
    assert score_turns(sample, reply).details["reason"] == "empty_turn_model_response"


def test_functions_held_back_come_as_tools_with_the_official_sentence() -> None:
    sample = writable("v4", "miss_func", "fc")
    _reply, requests = talk(sample, [])
    turn = next(number for number, each in enumerate(sample.extra["turns"]) if not each)  # type: ignore[arg-type]
    missed = sample.extra["missed_tools"][str(turn)]  # type: ignore[call-overload,index]
    assert requests[turn - 1].tools == sample.tools
    assert requests[turn].tools == (*sample.tools, *missed)
    assert requests[turn].messages[-1] == Message(
        role="user", content="I have updated some more functions you can choose from. What about now?"
    )
    assert requests[-1].tools == requests[turn].tools


def test_functions_held_back_come_as_documents_in_prompt_mode() -> None:
    sample = writable("v4", "miss_func", "prompt")
    _reply, requests = talk(sample, [])
    turn = next(number for number, each in enumerate(sample.extra["turns"]) if not each)  # type: ignore[arg-type]
    missed = sample.extra["missed_function"][str(turn)]  # type: ignore[call-overload,index]
    said_by_user = requests[turn].messages[-1].content
    assert said_by_user == (
        f"{missed!r}\nI have updated some more functions you can choose from. What about now?"
    )
    assert requests[turn].tools == ()


@pytest.mark.parametrize("mode", ["fc", "prompt"])
def test_a_model_that_never_stops_calling_is_stopped_after_the_official_number_of_steps(mode: str) -> None:
    sample = writable("v4", "base", mode)
    again = said("[pwd()]") if mode == "prompt" else said("", ToolCall(name="pwd", arguments="{}", id="x"))
    reply, requests = talk(sample, [again] * 100)
    assert len(requests) == MOST_STEPS + 1 == 21
    score = score_turns(sample, reply)
    assert score.value == 0.0 and score.details["reason"] == "force_terminated"


def test_twenty_steps_with_calls_are_still_allowed() -> None:
    sample = writable("v4", "base", "fc")
    look = [said("", ToolCall(name="pwd", arguments="{}"))] * 19
    reply, _requests = talk(sample, [*look, *right_replies(sample)])
    assert score_turns(sample, reply).value == 1.0


def test_calls_that_cannot_be_read_end_the_turn_and_are_shown_as_text() -> None:
    sample = writable("v4", "base", "fc")
    broken = said("Let me see.", ToolCall(name="ls", arguments="{'a': True", id="x"))
    reply, requests = talk(sample, [broken])
    assert requests[1].messages[-1].role == "user"
    assistant = requests[1].messages[-2]
    assert assistant.tool_calls == () and assistant.content.startswith("Let me see.\n")
    assert "{'a': True" in assistant.content
    assert reply.steps[0].results == ()


def test_calls_without_an_id_get_one_of_their_own() -> None:
    sample = writable("v4", "base", "fc")
    two = [ToolCall(name="pwd", arguments="{}"), ToolCall(name="ls", arguments="{}", id="given")]
    _reply, requests = talk(sample, [said("", *two), said("", *two)])
    ids = [call.id for message in requests[2].messages for call in message.tool_calls]
    assert ids[1] == ids[3] == "given"
    assert len({ids[0], ids[2]}) == 2 and all(each and len(each) == 9 for each in (ids[0], ids[2]))


def test_calls_that_the_server_left_in_the_text_are_carried_out() -> None:
    sample = writable("v4", "base", "fc")
    written = json.dumps({"name": "cd", "arguments": {"folder": "workspace"}})
    reply, requests = talk(sample, [said(f"<tool_call>\n{written}\n</tool_call>")])
    assert reply.steps[0].results == ('{"current_working_directory": "workspace"}',)
    assistant, result = requests[1].messages[-2:]
    assert assistant.content == "" and [call.name for call in assistant.tool_calls] == ["cd"]
    assert result.tool_call_id == assistant.tool_calls[0].id


def test_a_question_of_one_request_has_no_dialogue(tmp_path: Path) -> None:
    sample = Sample(id="simple_0", prompt="?", target="", category="simple", extra={"mode": "fc"})
    assert dialogue_for(sample, request_of(sample), job_of(sample), MemoryBanks(tmp_path)) is None
    conversation = writable("v4", "base", "fc")
    made = dialogue_for(conversation, request_of(conversation), job_of(conversation), MemoryBanks(tmp_path))
    assert made is not None and isinstance(made(), TurnsDialogue)


ANSWERS = st.sampled_from(["", "Done.", "[ls()]", "[pwd()", "<tool_call>\n{}\n</tool_call>", "{", "a" * 50])
CALLS = st.lists(
    st.builds(
        ToolCall,
        name=st.sampled_from(["ls", "cd", "nothing", "pwd", "__class__", ""]),
        arguments=st.sampled_from(["{}", '{"folder": "x"}', "{", "[]", "null", '{"a": {"b": NaN}}', "3"]),
        id=st.sampled_from([None, "x"]),
    ),
    max_size=3,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(replies=st.lists(st.builds(lambda a, c: said(a, *c), ANSWERS, CALLS), max_size=12))
@pytest.mark.parametrize("mode", ["fc", "prompt"])
def test_whatever_the_model_says_every_call_that_is_shown_has_its_result(
    mode: str, replies: list[Reply]
) -> None:
    sample = writable("v4", "base", mode)
    reply, requests = talk(sample, replies)
    assert len(reply.steps) == len(requests)
    for request in requests:
        waiting: list[str | None] = []
        for message in request.messages:
            if message.role == "tool":
                assert message.tool_call_id == waiting.pop(0)
            else:
                assert not waiting
                waiting = [call.id for call in message.tool_calls]
                assert all(json.loads(call.arguments) is not None for call in message.tool_calls)
        assert not waiting
    assert not isinstance(score_turns(sample, reply), Failure)
