"""`bfcl`: the entry point, by category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evalbudget.records import JsonValue, Reply, Sample, Score
from evalbudget.scoring.bfcl.calls import Call, NotDecodedError, shown, shown_call
from evalbudget.scoring.bfcl.checker import Language, Problem, Question, contradiction, problem_of
from evalbudget.scoring.bfcl.decoding import Decoded, decoded, written_calls
from evalbudget.scoring.bfcl.java_calls import java_call
from evalbudget.scoring.bfcl.python_calls import in_brackets

_CONVERSATIONS = ("multi_turn", "memory", "web_search")
"""How the categories begin that are judged by what happens in the simulated APIs."""
_MOST_SHOWN = 8
"""Calls in details."""
_AFTER_FENCE = "the word after ```"
_PYTHONIC = "Python's syntax in place of a tool call"


def bfcl(sample: Sample, reply: Reply) -> Score:
    """1 where the reply calls what the question asks for, judged as BFCL's authors do.

    `sample.extra` holds version (v3, v4), mode (fc, prompt; null: not known), functions and ground_truth.
    irrelevance: 1 where nothing is called, or nothing that can be decoded; relevance: 1 where anything is.
    details: `version`, `mode`; `calls_from`: tool_calls, text (the server left them in the content),
    prompt, or null: nothing was called; `calls`, `expected_calls`: how many; `decoded`: the calls; `error`,
    `reason`: why not (null where right); `right_but_for`, `wrong_but_for`: what the official decoder
    stumbles over, where a careful reader's verdict would be the other one; `unanswerable`: why the data let
    no reply be right.
    """
    category = sample.category or ""
    if category.startswith(_CONVERSATIONS):
        from evalbudget.scoring.bfcl.turns import score_turns  # noqa: PLC0415 - needs the simulated APIs

        return score_turns(sample, reply)
    extra: Any = sample.extra
    relevance = "relevance" in category
    language: Language = "python" if relevance else _language(category)
    found = decoded(
        reply,
        mode=extra.get("mode"),
        version=extra["version"],
        language=language,
        offered=bool(extra["functions"]),
    )
    judge = _relevance if relevance else _calls
    problem, remarks = judge(sample, reply, found, language)
    details: dict[str, JsonValue] = {
        "version": extra["version"],
        "mode": extra.get("mode"),
        "calls_from": found.origin,
        "calls": len(found.calls),
        "expected_calls": None if relevance else len(extra["ground_truth"]),
        "decoded": [shown_call(call) for call in found.calls[:_MOST_SHOWN]],
        "error": problem.word if problem else None,
        "reason": problem.reason if problem else None,
        **{name: said for name, said in remarks.items() if said is not None},
    }
    extracted = shown(found.calls[:_MOST_SHOWN]) if found.calls else None
    return Score(value=0.0 if problem else 1.0, extracted=extracted, details=details)


def _calls(
    sample: Sample, reply: Reply, found: Decoded, language: Language
) -> tuple[Problem | None, Mapping[str, str | None]]:
    """What is wrong with the calls, and what to remark on the verdict."""
    question = _question(sample, found, language)
    if found.problem is not None:
        problem: Problem | None = Problem(word=found.word, reason=found.problem)
    else:
        problem = problem_of(found.calls, question)
    if problem is None:
        return None, {}
    stumble = _stumble(sample, reply.answer, found, language)
    return problem, {"right_but_for": stumble, "unanswerable": contradiction(question)}


def _relevance(
    sample: Sample, reply: Reply, found: Decoded, _language: Language
) -> tuple[Problem | None, Mapping[str, str | None]]:
    """The same where all that counts is whether anything is called; what cannot be decoded is no call.

    Source: bfcl_eval, eval_checker/eval_runner.py (_evaluate_single_relevance_entry).
    """
    wanted = "irrelevance" not in (sample.category or "")
    if wanted == bool(found.calls):
        return None, {} if wanted else {"wrong_but_for": _hidden_call(sample, reply, found)}
    if wanted:
        return Problem(word="not_called", reason=found.problem or "a call was wanted"), {}
    return Problem(word="called", reason="nothing here should be called"), {}


def _language(category: str) -> Language:
    return "javascript" if "javascript" in category else "java" if "java" in category else "python"


def _question(sample: Sample, found: Decoded, language: Language) -> Question:
    extra: Any = sample.extra
    return Question(
        functions=extra["functions"],
        answers=extra["ground_truth"],
        language=language,
        category=sample.category or "",
        underscores=found.origin != "prompt",
    )


def _stumble(sample: Sample, answer: str, found: Decoded, language: Language) -> str | None:
    """What the official decoder stumbles over and a careful reader would not, where the calls are right."""
    question = replace(_question(sample, found, language), officially=False)
    readings = [("a collection that the official converter misreads", found.calls)]
    if found.origin == "prompt":
        readings.append((_AFTER_FENCE, _calls_in(sample, _inside_fence(answer), language)))
    if found.origin == "prompt" and language == "java":
        name = readings[0][0] if answer.isascii() else "a character outside ASCII"
        readings.append((name, _read_rightly(answer)))
    if found.origin == "text":
        readings.append((_PYTHONIC, _calls_in(sample, answer, "python")))
    return next((name for name, calls in readings if calls and problem_of(calls, question) is None), None)


def _hidden_call(sample: Sample, reply: Reply, found: Decoded) -> str | None:
    """Why a call does not count as one, where a careful reader would see it."""
    if found.origin == "tool_calls":
        return found.problem
    if found.origin == "text":
        return _PYTHONIC if _calls_in(sample, reply.answer, "python") else None
    return _AFTER_FENCE if _calls_in(sample, _inside_fence(reply.answer), "python") else None


def _inside_fence(answer: str) -> str:
    """What stands between three backticks, the word after the first ones left out; nothing without them."""
    text = answer.strip()
    return text.strip("`").partition("\n")[2] if text.startswith("```") else ""


def _calls_in(sample: Sample, text: str, language: Language) -> tuple[Call, ...]:
    try:
        return written_calls(text, str(sample.extra["version"]), language) if text else ()
    except NotDecodedError:
        return ()


def _read_rightly(answer: str) -> tuple[Call, ...]:
    try:
        return (java_call(in_brackets(answer), officially=False),)
    except NotDecodedError:
        return ()
