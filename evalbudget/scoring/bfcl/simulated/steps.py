"""The work that is done in worker processes: one step of a conversation, and the judging of a whole one.

Each piece starts from the scenario's beginning and repeats what was called before, so it keeps nothing, and
its results never depend on what else ran. Texts of models are decoded here, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evalbudget.records import JsonValue, Step, ToolCall
from evalbudget.scoring.bfcl.simulated.decode import calls_of, tool_calls_in
from evalbudget.scoring.bfcl.simulated.world import Scenario, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of one step."""

    calls: tuple[str, ...] = ()
    """The texts of its calls; empty where the step ends its turn."""
    results: tuple[str, ...] = ()
    """The text of each call's result."""
    tool_calls: tuple[ToolCall, ...] = ()
    """The same calls as tool calls, where the server left them in the text."""
    memory: Mapping[str, JsonValue] | None = None
    """What a memory scenario holds afterwards; None for another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdict on a multi-turn conversation."""

    valid: bool
    reason: str | None = None
    """The official name of what is wrong; None where nothing is."""
    turn: int | None = None
    """The turn at which it showed."""
    differences: Mapping[str, list[str]] = field(default_factory=dict)
    """Class → attributes whose value differs from the ground truth's."""
    missing: tuple[str, ...] = ()
    """Results of the ground truth's calls that the model never saw."""
    calls: tuple[tuple[str, ...], ...] = ()
    """For each turn: what was called."""


def do_step(scenario: Scenario, before: Sequence[Sequence[str]], step: Step, mode: str | None) -> Done:
    """Decode the step, repeat the calls of the steps `before` it, and carry out its own."""
    calls = _decoded(step, mode, scenario.version)
    world = World(scenario)
    for earlier in before:
        world.run(earlier)
    unparsed = mode != "prompt" and calls and not step.tool_calls
    return Done(
        calls=calls,
        results=tuple(world.run(calls)),
        tool_calls=tool_calls_in(step.answer, scenario.version) if unparsed else (),
        memory=world.memory(),
    )


def shown_memory(scenario: Scenario) -> str:
    """What the system message shows of a memory scenario's beginning."""
    return World(scenario).shown_memory()


def judge(
    scenario: Scenario,
    turns: Sequence[Sequence[Step]],
    mode: str | None,
    ground_truth: Sequence[Sequence[str]],
) -> Judged:
    """The official verdict on a conversation; a step that decodes as no calls counts as none."""
    decoded = [
        [calls for step in steps if (calls := _decoded(step, mode, scenario.version))] for steps in turns
    ]
    return judge_calls(scenario, decoded, ground_truth)


def judge_calls(
    scenario: Scenario, turns: Sequence[Sequence[Sequence[str]]], ground_truth: Sequence[Sequence[str]]
) -> Judged:
    """The same for decoded steps: after each turn with a ground truth, its states and all of its results.

    Calls in a turn whose ground truth is empty are carried out and not punished. Source: bfcl_eval,
    eval_checker/multi_turn_eval/multi_turn_checker.py, eval_runner.py.
    """
    made = tuple(tuple(call for calls in steps for call in calls) for steps in turns)
    if len(turns) != len(ground_truth):
        return Judged(valid=False, reason="force_terminated", turn=len(turns) - 1, calls=made)
    model, truth = World(scenario), World(scenario)
    seen: list[str] = []
    for turn, (steps, expected) in enumerate(zip(turns, ground_truth, strict=True)):
        for calls in steps:
            seen.extend(model.run(calls))
        wanted = truth.run(expected)
        if not expected:
            continue
        if not steps:
            return Judged(valid=False, reason="empty_turn_model_response", turn=turn, calls=made)
        differences = model.differences(truth)
        missing = _not_among(seen, wanted)
        if differences or missing:
            return Judged(
                valid=False,
                reason="instance_state_mismatch" if differences else "execution_response_mismatch",
                turn=turn,
                differences=differences,
                missing=missing,
                calls=made,
            )
    return Judged(valid=True, calls=made)


def last_text(steps: Sequence[Step], mode: str | None, version: str) -> str | None:
    """What the last step says that holds no calls; None where every step calls, or it says nothing.

    Of a step whose calls cannot be read, the first of them, as written: so it is in the official evaluation.
    """
    silent = [step for step in steps if not _decoded(step, mode, version)]
    if not silent:
        return None
    if silent[-1].tool_calls:
        first = silent[-1].tool_calls[0]
        return str({first.name: first.arguments})
    return silent[-1].answer or None


def _decoded(step: Step, mode: str | None, version: str) -> tuple[str, ...]:
    try:
        return calls_of(step.answer, step.tool_calls, mode, version)
    except Exception:  # noqa: BLE001 - whatever a model wrote: for the official evaluation, no calls
        return ()


def _not_among(seen: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Those of `wanted` that `seen` lacks; each of `seen` counts once, whatever the order."""
    left = Counter(seen)
    missing = []
    for result in wanted:
        if left[result] > 0:
            left[result] -= 1
        else:
            missing.append(result)
    return tuple(missing)
