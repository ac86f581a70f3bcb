"""Memory dialogues: earlier conversations are held once, whoever asks, fails, or resumes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from evalbudget.dialogues import MemoryBanks, dialogue_for
from evalbudget.dialogues.memory import MOST_FAILURES
from evalbudget.records import Failure, FailureKind, Reply, Request, Sample, ToolCall, Usage
from evalbudget.scoring.bfcl.turns import score_turns
from tests.bfcl_conversations import converse, job_of, memory_questions, request_of, said

BROKEN = Failure(kind=FailureKind.CONNECTION, message="gone")


class Notetaker:
    """A model that notes down each user's message once and says what it remembers.

    It fails at the request with this number (from 0, over all conversations), where one is given.
    """

    def __init__(self, backend: str, mode: str = "fc", fails_at: int | None = None) -> None:
        self.backend, self.mode, self.fails_at = backend, mode, fails_at
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Reply | Failure:
        self.requests.append(request)
        if len(self.requests) - 1 == self.fails_at:
            return BROKEN
        last = request.messages[-1]
        earlier = "FORMAT" not in request.messages[0].content
        if not earlier or last.role == "tool" or last.content.startswith("[{"):
            return self.say("Noted.")
        return self.note(f"note_{len(request.messages)}_{len(self.requests)}", last.content[:40])

    def note(self, key: str, text: str) -> Reply:
        if self.backend == "kv":
            return self.call("archival_memory_add", {"key": key, "value": text})
        return self.call("memory_append", {"text": text})

    def call(self, name: str, arguments: dict[str, str]) -> Reply:
        if self.mode == "prompt":
            return self.say(f"[{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})]")
        return counted(said("", ToolCall(name=name, arguments=json.dumps(arguments), id="1")))

    def say(self, text: str) -> Reply:
        return counted(said(text))


def counted(reply: Reply) -> Reply:
    usage = Usage(prompt_tokens=10, completion_tokens=3)
    return Reply(
        reasoning="", answer=reply.answer, tool_calls=reply.tool_calls, finish_reason="stop", usage=usage
    )


def ask(
    sample: Sample, model: Callable[[Request], Reply | Failure], banks: MemoryBanks, repeat: int = 0
) -> tuple[Reply | None, Failure | None, list[Request]]:
    make = dialogue_for(sample, request_of(sample), job_of(sample, repeat), banks)
    assert make is not None
    return asyncio.run(converse(make(), model))


def held_in(folder: Path) -> list[str]:
    return [each for path in folder.glob("*.json") for each in json.loads(path.read_text())["conversations"]]


def earlier_turns(sample: Sample) -> int:
    return sum(len(each["turns"]) for each in sample.extra["prerequisites"])  # type: ignore[union-attr,index,call-overload,arg-type,misc]


@pytest.mark.parametrize("mode", ["fc", "prompt"])
@pytest.mark.parametrize("backend", ["kv", "rec_sum"])
def test_the_first_question_holds_the_earlier_conversations_and_the_second_finds_them(
    backend: str, mode: str, tmp_path: Path
) -> None:
    first, second = memory_questions(backend, "notetaker", mode)[:2]
    banks, model = MemoryBanks(tmp_path), Notetaker(backend, mode)
    reply, failure, _requests = ask(first, model, banks)
    assert failure is None and reply is not None
    assert len(reply.steps) == 1 and reply.usage.completion_tokens == 3
    turns = earlier_turns(first)
    assert reply.notes["prerequisites"] == {
        "conversations": 5,
        "requests": 2 * turns,  # each turn: one step that notes, one that ends it
        "completion_tokens": 6 * turns,
    }
    assert score_turns(first, reply).details["prerequisites"] == reply.notes["prerequisites"]
    before = len(model.requests)
    reply, failure, requests = ask(second, model, banks)
    assert failure is None and reply is not None and "prerequisites" not in reply.notes
    assert len(model.requests) == before + 1 == before + len(requests)


def test_memory_is_carried_from_one_conversation_to_the_next_and_shown(tmp_path: Path) -> None:
    sample = memory_questions("rec_sum", "notetaker")[0]
    model = Notetaker("rec_sum")
    ask(sample, model, MemoryBanks(tmp_path))
    systems = list(dict.fromkeys(request.messages[0].content for request in model.requests))
    assert len(systems) == 6
    assert "There is no content in the memory at this point." in systems[0]
    kept = json.loads(next(tmp_path.glob("*.json")).read_text())
    assert kept["memory"]["memory"] in systems[-1]
    assert all(len(before) < len(after) for before, after in pairwise(systems))


def test_the_system_message_has_the_official_parts_in_the_official_order(tmp_path: Path) -> None:
    sample = memory_questions("kv", "notetaker", "prompt")[0]
    model = Notetaker("kv", "prompt")
    ask(sample, model, MemoryBanks(tmp_path))
    earlier, question = model.requests[0].messages[0].content, model.requests[-1].messages[0].content
    assert earlier.startswith("FUNCTIONS\n\nYou are a personal organization assistant.")
    assert "There is no content in the core memory at this point." in earlier
    assert question.startswith("FUNCTIONS\n\nYou are a personal organization assistant.")
    assert question.endswith("\n\nFORMAT") and "FORMAT" not in earlier
    assert [message.role for message in model.requests[-1].messages] == ["system", "user"]


@pytest.mark.parametrize("fails_at", [0, 3, 12, 30])
def test_after_a_failure_the_next_question_goes_on_from_the_last_conversation(
    fails_at: int, tmp_path: Path
) -> None:
    first, second = memory_questions("rec_sum", "notetaker")[:2]
    banks, model = MemoryBanks(tmp_path), Notetaker("rec_sum", fails_at=fails_at)
    reply, failure, _requests = ask(first, model, banks)
    assert failure == BROKEN and reply is None
    done = held_in(tmp_path)
    reply, failure, requests = ask(second, model, banks)
    assert failure is None and reply is not None
    assert held_in(tmp_path)[: len(done)] == done and len(held_in(tmp_path)) == 5
    rest = earlier_turns(second) - sum(
        len(each["turns"])
        for each in second.extra["prerequisites"]  # type: ignore[union-attr,index,call-overload,arg-type,misc]
        if each["id"] in done  # type: ignore[index,call-overload]
    )
    assert len(requests) == 2 * rest + 1


def test_a_resumed_run_holds_only_what_is_missing(tmp_path: Path) -> None:
    sample = memory_questions("kv", "notetaker")[0]
    ask(sample, Notetaker("kv", fails_at=25), MemoryBanks(tmp_path))
    done = held_in(tmp_path)
    assert 0 < len(done) < 5
    model = Notetaker("kv")
    reply, _failure, _requests = ask(sample, model, MemoryBanks(tmp_path))
    assert reply is not None and reply.notes["prerequisites"]["conversations"] == 5 - len(done)  # type: ignore[index,call-overload]
    model = Notetaker("kv")
    ask(sample, model, MemoryBanks(tmp_path))
    assert len(model.requests) == 1


def test_questions_that_race_for_a_scenario_hold_each_conversation_once(tmp_path: Path) -> None:
    samples = memory_questions("kv", "notetaker")[:6]
    banks, model = MemoryBanks(tmp_path), Notetaker("kv", fails_at=14)

    async def race() -> list[tuple[Reply | None, Failure | None, list[Request]]]:
        makes = [dialogue_for(each, request_of(each), job_of(each), banks) for each in samples]
        return await asyncio.gather(*(converse(make(), model) for make in makes if make is not None))

    results = asyncio.run(race())
    assert [failure for _reply, failure, _requests in results if failure] == [BROKEN]
    assert len(held_in(tmp_path)) == len(set(held_in(tmp_path))) == 5
    notes = [reply.notes for reply, _failure, _requests in results if reply]
    assert len([each for each in notes if "prerequisites" in each]) == 1
    questions = [request for request in model.requests if "FORMAT" in request.messages[0].content]
    assert len(questions) == 5


def test_a_question_that_is_stopped_while_it_holds_one_lets_the_others_go_on(tmp_path: Path) -> None:
    first, second = memory_questions("kv", "notetaker")[:2]
    banks = MemoryBanks(tmp_path)

    async def stop_the_first() -> tuple[Reply | None, Failure | None, list[Request]]:
        makes = [dialogue_for(each, request_of(each), job_of(each), banks) for each in (first, second)]
        assert makes[0] is not None and makes[1] is not None
        conductor = makes[0]()
        assert isinstance(await conductor.begin(), Request)
        waiting = asyncio.create_task(converse(makes[1](), Notetaker("kv")))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await conductor.close()
        return await waiting

    reply, failure, _requests = asyncio.run(stop_the_first())
    assert failure is None and reply is not None and len(held_in(tmp_path)) == 5


def test_a_conversation_that_always_fails_is_given_up(tmp_path: Path) -> None:
    samples = memory_questions("kv", "notetaker")[: MOST_FAILURES + 2]
    banks = MemoryBanks(tmp_path)
    failures = [ask(each, lambda _request: BROKEN, banks)[1] for each in samples]
    assert failures[:MOST_FAILURES] == [BROKEN] * MOST_FAILURES
    for failure in failures[MOST_FAILURES:]:
        assert failure is not None and "memory_prereq_32-notetaker-0" in failure.message


def test_models_budgets_repeats_and_backends_have_memories_of_their_own(tmp_path: Path) -> None:
    sample = memory_questions("kv", "notetaker")[0]
    other = memory_questions("rec_sum", "notetaker")[0]
    banks = MemoryBanks(tmp_path)
    assert banks.bank(job_of(sample), sample) is banks.bank(job_of(sample), sample)
    assert banks.bank(job_of(sample), sample) is not banks.bank(job_of(sample, repeat=1), sample)
    assert banks.bank(job_of(sample), sample) is not banks.bank(job_of(sample), other)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"conversations": ["another"], "memory": {}}', '{"a": 1}']
)
def test_a_file_that_is_not_the_banks_own_is_started_over(content: str, tmp_path: Path) -> None:
    sample = memory_questions("kv", "notetaker")[0]
    ask(sample, Notetaker("kv"), MemoryBanks(tmp_path))
    path = next(tmp_path.glob("*.json"))
    path.write_text(content)
    model = Notetaker("kv")
    reply, failure, _requests = ask(sample, model, MemoryBanks(tmp_path))
    assert failure is None and reply is not None and len(held_in(tmp_path)) == 5


def test_questions_change_nothing_for_each_other(tmp_path: Path) -> None:
    first, second = memory_questions("kv", "notetaker")[:2]
    banks = MemoryBanks(tmp_path)
    ask(first, Notetaker("kv"), banks)
    kept = next(tmp_path.glob("*.json")).read_text()
    clear = said("", ToolCall(name="core_memory_clear", arguments="{}", id="1"))
    script = [clear, said("", ToolCall(name="archival_memory_clear", arguments="{}", id="2")), said("Gone.")]
    ask(first, lambda _request: script.pop(0), banks)
    assert next(tmp_path.glob("*.json")).read_text() == kept
    listed = said("", ToolCall(name="archival_memory_list_keys", arguments="{}", id="1"))
    script = [listed, said("x")]
    reply, _failure, _requests = ask(second, lambda _request: script.pop(0), banks)
    assert reply is not None and "note_" in reply.steps[0].results[0]
