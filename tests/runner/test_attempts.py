"""Rows from jobs and what came of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalbudget.records import FailureKind, Message, Request, Sampling, ToolCall, Usage
from evalbudget.runner.attempts import Ending, judge, prompt_text, request_fields
from tests.fakes import FakeEndpoint, make_failure, make_job, make_lane, make_reply, open_job
from tests.runner.outing import Outing


def test_a_lone_question_is_the_prompt_and_more_messages_are_told_apart() -> None:
    question = Message(role="user", content="2 + 2 = ?")
    system = Message(role="system", content="Be brief.")
    assert prompt_text((question,)) == "2 + 2 = ?"
    assert prompt_text((system, question)) == "[system]\nBe brief.\n\n[user]\n2 + 2 = ?"


def test_the_request_holds_what_was_asked_and_nothing_that_was_not() -> None:
    asked = Request(
        messages=(),
        sampling=Sampling(temperature=0.0, max_tokens=64, stop=("\n",)),
        seed=0,
        effort="low",
        extra_body={"top_a": 1},
    )
    assert request_fields(asked) == {
        "temperature": 0.0,
        "max_tokens": 64,
        "stop": ["\n"],
        "seed": 0,
        "reasoning_effort": "low",
        "extra_body": {"top_a": 1},
    }
    assert request_fields(Request(messages=(), sampling=Sampling())) == {}


def test_what_the_server_refused_is_named_and_not_given_as_sent() -> None:
    asked = Request(messages=(), sampling=Sampling(temperature=0.6, top_k=20), seed=1)
    assert request_fields(asked, ("top_k", "seed")) == {
        "temperature": 0.6,
        "dropped_fields": ["top_k", "seed"],
    }
    assignment = replace(open_job(make_job(0)), request=asked)
    reply = replace(make_reply(), dropped_fields=("top_k",))
    attempt = judge("r", assignment, Ending(result=reply, tries=1, started_at=""))
    assert attempt.request == {"temperature": 0.6, "seed": 1, "dropped_fields": ["top_k"]}


def test_a_row_names_its_job_and_its_stratum() -> None:
    job = make_job(3, budget=512)
    assignment = open_job(job)
    sample = replace(assignment.sample, category="algebra")
    assignment = replace(assignment, sample=sample, budget_mode="trace")
    call = ToolCall(name="add", arguments="{")
    ending = Ending(result=replace(make_reply("41"), tool_calls=(call,)), tries=2, started_at="then")
    attempt = judge("r1", assignment, ending)
    assert attempt.job == job
    assert (attempt.run_id, attempt.category, attempt.budget_mode) == ("r1", "algebra", "trace")
    assert (attempt.status, attempt.outcome, attempt.correct, attempt.score) == ("ok", "wrong", False, 0.0)
    assert (attempt.tool_calls, attempt.tries, attempt.started_at) == ((call,), 2, "then")


def test_an_error_is_one_line_of_bounded_length() -> None:
    failure = replace(make_failure(FailureKind.SERVER), message="line one\n\tline two " + "x" * 5000)
    attempt = judge("r", open_job(make_job(0)), Ending(result=failure, tries=5, started_at=""))
    assert attempt.error is not None
    assert attempt.error.startswith("line one line two xxx")
    assert len(attempt.error) == 500


def test_a_doom_loop_is_its_own_outcome_and_stands_in_the_row() -> None:
    circles = replace(make_reply("", reasoning="and so on and on it goes, round and round, " * 60))
    circles = replace(circles, finish_reason="length", usage=Usage(completion_tokens=900))
    attempt = judge("r", open_job(make_job(0)), Ending(result=circles, tries=1, started_at=""))
    assert (attempt.outcome, attempt.loop_kind, attempt.loop_doom) == ("looped", "exact", True)
    assert attempt.loop_segment == "reasoning" and (attempt.loop_wasted_tokens or 0) > 800
    assert {"version", "liquid", "vllm", "ngram30x20", "unit"} <= attempt.details["loop"].keys()  # type: ignore[union-attr]


def test_a_reply_that_finished_is_looked_at_too() -> None:
    attempt = judge("r", open_job(make_job(0)), Ending(result=make_reply(), tries=1, started_at=""))
    assert (attempt.loop_kind, attempt.loop_doom, attempt.loop_wasted_tokens) == ("none", False, 0)
    assert attempt.loop_onset_token is None


def test_a_bug_of_the_detector_costs_its_verdict_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_reply: object) -> None:
        raise IndexError

    monkeypatch.setattr("evalbudget.runner.details.loop_of", broken)
    attempt = judge("r", open_job(make_job(0)), Ending(result=make_reply(), tries=1, started_at=""))
    assert (attempt.status, attempt.outcome, attempt.loop_kind) == ("ok", "correct", None)
    assert str(attempt.details["loop"]["failed"]).startswith("IndexError at test_attempts.py:")  # type: ignore[index, call-overload]


def test_the_memory_of_an_attempt_is_that_of_its_sequence() -> None:
    """5 tokens of prompt and 10 of reply; a window of 8 tokens beside 100 bytes for each, and a state."""

    def kv_bytes(tokens: int) -> float | None:
        return 100.0 * tokens + 30 * min(tokens, 8) + 7

    reply = make_reply()
    ending = Ending(result=reply, tries=1, started_at="", kv_bytes=kv_bytes)
    assert judge("r", open_job(make_job(0)), ending).kv_bytes == 100 * 15 + 30 * 8 + 7
    failed = replace(ending, result=make_failure(partial=reply))
    attempt = judge("r", open_job(make_job(0)), failed)
    assert (attempt.status, attempt.kv_bytes) == ("failed", 1747)


def test_memory_that_nobody_knows_is_none_and_not_zero() -> None:
    job, uncounted = open_job(make_job(0)), replace(make_reply(), usage=Usage(completion_tokens=10))
    for ending in (
        Ending(result=make_reply(), tries=1, started_at=""),
        Ending(result=make_reply(), tries=1, started_at="", kv_bytes=lambda tokens: None),
        Ending(result=uncounted, tries=1, started_at="", kv_bytes=float),
        Ending(result=make_failure(), tries=1, started_at="", kv_bytes=float),
    ):
        assert judge("r", job, ending).kv_bytes is None


def test_a_lane_weighs_its_attempts_with_what_its_server_takes() -> None:
    lane = replace(make_lane(FakeEndpoint(), 2), kv_bytes=lambda tokens: 256.0 * tokens)
    assert [attempt.kv_bytes for attempt in Outing(lane).memory.attempts] == [256 * 15] * 2
