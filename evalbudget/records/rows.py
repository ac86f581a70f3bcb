"""What is kept: verdicts, attempts and what surrounds them.

The field names of `RunRecord`, `ServerRecord`, `Attempt` and `Reading` are the columns of the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from evalbudget.records.json_value import JsonValue
from evalbudget.records.questions import Job, ToolCall


class Outcome(StrEnum):
    """What became of a scored attempt; the first that holds."""

    CORRECT = "correct"
    LOOPED = "looped"
    """A doom loop: repeated itself and never finished."""
    TRUNCATED = "truncated"
    """Cut by max_tokens or by the context."""
    NO_ANSWER = "no_answer"
    """Finished, with nothing to extract."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A scorer's verdict."""

    value: float
    """Between 0 and 1."""
    extracted: str | None
    """What the scorer took for the answer; None where it found nothing."""
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    """Anything else worth keeping: second verdicts, reasons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One execution of a suite: a row of `runs`."""

    run_id: str
    name: str
    status: str
    """running, finished or interrupted."""
    started_at: str
    """ISO 8601, UTC."""
    finished_at: str | None
    suite: str
    """The suite's YAML as it was read; a secret never stands in it."""
    version: str
    host: str
    options: Mapping[str, JsonValue] = field(default_factory=dict)
    """`limit` and `only` of the command line, which a resume keeps; and `private_tasks`."""
    conditions: Mapping[str, JsonValue] = field(default_factory=dict)
    """Task → what its figures depend on besides the model: versions of prompt and scorer, sampling, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRecord:
    """What is known of one model's server in one run: a row of `servers`."""

    run_id: str
    model: str
    family: str | None = None
    quantization: str = "unknown"
    base_url: str | None = None
    served_model: str | None = None
    """The name that requests carry."""
    engine: str = "unknown"
    """vllm, sglang, llama.cpp, ollama, … or unknown."""
    engine_version: str | None = None
    architecture: str | None = None
    attention: str | None = None
    """mha, gqa, mqa, mla, sliding or hybrid."""
    weight_dtype: str | None = None
    kv_dtype: str | None = None
    max_model_len: int | None = None
    """Context in tokens, for one sequence."""
    effort: str | None = None
    """The thinking effort that the suite asks of it, as a word."""
    flags: Mapping[str, JsonValue] = field(default_factory=dict)
    """The command or the parameters that the engine was started with, where known."""
    patches: Mapping[str, str] = field(default_factory=dict)
    """Name of each patch → sha256 of its file."""
    kv_capacity_tokens: int | None = None
    """Tokens for which its KV cache has room, of all sequences together."""
    kv_capacity_bytes: int | None = None
    """Bytes of that cache, on one GPU."""
    kv_block_tokens: int | None = None
    """Tokens in a block of it; memory is given out in whole ones."""
    kv_bytes_per_token: float | None = None
    """Measured, on one GPU."""
    kv_bytes_per_token_expected: float | None = None
    """What the architecture needs in the cache's type, on one GPU."""
    kv_fixed_bytes: int | None = None
    """Of each sequence, however long; measured, or else expected."""
    kv_ratio: float | None = None
    """Measured by expected."""
    kv_verdict: str | None = None
    """agrees, or the name of what explains the ratio (`kv.verdict`)."""
    kv_advice: str | None = None
    """What that means, and what mends it."""
    kv_source: str | None = None
    """log, http or slots: where the measurement comes from."""
    identity: Mapping[str, JsonValue] = field(default_factory=dict)
    """What makes two runs of it comparable, by name: weights, engine, cache type, template, …"""
    fingerprint: str | None = None
    """A hash of `identity`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A job with its reply and its score or failure: a row of `attempts`."""

    run_id: str
    model: str
    task: str
    sample_id: str
    budget: int | None
    repeat: int
    category: str | None = None
    budget_mode: str | None = None
    """trace, force, server or max_tokens; None without a budget."""
    status: str
    """ok, or failed: then there is no outcome and no score."""
    outcome: str | None = None
    score: float | None = None
    correct: bool | None = None
    extracted: str | None = None
    target: str | None = None
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    reasoning_tokens: int | None = None
    answer_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    token_source: str | None = None
    budget_honoured: bool | None = None
    ttft_s: float | None = None
    first_answer_s: float | None = None
    latency_s: float | None = None
    loop_kind: str | None = None
    loop_doom: bool | None = None
    loop_onset_token: int | None = None
    loop_period_tokens: int | None = None
    loop_repeats: float | None = None
    loop_wasted_tokens: int | None = None
    loop_segment: str | None = None
    kv_bytes: float | None = None
    """KV memory that its sequence took at its end, prompt included: measured, or else expected, per token. Of
    several requests, that of the longest."""
    error_kind: str | None = None
    error: str | None = None
    tries: int = 1
    """Requests sent for this job in this execution, retries included; 0 where none was sent."""
    started_at: str
    """ISO 8601, UTC: when the first try was sent."""
    request: Mapping[str, JsonValue] = field(default_factory=dict)
    """What was sent besides the messages: sampling, seed, passed-through fields."""
    prompt: str = ""
    reasoning: str = ""
    answer: str = ""
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def job(self) -> Job:
        """The attempt's identity within its run."""
        return Job(
            model=self.model, task=self.task, sample_id=self.sample_id, budget=self.budget, repeat=self.repeat
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One observation of a server: a row of `readings`."""

    run_id: str
    model: str
    at: str
    """ISO 8601, UTC."""
    kv_usage: float | None = None
    """Share of the KV cache in use, 0 to 1."""
    kv_used_tokens: int | None = None
    kv_used_bytes: int | None = None
    running: int | None = None
    waiting: int | None = None
    preemptions: int | None = None
    """Since the server started, as the next two."""
    prefix_queries: int | None = None
    """Prompt tokens that were looked up in the prefix cache."""
    prefix_hits: int | None = None
    """Of these, the tokens that were found."""
    source: str = ""
    """metrics, log or slots."""
