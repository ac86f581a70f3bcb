"""The replies of a conversation as one."""

from __future__ import annotations

from evalbudget.dialogues.merged import merged
from evalbudget.records import ReasoningForm, Reply, Step, Timings, ToolCall, Usage


def reply(answer: str = "a", finish: str | None = "stop", **more: object) -> Reply:
    return Reply(reasoning="", answer=answer, finish_reason=finish, **more)  # type: ignore[arg-type]


def one(*replies: Reply) -> Reply:
    found = merged(replies, [], {})
    assert found is not None
    return found


def test_no_replies_are_none() -> None:
    assert merged([], [], {}) is None


def test_answer_and_end_are_the_last_ones() -> None:
    found = one(reply("first", "tool_calls"), reply("last", "stop"))
    assert (found.answer, found.finish_reason) == ("last", "stop")


def test_a_cut_or_a_repetition_anywhere_is_seen() -> None:
    assert one(reply(finish="length"), reply(finish="stop")).finish_reason == "length"
    assert one(reply(finish="length"), reply(finish="repetition"), reply()).finish_reason == "repetition"


def test_thinking_and_calls_are_those_of_all() -> None:
    call = ToolCall(name="f", arguments="{}")
    thoughts = [
        Reply(reasoning="one", answer="", tool_calls=(call,), reasoning_form=ReasoningForm.FIELD),
        Reply(reasoning="", answer=""),
        Reply(reasoning="two", answer="", tool_calls=(call,), reasoning_form=ReasoningForm.FIELD),
    ]
    found = one(*thoughts)
    assert found.reasoning == "one\n\ntwo" and found.tool_calls == (call, call)
    assert found.reasoning_form is ReasoningForm.FIELD


def test_thinking_that_was_once_left_open_counts_as_open() -> None:
    assert one(reply(thinking_closed=True), reply()).thinking_closed is True
    assert one(reply(thinking_closed=True), reply(thinking_closed=False)).thinking_closed is False
    assert one(reply()).thinking_closed is None


def test_tokens_are_added_up_and_a_sum_that_lacks_a_part_is_unknown() -> None:
    full = Usage(prompt_tokens=10, completion_tokens=5, reasoning_tokens=2, cached_tokens=0)
    assert one(reply(usage=full), reply(usage=full)).usage == Usage(
        prompt_tokens=20, completion_tokens=10, reasoning_tokens=4, cached_tokens=0
    )
    part = Usage(prompt_tokens=10, completion_tokens=5)
    assert one(reply(usage=full), reply(usage=part)).usage == Usage(prompt_tokens=20, completion_tokens=10)


def test_seconds_are_added_up_and_the_first_token_is_the_first_replys() -> None:
    silent = reply(timings=Timings(latency_s=3.0, ttft_s=0.5))
    talking = reply(timings=Timings(latency_s=2.0, ttft_s=0.7, first_answer_s=1.5))
    assert one(silent, talking).timings == Timings(latency_s=5.0, ttft_s=0.5, first_answer_s=4.5)


def test_steps_and_notes_are_kept() -> None:
    step = Step(turn=0, answer="a")
    found = merged([reply()], [step], {"prerequisites": 1})
    assert found is not None and found.steps == (step,) and found.notes == {"prerequisites": 1}
    assert one(reply(dropped_fields=("seed",)), reply(dropped_fields=("seed", "top_k"))).dropped_fields == (
        "seed",
        "top_k",
    )


def test_the_longest_sequence_is_that_of_one_request() -> None:
    usages = [Usage(prompt_tokens=10, completion_tokens=5), Usage(prompt_tokens=12, completion_tokens=2)]
    assert one(*(reply(usage=usage) for usage in usages)).longest_sequence == 15
    assert one(reply(usage=usages[0]), reply()).longest_sequence is None
