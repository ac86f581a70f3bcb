"""KV memory of a run: the readings of its servers, joined to the attempts that ran then.

An attempt ran from `started_at` for `latency_s` seconds; where that is unknown it has no readings. A reading
that would repeat the one before is kept every other second alone (`runner.readings`), so what a reading says
holds until shortly before the next. Two readings are the ends of an interval, and what a counter rose in it
happened while an attempt ran whose time touches that interval. Readings that lie further apart than
`FAR_APART_S` (a run that was resumed, say) tell nothing of an attempt that ran for a part of the time between
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import duckdb

FAR_APART_S: Final = 10
"""A server is read several times a second, and a page that hangs is given up after a few."""
_HOLDS_S: Final = 2.5
"""A reading without a next one within this time holds for no longer than its moment."""
_ANEW_S: Final = 0.5
"""So long before the next reading the server may have been different from the one before."""
_PIECE_S: Final = 60
"""Of the time by which attempts and readings find each other; at least `FAR_APART_S`."""
_LONGEST_S: Final = 7 * 24 * 3600
"""Of an attempt, whatever a damaged journal says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMemory:
    """One model's KV memory in a run. Bytes are of one GPU. None = not known."""

    model: str
    engine: str
    """vllm, sglang, llama.cpp, … or unknown."""
    kv_dtype: str | None
    """The cache's type, in the server's word."""
    capacity_tokens: int | None
    """Tokens for which the cache has room, of all sequences together."""
    capacity_bytes: int | None
    bytes_per_token: float | None
    """Measured."""
    bytes_per_token_expected: float | None
    """What the architecture needs in the cache's type."""
    fixed_bytes: int | None
    """Of each sequence, however long."""
    ratio: float | None
    """Measured by expected."""
    verdict: str | None
    """agrees, or the name of what explains the ratio."""
    advice: str | None
    """What that means, and what mends it."""
    source: str | None
    """log, http or slots: where the measurement comes from."""
    readings: int
    """Observations of the server during the run."""
    usage_peak: float | None
    """The largest share of the cache that was seen in use, 0 to 1; so are the next two, tokens and bytes."""
    used_tokens_peak: int | None
    used_bytes_peak: int | None
    waiting_peak: int | None
    """The most requests that were seen to wait for their turn."""
    sequence_bytes: float | None
    """The most that one scored attempt's sequence took at its end."""
    mean_kv_bytes: float | None
    """Of the scored attempts whose sequence is known."""
    kv_bytes_per_correct: float | None
    """Memory of the scored attempts' sequences ÷ correct attempts; None where none is correct."""
    preemptions: int | None
    """Requests that lost their cache while attempts ran, and were computed again."""
    prefix_hit_share: float | None
    """Share of the prompt tokens, of those looked up while attempts ran, that stood in the cache already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How full a model's server was in one stretch of a run: the most that was seen in it."""

    model: str
    at: datetime
    """UTC; when the cache was fullest in that stretch."""
    kv_usage: float | None
    kv_used_tokens: int | None
    kv_used_bytes: int | None
    running: int | None
    waiting: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What was seen of a server while one attempt ran, its own load and that of whatever ran beside it. The
    most of each; None where the server does not show it."""

    readings: int
    kv_usage_peak: float | None
    """Share of the cache, 0 to 1."""
    kv_used_tokens_peak: int | None
    kv_used_bytes_peak: int | None
    running_peak: int | None
    """Requests."""
    waiting_peak: int | None
    preemptions: int | None
    """Requests that lost their cache meanwhile."""


def _rise(counter: str) -> str:
    """What a counter rose since the reading before it; it begins at 0 anew where the server does."""
    before = f'lag({counter} IGNORE NULLS) OVER (PARTITION BY run_id, model ORDER BY "at")'
    return f"""CASE WHEN {before} IS NULL THEN CASE WHEN {counter} = 0 THEN 0::DOUBLE END
        WHEN {counter} >= {before} THEN {counter}::DOUBLE - {before}::DOUBLE
        ELSE greatest({counter}, 0) END"""


_SEEN: Final = f"""
    SELECT run_id, model, rowid AS reading, epoch("at") AS seen_at,
        coalesce(lag(seen_at) OVER (PARTITION BY run_id, model ORDER BY "at"), seen_at) AS since,
        lead(seen_at) OVER (PARTITION BY run_id, model ORDER BY "at") AS next_at,
        CASE WHEN next_at - seen_at <= {_HOLDS_S} THEN greatest(seen_at, next_at - {_ANEW_S}) ELSE seen_at END
            AS until,
        kv_usage, kv_used_tokens, kv_used_bytes, running, waiting,
        {_rise("preemptions")} AS preempted, {_rise("prefix_queries")} AS queried,
        {_rise("prefix_hits")} AS found
    FROM readings WHERE "at" IS NOT NULL
"""  # noqa: S608 - our own words
_RAN: Final = f"""
    SELECT run_id, model, task, budget, rowid AS attempt, epoch(started_at) AS begins,
        begins + least(greatest(latency_s, 0), {_LONGEST_S}) AS ends
    FROM attempts WHERE latency_s IS NOT NULL AND started_at IS NOT NULL
