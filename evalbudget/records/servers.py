"""What is known of a server before a run, and how busy it is during one. None = not told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from evalbudget.records.cache import CachePool
from evalbudget.records.json_value import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What an engine, a log or a server's pages tell; the first of these three that tells it is believed."""

    engine: str | None = None
    """vllm, sglang, llama.cpp, ollama, lmdeploy, tensorrt-llm, transformers, llama-cpp-python, …"""
    engine_version: str | None = None
    served_model: str | None = None
    """The name that requests carry."""
    model_path: str | None = None
    """Where the weights are, as the server names the place: a path on its machine or a Hub id."""
    architecture: str | None = None
    quantization: str | None = None
    weight_dtype: str | None = None
    kv_dtype: str | None = None
    """The cache's type, in the server's word."""
    max_model_len: int | None = None
    """Context in tokens, for one sequence."""
    ranks: int | None = None
    """GPUs that share each layer: tensor parallelism."""
    weights: str | None = None
    """What tells these weights from others: a digest, or their size and number of values."""
    template: str | None = None
    """The chat template itself."""
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    """A GGUF's metadata, where the server shows it (Ollama)."""
    flags: Mapping[str, JsonValue] = field(default_factory=dict)
    """The command or the parameters that it was started with."""
    patches: Mapping[str, str] = field(default_factory=dict)
    """Name of each patch → sha256 of its file."""
    pool: CachePool | None = None

    def over(self, other: ServerFacts) -> ServerFacts:
        """These facts, and the other's where these are silent."""
        told = {
            each.name: value
            for each in fields(self)
            if (value := getattr(self, each.name)) is not None and value != {}
        }
        if self.pool is not None and other.pool is not None:
            told["pool"] = self.pool.over(other.pool)
        told["flags"] = {**other.flags, **self.flags}
        return replace(other, **told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How busy a server says that it is, at one moment."""

    kv_usage: float | None = None
    """Share of the KV cache in use, 0 to 1."""
    kv_used_tokens: int | None = None
    running: int | None = None
    """Requests that are being answered."""
    waiting: int | None = None
    """Requests that wait for their turn."""
    preemptions: int | None = None
    """Since the server started: requests whose cache was given to others and computed again."""
    prefix_queries: int | None = None
    """Since the server started: prompt tokens that were looked up in the prefix cache."""
    prefix_hits: int | None = None
    """Of these, the tokens that were found."""
    source: str = "metrics"
    """metrics, log or slots."""
