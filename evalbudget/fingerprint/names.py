"""The names in identities and conditions: in plain words, in the order in which differences are told."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from evalbudget.records import JsonValue

Matters: TypeAlias = Literal["figures", "speed", "memory"]
"""What a difference moves: scores and token counts (and then the others as well), or only time, or memory."""

LEFT_TO_SERVER: Final = "left to the server"
"""The value of a sampling setting that no request carries."""


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


_NAMES: Final[dict[str, str]] = {
    "weights": "weights",
    "base_model": "base model",
    "architecture": "architecture",
    "quantization": "quantization",
    "weight_dtype": "type of the weights",
    "engine": "engine",
    "engine_version": "engine version",
    "kv_dtype": "cache type",
    "max_model_len": "context length",
    "template": "chat template",
    "effort": "effort",
    "force_string": "force string",
    "prompt_opens_thinking": "whether the prompt opens the thinking",
    "extra_body": "request field",
    "patches": "patch",
    "flags": "flag",
    "environment": "environment variable",
    "ranks": "GPUs that share a layer",
    "prefix_caching": "prefix caching",
    "samples": "samples",
    "prompts": "prompts",
    "first_prompt": "first prompt",
    "targets": "targets",
    "scorer": "scorer",
    "scorer_version": "scorer's version",
    "task_version": "task's version",
    "loop_detector": "loop detector's version",
    "evalbudget": "version of evalbudget",
    "sampling": "sampling",
    "repeats": "repeats",
    "budgets": "budgets",
    "budget_mode": "budget mode",
    "answer_tokens": "tokens for a forced answer",
    "loops": "handling of loops",
    "seed": "seed",
    "limit": "limit of samples",
    "categories": "categories",
}
_ORDER: Final = {name: place for place, name in enumerate(_NAMES)}
_SPEED: Final = frozenset({"ranks", "prefix_caching"})
_SPEED_FLAGS: Final = _words(
    """command batch_size ubatch_size enforce_eager max_num_batched_tokens enable_chunked_prefill
    no_enable_chunked_prefill enable_prefix_caching no_enable_prefix_caching disable_radix_cache cache_prompt
    no_cache_prompt gpu_layers tensor_parallel_size pipeline_parallel_size chunked_prefill_size
    schedule_policy async_scheduling block_size page_size disable_cuda_graph cont_batching
    no_cont_batching mlock no_mmap"""
)
_MEMORY_FLAGS: Final = frozenset({"swa_full", "kv_unified", "no_kv_unified", "cpu_offload_gb"})

TOPICS: Final[dict[str, str]] = {
    "flags.cache_type": "kv_dtype",
    "flags.cache_type_k": "kv_dtype",
    "flags.cache_type_v": "kv_dtype",
    "flags.kv_cache_dtype": "kv_dtype",
    "flags.kv_dtype": "kv_dtype",
    "flags.quantization": "quantization",
    "flags.load_format": "quantization",
    "flags.dtype": "weight_dtype",
    "flags.torch_dtype": "weight_dtype",
    "flags.ctx_size": "max_model_len",
    "flags.context": "max_model_len",
    "flags.context_length": "max_model_len",
    "flags.max_model_len": "max_model_len",
    "flags.session_len": "max_model_len",
    "flags.tensor_parallel_size": "ranks",
    "flags.chat_template": "template",
    "flags.enable_prefix_caching": "prefix_caching",
    "flags.no_enable_prefix_caching": "prefix_caching",
    "flags.disable_radix_cache": "prefix_caching",
    "flags.cache_prompt": "prefix_caching",
    "flags.no_cache_prompt": "prefix_caching",
}
"""A flag → the name that says the same where the server tells it."""


def group_of(name: str) -> str:
    """`flags` of `flags.max_num_batched_tokens`; the name itself where it has no parts."""
    return name.partition(".")[0]


def topic_of(name: str) -> str:
    """The name that a name is about: `kv_dtype` of `flags.kv_cache_dtype`, `extra_body` of `extra_body.x`."""
    return TOPICS.get(name) or group_of(name)


def place_of(name: str) -> tuple[int, str]:
    """The order in which differences are told."""
    return _ORDER.get(group_of(name), len(_ORDER)), name


def matters_of(name: str) -> Matters:
    """What a difference in it moves; figures, where that is not known to be otherwise."""
    group, _, part = name.partition(".")
    if group in _SPEED or (group == "flags" and part in _SPEED_FLAGS):
        return "speed"
    return "memory" if group == "flags" and part in _MEMORY_FLAGS else "figures"


def words_of(name: str) -> str:
    """The name in plain words; what stands behind its first dot is a name from outside."""
    group, _, part = name.partition(".")
    words = _NAMES.get(group, group)
    if group == "sampling" and part:
        return part
    return f"{words} {part}" if part else words


def said(value: JsonValue) -> str:
    """A value in words; text from outside, to be put on one line by who shows it."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, list):
        return ", ".join(map(said, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {said(inner)}" for key, inner in value.items()) or "none"
    return str(value)
