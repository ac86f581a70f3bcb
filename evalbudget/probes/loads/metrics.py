"""Prometheus pages of vLLM, SGLang, LMDeploy, TensorRT-LLM and llama.cpp → Load.

Servers behind another one show their figures under mangled names: `vllm_…` and `ray_vllm_…` for `vllm:…`,
counters with or without `_total`. All spellings are read as one name.

Where several engines share a server (data parallelism), requests and counters are added up, but use is that
of the fullest engine: that one makes requests wait and preempts them, and a figure in bytes is of one GPU. A
mean would hide it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from evalbudget.probes.loads.counts import whole
from evalbudget.probes.prometheus import Metric, read_metrics
from evalbudget.records import Load


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """What one server calls its figures; of alternatives, the first that the page has."""

    usage: tuple[str, ...]
    """Shares from 0 to 1, also where the name ends in `perc`."""
    pools: tuple[str, ...] = ()
    """Shares of its other pools of memory: the fullest counts."""
    used_tokens: tuple[str, ...] = ()
    running: str
    waiting: tuple[str, ...]
    """Added up."""
    preemptions: str | None = None
    prefix_queries: tuple[str, ...] = ()
    prefix_hits: tuple[str, ...] = ()


_VLLM = _Names(
    usage=("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
    running="vllm:num_requests_running",
    waiting=("vllm:num_requests_waiting",),
    preemptions="vllm:num_preemptions_total",
    prefix_queries=("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"),
    prefix_hits=("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"),
)
"""vllm/v1/metrics/loggers.py. The second names are those of 2025; the oldest counters are of blocks."""
_SGLANG = _Names(
    usage=("sglang:full_token_usage", "sglang:token_usage", "sglang:kv_cache_usage_perc"),
    pools=("sglang:swa_token_usage", "sglang:mamba_usage"),
    used_tokens=("sglang:num_used_tokens", "sglang:kv_used_tokens"),
    running="sglang:num_running_reqs",
    waiting=("sglang:num_queue_reqs",),
    preemptions="sglang:num_retracted_requests_total",
    prefix_queries=("sglang:prompt_tokens_total",),
    prefix_hits=("sglang:cached_tokens_total",),
)
"""sglang/srt/observability/metrics_collector.py. `token_usage` is rounded to two digits, `full_token_usage`
is not; what the prefix cache could give up counts as free. `cache_hit_rate` is of the latest batch alone, and
no counter."""
_LMDEPLOY = _Names(
    usage=("lmdeploy:gpu_cache_usage_perc",),
    running="lmdeploy:num_requests_running",
    waiting=("lmdeploy:num_requests_waiting", "lmdeploy:num_api_requests_waiting"),
)
"""lmdeploy/metrics/loggers.py; those that wait for a free handle of the server
come besides, in newer versions."""
_TENSORRT = _Names(
    usage=("trtllm:kv_cache_utilization",),
    running="trtllm:num_requests_running",
    waiting=("trtllm:num_requests_waiting",),
)
"""tensorrt_llm/metrics/collector.py; paused requests are shown as they are now, not counted."""
_LLAMA_CPP = _Names(
    usage=(),
    running="llamacpp:requests_processing",
    waiting=("llamacpp:requests_deferred",),
    prefix_hits=("llamacpp:prompt_tokens_cached_total",),
)
"""tools/server/server-task.cpp; of the cache's use, only /slots tells."""

_TRT_USED, _TRT_BLOCK = "trtllm:kv_cache_used_blocks", "trtllm:kv_cache_tokens_per_block"
_TRT_REUSED, _TRT_MISSED = "trtllm:kv_cache_reused_blocks_total", "trtllm:kv_cache_missed_blocks_total"
_LLAMA_PROMPTS = "llamacpp:prompt_tokens_total"
"""Without those that were found in the cache."""

_RANKS = frozenset({"tp_rank", "pp_rank", "moe_ep_rank", "attn_tp_rank", "attn_cp_rank", "pid"})
"""Labels of processes that work on the same requests and show the same figures."""


