"""How thinking comes, and how well it is counted."""

from __future__ import annotations

from collections.abc import Mapping

from evalbudget.doctor.findings import Seen, counted, missing, partly, unknown, works
from evalbudget.doctor.interview import NO_THINKING, Interview, thinks
from evalbudget.doctor.mends import COUNTED_ZERO, EXACT, OPENED, PARSER, REASONING_TOKENS, mend
from evalbudget.reasoning.counting import count_tokens
from evalbudget.records import JsonValue, ReasoningForm, ServerRecord, TokenSource

_WAYS: Mapping[TokenSource, str] = {
    TokenSource.TOKEN_IDS: "by token ids, exact",
    TokenSource.TIMINGS: "by the server's running count, exact",
    TokenSource.USAGE: "by the server's own figure, which is believable",
    TokenSource.TOKENIZE: "by the server's tokenizer, off by a few at the ends",
    TokenSource.ESTIMATE: "estimated from the lengths of thinking and answer",
}
_PARSER_FLAGS = ("--reasoning-parser", "--reasoning_parser", "reasoning_parser", "--reasoning-format")


async def field(asked: Interview) -> Seen:
    """The field, or the markers, that hold the thinking."""
    reply = await asked.natural()
    tokens = count_tokens(reply).reasoning
    many = "" if tokens is None else f", {counted(tokens, 'token')}"
    parser = parser_of(asked.record)
    started = f", parser {parser}" if parser else ""
    engine = asked.record.engine
    match reply.reasoning_form:
        case ReasoningForm.FIELD:
            return works(f"in the field `{reply.reasoning_field or 'reasoning'}`{started}{many}")
        case ReasoningForm.INLINE:
            return partly(f"inside the content, between its markers{started}{many}", mend(PARSER, engine))
        case ReasoningForm.HARMONY:
            return partly(
                f"inside the content, on harmony's analysis channel{started}{many}", mend(PARSER, engine)
            )
    hidden = reply.usage.reasoning_tokens or 0
    if hidden:
        return partly(f"{counted(hidden, 'token')} of it counted, but no text shown")
    if reply.finish_reason == "length":
        return unknown("none seen in a reply that was cut, and no marker of it", mend(OPENED, engine))
    return unknown("the model did not think before this answer")


async def reasoning_tokens(asked: Interview) -> Seen:
    """`reasoning_tokens` in the usage: present, and true."""
    reply = await asked.natural()
    engine, told, counts = asked.record.engine, reply.usage.reasoning_tokens, count_tokens(reply)
    if not thinks(reply) and not told:
        return unknown(f"{'not in the usage' if told is None else 'says 0'}; {NO_THINKING}")
    if told is None:
        return missing("not in the usage, although it thought", mend(REASONING_TOKENS, engine))
    if told == 0:
        many = "" if counts.reasoning is None else f" {counted(counts.reasoning, 'token')}"
        return missing(f"says 0, although it thought{many}", mend(COUNTED_ZERO, engine))
    if counts.source not in {TokenSource.TOKEN_IDS, TokenSource.TIMINGS} or counts.reasoning is None:
        return works(f"says {told:,}, which fits the text")
    marker = engine == "sglang" and bool(reply.thinking_closed)
    if told - marker == counts.reasoning:
        return works(
            f"says {told:,}, as the token counts do" + (" (the closing marker included)" if marker else "")
        )
    return partly(
        f"says {told:,}; counted by tokens it is {counts.reasoning:,}", "a run takes the exact count"
    )


async def exact_counts(asked: Interview) -> Seen:
    """By what a run counts thinking tokens there."""
    reply = await asked.natural()
    counts, engine = count_tokens(reply), asked.record.engine
    if counts.source is None:
        return missing("nothing tells how many tokens were thought", mend(EXACT, engine))
    thought, answered = _number(counts.reasoning), _number(counts.answer)
    said = f"{thought} thinking + {answered} answer, {_WAYS[counts.source]}"
    if counts.source is TokenSource.ESTIMATE:
        return missing(said, mend(EXACT, engine))
    return partly(said, mend(EXACT, engine)) if counts.source is TokenSource.TOKENIZE else works(said)


def _number(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"


def parser_of(record: ServerRecord) -> str | None:
    """The reasoning parser with which the server was started, where that is known."""
    for name, value in record.flags.items():
        if name.replace("-", "_") == "reasoning_parser" and isinstance(value, str) and value:
            return value
    command = record.flags.get("command")
    return _after_flag(command) if isinstance(command, list) else None


def _after_flag(command: list[JsonValue]) -> str | None:
    words = [word for word in command if isinstance(word, str)]
    for place, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag in _PARSER_FLAGS:
            return value if equals else (words[place + 1] if place + 1 < len(words) else None)
    return None
