"""TensorRT-LLM: configurations as labels (`return_perf_metrics`), and statistics of each iteration as JSON.

Sources: tensorrt_llm/metrics/collector.py, tensorrt_llm/serve/openai_server.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from evalbudget.probes.http.engine import Engine, Told, pages
from evalbudget.probes.http.listing import context
from evalbudget.probes.http.settings import settings
from evalbudget.probes.values import Json, entries, labels, mapping, metrics, named, plain, text, whole
from evalbudget.records import CachePool, ServerFacts

_PROMETHEUS, _STATISTICS = "/prometheus/metrics", "/metrics"
_IDENTITY = ("engine_type", "model_name", "served_model_name", "gpu_type", "gpu_count", "model")


def _read(told: Told) -> ServerFacts:
    page = told.pages.get(_PROMETHEUS)
    shown = page if isinstance(page, str) else told.pages.get(_STATISTICS)
    model, parallel, cache, speculative = (
        _labels(shown, f"trtllm_{part}_config_info")
        for part in ("model", "parallel", "kv_cache", "speculative")
    )
    return ServerFacts(
        engine_version=text(mapping(told.pages.get("/version")).get("version")),
        model_path=named(model.get("model")),
        quantization=named(model.get("quantization")),
        weight_dtype=named(model.get("dtype")),
        kv_dtype=named(cache.get("cache_dtype")),
        max_model_len=whole(model.get("max_model_len")) or context(told),
        ranks=whole(parallel.get("tensor_parallel_size")),
        flags=settings(
            {name: plain(value) for name, value in {**speculative, **parallel, **cache}.items()},
            left_out=_IDENTITY,
        ),
        pool=_pool(shown, cache, _statistics(told.pages.get(_STATISTICS))),
    )


def _labels(page: Json, name: str) -> Mapping[str, str]:
    return next(iter(labels(page, name)), {})


def _statistics(page: Json) -> Mapping[str, Json]:
    """The cache's, of the latest iteration that tells them; the list is empty while nothing runs."""
    told = (mapping(mapping(entry).get("kvCacheStats")) for entry in reversed(entries(page)))
    return next((each for each in told if each), {})


def _pool(page: Json, cache: Mapping[str, str], statistics: Mapping[str, Json]) -> CachePool | None:
    """Of one rank; bytes are shown nowhere."""
    names = ("trtllm_kv_cache_max_blocks", "trtllm_kv_cache_tokens_per_block")
    found = {metric.name: metric.value for metric in metrics(page, *names)}
    blocks = whole(found.get(names[0])) or whole(statistics.get("maxNumBlocks"))
    block = (
        whole(found.get(names[1])) or whole(statistics.get("tokensPerBlock")) or whole(cache.get("page_size"))
    )
    if blocks is None:
        return None
    tokens = None if block is None else blocks * block
    return CachePool(source="http", tokens=tokens, block_tokens=block, blocks=blocks)


ENGINE = Engine(wants=pages("/version", _PROMETHEUS, _STATISTICS), read=_read)
