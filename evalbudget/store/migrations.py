"""The store's schema as numbered steps: each is applied once, and recorded in the table `migrations`.

A released step is never changed; a later version adds one, so that an old store opens in it. Times are
TIMESTAMP in UTC, without a zone: Python's duckdb gives a TIMESTAMP WITH TIME ZONE only where `pytz` is
installed. One row of `attempts` a job: (run_id, model, task, sample_id, budget or NULL, repeat) stands there
once. The loader keeps that, not an index, for an index knows no equal NULLs and refuses to replace a row
within one transaction.
"""

from __future__ import annotations

from typing import Final

import duckdb

from evalbudget.errors import StoreError
from evalbudget.store import cells
from evalbudget.store.memory import ATTEMPT_LOAD

_FIRST = """
CREATE TABLE runs (
    run_id VARCHAR NOT NULL, name VARCHAR, status VARCHAR, started_at TIMESTAMP, finished_at TIMESTAMP,
    suite VARCHAR, version VARCHAR, host VARCHAR, options JSON
);
CREATE TABLE servers (
    run_id VARCHAR NOT NULL, model VARCHAR NOT NULL, family VARCHAR, quantization VARCHAR, base_url VARCHAR,
    served_model VARCHAR, engine VARCHAR, engine_version VARCHAR, architecture VARCHAR, attention VARCHAR,
    weight_dtype VARCHAR, kv_dtype VARCHAR, max_model_len BIGINT, flags JSON, patches JSON,
    kv_capacity_tokens BIGINT, kv_bytes_per_token DOUBLE, kv_bytes_per_token_expected DOUBLE,
    kv_fixed_bytes BIGINT, kv_ratio DOUBLE, kv_verdict VARCHAR, kv_source VARCHAR, fingerprint VARCHAR
);
CREATE TABLE attempts (
    run_id VARCHAR NOT NULL, model VARCHAR NOT NULL, task VARCHAR NOT NULL, sample_id VARCHAR NOT NULL,
    budget BIGINT, repeat BIGINT NOT NULL, category VARCHAR, budget_mode VARCHAR, status VARCHAR NOT NULL,
    outcome VARCHAR, score DOUBLE, correct BOOLEAN, extracted VARCHAR, target VARCHAR, details JSON,
    finish_reason VARCHAR, prompt_tokens BIGINT, reasoning_tokens BIGINT, answer_tokens BIGINT,
    completion_tokens BIGINT, cached_tokens BIGINT, token_source VARCHAR, budget_honoured BOOLEAN,
    ttft_s DOUBLE, first_answer_s DOUBLE, latency_s DOUBLE, loop_kind VARCHAR, loop_doom BOOLEAN,
    loop_onset_token BIGINT, loop_period_tokens BIGINT, loop_repeats DOUBLE, loop_wasted_tokens BIGINT,
    loop_segment VARCHAR, kv_bytes DOUBLE, error_kind VARCHAR, error VARCHAR, tries BIGINT,
    started_at TIMESTAMP, request JSON, prompt VARCHAR, reasoning VARCHAR, answer VARCHAR, tool_calls JSON
);
CREATE TABLE readings (
    run_id VARCHAR NOT NULL, model VARCHAR NOT NULL, "at" TIMESTAMP, kv_usage DOUBLE, kv_used_tokens BIGINT,
    kv_used_bytes BIGINT, running BIGINT, waiting BIGINT, preemptions BIGINT, source VARCHAR
);
CREATE TABLE cells (
    run_id VARCHAR NOT NULL, model VARCHAR NOT NULL, task VARCHAR NOT NULL, budget BIGINT,
    questions BIGINT, attempts BIGINT, failed BIGINT, accuracy DOUBLE, ci_low DOUBLE, ci_high DOUBLE,
    accuracy_completed DOUBLE, accuracy_upper DOUBLE, correct BIGINT, wrong BIGINT, no_answer BIGINT,
    truncated BIGINT, looped BIGINT, mean_reasoning_tokens DOUBLE, mean_completion_tokens DOUBLE,
    tokens_per_correct DOUBLE, loop_rate DOUBLE, waste_share DOUBLE, kv_peak_bytes DOUBLE,
    mean_latency_s DOUBLE, exact_token_share DOUBLE
);
CREATE TABLE loaded (journal VARCHAR NOT NULL, bytes BIGINT NOT NULL, skipped BIGINT NOT NULL);
"""

