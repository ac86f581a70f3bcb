"""Rows of a file of recorded replies → replies, told apart by their keys.

    id, answer or tool_calls       evalbudget's own: the contract of `evalbudget score`
    id, result                     BFCL's result files (bfcl-eval)
    doc_id, doc, resps             lm-eval's samples_*.jsonl
    sample_id, task, answer        a run's attempts: its journal, or `evalbudget export`
    prompt, response               IFEval's input_response_data: no id, the prompt says which question it is

Where our own have `response`, `completion` or `output` instead of `answer`, that is the answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from evalbudget.errors import InputError
from evalbudget.records import JsonValue, Reply, Step, ToolCall

Row: TypeAlias = Mapping[str, object]
Split: TypeAlias = Callable[[str], tuple[str, str]]
"""(thinking, answer) of an answer that holds both."""

_ANSWER = ("answer", "response", "completion", "output")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recorded reply, and what the file says of its question."""

    place: str
    """File and line, for errors."""
    reply: Reply
    id: str | None = None
    """The question's id; None where something else names it."""
    prompt: str | None = None
    """The question's prompt, where that names it."""
    doc: Row | None = None
    """lm-eval's row of the data, which names the question."""
    number: str | None = None
    """lm-eval's `doc_id`: the number of that row."""
    repeat: object = None
    """As it stands there, for `choices.asked`; so is the next."""
    target: object = None
    failure: str | None = None
    """Why there was no reply, in a run of our own; then there is nothing to judge."""


def read_recordings(rows: Iterable[tuple[str, Row]], task: str, split: Split) -> Iterator[Recording]:
    """The replies of rows with their places, in order; attempts at other tasks than `task` are passed over.

    Raises InputError, with the place, for rows of no known form.
    """
    filter_name: object = None
    for place, row in rows:
        if "doc_id" in row and "resps" in row:
            filter_name = filter_name if filter_name is not None else row.get("filter", "")
            if (
                row.get("filter", "") == filter_name
            ):  # a task with several filters logs each answer once for each
                yield from _of_lm_eval(row, place, split)
        elif "sample_id" in row or row.get("kind") in ("journal", "run", "server", "reading"):
            if row.get("kind", "attempt") == "attempt" and row.get("task", task) == task:
                yield _of_attempt(row, place)
        elif "id" in row and "result" in row and "answer" not in row:
            yield _of_bfcl(row, place, split)
        elif "id" not in row and isinstance(row.get("prompt"), str) and "response" in row:
            reply = _reply(row, "response", place, split)
            yield Recording(place=place, reply=reply, prompt=str(row["prompt"]))
        else:
            yield _of_ours(row, place, split)


def _of_ours(row: Row, place: str, split: Split) -> Recording:
    sample_id = _id(row, "id", place)
    answers = [key for key in _ANSWER if key in row]
    if not answers and "tool_calls" not in row:
        raise InputError(f"{place}: neither `answer` nor `tool_calls`; keys: {', '.join(map(str, row))}")
    if len(answers) > 1 and "answer" not in row:
        raise InputError(f"{place}: which is the answer, `{'` or `'.join(answers)}`? name it `answer`")
    reply = _reply(row, answers[0] if answers else "answer", place, split)
    return Recording(
        place=place, reply=reply, id=sample_id, repeat=row.get("repeat"), target=row.get("target")
    )


def _of_bfcl(row: Row, place: str, split: Split) -> Recording:
    """Source: bfcl_eval, _llm_response_generation.py and model_handler/base_handler.py (what it writes)."""
    result = row["result"]
    reasoning = row.get("reasoning_content")
    if isinstance(result, list) and all(isinstance(call, dict) for call in result):
        calls = tuple(
            ToolCall(name=str(name), arguments=_json_text(arguments))
            for call in result
            for name, arguments in call.items()
        )
        thought = reasoning if isinstance(reasoning, str) else ""
        return Recording(
            place=place, id=_id(row, "id", place), reply=Reply(reasoning=thought, answer="", tool_calls=calls)
        )
    thought_as = {"reasoning": reasoning} if isinstance(reasoning, str) else {}
    reply = _reply({"answer": result, **thought_as}, "answer", place, split)
    return Recording(place=place, id=_id(row, "id", place), reply=reply)


