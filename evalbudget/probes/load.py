"""How busy a server says that it is: its page of metrics → Load."""

from __future__ import annotations

from collections.abc import Iterator

from evalbudget.probes.prometheus import Metric, read_metrics
from evalbudget.records import Load

_RUNNING = frozenset({"vllm:num_requests_running", "llamacpp:requests_processing", "sglang:num_running_reqs"})
_WAITING = frozenset({"vllm:num_requests_waiting", "llamacpp:requests_deferred", "sglang:num_queue_reqs"})
_PREEMPTED = frozenset({"vllm:num_preemptions_total", "sglang:num_retracted_requests_total"})
_KV_USAGE = frozenset({"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "sglang:token_usage"})
"""Shares from 0 to 1, in spite of their name; the second is vLLM's before 0.11."""
_KV_TOKENS = frozenset({"sglang:num_used_tokens"})
_ALL = _RUNNING | _WAITING | _PREEMPTED | _KV_USAGE | _KV_TOKENS


def read_load(page: str, served_model: str | None) -> Load | None:
    """One observation from the metrics of vLLM, SGLang or llama.cpp; None from any other page."""
    metrics = [metric for metric in read_metrics(page, _ALL) if _is_of(metric, served_model)]
    if not metrics:
        return None
    return Load(
        kv_usage=max(_values(metrics, _KV_USAGE), default=None),
        kv_used_tokens=_total(metrics, _KV_TOKENS),
        running=_total(metrics, _RUNNING),
        waiting=_total(metrics, _WAITING),
        preemptions=_total(metrics, _PREEMPTED),
    )


def _is_of(metric: Metric, served_model: str | None) -> bool:
    """A server may show several models; a metric without a name is of the only one."""
    name = metric.labels.get("model_name")
    return name is None or served_model is None or name == served_model


def _values(metrics: list[Metric], names: frozenset[str]) -> Iterator[float]:
    return (metric.value for metric in metrics if metric.name in names)


def _total(metrics: list[Metric], names: frozenset[str]) -> int | None:
    """The sum over the server's engines; None where the server does not show it."""
    values = list(_values(metrics, names))
    return round(sum(values)) if values else None
