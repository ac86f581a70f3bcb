"""LMDeploy: its configuration as labels of a metric, and the blocks of its PyTorch engine.

Sources: lmdeploy/metrics/loggers.py (`lmdeploy:backend_config`), lmdeploy/messages.py (the engines'
configurations), lmdeploy/serve/openai/api_server.py (`engine_info`, a text that holds a document).
"""

from __future__ import annotations

from collections.abc import Mapping

from evalbudget.probes.http.engine import Engine, Told, pages
from evalbudget.probes.http.listing import context
from evalbudget.probes.http.settings import settings
from evalbudget.probes.values import Json, document, labels, mapping, named, plain, whole
from evalbudget.records import CachePool, ServerFacts

_INFO = "/distserve/engine_info"
_CACHE_TYPES = {"4": "int4", "8": "int8"}
"""`quant_policy` → cache type; 0 leaves it in the model's."""
_UNQUANTIZED = "hf"


def _read(told: Told) -> ServerFacts:
    found = labels(told.pages.get("/metrics"), "lmdeploy:backend_config_info")
    config: Mapping[str, str] = found[0] if found else {}
    info = mapping(document(told.pages.get(_INFO)))
    layout = named(config.get("model_format"))
    return ServerFacts(
        quantization=None if layout == _UNQUANTIZED else layout,
        weight_dtype=named(config.get("dtype")),
        kv_dtype=_CACHE_TYPES.get(config.get("quant_policy", "")),
        max_model_len=whole(config.get("session_len")) or context(told),
        ranks=whole(info.get("tp_size")) or whole(config.get("tp")),
        flags=settings({name: plain(value) for name, value in config.items()}),
        pool=_pool(info, config),
    )


def _pool(info: Mapping[str, Json], config: Mapping[str, str]) -> CachePool | None:
    """A block holds all layers of its tokens; 0 blocks stand for a number that the engine finds itself."""
    blocks = whole(info.get("num_gpu_blocks")) or whole(config.get("num_gpu_blocks"))
    block = whole(info.get("block_size")) or whole(config.get("block_size"))
    if blocks is None:
        return None
    tokens = None if block is None else blocks * block
    return CachePool(source="http", tokens=tokens, block_tokens=block, blocks=blocks)


ENGINE = Engine(wants=pages("/metrics", _INFO), read=_read)
