"""The loop detector over recorded text, for `evalbudget loops`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from evalbudget.errors import InputError
from evalbudget.reasoning.loops.detector import detect_text
from evalbudget.reasoning.loops.verdict import LoopVerdict
from evalbudget.reasoning.split import split_content

_NOT_ATTEMPTS = ("journal", "run", "server", "reading")
"""Kinds of lines in a run's journal that hold no reply."""


@dataclass(frozen=True, slots=True)
class RecordedLoop:
    """The verdict on one recorded reply. Its tokens are pieces: see `pieces.py`."""

    id: str
    verdict: LoopVerdict

    def json_line(self) -> str:
        """One line of JSON without its end.

        Characters and tokens count over the whole text, or over reasoning and answer put together.
        """
        found = self.verdict
        line: dict[str, object] = {
            "id": self.id,
            "kind": found.kind,
            "doom": found.doom,
            "onset_char": found.onset_char,
            "period": found.period_tokens,
            "repeats": None if found.repeats is None else round(found.repeats, 2),
            "wasted_tokens": found.wasted_tokens,
            "recovered": found.recovered,
            "runaway": found.runaway,
            "finished": found.finished,
            "segment": found.segment,
            "onset_token": found.onset_token,
            "span_tokens": found.span_tokens,
            "certain_token": found.certain_token,
            "tokens": found.tokens,
            "unit": found.unit,
            "published": asdict(found.published),
            "version": found.version,
        }
        return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")


def loops_of_lines(text: str, name: str) -> Iterator[RecordedLoop]:
    """A verdict for each line of `text`, in order.

    A line is `{"id", "text" or "reasoning" and "answer", "finish_reason"?}`. Of a run's journal the attempts
    are such lines, with `sample_id`; its other lines are passed over.

    Thinking in `text`, or in an `answer` without `reasoning`, is told by its markers. Without a
    `finish_reason` the text decides whether the reply finished (`ending.py`). Raises InputError that names
    `name` and the line.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            row = _row(line, f"{name}:{number}")
            if row.get("kind") not in _NOT_ATTEMPTS:
                yield _judge(row, f"{name}:{number}")


def _row(line: str, place: str) -> Mapping[str, object]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: not valid JSON: {error}") from None
    if not isinstance(row, dict):
        raise InputError(f'{place}: a JSON object was expected, such as {{"id": "1", "text": "…"}}')
    return row


def _judge(row: Mapping[str, object], place: str) -> RecordedLoop:
    identity = row.get("id", row.get("sample_id"))
    if not isinstance(identity, str | int) or isinstance(identity, bool):
        raise InputError(f"{place}: `id` must be a text or a whole number")
    if not row.keys() & {"text", "reasoning", "answer"}:
        keys = ", ".join(map(str, row))
        raise InputError(f"{place}: neither `text` nor `reasoning` and `answer`; keys: {keys}")
    finish_reason = _text(row, "finish_reason", place) or None
    reasoning, answer = _text(row, "reasoning", place), _text(row, "answer", place)
    if reasoning:
        verdict = detect_text(
            reasoning + answer,
            answer_at=len(reasoning) if answer.strip() else None,
            finish_reason=finish_reason,
            answered=bool(answer.strip()),
        )
    else:
        verdict = _of_whole(_text(row, "text", place) or answer, finish_reason)
    return RecordedLoop(str(identity), verdict)


def _of_whole(text: str, finish_reason: str | None) -> LoopVerdict:
    """The verdict on a text that may hold thinking and answer."""
    parts = split_content(text)
    return detect_text(
        text,
        answer_at=parts.answer_at,
        finish_reason=finish_reason,
        answered=None if parts.closed is None else bool(parts.answer.strip()),
    )


def _text(row: Mapping[str, object], key: str, place: str) -> str:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{place}: `{key}` must be a text, or null")
    return value or ""
