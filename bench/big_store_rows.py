"""The rows of `bench.big_store`, as SQL: each drawn from a hash of the seed and of what the row is."""

from __future__ import annotations

import duckdb

WIDTH = 140_000
"""Characters of each text that the others are cut from; more than the longest thinking but those of 5 MB."""

_WORDS = (
    "the of so we have that is then wait let me check if number equation answer which this with value for "
    "from are there hmm actually compute again because function returns must each at least one two three "
    "sum product prime divides remainder modulo triangle circle angle energy field charge reaction step "
    "therefore however first second next case where suppose define consider option correct total equal to "
    "x y n k = + - 12 7 144 0.5 \\frac{1}{2} $x^2$ \\sqrt{3} (a,b) [1,2] {} <b> | * _ # `code` \n\n \n"
)


def prepare(connection: duckdb.DuckDBPyConnection, *, seed: int, texts: int) -> None:
    """Temporary macros, and the table `pool` of texts to cut from."""
    connection.execute(
        f"CREATE TEMP MACRO drawn(key, what) AS hash(key, what, {int(seed)}) / 18446744073709551616.0"
    )
    connection.execute(
        "CREATE TEMP MACRO normal(key, what) AS "
        "sqrt(-2 * ln(1 - drawn(key, what))) * cos(2 * pi() * drawn(key, what || '2'))"
    )
    connection.execute("CREATE TEMP TABLE words AS SELECT $words AS words", {"words": _WORDS.split(" ")})
    connection.execute(
        f"""
        CREATE TEMP TABLE pool AS
        WITH drawn AS (
            SELECT text, place, words, drawn(text, place::VARCHAR) AS u
            FROM range(?) t(text), range({WIDTH} // 5) p(place), words
        )
        SELECT text, left(string_agg(CASE WHEN u < 0.75
            THEN words[1 + floor(len(words) * (u / 0.75) ^ 2)::BIGINT]
            ELSE chr(97 + floor(u * 1e3)::INTEGER % 26) || chr(97 + floor(u * 1e5)::INTEGER % 26)
                || chr(97 + floor(u * 1e7)::INTEGER % 26) || 'ing' END, ' ' ORDER BY place), {WIDTH}) AS words
        FROM drawn GROUP BY text
        """,  # noqa: S608
        [texts],
    )


BLOCKS = """
CREATE TEMP TABLE blocks (
    run_id VARCHAR, began TIMESTAMP, mode VARCHAR, loops VARCHAR, before BIGINT, first BIGINT, rows BIGINT,
    asked BIGINT, budgets BIGINT[], giant_every BIGINT, model VARCHAR, family VARCHAR, quantization VARCHAR,
    skill DOUBLE, length DOUBLE, loop_share DOUBLE, kv_bytes BIGINT, speed DOUBLE, source VARCHAR,
    task VARCHAR, ability DOUBLE, tokens DOUBLE, spread DOUBLE, max_tokens BIGINT, prompt_chars BIGINT,
    answer_chars BIGINT, scorer VARCHAR, categories VARCHAR[]
)
"""
"""What is asked: one row for each run, model and task."""


