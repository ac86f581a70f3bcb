"""Private tasks: what of their rows may leave this machine, and what may stand in a line that is shown.

The authors of some data ask that no question becomes public. The store and the journal of a run keep
everything; exports, reports, printed lines and shared pages keep figures, ids and categories, and of texts
only what this module lets through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from evalbudget.contracts import Assignment
from evalbudget.records import Failure, JsonValue, Reply

PRIVATE_WORDS: Final = ("gpqa",)
"""A task with one of these in its name is private, whatever the store says of it: GPQA by any road."""

TEXTS: Final = ("prompt", "reasoning", "answer", "tool_calls", "error")
"""Columns of `attempts` that are left out entirely."""

WORDS: Final = ("extracted", "target")
"""Columns of `attempts` of which a single letter is kept: it says nothing without the options."""

LETTER: Final = "[A-Za-z]"
"""Regular expression (RE2 and Python) for what is kept of `WORDS`."""

DETAILS: Final[Mapping[str, str]] = {
    "form": "boxed|stated|concluded|text|bare",
    "first_match": LETTER,
    "first_match_correct": "true|false",
    "option_order": "[A-Z]{2,26}",
    "option_position": "[0-9]{1,2}",
    "seen_in_thinking": "concluded|mentioned",
}
"""Keys of `details` that are kept, each with a regular expression for its value; the others may quote."""

REQUEST: Final = ("messages", "tools")
"""Keys of `request` that are left out."""

_RUN: Final = 16
"""So many letters and digits in a row, shared with a task's text, are a quotation."""
_NOT_WORDS = re.compile(r"[\W_]+")
_OWN_WORDS = re.compile(
    r"(?:HTTP \d{3} from \S{1,200}(?: \(no key was sent: set api_key_env\))?"
    r"|the server sent an error instead of a reply)(?=: )"
)
"""How `endpoints/failures.py` begins what it then quotes."""
LEFT_OUT: Final = "the words are left out, for they quote a private task"


def is_private(task: str) -> bool:
    """Whether a task is private by its name alone."""
    return any(word in task.lower() for word in PRIVATE_WORDS)


def public_word(text: str | None) -> str | None:
    """What is kept of an extracted answer or of a target."""
    return text if text is not None and re.fullmatch(LETTER, text) else None


def public_details(details: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What is kept of a score's details."""
    return {key: details[key] for key in DETAILS if key in details and _is_public(key, details[key])}


def _is_public(key: str, value: JsonValue) -> bool:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return value is None or re.fullmatch(DETAILS[key], text) is not None


def unquoting(result: Reply | Failure, assignment: Assignment) -> Reply | Failure:
    """The same; a failure of a private task's job with a message that does not quote what was sent or came.

    A server that refuses a request likes to repeat it, and the message stands in lines that are shown, and in
    the rows of other tasks' jobs when a lane gives up.
    """
    if isinstance(result, Reply) or not assignment.private:
        return result
    if not quotes(result.message, _texts(assignment, result.partial)):
        return result
    known = _OWN_WORDS.match(result.message)
    return replace(result, message=f"{known[0]}: {LEFT_OUT}" if known else LEFT_OUT)


def quotes(message: str, texts: Iterable[str]) -> bool:
    """Whether the message shares a run of letters and digits with one of the texts, or holds a short one.

    Case, punctuation and white space do not count, so that escaping and cutting hide nothing.
    """
    said = _bare(message)
    runs = {said[place : place + _RUN] for place in range(len(said) - _RUN + 1)}
    for text in map(_bare, texts):
        if len(text) < _RUN:
            if len(text) > _RUN // 2 and text in said:
                return True
        elif any(run in text for run in runs):
            return True
    return False


def _bare(text: str) -> str:
    return _NOT_WORDS.sub("", text).casefold()


def _texts(assignment: Assignment, partial: Reply | None) -> Iterator[str]:
    """All that a message could quote of a job."""
    sample = assignment.sample
    yield from (message.content for message in assignment.request.messages)
    yield from (sample.prompt, sample.target, sample.system or "")
    if sample.choices is not None:
        yield from sample.choices.options
    yield from map(str, sample.extra.values())
    if partial is not None:
        yield from (partial.reasoning, partial.answer)
        yield from (call.arguments for call in partial.tool_calls)