class _Figures:
    """The numbers of one page that are of one model."""

    def __init__(self, page: str, served_model: str | None) -> None:
        self._found: defaultdict[str, list[Metric]] = defaultdict(list)
        metrics = list(read_metrics(page, _SPELLINGS.keys()))
        models = {name for metric in metrics if (name := metric.labels.get("model_name"))}
        # A server with several names for its one model shows the first: another name is no other model.
        wanted = served_model if served_model in models or len(models) > 1 else None
        for metric in metrics:
            if wanted is None or metric.labels.get("model_name", wanted) == wanted:
                self._found[_SPELLINGS[metric.name]].append(metric)

    def each(self, *names: str) -> list[float]:
        """Under the first of these names that the page has: one value of each engine."""
        found = next((self._found[name] for name in names if name in self._found), [])
        # With priorities, SGLang shows the whole under an empty one and its parts besides.
        whole = [metric for metric in found if not metric.labels.get("priority")] or found
        engines: dict[frozenset[tuple[str, str]], float] = {}
        for metric in whole:
            engine = frozenset(label for label in metric.labels.items() if label[0] not in _RANKS)
            engines[engine] = max(metric.value, engines.get(engine, metric.value))
        return list(engines.values())

    def total(self, *names: str) -> int | None:
        """Of all engines together, under the first of these names."""
        values = self.each(*names)
        return whole(sum(values)) if values else None

    def together(self, names: tuple[str, ...]) -> int | None:
        """Of all these names."""
        told = [value for name in names if (value := self.total(name)) is not None]
        return whole(sum(told)) if told else None

    def share(self, *names: str) -> float | None:
        """Of the fullest engine; None where it is no share."""
        return max((value for value in self.each(*names) if 0 <= value <= 1), default=None)


def read_metrics_page(page: str, served_model: str | None) -> Load | None:
    """One observation from a page of metrics, recognised by its names; None from any other page."""
    figures = _Figures(page, served_model)
    for names in (_VLLM, _SGLANG, _LMDEPLOY, _TENSORRT, _LLAMA_CPP):
        load = _load(figures, names)
        if load != Load():
            return load
    return None


def _load(figures: _Figures, names: _Names) -> Load:
    shares = (figures.share(*names.usage), *(figures.share(pool) for pool in names.pools))
    queries = figures.total(*names.prefix_queries)
    hits = figures.total(*names.prefix_hits)
    used = max(figures.each(*names.used_tokens), default=None)
    tokens = whole(used)
    if names is _TENSORRT:
        tokens, queries, hits = _in_tokens(figures)
    elif names is _LLAMA_CPP and hits is not None:
        computed = figures.total(_LLAMA_PROMPTS)
        queries = None if computed is None else whole(computed + hits)
    return Load(
        kv_usage=max((share for share in shares if share is not None), default=None),
        kv_used_tokens=tokens,
        running=figures.total(names.running),
        waiting=figures.together(names.waiting),
        preemptions=None if names.preemptions is None else figures.total(names.preemptions),
        prefix_queries=queries,
        prefix_hits=hits,
    )


def _in_tokens(figures: _Figures) -> tuple[int | None, int | None, int | None]:
    """TensorRT-LLM counts blocks: those in use, those looked up in the prefix cache, those found."""
    block = max(figures.each(_TRT_BLOCK), default=None)
    used = max(figures.each(_TRT_USED), default=None)
    reused, missed = figures.total(_TRT_REUSED), figures.total(_TRT_MISSED)
    if block is None:
        return None, None, None
    hits = None if reused is None else whole(reused * block)
    queries = None if reused is None or missed is None else whole((reused + missed) * block)
    return None if used is None else whole(used * block), queries, hits


def _spellings() -> Iterator[tuple[str, str]]:
    extra = (_TRT_USED, _TRT_BLOCK, _TRT_REUSED, _TRT_MISSED, _LLAMA_PROMPTS)
    for names in (_VLLM, _SGLANG, _LMDEPLOY, _TENSORRT, _LLAMA_CPP):
        several = (names.usage, names.pools, names.used_tokens, names.waiting)
        for name in (*sum(several, ()), *names.prefix_queries, *names.prefix_hits, names.running):
            yield from _spellings_of(name)
        if names.preemptions is not None:
            yield from _spellings_of(names.preemptions)
    for name in extra:
        yield from _spellings_of(name)


def _spellings_of(name: str) -> Iterator[tuple[str, str]]:
    engine, _, figure = name.partition(":")
    for ending in {figure, figure.removesuffix("_total")}:
        for spelling in (f"{engine}:{ending}", f"{engine}_{ending}", f"ray_{engine}_{ending}"):
            yield spelling, name


_SPELLINGS = dict(_spellings())
"""Every spelling → the name that is meant."""
