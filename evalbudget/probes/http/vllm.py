"""vLLM: `/metrics` tells of the cache, `/server_info` (VLLM_SERVER_DEV_MODE=1) of the configuration.

Sources: vllm/v1/metrics/loggers.py (`cache_config_info`), v1/engine/core_client.py (what is summed over
engines), entrypoints/serve/dev/server_info/api_router.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from evalbudget.probes.http.engine import Ask, Engine, Told
from evalbudget.probes.http.listing import context
from evalbudget.probes.http.settings import settings
from evalbudget.probes.values import Json, decimal, labels, mapping, named, plain, text, whole
from evalbudget.records import CachePart, CachePool, JsonValue, ServerFacts

_AS_JSON = "/server_info?config_format=json"
_SURVEY_S = 10.0
"""The first who asks for the configuration waits until vLLM has looked its machine over (`get_env_info`)."""
_SPECULATION = re.compile(r"speculative_config=(\w+\([^()]{1,500}\))")
_OF_CACHE = (
    "block_size",
    "cache_dtype",
    "calculate_kv_scales",
    "cpu_offload_gb",
    "enable_prefix_caching",
    "gpu_memory_utilization",
    "kv_cache_memory_bytes",
    "kv_offloading_size",
    "mamba_block_size",
    "mamba_cache_dtype",
    "mamba_cache_mode",
    "mamba_ssm_cache_dtype",
    "num_gpu_blocks_override",
    "prefix_caching_hash_algo",
    "sliding_window",
)
"""Labels that say how it was started; the others are results, or come and go with the releases."""
_OF_CONFIG = (
    "data_parallel_size",
    "decode_context_parallel_size",
    "enable_chunked_prefill",
    "enforce_eager",
    "load_format",
    "pipeline_parallel_size",
    "reasoning_parser",
    "revision",
    "speculative_config",
    "tensor_parallel_size",
    "tokenizer",
)
_OF_ENVIRONMENT = ("VLLM_ATTENTION_BACKEND", "VLLM_KV_CACHE_LAYOUT", "VLLM_MLA_DISABLE")
_SHORT_TYPES = {"bfloat16": "bf16", "float16": "f16", "float32": "f32"}


def _wants(name: str | None) -> tuple[Ask, ...]:
    slow = (Ask(path=path, seconds=_SURVEY_S) for path in ("/server_info", _AS_JSON))
    return (Ask(path="/metrics"), *slow)


def _read(told: Told) -> ServerFacts:
    info = mapping(told.pages.get("/server_info"))
    config = _config(info, mapping(told.pages.get(_AS_JSON)))
    cache = _of_model(labels(told.pages.get("/metrics"), "vllm:cache_config_info"), told.name)
    first = cache[0] if cache else {}
    dtype = named(config.get("dtype"))
    weight_dtype = dtype.removeprefix("torch.") if dtype else None
    root, adapter = _weights(told)
    return ServerFacts(
        engine_version=text(mapping(told.pages.get("/version")).get("version")),
        model_path=root or named(config.get("model")),
        quantization=named(config.get("quantization"))
        or (_SHORT_TYPES.get(weight_dtype or "") if config else None),
        weight_dtype=weight_dtype,
        kv_dtype=named(config.get("kv_cache_dtype")) or named(first.get("cache_dtype")),
        max_model_len=context(told),
        ranks=whole(config.get("tensor_parallel_size")),
        flags=_flags(info, config, first, adapter),
        pool=_pool(cache, context(told)),
    )


def _weights(told: Told) -> tuple[str | None, str | None]:
    """Where the weights are, and those of an adapter, whose parent names the model below it."""
    parent = told.entry.get("parent")
    root = named(told.entry.get("root"))
    base = next((model for model in told.models if model.id == parent), None)
    return (named(base.entry.get("root")), root) if base else (root, None)


def _of_model(cache: tuple[Mapping[str, str], ...], name: str | None) -> tuple[Mapping[str, str], ...]:
    """The engines' labels; where a server shows several models with their names, those of this one."""
    return tuple(each for each in cache if each.get("model_name") == name) or cache


