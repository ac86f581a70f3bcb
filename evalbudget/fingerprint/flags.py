"""What a server was started with → what of it can change an answer or its speed, by its engine's names.

Left out: where it runs, what it is called, how much it logs, how many requests it takes at once, and how much
memory it may fill; two servers that differ in these answer alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from evalbudget.fingerprint.places import is_secret_name, last_part, without_places
from evalbudget.records import JsonValue


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SHORT = {
    "a": "alias",
    "b": "batch_size",
    "c": "ctx_size",
    "ctk": "cache_type_k",
    "ctv": "cache_type_v",
    "dp": "data_parallel_size",
    "fa": "flash_attn",
    "m": "model",
    "n_gpu_layers": "gpu_layers",
    "ngl": "gpu_layers",
    "np": "parallel",
    "pp": "pipeline_parallel_size",
    "q": "quantization",
    "t": "threads",
    "tb": "threads_batch",
    "tp": "tensor_parallel_size",
    "tp_size": "tensor_parallel_size",
    "ub": "ubatch_size",
}
"""llama.cpp's, vLLM's and SGLang's short names."""

_LEFT_OUT = _words(
    """host hostname hostnames port uds root_path nccl_port dist_init_addr node_rank alias
    model models gguf model_path model_id served_model served_model_name tokenizer tokenizer_path revision
    name threads threads_batch threads_http max_num_seqs max_running_requests parallel n_parallel slots
    n_slots n_seq_max n_batch n_ubatch n_ctx_train bits_per_weight
    total_slots cuda_graph_bs cuda_graph_max_bs max_queued_requests max_concurrent_requests
    max_batch_size num_parallel data_parallel_size dp_size n_ctx
    gpu_memory_utilization num_gpu_blocks num_gpu_blocks_override kv_cache_memory kv_cache_memory_bytes
    mem_fraction_static max_total_tokens max_total_num_tokens max_prefill_tokens swap_space cache_ram
    cache_max_entry_count free_gpu_memory_fraction kv_cache_size_tokens kv_cache_max_concurrency
    seed random_seed device device_id device_ids main_gpu base_gpu_id gpu_id status pid
    verbose verbosity verbose_prompt lv metrics enable_metrics show_time_cost cors_origins ui webui offline
    disable_log_stats disable_log_requests enable_log_requests disable_fastapi_docs no_webui command env
    load_status last_gen_throughput version id object created internal_states disable_uvicorn_access_log
    watchdog_timeout download_dir hf_cache ready_s timeout_keep_alive"""
)
_LEFT_OUT_PARTS = re.compile(
    r"(?:^|_)(?:log|logs|logging|logger|ssl|cors|dir|folder|url|addr|address|ip|port|ports|time|timestamp"
    r"|uptime|memory_usage|throughput|otlp|trace|traces|tracing|profile|profiler|hostname)(?:_|$)"
)
_NUMBER = re.compile(r"-[\d.]")
_FLAG = re.compile(r"--?[A-Za-z]")
_MOST_WORDS = 1000


def meaningful_flags(flags: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """`ServerFacts.flags` without what cannot matter, names in lower case with underscores, sorted.

    The words of `command` become flags; what stands before the first of them stays as `command`, without the
    model and without paths: that name is there only where a command was known.
    """
    found: dict[str, JsonValue] = {}
    command = flags.get("command")
    if isinstance(command, str):
        command = list(command.split())
    if isinstance(command, list):
        words = [str(word) for word in command[:_MOST_WORDS]]
        opening = _opening(words)
        if opening:
            found["command"] = without_places(" ".join(opening))
        for name, value in _flags_of(words[_first_flag(words) :]):
            _add(found, name, value)
    for name, value in flags.items():
        plain = _plain_name(name)
        if not isinstance(value, Mapping):
            _add(found, plain, value)
        elif plain not in _LEFT_OUT and not is_secret_name(plain):
            for part, inner in value.items():
                if not isinstance(inner, Mapping):
                    _add(found, _plain_name(part), inner)
    return dict(sorted(found.items()))


def _add(found: dict[str, JsonValue], name: str, value: JsonValue) -> None:
    if name in _LEFT_OUT or _LEFT_OUT_PARTS.search(name) or is_secret_name(name) or value is None:
        return
    if isinstance(value, list) and any(isinstance(each, Mapping | list) for each in value):
        return
    cleaned = without_places(value)
    before = found.get(name)
    found[name] = cleaned if before is None or before == cleaned else [*_listed(before), *_listed(cleaned)]


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [value]


def _first_flag(words: Sequence[str]) -> int:
    return next((place for place, word in enumerate(words) if _FLAG.match(word)), len(words))


def _opening(words: Sequence[str]) -> list[str]:
    """Program and subcommand: the first word's last part, and others that name no file and no model."""
    before = words[: _first_flag(words)]
    return [last_part(word) for word in before[:1]] + [word for word in before[1:] if not _names_file(word)]


def _names_file(word: str) -> bool:
    return "/" in word or "\\" in word or word.endswith(".gguf")


def _flags_of(words: Sequence[str]) -> Iterator[tuple[str, JsonValue]]:
    """(name, value): True for a bare flag; words that no flag takes are the model, or a second value."""
    place = 0
    while place < len(words):
        word, place = words[place], place + 1
        if not _FLAG.match(word):
            continue
        name, equals, value = word.partition("=")
        if equals:
            yield _plain_name(name), _typed(value)
            continue
        follows = words[place] if place < len(words) else "-x"
        if _FLAG.match(follows) or (follows.startswith("-") and not _NUMBER.match(follows)):
            yield _plain_name(name), True
        else:
            place += 1
            yield _plain_name(name), _typed(follows)


def _typed(value: str) -> JsonValue:
    """A number as a number, so that the command and a server's page agree."""
    if re.fullmatch(r"[+-]?\d{1,18}", value):
        return int(value)
    if re.fullmatch(r"[+-]?\d{0,18}\.\d{1,18}", value):
        return float(value)
    return {"true": True, "false": False}.get(value.lower(), value)


def _plain_name(name: str) -> str:
    plain = name.strip().lstrip("-").replace("-", "_").replace(".", "_").lower()[:100]
    return _SHORT.get(plain, plain)