# Each question has a difficulty and each thinking a length, the same at all budgets: so much is one trace.
_DRAWN = """
WITH numbered AS (
    SELECT blocks.*, place, place - first AS n, len(budgets) AS several
    FROM range($start, $end) t(place) JOIN blocks ON place >= first AND place < first + rows
    WHERE run_id = $run
), jobs AS (
    SELECT *, n // (asked * several) AS repeat, n % (asked * several) // several AS question,
        budgets[1 + n % several] AS budget, (before + n) % giant_every = giant_every // 2 AS giant,
        hash(task, question) AS of_question, hash(run_id, model, task, question, repeat) AS of_trace,
        hash(of_trace, coalesce(budget, -1)) AS of_job
    FROM numbered
), thinking AS (
    SELECT *, drawn(of_job, 'failed') < 0.004 AS failed,
        greatest(8, tokens * length * exp(spread * (0.8 * normal(of_question, 'long')
            + 0.6 * normal(of_trace, 'long'))))::BIGINT AS needs,
        drawn(of_trace, 'loops') < loop_share * CASE WHEN max_tokens > 8192 THEN 3 ELSE 0.5 END AS dooms,
        CASE WHEN giant THEN 1250000 WHEN dooms THEN max_tokens ELSE least(needs, max_tokens) END AS would,
        CASE WHEN budget IS NULL THEN would ELSE least(would, budget) END AS thought,
        would > budget AS closed,
        dooms AND budget IS NULL AND NOT giant AS looped, NOT dooms AND budget IS NULL
            AND needs > max_tokens AS cut
    FROM jobs
), answered AS (
    SELECT *, 1 / (1 + exp(-(ability + skill + 1.6 * normal(of_question, 'hard')))) AS chance,
        drawn(of_trace, 'right') < chance * CASE WHEN closed THEN 0.3 + 0.7 * thought / would ELSE 1
            END AS knows,
        CASE WHEN failed THEN NULL WHEN knows AND NOT looped AND NOT cut THEN 'correct' WHEN looped
            THEN 'looped'
            WHEN cut THEN 'truncated' WHEN drawn(of_job, 'none') < 0.02 THEN 'no_answer' ELSE 'wrong'
                END AS outcome,
        looped AND loops <> 'measure' AND drawn(of_job, 'stopped') < 0.8 AS stopped,
        stopped AND loops = 'rescue' AS rescued,
        CASE WHEN looped THEN (thought * (0.1 + 0.6 * drawn(of_trace, 'onset')))::BIGINT END AS onset,
        CASE WHEN looped THEN 4 + (300 * drawn(of_trace, 'period') ^ 2)::BIGINT END AS period,
        (answer_chars / 4 * exp(0.5 * normal(of_job, 'answer')) / 1.13)::BIGINT AS said,
        CASE WHEN looped OR cut THEN 0 ELSE said + 6 END AS answer_tokens,
        (hash(of_question, 'target') % 1000)::BIGINT AS number,
        CASE scorer WHEN 'integer' THEN number::VARCHAR WHEN 'ifeval' THEN NULL
            WHEN 'bfcl' THEN '[{"find_flights": {"limit": [' || number || ']}}]'
            ELSE chr(65 + number::INTEGER % 4) END AS target,
        CASE WHEN outcome = 'correct' THEN target WHEN outcome <> 'wrong' OR scorer = 'ifeval' THEN NULL
            WHEN scorer = 'integer' THEN ((number + 1 + of_job % 50) % 1000)::VARCHAR
            WHEN scorer = 'bfcl' THEN '[{"find_flights": {"limit": ' || (number + 1) || '}}]'
            ELSE chr(65 + (number + 1)::INTEGER % 4) END AS extracted,
        (hash(of_trace, 'text') % (SELECT count(*) FROM pool))::BIGINT AS text,
        began + to_microseconds(((place + drawn(of_job, 'when')) * 160000)::BIGINT) AS started_at
    FROM thinking
)
"""

_TEXT = f"""
CASE WHEN giant THEN repeat(left(pool.words, 100000), 50)
    WHEN looped
        THEN substring(pool.words, 1 + (drawn(of_trace, 'at') * ({WIDTH} - 4 * onset))::BIGINT, 4 * onset)
        || repeat(substring(pool.words, 1 + onset, 4 * period), (thought - onset) // period)
    ELSE substring(pool.words, 1 + (drawn(of_trace, 'at') * ({WIDTH} - 4 * thought))::BIGINT, 4 * thought) END
"""

_ANSWER = """
CASE WHEN answer_tokens = 0 THEN '' ELSE
    substring(pool.words, 1 + (drawn(of_job, 'said') * 100000)::BIGINT, 4 * said)
    || CASE WHEN drawn(of_job, 'hostile') < 0.001
        THEN '<script>alert(1)</script> ![x](http://127.0.0.1:9/x.png) ≈ **bold**' ELSE '' END
    || CASE WHEN extracted IS NULL THEN '' ELSE '\n\n\\boxed{' || extracted || '}' END END
"""

