"""Attempts one by one: filtered and paged without their texts, searched within a time, read in pieces.

Texts of private tasks never leave by any of these: they are neither searched nor read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from evalbudget.records import Job
from evalbudget.store.conditions import GENERATED, IN_THINKING, RESCUED, STOPPED
from evalbudget.store.memory import Load, load_of
from evalbudget.store.private import OPTIONS, is_private_sql, private_tasks, public_sql

Ask: TypeAlias = Callable[[str, Sequence[str | int]], list[dict[str, Any]]]
"""SQL and its values → rows, by column."""

_MOST_OF_WORD: Final = 200
"""Characters of an extracted answer and of a target in a list."""
_FIRST_ROWS: Final = 4096
"""A search begins with so many rows at a time, and takes more where they are quickly searched."""
_STEP_S: Final = 0.5
"""What one step of a search should take: until it ends the run's loader waits for the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which attempts of a run; what is left at its default narrows nothing."""

    models: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    sample_id: str | None = None
    """Exactly this one."""
    budget: int | Literal["any"] | None = "any"
    """None = unlimited."""
    outcome: str | None = None
    """One of `OUTCOMES`."""
    only: str | None = None
    """One of `ONLY`."""
    category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLine:
    """An attempt in a list: no texts."""

    task: str
    sample_id: str
    model: str
    budget: int | None
    repeat: int
    category: str | None
    status: str
    """ok or failed."""
    outcome: str | None
    error_kind: str | None
    score: float | None
    extracted: str | None
    """The first 200 characters, as of the next; of private tasks a letter at most."""
    target: str | None
    reasoning_tokens: int | None
    completion_tokens: int | None
    token_source: str | None
    budget_honoured: bool | None
    latency_s: float | None
    loop_kind: str | None
    loop_doom: bool | None
    loop_onset_token: int | None
    loop_period_tokens: int | None
    loop_repeats: float | None
    loop_wasted_tokens: int | None

    @property
    def job(self) -> Job:
        """What it is known by within its run."""
        return Job(
            model=self.model, task=self.task, sample_id=self.sample_id, budget=self.budget, repeat=self.repeat
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPage:
    """Some of the attempts that were wanted."""

    lines: tuple[AttemptLine, ...]
    total: int
    """How many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search through texts has found so far."""

    lines: tuple[AttemptLine, ...]
    """In the order in which they were recorded."""
    searched: int
    """Attempts whose texts were looked through."""
    total: int
    """Attempts whose texts may be looked through."""
    private: int
    """Attempts that the filters leave and whose texts stay closed."""
    after: int | None
    """Where to go on; None where all is searched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRead:
    """One attempt with all but its long texts: those are read in pieces, by `Browse.piece`."""

    line: AttemptLine
    private: bool
    """Its texts stay closed; what may quote them is left out of `chars` and of the pieces."""
    budget_mode: str | None
    finish_reason: str | None
    prompt_tokens: int | None
    answer_tokens: int | None
    cached_tokens: int | None
    ttft_s: float | None
    first_answer_s: float | None
    kv_bytes: float | None
    tries: int | None
    started_at: datetime | None
    """UTC."""
    forced: str | None
    """How its thinking was closed by us, as JSON."""
    loop_segment: str | None
    is_rescued: bool
    """Its stream was ended for a loop and then continued with an answer: the loop is in `generated` alone."""
    chars: Mapping[str, int]
    """Part → its length in characters; those of `PARTS` that are not empty."""

    @property
    def tokens_per_s(self) -> float | None:
        """Completion tokens ÷ latency, the wait for the first token included; None where either is
        unknown."""
        tokens, seconds = self.line.completion_tokens, self.line.latency_s
        return tokens / seconds if tokens is not None and seconds else None


OUTCOMES: Final[Mapping[str, str]] = {
    **{name: f"outcome = '{name}'" for name in ("correct", "wrong", "no_answer", "truncated", "looped")},
    "failed": "status <> 'ok'",
}
"""Word → condition on a row of `attempts`."""

_LOOP: Final = f"loop_kind <> 'none' AND status = 'ok' AND {GENERATED}"
ONLY: Final[Mapping[str, str]] = {
    "looping": _LOOP,
    "doom-loop": f"loop_doom AND {_LOOP}",
    "recovered-loop": f"NOT loop_doom AND {_LOOP}",
    "stopped-for-a-loop": f"status = 'ok' AND loop_kind <> 'none' AND {STOPPED}",
    "over-budget": "budget_honoured = false",
    "right-in-thinking": f"score < 1 AND {IN_THINKING}",
}
"""The same, for what stands beside the outcome. Loops are those of replies that were generated: what was
forced from another's trace repeats its loop."""

_BY_NAME: Final = (
    "lower(task), task, sample_id, lower(model), model, budget NULLS LAST, repeat"  # the order of the cells
)
ORDERS: Final[Mapping[str, str]] = {
    "question": _BY_NAME,
    "newest": f"started_at DESC NULLS LAST, {_BY_NAME}",
    "longest": f"completion_tokens DESC NULLS LAST, {_BY_NAME}",
    "slowest": f"latency_s DESC NULLS LAST, {_BY_NAME}",
    "wasted": f"loop_wasted_tokens DESC NULLS LAST, {_BY_NAME}",
    "onset": f"loop_onset_token NULLS LAST, {_BY_NAME}",
    "period": f"loop_period_tokens DESC NULLS LAST, {_BY_NAME}",
    "repeats": f"loop_repeats DESC NULLS LAST, {_BY_NAME}",
}
"""Word → the order of a list."""

_COLUMNS: Final = ("prompt", "reasoning", "answer", "tool_calls", "error")
_WORDS: Final = ("extracted", "target", "details", "request")
PARTS: Final = (*_COLUMNS, *_WORDS, "generated")
"""What can be read in pieces. `generated`: all that the loop detector saw, thinking and answer, or the
thinking before a rescue."""

_GENERATED: Final = """CASE WHEN json_type(details, '$.rescue.thought') = 'VARCHAR'
    THEN details->>'$.rescue.thought' ELSE coalesce(reasoning, '') || coalesce(answer, '') END"""
_IDENTITY: Final = """run_id = ? AND model = ? AND task = ? AND sample_id = ?
    AND budget IS NOT DISTINCT FROM try_cast(nullif(?, 'unlimited') AS BIGINT)
    AND repeat = try_cast(? AS BIGINT)"""
_THIS: Final = f"rowid IN (SELECT rowid FROM attempts WHERE {_IDENTITY} LIMIT 1)"  # noqa: S608 - our own words
"""Found by its short columns first: else the texts of thousands around it would be unpacked."""


class Browse:
    """Asks a store for single attempts: `Store.browse`."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def page(
        self, run_id: str, wanted: Wanted, *, order: str = "question", offset: int = 0, limit: int = 50
    ) -> AttemptPage:
        """The attempts of a run that are wanted, from the n-th on. Raises KeyError for a word that is none of
        `ORDERS`, `OUTCOMES` or `ONLY`."""
        where, values = _condition(run_id, wanted)
        counted = self._ask(f"SELECT count(*) AS n FROM attempts WHERE {where}", values)  # noqa: S608
        place = f"SELECT rowid FROM attempts WHERE {where} ORDER BY {ORDERS[order]} LIMIT ? OFFSET ?"  # noqa: S608
        rows = self._ask(
            f"SELECT {self._line()} FROM attempts WHERE rowid IN ({place}) ORDER BY {ORDERS[order]}",  # noqa: S608
            [*values, limit, max(offset, 0)],
        )
        return AttemptPage(lines=tuple(AttemptLine(**row) for row in rows), total=counted[0]["n"])

    def categories(self, run_id: str) -> tuple[str, ...]:
        """All of a run, by name."""
        rows = self._ask(
            "SELECT DISTINCT category FROM attempts WHERE run_id = ? AND category IS NOT NULL ORDER BY 1",
            [run_id],
        )
        return tuple(row["category"] for row in rows)

    def search(
        self,
        run_id: str,
        wanted: Wanted,
        text: str,
        *,
        after: int = -1,
        most: int = 200,
        patience_s: float = 4.0,
    ) -> Found:
        """The attempts that are wanted and have this text in prompt, thinking or answer, whatever its case,
        until there are `most` of them, or the time is over: then `Found.after` says where to go on.

        The file is let go of after every step, so that a run's loader gets its turn; not within a `batch`.
        """
        closed = self._private()
        where, values = _condition(run_id, wanted)
        ends = self._ask(
            f"""SELECT count(*) FILTER (NOT {closed}) AS total, count(*) FILTER ({closed}) AS private,
                min(rowid) FILTER (NOT {closed} AND rowid > ?) AS first,
                max(rowid) FILTER (NOT {closed}) AS last
            FROM attempts WHERE {where}""",  # noqa: S608 - our own words, values bound
            [after, *values],
        )[0]
        line, begun, rows = self._line(), time.monotonic(), _FIRST_ROWS
        found: list[AttemptLine] = []
        next_row = ends["first"]
        while next_row is not None and next_row <= ends["last"]:
            step, upto = time.monotonic(), next_row + rows
            hits = self._ask(
                f"""SELECT rowid AS place, {line} FROM attempts WHERE rowid >= ? AND rowid < ? AND {where}
                AND NOT {closed} AND {_HOLDS_TEXT} ORDER BY rowid LIMIT ?""",  # noqa: S608
                [next_row, upto, *values, *[_sayable(text)] * 3, most - len(found)],
            )
            places = [hit.pop("place") for hit in hits]
            found += [AttemptLine(**hit) for hit in hits]
            next_row = places[-1] + 1 if len(found) >= most else upto
            took, now = time.monotonic() - step, time.monotonic()
            if len(found) >= most or now - begun >= patience_s:
                break
            rows = max(512, min(rows * 4, int(rows * _STEP_S / max(took, 1e-3))))
        done = next_row is None or next_row > ends["last"]
        return Found(
            lines=tuple(found),
            searched=ends["total"] if done else self._searched(where, values, closed, next_row),
            total=ends["total"],
            private=ends["private"],
            after=None if done else next_row - 1,
        )

    def read(self, run_id: str, job: Job) -> AttemptRead | None:
        """One attempt; None where the run has no such."""
        closed = self._private()
        lengths = ", ".join(f"{part} := coalesce(length({_part(part, closed)}), 0)" for part in PARTS)
        rows = self._ask(
            f"""SELECT {self._line()}, struct_pack(private := {closed}, budget_mode := budget_mode,
                finish_reason := finish_reason, prompt_tokens := prompt_tokens,
                answer_tokens := answer_tokens, cached_tokens := cached_tokens, ttft_s := ttft_s,
                first_answer_s := first_answer_s, kv_bytes := kv_bytes,
                tries := tries, started_at := started_at, loop_segment := loop_segment,
                is_rescued := {RESCUED},
                forced := CASE WHEN NOT {closed} THEN substring((details->'$.force')::VARCHAR, 1, 2000) END
            ) AS rest, struct_pack({lengths}) AS chars
            FROM attempts WHERE {_THIS}""",  # noqa: S608
            _named(run_id, job),
        )
        if not rows:
            return None
        rest, chars = rows[0].pop("rest"), rows[0].pop("chars")
        started = rest.pop("started_at")
        return AttemptRead(
            line=AttemptLine(**rows[0]),
            **rest,
            started_at=None if started is None else started.replace(tzinfo=UTC),
            chars={part: length for part, length in chars.items() if length},
        )

    def piece(self, run_id: str, job: Job, part: str, start: int = 0, chars: int | None = None) -> str:
        """So many characters of a part of an attempt, all without `chars`; empty where there is no such, or
        where it stays closed. Raises KeyError for a word that is none of `PARTS`."""
        if part not in PARTS:
            raise KeyError(part)
        cut = _part(part, self._private())
        asked: list[str | int] = []
        if start or chars is not None:
            cut = f"substring({cut}, ?::BIGINT, ?::BIGINT)"
            asked = [max(start, 0) + 1, 2**31 if chars is None else max(chars, 0)]
        rows = self._ask(
            f"SELECT {cut} AS text FROM attempts WHERE {_THIS}",  # noqa: S608
            [*asked, *_named(run_id, job)],
        )
        return rows[0]["text"] or "" if rows else ""

    def same_question(self, run_id: str, job: Job, most: int = 200) -> tuple[AttemptLine, ...]:
        """What the run's models answered to the same question, this attempt included: by model, budget and
        repeat."""
        rows = self._ask(
            f"""SELECT {self._line()} FROM attempts WHERE run_id = ? AND task = ? AND sample_id = ?
            ORDER BY {_BY_NAME} LIMIT ?""",  # noqa: S608
            [run_id, _sayable(job.task), _sayable(job.sample_id), most],
        )
        return tuple(AttemptLine(**row) for row in rows)

    def load(self, run_id: str, job: Job) -> Load | None:
        """What was seen of the attempt's server while it ran; None without a reading."""
        place = f"SELECT rowid AS place FROM attempts WHERE {_IDENTITY} LIMIT 1"  # noqa: S608
        rows = self._ask(place, _named(run_id, job))
        return load_of(self._ask, run_id, job.model, rows[0]["place"]) if rows else None

    def _searched(self, where: str, values: Sequence[str | int], closed: str, before: int) -> int:
        rows = self._ask(
            f"SELECT count(*) AS n FROM attempts WHERE {where} AND NOT {closed} AND rowid < ?",  # noqa: S608
            [*values, before],
        )
        return int(rows[0]["n"])

    def _private(self) -> str:
        return is_private_sql(private_tasks(row["options"] for row in self._ask(OPTIONS, [])))

    def _line(self) -> str:
        closed = self._private()
        return ", ".join(
            f"substring({public_sql(each.name, closed)}, 1, {_MOST_OF_WORD}) AS {each.name}"
            if each.name in ("extracted", "target")
            else each.name
            for each in fields(AttemptLine)
        )


_HOLDS_TEXT: Final = f"({' OR '.join(f'contains(lower({name}), lower(?))' for name in _COLUMNS[:3])})"


def _part(part: str, closed: str) -> str:
    """A part of an attempt as SQL, NULL where it stays closed."""
    if part == "generated":
        return f"CASE WHEN NOT {closed} THEN {_GENERATED} END"
    return f"({public_sql(part, closed)})::VARCHAR"


def _condition(run_id: str, wanted: Wanted) -> tuple[str, list[str | int]]:
    """Conditions and their values, the run's first."""
    conditions, values = ["run_id = ?"], [run_id]
    for column, words in (("model", wanted.models), ("task", wanted.tasks)):
        if words:
            conditions.append(f"{column} IN ({', '.join('?' * len(words))})")
            values += words
    for column in ("sample_id", "category"):
        if (word := getattr(wanted, column)) is not None:
            conditions.append(f"{column} = ?")
            values.append(word)
    if wanted.budget != "any":
        conditions.append("budget IS NULL" if wanted.budget is None else "budget = try_cast(? AS BIGINT)")
        values += [] if wanted.budget is None else [str(wanted.budget)]
    if wanted.outcome is not None:
        conditions.append(OUTCOMES[wanted.outcome])
    if wanted.only is not None:
        conditions.append(ONLY[wanted.only])
    return " AND ".join(f"({each})" for each in conditions), [_sayable(value) for value in values]


def _named(run_id: str, job: Job) -> list[str | int]:
    named = {name: str(value) for name, value in asdict(job).items()}
    budget = "unlimited" if job.budget is None else named["budget"]
    words = (run_id, named["model"], named["task"], named["sample_id"], budget, named["repeat"])
    return [_sayable(word) for word in words]


def _sayable(text: str) -> str:
    """Without lone surrogates, which no text in the store has and no query can say."""
    return text.encode("utf-8", "replace").decode("utf-8")
