"""BFCL's conversations: multi-turn, memory and web search, judged as their authors judge them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from itertools import chain
from typing import Any

from evalbudget.errors import InputError
from evalbudget.isolation import bounded
from evalbudget.records import JsonValue, Reply, Sample, Score, Step, ToolCall
from evalbudget.scoring.bfcl.simulated.sources import check_mathematics, package, release
from evalbudget.scoring.bfcl.simulated.steps import judge, last_text
from evalbudget.scoring.bfcl.simulated.world import Scenario

CONVERSATIONS = ("multi_turn_", "memory_", "web_search_")
"""How the categories begin that this scorer judges."""

_SHOWN = 500
"""Characters of a text in details."""
_PUNCTUATION = re.compile(r"[,./\-_*^()]")
_SEARCH_PARTS = {"serpapi": "google-search-results", "requests": "requests", "bs4": "beautifulsoup4"} | {
    "html2text": "html2text"
}


def ready(category: str, version: str = "v4") -> None:
    """Raise InputError, one line that says what to do, where samples of `category` cannot be judged here."""
    if category == "memory_vector":
        raise InputError("BFCL's memory_vector needs an embedding model and is not built; kv and rec_sum are")
    package(version)
    if category.startswith("multi_turn_"):
        check_mathematics()
    if category.startswith("web_search_"):
        missing = [pip for module, pip in _SEARCH_PARTS.items() if find_spec(module) is None]
        if missing:
            raise InputError(f"BFCL's web search needs more packages: pip install {' '.join(missing)}")
        if not os.environ.get("SERPAPI_API_KEY"):
            raise InputError("BFCL's web search needs a key of serpapi.com in the variable SERPAPI_API_KEY")


def scenario_of(sample: Sample, memory: Mapping[str, JsonValue] | None = None) -> Scenario:
    """What the sample's world is made of; `memory` is what its memory holds at the beginning."""
    extra: Mapping[str, Any] = sample.extra
    return Scenario(
        version=str(extra["version"]),
        classes=tuple(extra["involved_classes"]),
        config=extra.get("initial_config") or {},
        long_context="long_context" in (sample.category or ""),
        memory=memory,
    )


def score_turns(sample: Sample, reply: Reply) -> Score:
    """1 where the conversation in `reply.steps` passes the official checks.

    multi_turn_*: after each turn, the states of the simulated APIs are those of the ground truth's calls, and
    their results have been seen. memory_*, web_search_*: the last text holds one of the possible answers.
    details: `version`, `mode`, `requests`; `reason` of what is wrong (null where nothing is); for multi-turn
    the `turn` where it showed, `calls`, `unneeded_calls` (turns that call something where the ground truth
    does not), and `apis`, whose classes they are; and what the dialogue noted.
    Raises TimeLimitError, InputError. Source: bfcl_eval, eval_checker/eval_runner.py.
    """
    turns = _by_turn(reply.steps)
    category = sample.category or ""
    score = _multi_turn if category.startswith("multi_turn_") else _agentic
    found = score(sample, turns)
    asked = {"version": sample.extra["version"], "mode": _mode(sample), "requests": len(reply.steps)}
    details = {**asked, **found.details, **reply.notes}
    return Score(value=found.value, extracted=found.extracted, details=details)


def turns_from_recorded(value: object) -> tuple[Step, ...]:
    """The official `result` of a conversation → its steps.

    `value` is a list of turns, each a list of steps, each a text or a list of `{name: arguments}`. An empty
    turn becomes a step that says nothing. Raises ValueError for another shape.
    """
    if not isinstance(value, list) or not all(isinstance(turn, list) for turn in value):
        raise ValueError("a conversation is a list of turns, each a list of steps")
    return tuple(_recorded_step(number, step) for number, turn in enumerate(value) for step in turn or [""])


def _multi_turn(sample: Sample, turns: Sequence[Sequence[Step]]) -> Score:
    truth: Any = sample.extra["ground_truth"]
    if not turns:
        return Score(
            value=0.0, extracted=None, details={"reason": "inference_error", "turn": None, "calls": 0}
        )
    found = bounded(judge, scenario_of(sample), turns, _mode(sample), truth)
    made = list(chain.from_iterable(found.calls))
    details: dict[str, JsonValue] = {
        "apis": f"bfcl-eval {release(str(sample.extra['version']))}",
        "reason": found.reason,
        "turn": found.turn,
        "calls": len(made),
        "unneeded_calls": [
            number
            for number, (calls, expected) in enumerate(zip(found.calls, truth, strict=False))
            if calls and not expected
        ],
    }
    if found.differences:
        details["differences"] = {name: list(keys) for name, keys in found.differences.items()}
    if found.missing:
        details["missing_results"] = [result[:_SHOWN] for result in found.missing[:5]]
    text = " | ".join(", ".join(calls) for calls in found.calls)
    return Score(value=float(found.valid), extracted=text[:_SHOWN] if made else None, details=details)


def _agentic(sample: Sample, turns: Sequence[Sequence[Step]]) -> Score:
    possible: Any = sample.extra["ground_truth"]
    text = (
        bounded(last_text, turns[0], _mode(sample), str(sample.extra["version"])) if len(turns) == 1 else None
    )
    if text is None:
        reason = "inference_error" if len(turns) != 1 else "no_last_message"
        return Score(value=0.0, extracted=None, details={"reason": reason})
    correct = any(holds_answer(text, str(answer)) for answer in possible)
    details: dict[str, JsonValue] = {"reason": None if correct else "answer_not_found"}
    return Score(value=float(correct), extracted=text[:_SHOWN], details=details)


def holds_answer(text: str, answer: str) -> bool:
    """Whether `answer` stands in `text` between word boundaries, case and the signs `,./-_*^()` aside.

    Source: bfcl_eval, eval_checker/agentic_eval/agentic_checker.py.
    """
    return re.search(rf"\b{re.escape(_standardised(answer))}\b", _standardised(text)) is not None


def _standardised(text: str) -> str:
    return _PUNCTUATION.sub("", text).lower().replace("'", '"')


def _mode(sample: Sample) -> str | None:
    mode = sample.extra.get("mode")
    return mode if isinstance(mode, str) else None


def _by_turn(steps: Iterable[Step]) -> tuple[tuple[Step, ...], ...]:
    turns: dict[int, list[Step]] = {}
    for step in steps:
        turns.setdefault(step.turn, []).append(step)
    last = max(turns, default=-1)
    return tuple(tuple(turns.get(number, ())) for number in range(last + 1))


def _recorded_step(turn: int, value: object) -> Step:
    if isinstance(value, str) or value is None:
        return Step(turn=turn, answer=value or "")
    if isinstance(value, list) and all(isinstance(call, dict) for call in value):
        return Step(turn=turn, answer="", tool_calls=tuple(_recorded_calls(value)))
    return Step(turn=turn, answer=json.dumps(value, ensure_ascii=False))


def _recorded_calls(calls: Sequence[Mapping[str, object]]) -> Iterable[ToolCall]:
    for call in calls:
        for name, arguments in call.items():
            written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
            yield ToolCall(name=str(name), arguments=written)