_SCORED = """
CASE scorer
    WHEN 'integer' THEN '"form":' || CASE WHEN extracted IS NULL THEN 'null' ELSE '"boxed"' END
        || ',"boxed_correct":' || (outcome = 'correct')
        || ',"last_integer_correct":' || (outcome = 'correct')
    WHEN 'choice' THEN '"form":"stated","first_match":"' || coalesce(extracted, 'A')
        || '","first_match_correct":'
        || (outcome = 'correct') || ',"option_order":"CADB","option_position":' || 1 + number % 4
    WHEN 'ifeval' THEN '"strict":[' || (outcome = 'correct') || ',true],"loose":[' || (outcome = 'correct')
        || ',true],"instructions":["length_constraints:number_words","punctuation:no_comma"]'
    WHEN 'bfcl' THEN '"version":"v3","mode":"fc","calls":' || 1 + number % 3 || ',"calls_from":"tool_calls"'
        || CASE WHEN outcome = 'correct' THEN ''
            ELSE ',"reasons":["the value of limit is not one of those allowed"]'
        END
    ELSE '"task":"mmlu","metrics":{"exact_match,get_response":' || CASE WHEN outcome = 'correct'
        THEN '1.0' ELSE '0.0'
        END || '},"aggregations":{"exact_match":"mean"}'
END
"""

_DETAILS = f"""
CASE WHEN failed THEN '{{}}' ELSE '{{' || {_SCORED}
    || CASE WHEN closed AND mode <> 'server'
        THEN ',"force":{{"family":"generic","why":"budget","by":"token_ids","kept":'
        || thought || ',"closing":"\\\\n</think>\\\\n\\\\n","closing_tokens":3,"generated":' || answer_tokens
        || ',"dropped":1}}' ELSE '' END
    || ',"loop":{{"version":"2",' || CASE WHEN looped THEN '"liquid":true,"vllm":' || (period > 15)
        || ',"ngram30x20":true,"recovered":false,"runaway":false,"certain_token":' || onset + 4 * period
        || ',"rho16_tail":0.98,"rho8_tail":0.99,"unit":"token"' || CASE WHEN stopped
            THEN ',"stopped":true' ELSE '' END
        || CASE WHEN rescued THEN ',"rescued":true' ELSE '' END
        ELSE '"liquid":false,"vllm":false,"ngram30x20":false' END || '}}'
    || CASE WHEN outcome <> 'correct' AND drawn(of_job, 'within') < 0.1
        THEN ',"in_thinking":{{"extracted":"' || number || '","correct":'
            || (drawn(of_job, 'seen') < 0.3) || '}}'
        ELSE '' END
    || CASE WHEN starts_with(category, 'multi_turn') THEN ',"steps":[{{"turn":0,"answer":'
        || to_json(left(pool.words, 300))::VARCHAR
            || ',"tool_calls":[{{"name":"find_flights","arguments":"{{}}"}}],'
        || '"results":[' || to_json(substring(pool.words, 1000, 1500))::VARCHAR || ']}}]' ELSE '' END
    || '}}' END
"""