_BUDGETS = """
ALTER TABLE servers ADD COLUMN effort VARCHAR;
DROP TABLE cells;
CREATE TABLE cells (
    run_id VARCHAR NOT NULL, model VARCHAR NOT NULL, task VARCHAR NOT NULL, budget BIGINT,
    budget_mode VARCHAR, questions BIGINT, attempts BIGINT, failed BIGINT, accuracy DOUBLE, ci_low DOUBLE,
    ci_high DOUBLE, accuracy_completed DOUBLE, accuracy_upper DOUBLE, accuracy_strict DOUBLE,
    curve_low DOUBLE, curve_high DOUBLE, correct BIGINT, wrong BIGINT, no_answer BIGINT, truncated BIGINT,
    looped BIGINT, seen_in_thinking BIGINT, mean_reasoning_tokens DOUBLE, mean_completion_tokens DOUBLE,
    tokens_per_correct DOUBLE, ock_score DOUBLE, pareto BOOLEAN, forced_share DOUBLE, budget_known BIGINT,
    budget_ignored BIGINT, loop_rate DOUBLE, waste_share DOUBLE, stopped BIGINT, rescued BIGINT,
    rescued_correct BIGINT, post_answer_share DOUBLE, curve_area DOUBLE, curve_area_low DOUBLE,
    curve_area_high DOUBLE, tokens_to_95 BIGINT, tokens_to_95_low BIGINT, tokens_to_95_high BIGINT,
    regret DOUBLE, lost_after_correct DOUBLE, kv_peak_bytes DOUBLE, mean_latency_s DOUBLE,
    exact_token_share DOUBLE
);
"""

_MEMORY = f"""
ALTER TABLE runs ADD COLUMN conditions JSON;
ALTER TABLE servers ADD COLUMN kv_capacity_bytes BIGINT;
ALTER TABLE servers ADD COLUMN kv_block_tokens BIGINT;
ALTER TABLE servers ADD COLUMN kv_advice VARCHAR;
ALTER TABLE servers ADD COLUMN identity JSON;
ALTER TABLE readings ADD COLUMN prefix_queries BIGINT;
ALTER TABLE readings ADD COLUMN prefix_hits BIGINT;
ALTER TABLE cells ADD COLUMN kv_sequence_bytes DOUBLE;
ALTER TABLE cells ADD COLUMN mean_kv_bytes DOUBLE;
ALTER TABLE cells ADD COLUMN kv_bytes_per_correct DOUBLE;
ALTER TABLE cells ADD COLUMN preemptions BIGINT;
ALTER TABLE cells ADD COLUMN prefix_hit_share DOUBLE;
{ATTEMPT_LOAD};
"""

_INTERVALS = """
ALTER TABLE cells ADD COLUMN benchmark_low DOUBLE;
ALTER TABLE cells ADD COLUMN benchmark_high DOUBLE;
ALTER TABLE cells ADD COLUMN loop_rate_low DOUBLE;
ALTER TABLE cells ADD COLUMN loop_rate_high DOUBLE;
"""

STEPS: Final[tuple[tuple[int, str, str], ...]] = (
    (1, "the first tables", _FIRST),
    (2, "budgets, loops and effort", _BUDGETS),
    (3, "KV memory and what makes runs comparable", _MEMORY),
    (4, "intervals for this benchmark, and of loop rates", _INTERVALS),
)
"""(number, what it does, SQL), in order."""

NEWEST: Final = STEPS[-1][0]

_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (number INTEGER NOT NULL, title VARCHAR, applied_at TIMESTAMP)
"""


def version(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of the newest step that the store has; 0 for a file without any."""
    try:
        row = connection.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone()
    except duckdb.CatalogException:
        return 0
    return int(row[0]) if row else 0


def known_version(connection: duckdb.DuckDBPyConnection) -> int:
    """The same. Raises `StoreError` where a later version of evalbudget has changed the schema."""
    if (found := version(connection)) > NEWEST:
        raise StoreError(
            f"the store has schema {found}, this evalbudget knows {NEWEST}: update it, or name another --db"
        )
    return found


def apply(connection: duckdb.DuckDBPyConnection, *, up_to: int = NEWEST) -> None:
    """Bring an open store to the newest schema, in one transaction; does nothing where it has it.

    The cells of its runs are made anew: a step may have given them columns, or emptied them.
    """
    have = known_version(connection)
    if have >= up_to:
        return
    connection.execute(f"BEGIN; {_LEDGER}")
    for number, title, sql in STEPS:
        if have < number <= up_to:
            connection.execute(sql)
            connection.execute(
                "INSERT INTO migrations VALUES (?, ?, (now() AT TIME ZONE 'UTC')::TIMESTAMP)", [number, title]
            )
    if up_to == NEWEST:
        for (run_id,) in connection.execute("SELECT DISTINCT run_id FROM attempts").fetchall():
            cells.refresh(connection, run_id)
    connection.execute("COMMIT")