def _config(info: Mapping[str, Json], as_json: Mapping[str, Json]) -> dict[str, Json]:
    """The configuration by the names that its text has, from the text, and from the document."""
    told = info.get("vllm_config")
    found: dict[str, Json] = {} if not isinstance(told, str) else _of_text(told)
    document = mapping(as_json.get("vllm_config")) or mapping(told)
    for part in ("model_config", "cache_config", "parallel_config", "load_config", "scheduler_config"):
        names = (*_OF_CONFIG, "model", "dtype", "quantization")
        given = mapping(document.get(part))
        found |= {name: given[name] for name in names if given.get(name) is not None}
    speculation = mapping(document.get("speculative_config"))
    cache_type = mapping(document.get("cache_config")).get("cache_dtype")
    drafts = {name: speculation.get(name) for name in ("method", "model", "num_speculative_tokens")}
    given = {"kv_cache_dtype": cache_type, "speculative_config": drafts if speculation else None}
    return found | {name: value for name, value in given.items() if value is not None}


def _of_text(config: str) -> dict[str, Json]:
    """`VllmConfig.__str__` (vllm/config/vllm.py): name=value, strings with or without quotes."""
    names = (*_OF_CONFIG, "model", "dtype", "quantization", "kv_cache_dtype")
    found: dict[str, Json] = {}
    for name in names:
        match = re.search(
            rf"(?<![\w.]){name}=(?:'([^']{{1,1000}})'|([\w.+/:-]{{1,1000}}))(?=[,)\s]|$)", config
        )
        if match and (word := named(match[1] or match[2])):
            found[name] = word
    if drafts := _SPECULATION.search(config):
        found["speculative_config"] = drafts[1]
    return found


def _flags(
    info: Mapping[str, Json], config: Mapping[str, Json], cache: Mapping[str, str], adapter: str | None
) -> dict[str, JsonValue]:
    environment = mapping(info.get("vllm_env"))
    given: dict[str, Json] = {name: config.get(name) for name in _OF_CONFIG}
    given |= {name: cache.get(name) for name in _OF_CACHE}
    given |= {name: environment.get(name) for name in _OF_ENVIRONMENT}
    return settings({**{name: plain(value) for name, value in given.items()}, "adapter": adapter})


def _pool(cache: tuple[Mapping[str, str], ...], max_model_len: int | None) -> CachePool | None:
    """The cache of all engines together; `kv_cache_size_tokens` is of one of them, `num_gpu_blocks` of all.

    Its blocks times their tokens are the room of a uniform model alone: layers of different kinds share the
    blocks. Where no capacity is shown (before 0.26), the labels cannot tell, and the capacity stays open.
    """
    if not cache:
        return None
    first, engines = cache[0], len(cache)
    tokens, blocks = whole(first.get("kv_cache_size_tokens")), whole(first.get("num_gpu_blocks"))
    block = whole(first.get("block_size"))
    given = whole(first.get("kv_cache_memory_bytes"))
    concurrency = decimal(first.get("kv_cache_max_concurrency"))
    if tokens is None and blocks is None:
        return None
    overridden = whole(first.get("num_gpu_blocks_override")) is not None
    is_uniform = tokens is not None and tokens * engines == (block or 0) * (blocks or 0)
    parts = () if given is None or overridden else (_part(first, given, tokens if is_uniform else None),)
    return CachePool(
        source="http",
        parts=parts,
        tokens=None if tokens is None else tokens * engines,
        block_tokens=block,
        blocks=blocks,
        max_model_len=max_model_len,
        concurrency=None if concurrency is None else concurrency * engines,
        overridden=overridden,
    )


def _part(first: Mapping[str, str], given: int, tokens: int | None) -> CachePart:
    """What the user gave each GPU; vLLM sets aside whole blocks of it, and less than one is left over."""
    blocks = whole(first.get("num_gpu_blocks"))
    return CachePart(
        bytes=given,
        rounding=0 if blocks is None else -(-given // blocks),
        tokens=tokens,
        keys=named(first.get("cache_dtype")),
    )


ENGINE = Engine(wants=_wants, read=_read)
