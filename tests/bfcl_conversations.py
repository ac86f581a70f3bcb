"""BFCL's conversations as samples, from the data inside bfcl-eval; tests skip where it is not installed."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from evalbudget.contracts import Dialogue
from evalbudget.errors import InputError
from evalbudget.records import (
    Failure,
    Job,
    Message,
    Reply,
    Request,
    Sample,
    Sampling,
    Step,
    Timings,
    ToolCall,
)
from evalbudget.scoring.bfcl.simulated.sources import package

CATEGORIES = ("base", "miss_func", "miss_param", "long_context")

FILES = {"GorillaFileSystem": "gorilla_file_system", "MathAPI": "math_api", "MessageAPI": "message_api"} | {
    "TwitterAPI": "posting_api",
    "TicketAPI": "ticket_api",
    "TradingBot": "trading_bot",
    "TravelAPI": "travel_booking",
    "VehicleControlAPI": "vehicle_control",
    "MemoryAPI_kv": "memory_kv",
    "MemoryAPI_rec_sum": "memory_rec_sum",
}


def folder_or_skip(version: str) -> Path:
    """bfcl-eval's folder."""
    try:
        return package(version)
    except InputError as error:
        pytest.skip(str(error))


@cache
def rows(path: Path) -> list[dict[str, Any]]:
    """JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def multi_turn(version: str, category: str, mode: str = "fc") -> list[Sample]:
    """All samples of a multi-turn category."""
    data = folder_or_skip(version) / "data"
    name = f"BFCL_{version}_multi_turn_{category}.json"
    truths = rows(data / "possible_answer" / name)
    return [
        _multi_turn(version, category, mode, row, truth)
        for row, truth in zip(rows(data / name), truths, strict=True)
    ]


def _multi_turn(
    version: str, category: str, mode: str, row: Mapping[str, Any], truth: Mapping[str, Any]
) -> Sample:
    held_back = {turn: set(names) for turn, names in row.get("missed_function", {}).items()}
    every = [document for name in row["involved_classes"] for document in documents(version, name)]
    hidden = set().union(*held_back.values())
    missed = {turn: [each for each in every if each["name"] in names] for turn, names in held_back.items()}
    first = [Message(role=each["role"], content=each["content"]) for each in row["question"][0]]
    return Sample(
        id=row["id"],
        prompt=first[-1].content,
        target="",
        category=f"multi_turn_{category}",
        messages=tuple(first),
        tools=tuple(tool(each) for each in every if each["name"] not in hidden) if mode == "fc" else (),
        extra={
            "mode": mode,
            "version": version,
            "turns": row["question"],
            "initial_config": row["initial_config"],
            "involved_classes": row["involved_classes"],
            "missed_function": missed,
            "missed_tools": {turn: [tool(each) for each in each_turn] for turn, each_turn in missed.items()},
            "ground_truth": truth["ground_truth"],
        },
    )


def memory_questions(backend: str, scenario: str, mode: str = "fc") -> list[Sample]:
    """The questions of one scenario, each with the conversations that come before."""
    data = folder_or_skip("v4") / "data"
    answers = rows(data / "possible_answer" / "BFCL_v4_memory.json")
    earlier = rows(data / "memory_prereq_conversation" / f"memory_{scenario}.json")
    found = []
    for row, truth in zip(rows(data / "BFCL_v4_memory.json"), answers, strict=True):
        if row["scenario"] != scenario:
            continue
        question = [{"role": "system", "content": "FORMAT"}, *row["question"][0]]
        extra = {
            "mode": mode,
            "version": "v4",
            "turns": [question],
            "initial_config": {},
            "involved_classes": [f"MemoryAPI_{backend}"],
            "missed_function": {},
            "missed_tools": {},
            "ground_truth": truth["ground_truth"],
            "scenario": scenario,
            "prerequisites": [{"id": each["id"], "turns": each["question"]} for each in earlier],
            "function_prompt": "" if mode == "fc" else "FUNCTIONS",
        }
        messages = tuple(Message(role=each["role"], content=each["content"]) for each in question)
        category = f"memory_{backend}"
        found.append(
            Sample(id=row["id"], prompt="", target="", category=category, messages=messages, extra=extra)
        )
    return found


@cache
def documents(version: str, name: str) -> list[dict[str, Any]]:
    """The function documents of a class."""
    return rows(folder_or_skip(version) / "data" / "multi_turn_func_doc" / f"{FILES[name]}.json")


def tool(document: Mapping[str, Any]) -> dict[str, Any]:
    """A function document as the chat API takes it, near enough for a model that does not read it."""
    return {"type": "function", "function": {"name": document["name"]}}


def truth_of(sample: Sample) -> list[list[str]]:
    """The ground truth's calls, turn by turn."""
    truth: Any = sample.extra["ground_truth"]
    return [list(turn) for turn in truth]


