"""What a row's `details` hold besides the scorer's own: pure functions of the reply.

steps         of a dialogue: each reply, and what the tools made of it
loop          the detector's version, published rules, whether the stream was ended for it
force         where the thinking was closed by us: how, behind how many tokens, with which string
rescue        the thinking that a rescue from a loop cut off
in_thinking   an answer that stands in the thinking and was not given
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalbudget.contracts import Assignment
from evalbudget.errors import where_raised
from evalbudget.reasoning.budgets import OF_A_CUT
from evalbudget.reasoning.loops import LoopKind, LoopVerdict
from evalbudget.reasoning.loops.of_reply import loop_of
from evalbudget.records import JsonValue, Reply, Score, Stopped
from evalbudget.scoring.in_thinking import seen_in_thinking


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """The loop of a row: the columns `loop_*`, and what of it stands in the details."""

    columns: Mapping[str, Any]
    doom: bool
    details: Mapping[str, JsonValue]


def loop_found(reply: Reply | None) -> Loop | None:
    """Of a reply that was rescued: the loop that it was rescued from."""
    if reply is None:
        return None
    rescue = reply.notes.get("rescue")
    loop = rescue.get("loop") if isinstance(rescue, Mapping) else None
    if isinstance(loop, Mapping):
        return _rescued(loop, stopped=reply.stopped is Stopped.LOOP)
    try:
        verdict = loop_of(reply)
    except Exception as error:  # noqa: BLE001 - a bug met in one reply must not end a run of hours
        failed = f"{type(error).__name__} at {where_raised(error)}"
        return Loop(columns={}, doom=False, details={"loop": {"failed": failed}})
    columns = {
        "loop_kind": verdict.kind,
        "loop_doom": verdict.doom,
        "loop_onset_token": verdict.onset_token,
        "loop_period_tokens": verdict.period_tokens,
        "loop_repeats": verdict.repeats,
        "loop_wasted_tokens": verdict.wasted_tokens,
        "loop_segment": verdict.segment,
    }
    said = dict(_loop_details(verdict))
    if reply.stopped is Stopped.LOOP:
        said["stopped"] = True
    return Loop(columns=columns, doom=verdict.doom, details={"loop": said})


def cut_details(reply: Reply | None) -> Mapping[str, JsonValue]:
    """How the thinking was closed, where we closed it."""
    notes = reply.notes if reply is not None else {}
    return {name: notes[name] for name in OF_A_CUT if name in notes}


def unsaid(assignment: Assignment, reply: Reply | None, score: Score | None) -> Mapping[str, JsonValue]:
    """What the thinking says, of a reply that is not right."""
    if reply is None or score is None or score.value >= 1 or not assignment.reads_thinking:
        return {}
    seen = seen_in_thinking(assignment.scorer, assignment.sample, reply)
    return {"in_thinking": dict(seen)} if seen is not None else {}


def step_details(reply: Reply | None) -> Mapping[str, JsonValue]:
    """A dialogue's steps, so that nothing of it is lost and it can be scored again; empty without one."""
    if reply is None or not reply.steps:
        return {}
    steps: list[JsonValue] = []
    for step in reply.steps:
        calls: list[JsonValue] = [
            {"name": call.name, "arguments": call.arguments} for call in step.tool_calls
        ]
        said: dict[str, JsonValue] = {"turn": step.turn, "answer": step.answer, "tool_calls": calls}
        said["results"] = list(step.results)
        steps.append(said | ({"reasoning": step.reasoning} if step.reasoning else {}))
    return {"steps": steps}


def _loop_details(loop: LoopVerdict) -> Mapping[str, JsonValue]:
    """What the columns do not say: the detector's version, and what published rules say of the reply."""
    rules = loop.published
    said: dict[str, JsonValue] = {"version": loop.version, "liquid": rules.liquid, "vllm": rules.vllm}
    said["ngram30x20"] = rules.ngram30x20
    if loop.kind is not LoopKind.NONE or loop.runaway:
        said |= {"recovered": loop.recovered, "runaway": loop.runaway, "certain_token": loop.certain_token}
        said |= {"rho16_tail": rules.rho16_tail, "rho8_tail": rules.rho8_tail, "unit": loop.unit}
    return said


def _rescued(loop: Mapping[str, Any], *, stopped: bool) -> Loop:
    names = ("kind", "onset_token", "period_tokens", "repeats", "wasted_tokens", "segment")
    columns = {f"loop_{name}": loop.get(name) for name in names}
    said: dict[str, JsonValue] = {"version": loop.get("version"), "stopped": stopped, "rescued": True}
    said["certain_token"] = loop.get("certain_token")
    return Loop(columns=columns | {"loop_doom": True}, doom=True, details={"loop": said})