ATTEMPTS = f"""
INSERT INTO attempts BY NAME
{_DRAWN}
SELECT run_id, model, task, printf('%05d', question) AS sample_id, budget, repeat,
    CASE WHEN len(categories) > 0 THEN categories[1 + question % len(categories)] END AS category,
    CASE WHEN budget IS NOT NULL THEN mode END AS budget_mode,
    CASE WHEN failed THEN 'failed' ELSE 'ok' END AS status, outcome,
    CASE WHEN NOT failed THEN (outcome = 'correct')::DOUBLE END AS score,
    CASE WHEN NOT failed THEN outcome = 'correct' END AS correct,
    CASE WHEN NOT failed THEN extracted END AS extracted, target, {_DETAILS} AS details,
    CASE WHEN failed THEN NULL WHEN looped OR cut THEN 'length' ELSE 'stop' END AS finish_reason,
    CASE WHEN NOT failed THEN prompt_chars // 4 + question % 40 END AS prompt_tokens,
    CASE WHEN NOT failed AND counted THEN thought END AS reasoning_tokens,
    CASE WHEN NOT failed THEN answer_tokens END AS answer_tokens,
    CASE WHEN NOT failed THEN thought + answer_tokens END AS completion_tokens,
    CASE WHEN NOT failed AND drawn(of_job, 'cached') < 0.7 THEN prompt_chars // 8 END AS cached_tokens,
    CASE WHEN NOT failed THEN source END AS token_source,
    CASE WHEN NOT failed AND budget IS NOT NULL THEN drawn(of_job, 'kept') > 0.001 END AS budget_honoured,
    CASE WHEN NOT failed THEN 0.1 + 0.4 * drawn(of_job, 'ttft') END AS ttft_s,
    CASE WHEN answer_tokens > 0 AND NOT failed THEN 0.2 + thought / speed END AS first_answer_s,
    0.3 + (thought + answer_tokens) / speed AS latency_s,
    CASE WHEN failed THEN NULL WHEN looped THEN CASE of_trace % 4 WHEN 0 THEN 'template' WHEN 1
        THEN 'recurrent'
        ELSE 'exact' END WHEN drawn(of_trace, 'interior') < 0.004 THEN 'interior' ELSE 'none' END
            AS loop_kind,
    CASE WHEN NOT failed THEN looped END AS loop_doom,
    CASE WHEN loop_kind = 'interior' THEN thought // 3 WHEN NOT failed THEN onset END AS loop_onset_token,
    CASE WHEN loop_kind = 'interior' THEN 12 WHEN NOT failed THEN period END AS loop_period_tokens,
    CASE WHEN loop_kind = 'interior' THEN 5 WHEN NOT failed THEN (thought - onset) / period END
        AS loop_repeats,
    CASE WHEN loop_kind = 'interior' THEN least(60, thought) WHEN looped AND NOT failed THEN thought - onset
        WHEN NOT failed THEN 0 END AS loop_wasted_tokens,
    CASE WHEN NOT failed AND loop_kind <> 'none' THEN 'reasoning' END AS loop_segment,
    CASE WHEN NOT failed THEN kv_bytes * (prompt_chars // 4 + thought + answer_tokens)::DOUBLE END
        AS kv_bytes,
    CASE WHEN failed THEN CASE of_job % 4 WHEN 0 THEN 'timeout' WHEN 1 THEN 'connection' WHEN 2
        THEN 'rate_limit'
        ELSE 'server' END END AS error_kind,
    CASE WHEN failed THEN 'HTTP 503 from http://127.0.0.1:8000/v1: overloaded, request '
        || of_job % 100000 END AS error,
    CASE WHEN failed THEN 5 ELSE 1 END AS tries, started_at,
    '{{"temperature":0.6,"top_p":0.95,"max_tokens":' || max_tokens || ',"seed":'
        || of_job % 2147483647 || '}}'
        AS request,
    substring((SELECT any_value(words) FROM pool WHERE text = 0),
        1 + (of_question % 100000)::BIGINT,
        (prompt_chars * (0.5 + drawn(of_question, 'prompt')))::BIGINT) AS prompt,
    CASE WHEN failed THEN '' ELSE {_TEXT} END AS reasoning, CASE WHEN failed THEN '' ELSE {_ANSWER}
        END AS answer,
    CASE WHEN scorer = 'bfcl' AND NOT failed
        THEN '[{{"name":"find_flights","arguments":"{{\\"limit\\": ' || number || '}}"}}]' ELSE '[]'
            END AS tool_calls
FROM (SELECT *, drawn(of_job, 'counted') > 0.01 AS counted FROM answered) JOIN pool USING (text)
ORDER BY started_at + to_microseconds((latency_s * 1e6)::BIGINT)
"""  # noqa: S608 - our own words
"""One slice of a run's attempts, of all its models; parameters run, start and end."""