def as_tool_call(call: str, number: int = 0) -> ToolCall:
    """A call's text as a tool call; its arguments must be named."""
    tree = ast.parse(call, mode="eval").body
    assert isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.args
    arguments = {str(each.arg): ast.literal_eval(each.value) for each in tree.keywords}
    return ToolCall(name=tree.func.id, arguments=json.dumps(arguments), id=f"call-{number}")


def named_arguments_only(sample: Sample) -> bool:
    """Whether a model could write the ground truth: positional arguments are dropped by both decoders."""
    trees = [ast.parse(call, mode="eval").body for turn in truth_of(sample) for call in turn]
    return not any(isinstance(tree, ast.Call) and tree.args for tree in trees)


def steps(sample: Sample, turns: Sequence[Sequence[Sequence[str]]]) -> tuple[Step, ...]:
    """Turns of steps of calls as a model writes them in the sample's mode; each turn ends in a text."""
    found: list[Step] = []
    for number, turn in enumerate(turns):
        found.extend(step(sample, number, calls) for calls in turn)
        found.append(Step(turn=number, answer="Done."))
    return tuple(found)


def step(sample: Sample, turn: int, calls: Sequence[str]) -> Step:
    """One step of calls."""
    if sample.extra["mode"] == "prompt":
        return Step(turn=turn, answer=f"[{', '.join(calls)}]")
    return Step(turn=turn, answer="", tool_calls=tuple(as_tool_call(call, n) for n, call in enumerate(calls)))


Model = Callable[[Request], Reply | Failure]


def job_of(sample: Sample, repeat: int = 0) -> Job:
    """A job of the sample."""
    return Job(model="m", task="bfcl_v4", sample_id=sample.id, budget=None, repeat=repeat)


def request_of(sample: Sample) -> Request:
    """The sample's job, opened."""
    return Request(
        messages=sample.conversation, sampling=Sampling(temperature=0.0), seed=5, tools=sample.tools
    )


def said(answer: str = "", *calls: ToolCall, finish_reason: str = "stop", thinking: str = "") -> Reply:
    """A model's reply."""
    return Reply(
        reasoning=thinking,
        answer=answer,
        tool_calls=calls,
        finish_reason=finish_reason,
        timings=Timings(latency_s=2.0, ttft_s=0.5, first_answer_s=1.0),
    )


async def converse(dialogue: Dialogue, model: Model) -> tuple[Reply | None, Failure | None, list[Request]]:
    """What the runner does with a dialogue: its reply, or why it failed, and all requests."""
    requests: list[Request] = []
    try:
        now = await dialogue.begin()
        while isinstance(now, Request):
            requests.append(now)
            reply = model(now)
            now = await dialogue.heard(reply) if isinstance(reply, Reply) else reply
        return dialogue.reply(), now, requests
    finally:
        await dialogue.close()


class Scripted:
    """A model that plays a list of replies, then says one text for ever."""

    def __init__(self, replies: Sequence[Reply], last: str = "Done.") -> None:
        self.replies = list(replies)
        self.last = last

    def __call__(self, _request: Request) -> Reply:
        return self.replies.pop(0) if self.replies else said(self.last)
