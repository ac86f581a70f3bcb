"""SGLang: `/server_info` tells the arguments, the state of each scheduler and what its cache takes.

Sources: python/sglang/srt/entrypoints/http_server.py; build_memory_usage (observability); mem_cache/
memory_pool.py and swa_memory_pool.py (`mem_usage`: of all attention pools, one page more than they offer).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evalbudget.probes.http.engine import Engine, Told, pages
from evalbudget.probes.http.listing import context
from evalbudget.probes.http.settings import settings
from evalbudget.probes.values import Json, decimal, entries, mapping, named, text, whole
from evalbudget.records import CachePart, CachePool, ServerFacts

_GIB: Final = 2**30
_PLACES: Final = (2, 3)
"""Decimal places of the figures in GiB: 3 in 0.5.23, 2 before and after."""
_NO_SETTINGS: Final = (
    "avg_spec_accept_length",
    "dist_init_addr",
    "file_storage_path",
    "host",
    "internal_states",
    "kv_events",
    "last_gen_throughput",
    "log_level",
    "log_level_http",
    "max_req_input_len",
    "max_total_num_tokens",
    "memory_usage",
    "nccl_port",
    "port",
    "random_seed",
    "served_model_name",
    "status",
    "version",
    "watchdog_timeout",
)
"""Results, and what changes with every start."""


def _read(told: Told) -> ServerFacts:
    info = _first(told, "/server_info", "/get_server_info")
    model = _first(told, "/model_info", "/get_model_info")
    architectures = [text(name) for name in entries(model.get("architectures"))]
    states = tuple(mapping(state) for state in entries(info.get("internal_states")))
    dtype = named(info.get("dtype"))
    quantization = named(info.get("quantization"))
    return ServerFacts(
        engine_version=text(info.get("version")),
        model_path=named(model.get("model_path")) or named(info.get("model_path")),
        architecture=named(model.get("model_type")) or next(filter(None, architectures), None),
        quantization=quantization,
        weight_dtype=dtype.removeprefix("torch.") if dtype else None,
        kv_dtype=named(info.get("kv_cache_dtype")),
        max_model_len=context(told) or whole(info.get("context_length")),
        ranks=_ranks(info),
        flags=settings(info, left_out=_NO_SETTINGS),
        pool=_pool(info, states),
    )


def _first(told: Told, *paths: str) -> Mapping[str, Json]:
    """The page under its name of today, or else under its old one."""
    return next((found for path in paths if (found := mapping(told.pages.get(path)))), {})


def _ranks(info: Mapping[str, Json]) -> int | None:
    """GPUs that share a layer's heads: with data-parallel attention, those of one replica."""
    shared = whole(info.get("tp_size"))
    replicas = whole(info.get("dp_size")) if info.get("enable_dp_attention") is True else 1
    return None if shared is None else max(1, shared // (replicas or 1))


def _pool(info: Mapping[str, Json], states: tuple[Mapping[str, Json], ...]) -> CachePool | None:
    """The caches of all data-parallel replicas together; the bytes are of the first one's first GPU."""
    if not states:
        return None
    usage = mapping(states[0].get("memory_usage"))
    room = [whole(mapping(state.get("memory_usage")).get("token_capacity")) for state in states]
    known = [tokens for tokens in room if tokens is not None]
    page = whole(states[0].get("page_size")) or whole(info.get("page_size"))
    part = None if _is_reserved(info, states[0]) else _part(usage, page or 1)
    if part is None and not known:
        return None
    return CachePool(
        source="http",
        parts=() if part is None else (part,),
        tokens=sum(known) if known and len(known) == len(room) else None,
        block_tokens=page,
    )


def _part(usage: Mapping[str, Json], page: int) -> CachePart | None:
    """The attention layers' pools; one page of each is padding, so it has room for one more than it offers.

    Where layers with a window have a pool of their own, the bytes are of both and belong to no one number of
    tokens. Recurrent states and draft layers are not in this figure.
    """
    size, tokens = decimal(usage.get("kvcache")), whole(usage.get("token_capacity"))
    if size is None or not 0 < size < 1e6:
        return None
    has_windows = whole(usage.get("token_capacity_swa")) is not None
    return CachePart(
        bytes=round(size * _GIB),
        rounding=round(0.5 * 10.0 ** -_places(usage) * _GIB),
        tokens=None if tokens is None or has_windows else tokens + page,
    )


def _places(usage: Mapping[str, Json]) -> int:
    """Decimal places to which the server rounds: no fewer than any of its figures has."""
    shown = (str(usage.get(name)) for name in ("kvcache", "weight", "startup_available"))
    longest = max(len(figure.partition(".")[2]) for figure in shown)
    return min(max(longest, _PLACES[0]), _PLACES[1])


def _is_reserved(*told: Mapping[str, Json]) -> bool:
    """Sized after the graphs were captured (SGLANG_ENABLE_POST_CAPTURE_KV_SIZING): the figure is what was
    reserved of addresses, not of memory."""
    return any(
        "post_capture" in name.lower() and value not in (None, False, 0, "", "0", "false", "False")
        for each in told
        for name, value in (*each.items(), *mapping(each.get("env")).items())
    )


ENGINE = Engine(wants=pages("/server_info", "/get_server_info", "/model_info", "/get_model_info"), read=_read)