READINGS = """
INSERT INTO readings BY NAME
WITH models AS (
    SELECT run_id, model, any_value(began) AS began, any_value(kv_bytes)
        AS kv_bytes, sum(rows)::BIGINT AS rows
    FROM blocks WHERE run_id = $run GROUP BY run_id, model
), seen AS (
    SELECT *, hash(run_id, model, place) AS of_reading, 32e9 // kv_bytes AS capacity,
        least(1, 0.55 + 0.3 * sin(place / 40) + 0.1 * normal(of_reading, 'use')) AS share,
        greatest(0, round(50 * (share - 0.6)))::BIGINT AS queue
    FROM models, LATERAL (SELECT unnest(range(greatest(2, rows // $every))) AS place)
)
SELECT run_id, model, began + to_microseconds((place * $every * 160000)::BIGINT) AS "at",
    greatest(share, 0.01) AS kv_usage, (kv_usage * capacity)::BIGINT AS kv_used_tokens,
    kv_used_tokens * kv_bytes AS kv_used_bytes, (64 * kv_usage)::BIGINT AS running, queue AS waiting,
    place // 700 AS preemptions, place * 9000 AS prefix_queries, place * 5400 AS prefix_hits,
    'metrics' AS source
FROM seen ORDER BY "at"
"""
"""A run's readings; parameters run and every: one for so many attempts."""

SERVERS = """
INSERT INTO servers BY NAME
SELECT run_id, model, family, quantization, 'http://127.0.0.1:8000/v1' AS base_url,
    model AS served_model, CASE source WHEN 'timings' THEN 'llama.cpp' WHEN 'tokenize' THEN 'llama.cpp'
        WHEN 'estimate' THEN 'llama.cpp' ELSE 'vllm' END AS engine, '0.22.1' AS engine_version,
    CASE WHEN starts_with(model, 'glm') THEN 'glm4_moe_lite' ELSE 'qwen3_moe' END AS architecture,
    CASE WHEN starts_with(model, 'glm') THEN 'mla' ELSE 'gqa' END AS attention, lower(quantization)
        AS weight_dtype,
    CASE WHEN kv_bytes = 27072 THEN 'fp8' ELSE 'bf16' END AS kv_dtype, 40960 AS max_model_len,
    '{"command":["vllm","serve","./' || model
        || '","--max-num-seqs","64"],"gpu_memory_utilization":0.9}' AS flags,
    CASE quantization WHEN 'nvfp4' THEN '{"vllm_patches.diff":"00ff"}' ELSE '{}' END AS patches,
    32e9 // kv_bytes AS kv_capacity_tokens, 32000000000 AS kv_capacity_bytes, 16 AS kv_block_tokens,
    kv_bytes AS kv_bytes_per_token, CASE WHEN model = 'glm-nvfp4' THEN kv_bytes / 2 ELSE kv_bytes END
        AS kv_bytes_per_token_expected, 0 AS kv_fixed_bytes,
    kv_bytes_per_token / kv_bytes_per_token_expected AS kv_ratio,
    CASE WHEN kv_ratio = 1 THEN 'agrees' ELSE 'differs' END AS kv_verdict, 'log' AS kv_source,
    'Measured ' || kv_bytes || ' bytes per token.' AS kv_advice,
    '{"weights":{"told":"' || model || '"},"architecture":"' || family || '","quantization":"' || quantization
        || '","engine":"' || engine || '","kv_dtype":"' || kv_dtype || '","max_model_len":40960}' AS identity,
    left(md5(identity), 16) AS fingerprint
FROM blocks WHERE run_id = $run AND first = 0 ORDER BY before
"""
"""A run's servers; parameter run."""