"""  # noqa: S608
_TOUCHES: Final = "since <= ends AND seen_at >= begins"
"""An attempt, or a stretch of them, touches the interval that a reading ends."""
_HOLDS: Final = "seen_at <= ends AND until >= begins"
"""What a reading says is true of a moment of it."""
_TELLS: Final = f"(seen_at - since <= {FAR_APART_S} OR (begins <= since AND seen_at <= ends))"
"""What counters rose in that interval, they rose while it ran, near enough."""

# A join by time alone compares each with each; of the same minute they are few.
_PIECE: Final = f"floor(seen_at / {_PIECE_S})::BIGINT"
_PIECES: Final = f"""unnest(range(floor((begins - {FAR_APART_S}) / {_PIECE_S})::BIGINT,
        floor((ends + {FAR_APART_S}) / {_PIECE_S})::BIGINT + 1))"""
_NEAR: Final = "since <= ends AND until >= begins"

# Stretches are what remains of the attempts' times when those that overlap are one: few, however many ran.
# One begins where all before it have ended, and ends where the last of those before the next one does. Of
# those that an interval touches only the last counts, so that no rise is counted twice. (Numbering them by a
# count with a filter over such a window takes DuckDB 2.0 twenty times as long.)
_LAST: Final = f"begins <= seen_at AND next_begins > seen_at AND {_TOUCHES} AND {_TELLS}"
_STRETCHES: Final = f"""
WITH ran AS (
    SELECT {{group}} AS grouped, begins, ends FROM ({_RAN}) WHERE run_id = ? AND model = ? {{also}}
), marked AS (
    SELECT *, max(ends) OVER (PARTITION BY grouped) AS last, max(ends) OVER (
        PARTITION BY grouped ORDER BY begins, ends ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS before FROM ran WHERE begins IS NOT NULL
), stretches AS (
    SELECT grouped, begins, lead(before, 1, last) OVER (PARTITION BY grouped ORDER BY begins) AS ends,
        lead(begins, 1, 1e300) OVER (PARTITION BY grouped ORDER BY begins) AS next_begins
    FROM marked WHERE before IS NULL OR begins > before
), pieces AS (
    SELECT *, {_PIECES} AS piece FROM stretches
), seen AS (
    SELECT *, {_PIECE} AS piece FROM ({_SEEN}) WHERE run_id = ? AND model = ?
)
SELECT grouped, max(kv_used_bytes) FILTER ({_HOLDS})::DOUBLE AS kv_peak_bytes,
    try_cast(sum(preempted) FILTER ({_LAST}) AS BIGINT) AS preemptions,
    sum(found) FILTER ({_LAST}) / nullif(sum(queried) FILTER ({_LAST}), 0) AS prefix_hit_share
FROM pieces JOIN seen USING (piece)
WHERE {_NEAR}
GROUP BY grouped
"""  # noqa: S608
_OF_CELLS: Final = _STRETCHES.format(group="budget", also="AND task = ?")
_OF_MODEL: Final = _STRETCHES.format(group="true", also="")
NOTHING_SEEN: Final[dict[str, Any]] = {"kv_peak_bytes": None, "preemptions": None, "prefix_hit_share": None}


def seen_in_cells(
    connection: duckdb.DuckDBPyConnection, run_id: str, model: str, task: str
) -> dict[int | None, dict[str, Any]]:
    """Budget → what was seen of the server while the cell's attempts ran, failed ones included; without the
    budgets of which nothing was seen."""
    rows = connection.execute(_OF_CELLS, [run_id, model, task, run_id, model]).fetchall()
    return {budget: dict(zip(NOTHING_SEEN, seen, strict=True)) for budget, *seen in rows}


_TOUCHED: Final = f"""
WITH news AS (
    SELECT model, min("at") AS first FROM staged_readings GROUP BY model
), since AS (
    SELECT news.model, epoch(coalesce(max("at"), any_value(first))) AS since
    FROM news LEFT JOIN readings
        ON readings.run_id = $run AND readings.model = news.model AND readings."at" < first
    GROUP BY news.model
)
SELECT DISTINCT model, task
FROM ({_RAN}) AS ran JOIN since USING (model)
WHERE run_id = $run AND ends >= since
"""  # noqa: S608


def touched_by_readings(connection: duckdb.DuckDBPyConnection, run_id: str) -> set[tuple[str, str]]:
    """(model, task) of the attempts that ran when the readings of `staged_readings` were taken, or since the
    readings before those. Call it when they stand in `readings` too."""
    return {(model, task) for model, task in connection.execute(_TOUCHED, {"run": run_id}).fetchall()}


_LOADS: Final = f"""
pieces AS (
    SELECT run_id, model, attempt, begins, ends, {_PIECES} AS piece
    FROM ran WHERE begins IS NOT NULL
), seen AS (
    SELECT *, {_PIECE} AS piece FROM ({_SEEN}) {{which}}
), joined AS (
    SELECT attempt, seen.*, {_HOLDS} AS holds, {_TOUCHES} AND {_TELLS} AS tells
    FROM pieces JOIN seen USING (run_id, model, piece)
    WHERE {_NEAR}
), loads AS (
    SELECT attempt, count(*) FILTER (holds) AS readings, max(kv_usage) FILTER (holds) AS kv_usage_peak,
        max(kv_used_tokens) FILTER (holds) AS kv_used_tokens_peak,
        max(kv_used_bytes) FILTER (holds) AS kv_used_bytes_peak,
        max(running) FILTER (holds) AS running_peak, max(waiting) FILTER (holds) AS waiting_peak,
        try_cast(sum(preempted) FILTER (tells) AS BIGINT) AS preemptions
    FROM joined GROUP BY attempt
)
"""  # noqa: S608 - our own words
ATTEMPT_LOAD: Final = f"""
CREATE VIEW attempt_load AS
WITH ran AS ({_RAN}), {_LOADS.format(which="")}
SELECT run_id, model, task, sample_id, budget, repeat, coalesce(readings, 0) AS readings, kv_usage_peak,
    kv_used_tokens_peak, kv_used_bytes_peak, running_peak, waiting_peak, preemptions
FROM attempts LEFT JOIN loads ON attempts.rowid = attempt
"""  # noqa: S608
"""A row an attempt: what was seen of its server while it ran."""
_LOAD_OF: Final = f"""
WITH ran AS (SELECT * FROM ({_RAN}) WHERE attempt = ?),
{_LOADS.format(which="WHERE run_id = ? AND model = ?")}
SELECT * EXCLUDE (attempt) FROM loads
"""  # noqa: S608
"""The same of one attempt, by its `rowid`, its run and its model, without a look at the others."""


_MEMORY: Final = """
WITH seen AS (
    SELECT model, count(*) AS readings, max(kv_usage) AS usage_peak, max(kv_used_tokens) AS used_tokens_peak,
        max(kv_used_bytes) AS used_bytes_peak, max(waiting) AS waiting_peak
    FROM readings WHERE run_id = ? GROUP BY model
), asked AS (
    SELECT model, max(kv_bytes) AS sequence_bytes, avg(kv_bytes) AS mean_kv_bytes,
        mean_kv_bytes * count(*) / nullif(count(*) FILTER (correct), 0) AS kv_bytes_per_correct
    FROM attempts WHERE run_id = ? AND status = 'ok' GROUP BY model
)
SELECT model, coalesce(engine, 'unknown') AS engine, kv_dtype, kv_capacity_tokens AS capacity_tokens,
    kv_capacity_bytes AS capacity_bytes, kv_bytes_per_token AS bytes_per_token,
    kv_bytes_per_token_expected AS bytes_per_token_expected, kv_fixed_bytes AS fixed_bytes,
    kv_ratio AS ratio, kv_verdict AS verdict, kv_advice AS advice, kv_source AS source,
    coalesce(readings, 0) AS readings, usage_peak, used_tokens_peak, used_bytes_peak, waiting_peak,
    sequence_bytes, mean_kv_bytes, kv_bytes_per_correct
FROM servers LEFT JOIN seen USING (model) LEFT JOIN asked USING (model)
WHERE run_id = ? ORDER BY lower(model), model
"""

_USE: Final = """
WITH placed AS (
    SELECT *, ntile(?) OVER (PARTITION BY model ORDER BY "at") AS place
    FROM readings WHERE run_id = ? AND isfinite("at")
)
SELECT model, arg_max("at", coalesce(kv_usage, kv_used_bytes, kv_used_tokens, running, 0)) AS "at",
    max(kv_usage) AS kv_usage, max(kv_used_tokens) AS kv_used_tokens, max(kv_used_bytes) AS kv_used_bytes,
    max(running) AS running, max(waiting) AS waiting
FROM placed GROUP BY model, place ORDER BY lower(model), model, place
"""


Ask: TypeAlias = Callable[[str, Sequence[str | int]], list[dict[str, Any]]]
"""SQL and its values → rows, by column."""


def load_of(ask: Ask, run_id: str, model: str, place: int) -> Load | None:
    """What was seen of the server while the attempt at this `rowid` ran; None without a reading."""
    rows = ask(_LOAD_OF, [place, run_id, model])
    return Load(**rows[0]) if rows and rows[0]["readings"] else None


def memory_of(ask: Ask, run_id: str) -> tuple[ModelMemory, ...]:
    """The KV memory of each model of a run, by model."""
    found = []
    for row in ask(_MEMORY, [run_id] * 3):
        seen = ask(_OF_MODEL, [run_id, row["model"]] * 2)
        told = seen[0] if seen else NOTHING_SEEN
        counters = {name: told[name] for name in ("preemptions", "prefix_hit_share")}
        found.append(ModelMemory(**row, **counters))
    return tuple(found)


def use_over_time(ask: Ask, run_id: str, points: int) -> tuple[Use, ...]:
    """By model and time: at most `points` of a model, no peak left out."""
    rows = ask(_USE, [points, run_id])
    return tuple(Use(**{**row, "at": row["at"].replace(tzinfo=UTC)}) for row in rows)
