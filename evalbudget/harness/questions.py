"""A task's documents as samples: the messages that lm-eval itself sends to a chat endpoint.

They are built by lm-eval's own `fewshot_context` and `construct_requests`, in the order and with the seeds of
`lm_eval --model local-chat-completions --apply_chat_template`; a test compares the two, byte by byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evalbudget.errors import DataError, EvalbudgetError, InputError
from evalbudget.harness.facts import Facts
from evalbudget.harness.lm_eval_task import EXAMPLES_SEED, seeded, shape_of, task_with_data
from evalbudget.harness.quiet import one_line, quiet
from evalbudget.harness.values import to_json
from evalbudget.records import JsonValue, Message, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a suite wants a task asked."""

    num_fewshot: int | None = None
    """Examples before the question; None = the task's own number, else 0."""
    as_multiturn: bool = True
    """Whether each example is a message of the user and one of the assistant, which is lm-eval's default
    with a chat template; else they stand in one message with the question."""
    system: str | None = None
    """Stands before the task's own description in the system message."""


def read_samples(
    facts: Facts, asking: Asking, *, limit: int | None = None, data_folder: Path | None = None
) -> tuple[Sample, ...]:
    """The first `limit` documents, in lm-eval's order; the id is the document's number from 0.

    `extra` holds what `scoring.lm_eval` needs. Raises InputError, and DataError for what data set, task file
    or the authors' own Python raise.
    """
    with quiet(), seeded():
        try:
            task = task_with_data(facts.path, data_folder)
            _set_examples(task, facts, asking.num_fewshot)
            return tuple(_samples(task, facts, asking, limit))
        except EvalbudgetError:
            raise
        except Exception as error:  # noqa: BLE001 - data, network and the authors' Python raise of every kind
            reason = type(error).__name__ if facts.private else one_line(error)
            raise DataError(f"lm_eval/{facts.name}: lm-eval cannot load it: {reason}") from None


def _set_examples(task: Any, facts: Facts, wanted: int | None) -> None:  # noqa: ANN401 - lm-eval has no types
    """As lm-eval does, but for a 0 in the task's file: lm-eval passes over what the user asks for."""
    if wanted and facts.num_fewshot == 0:
        raise InputError(f"lm_eval/{facts.name} takes no examples: its file sets `num_fewshot: 0`")
    task.set_config(key="num_fewshot", value=(wanted if wanted is not None else facts.num_fewshot) or 0)
    task.set_fewshot_seed(seed=EXAMPLES_SEED)


def _samples(task: Any, facts: Facts, asking: Asking, limit: int | None) -> Iterator[Sample]:  # noqa: ANN401
    known: dict[str, JsonValue] = {
        "path": str(facts.path),
        "task": facts.word,
        "until": list(facts.until),
        "repeats": facts.repeats,
        "shape": json.loads(json.dumps(asdict(shape_of(task)))),
    }
    for number, document in task.doc_iterator(limit=limit):
        messages = _messages(task, document, asking, where=f"lm_eval/{facts.name}: document {number}")
        spoken = [message for message in messages if message.role != "system"]
        yield Sample(
            id=str(number),
            prompt=_shown(spoken),
            target=_target(task, document),
            system=next((message.content for message in messages if message.role == "system"), None),
            extra={"lm_eval": known, "doc": _document(document, f"lm_eval/{facts.name}: document {number}")},
            messages=messages,
        )


def _messages(task: Any, document: Any, asking: Asking, *, where: str) -> tuple[Message, ...]:  # noqa: ANN401
    context = task.fewshot_context(
        document,
        num_fewshot=task.config.num_fewshot,
        system_instruction=asking.system,
        apply_chat_template=True,
        fewshot_as_multiturn=asking.as_multiturn,
        chat_template=_as_lm_eval_sends_it,
        gen_prefix=task.doc_to_prefix(document),
    )
    made = task.construct_requests(
        doc=document,
        ctx=context,
        metadata=(task.config.task, 0, 1),
        apply_chat_template=True,
        chat_template=_as_lm_eval_sends_it,
    )
    requests = made if isinstance(made, list) else [made]
    if len(requests) != 1 or not isinstance(requests[0].args[0], str):
        raise InputError(f"{where} takes several requests, which evalbudget does not join")
    said = json.loads(requests[0].args[0])
    return tuple(Message(role=each["role"], content=each["content"]) for each in said)


def _as_lm_eval_sends_it(history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
    """lm-eval's chat models keep the messages as JSON and leave the template to the server (TemplateAPI)."""
    return json.dumps(history, ensure_ascii=False)


def _shown(spoken: list[Message]) -> str:
    """For people, and for the length that a prompt needs."""
    if len(spoken) == 1:
        return spoken[0].content
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in spoken)


def _target(task: Any, document: Any) -> str:  # noqa: ANN401
    """The right answer, for people: the metric reads the document."""
    target = task.doc_to_target(document)
    if isinstance(target, int) and task.config.doc_to_choice is not None:
        target = task.doc_to_choice(document)[target]
    return target if isinstance(target, str) else json.dumps(target, ensure_ascii=False, default=str)


def _document(document: Any, where: str) -> JsonValue:  # noqa: ANN401
    if not isinstance(document, Mapping):
        raise DataError(f"{where} is a {type(document).__name__}, not a row with columns")
    said: dict[str, JsonValue] = {}
    for column, value in document.items():
        try:
            said[str(column)] = to_json(value)
        except TypeError as error:
            raise DataError(f'{where}: column "{column}" holds a {error}, which is no text') from None
    return said
