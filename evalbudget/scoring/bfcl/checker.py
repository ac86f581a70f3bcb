"""Whether calls are those that a question asks for: compared with its possible answers.

A possible answer names one function and lists, for each parameter, the values that are right; an empty text
among them means that the parameter may be left out. Values are compared by exact type (a whole number
passes for a decimal one), texts without regard to case and the signs ` ,./-_*^`. Calls of a parallel
question may come in any order; each possible answer takes the first call that fits.
Source: bfcl_eval, eval_checker/ast_eval/ast_checker.py, the same for v3 and v4; with its corners: an empty
list passes where a list may be left out, and entries of lists and dictionaries are compared one level deep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from evalbudget.scoring.bfcl.calls import Call
from evalbudget.scoring.bfcl.java_values import JAVA_TYPES, java_value
from evalbudget.scoring.bfcl.javascript_values import JAVASCRIPT_TYPES, javascript_value

Language: TypeAlias = Literal["python", "java", "javascript"]

_PYTHON_TYPES: Mapping[str, type] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "any": str,
}
_WITH_ENTRIES: Mapping[Language, frozenset[str]] = {
    "python": frozenset({"array", "tuple"}),
    "java": frozenset({"Array", "ArrayList", "array"}),
    "javascript": frozenset({"Array", "ArrayList", "array"}),
}
_TYPES: Mapping[Language, Mapping[str, type]] = {
    "python": _PYTHON_TYPES,
    "java": JAVA_TYPES,
    "javascript": JAVASCRIPT_TYPES,
}
_IGNORED = str.maketrans({**dict.fromkeys(" ,./-_*^"), "'": '"'})
_SHOWN = 80
"""Characters of a value in a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What calls are compared with."""

    functions: Sequence[Mapping[str, Any]]
    """The descriptions of the functions offered, as in the data."""
    answers: Sequence[Mapping[str, Mapping[str, Sequence[Any]]]]
    """The calls wanted: function → parameter → right values."""
    language: Language
    category: str
    underscores: bool
    """Whether `a_b` stands for the function `a.b` too: tools are offered under such names."""
    officially: bool = True
    """Whether Java's collections are read with the official converter's faults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why calls are not right."""

    word: str
    """wrong_count, wrong_name, missing_parameter, unexpected_parameter, wrong_type, wrong_value, no_match."""
    reason: str
    """One line."""


def problem_of(calls: Sequence[Call], question: Question) -> Problem | None:
    """What is wrong with the calls; None where they are right."""
    answers = question.answers
    if len(calls) != len(answers):
        return Problem(word="wrong_count", reason=f"calls: {len(calls)}, wanted: {len(answers)}")
    if "parallel" in question.category:
        return _in_any_order(calls, question)
    if "multiple" in question.category:
        return _of_call(calls[0], answers[0], _described(question, answers[0]), question)
    return _of_call(calls[0], answers[0], question.functions[0], question)


def contradiction(question: Question) -> str | None:
    """Why no call at all can be right: the possible answers do not fit the descriptions."""
    for answer in question.answers:
        parameters = _described(question, answer)["parameters"]
        for name, wanted in answer.items():
            for parameter in parameters["required"]:
                if not wanted.get(parameter):
                    return f"{parameter} is required by {name}, and no value of it is right"
            for parameter, options in wanted.items():
                if parameter not in parameters["properties"] and "" not in options:
                    return f"{parameter} is wanted and no parameter of {name}"
    return None


def _in_any_order(calls: Sequence[Call], question: Question) -> Problem | None:
    left = list(calls)
    for number, answer in enumerate(question.answers, 1):
        description = _described(question, answer)
        problems = [_of_call(call, answer, description, question) for call in left]
        if None not in problems:
            near = next((each for each in problems if each and each.word != "wrong_name"), problems[0])
            said = near.reason if near else ""
            return Problem(word="no_match", reason=f"wanted call {number} ({next(iter(answer))}): {said}")
        del left[problems.index(None)]
    return None


def _described(question: Question, answer: Mapping[str, object]) -> Mapping[str, Any]:
    """The description of the function that a possible answer names."""
    name, functions = next(iter(answer)), question.functions
    return next((function for function in functions if function["name"] == name), functions[0])


def _of_call(
    call: Call,
    answer: Mapping[str, Mapping[str, Sequence[Any]]],
    description: Mapping[str, Any],
    question: Question,
) -> Problem | None:
    name = description["name"]
    if call.name not in ({name, name.replace(".", "_")} if question.underscores else {name}):
        return Problem(word="wrong_name", reason=f"{_brief(call.name)} is called, not {name}")
    parameters = description["parameters"]
    wanted = next(iter(answer.values()))
    for parameter in parameters["required"]:
        if parameter not in call.arguments:
            return Problem(word="missing_parameter", reason=f"{parameter} is required")
    for parameter, value in call.arguments.items():
        if parameter not in parameters["properties"] or parameter not in wanted:
            return Problem(word="unexpected_parameter", reason=f"{_brief(parameter)} is not wanted")
        details = parameters["properties"][parameter]
        problem = _of_value(value, wanted[str(parameter)], details, question)
        if problem is not None:
            return Problem(word=problem, reason=f"{parameter}: {_brief(value)}")
    for parameter, options in wanted.items():
        if parameter not in call.arguments and "" not in options:
            return Problem(word="missing_parameter", reason=f"{parameter} is wanted here")
    return None


def _of_value(
    value: object, options: Sequence[Any], details: Mapping[str, Any], question: Question
) -> str | None:
    """wrong_type, wrong_value, or None where the value is one of `options`."""
    described: str = details["type"]
    language = question.language
    kind = _TYPES[language][described]
    inner: str | None = details["items"]["type"] if described in _WITH_ENTRIES[language] else None
    if language != "python":
        if not isinstance(value, str):
            return "wrong_type"
        if language == "java":
            value = java_value(value, described, inner, officially=question.officially)
        else:
            value = javascript_value(value, described, inner)
    elif described == "tuple" and isinstance(value, tuple):
        value = list(value)
    elif described == "float" and type(value) is int:
        value = _as_decimal(value)
    mixed = inner == "any" and not question.officially
    inner_kind = None if inner is None or mixed else _TYPES[language][inner]
    fits, variable = _fits(value, options, kind, inner_kind)
    if not fits:
        return "wrong_type"
    return None if _among(value, options, kind, inner_kind, variable=variable) else "wrong_value"


def _as_decimal(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _fits(value: object, options: Sequence[Any], kind: type, inner: type | None) -> tuple[bool, bool]:
    """Whether the type is right, and whether it is that of a variable: the possible answers' type, where it
    differs from the described one."""
    first = next((type(option) for option in options if option != ""), None)
    if type(value) is kind:
        if inner is None or _entries_fit(value, options, inner):
            return True, first is not None and first is not kind
        return False, False
    return first is not None and type(value) is first, True


def _entries_fit(value: object, options: Sequence[Any], inner: type) -> bool:
    """Whether the entries have the right type for one of the options; for one that is no list, all do."""
    entries = value if isinstance(value, list) else []
    return any(
        not isinstance(option, list) or all(_fits(entry, option, inner, None)[0] for entry in entries)
        for option in options
    )


def _among(value: object, options: Sequence[Any], kind: type, inner: type | None, *, variable: bool) -> bool:
    """Whether the value, whose type is right, is one of the options."""
    if variable:
        return value in options
    if kind is dict:
        return any(_same_dictionary(value, option) for option in options)
    if isinstance(value, list) and inner is dict:
        return any(_same_dictionaries(value, option) for option in options)
    if isinstance(value, list):
        return any(_plain_entries(value) == _plain_entries(option) for option in options)
    if kind is str:
        return _plain(value) in [_plain(option) for option in options if isinstance(option, str)]
    return value in options


def _same_dictionary(value: object, option: object) -> bool:
    """Whether each key holds one of the values listed for it, and none is missing that has to be there."""
    if not isinstance(value, dict) or not isinstance(option, dict):
        return False
    for key, entry in value.items():
        if key not in option or _plain(entry) not in (_plain_entries(option[key]) or []):
            return False
    return all(key in value or "" in listed for key, listed in option.items())


def _same_dictionaries(value: Sequence[object], option: object) -> bool:
    """The same for lists of dictionaries, in order."""
    if not isinstance(option, list | str) or len(value) != len(option):
        return False
    return all(_same_dictionary(entry, each) for entry, each in zip(value, option, strict=True))


def _plain(value: object) -> object:
    """A text without what comparison ignores; anything else as it is."""
    return value.translate(_IGNORED).lower() if isinstance(value, str) else value


def _plain_entries(option: object) -> list[object] | None:
    """The entries of a list, plain; a text counts as the list of its characters, as officially."""
    return [_plain(entry) for entry in option] if isinstance(option, list | str) else None


def _brief(value: object) -> str:
    """A value in a reason."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