def _of_lm_eval(row: Row, place: str, split: Split) -> Iterator[Recording]:
    """Source: lm_eval, loggers/evaluation_tracker.py and evaluator.py (`resps`: requests × repeats)."""
    doc, resps = row.get("doc"), row["resps"]
    first = resps[0] if isinstance(resps, list) and resps else None
    texts = first if isinstance(first, list) else [first]
    if not isinstance(doc, Mapping) or not texts or not all(isinstance(text, str) for text in texts):
        raise InputError(
            f"{place}: lm-eval's `doc` and `resps`, as a generation task logs them, were expected"
        )
    for repeat, text in enumerate(texts):
        reasoning, answer = split(str(text))
        yield Recording(
            place=place,
            reply=Reply(reasoning=reasoning, answer=answer),
            doc=doc,
            number=str(row["doc_id"]),
            repeat=repeat,
            target=row.get("target"),
        )


def _of_attempt(row: Row, place: str) -> Recording:
    sample_id = _id(row, "sample_id", place)
    if row.get("status") == "failed" and row.get("error_kind") != "scorer":
        nothing = Reply(reasoning="", answer="")
        failure = f"no reply to judge: {row.get('error') or row.get('error_kind')}"
        return Recording(place=place, id=sample_id, reply=nothing, failure=failure)
    if "answer" not in row or not row.get("prompt", True):
        hint = "of a private task's attempts `export --include-private` writes it"
        raise InputError(f"{place}: an attempt without its `answer`; {hint}")
    details = _from_json(row.get("details"), place)
    steps = details.get("steps") if isinstance(details, dict) else None
    reply = Reply(
        reasoning=_text(row, "reasoning", place),
        answer=_text(row, "answer", place),
        tool_calls=tuple(_tool_calls(_from_json(row.get("tool_calls"), place), place)),
        finish_reason=_text(row, "finish_reason", place) or None,
        steps=tuple(_steps(steps, place)),
    )
    repeat = row.get("repeat")
    repeat = int(repeat) if isinstance(repeat, str) and repeat.isdecimal() else repeat
    return Recording(place=place, id=sample_id, reply=reply, repeat=repeat)


def _reply(row: Row, key: str, place: str, split: Split) -> Reply:
    finish_reason = _text(row, "finish_reason", place) or None
    if isinstance(row.get(key), list):
        return _conversation(row[key], place, finish_reason)
    answer, reasoning = _text(row, key, place), _text(row, "reasoning", place)
    if not reasoning:
        reasoning, answer = split(answer)
    calls = tuple(_tool_calls(row.get("tool_calls"), place))
    return Reply(reasoning=reasoning, answer=answer, tool_calls=calls, finish_reason=finish_reason)


def _conversation(turns: object, place: str, finish_reason: str | None) -> Reply:
    from evalbudget.scoring.bfcl.turns import turns_from_recorded  # noqa: PLC0415 - for few files

    try:
        steps = turns_from_recorded(turns)
    except ValueError as error:
        raise InputError(f"{place}: {error}") from None
    return Reply(
        reasoning="", answer=steps[-1].answer if steps else "", steps=steps, finish_reason=finish_reason
    )


def _steps(value: object, place: str) -> Iterator[Step]:
    """As `details.steps` of an attempt holds them."""
    for step in value if isinstance(value, list) else ():
        if not isinstance(step, dict) or not isinstance(step.get("turn"), int):
            raise InputError(f"{place}: `details.steps` is not as a run writes it")
        results = step.get("results")
        yield Step(
            turn=step["turn"],
            answer=_text(step, "answer", place),
            tool_calls=tuple(_tool_calls(step.get("tool_calls"), place)),
            reasoning=_text(step, "reasoning", place),
            results=tuple(map(str, results)) if isinstance(results, list) else (),
        )


def _id(row: Row, key: str, place: str) -> str:
    value = row.get(key)
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise InputError(f"{place}: `{key}` must be a text or a whole number")
    return str(value)


def _text(row: Row, key: str, place: str) -> str:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{place}: `{key}` must be a text, or null")
    return value or ""


def _tool_calls(value: object, place: str) -> Iterator[ToolCall]:
    """Calls as the chat API gives them (`function` around name and arguments), or bare."""
    if value is not None and not isinstance(value, list):
        raise InputError(f"{place}: `tool_calls` must be a list")
    for call in value or []:
        function = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise InputError(f"{place}: each of `tool_calls` needs a `name` and `arguments`")
        identity = call.get("id")
        yield ToolCall(
            name=function["name"],
            arguments=_json_text(function.get("arguments", {})),
            id=identity if isinstance(identity, str) else None,
        )


def _json_text(arguments: object) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _from_json(value: object, place: str) -> object:
    """A cell of CSV or Parquet holds lists and objects as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        read: JsonValue = json.loads(value) if value else None
    except ValueError as error:
        raise InputError(f"{place}: not valid JSON in a cell: {error}") from None
    return read
