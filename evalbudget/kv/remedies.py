"""What mends a cache that takes another amount, by its cause and the engine.

Sources: vLLM #32614 (glm4_moe_lite recognised, 0.15.0), #34597 (FP8 for TRITON_MLA, 0.19.1, from SM89 on),
`VLLM_MLA_DISABLE` (vllm/envs.py), decode context parallelism (docs of vLLM and SGLang); llama.cpp #19067
(no values beside a latent, January 2026) and its `attention.key_length_mla` and `value_length_mla`;
SGLang 0.5.23 keeps latents of Glm4MoeLite and MiniCPM3.
"""

from __future__ import annotations

import re
from typing import Final

from evalbudget.kv.layers import KvModel
from evalbudget.records import ServerFacts

MEANS: Final = {
    "mla-as-mha": "as latent attention takes when it is loaded as full attention",
    "mha-padded": "as latent attention takes when it is loaded as full attention with padded values",
    "head-dim": "as a latent takes that is read as KV heads of qk_rope_head_dim",
    "latent-and-v": "as a latent takes that is kept twice, once more as values that nothing reads",
    "gqa-as-mha": "as if no attention heads shared a key and a value",
    "no-window": "as layers with a window take when they keep every token",
    "wider-type": "as a wider cache type takes",
    "narrower-type": "as a narrower cache type takes",
    "type-scales": "as this type takes with scales or a layout of its own",
    "replicated": "as when every GPU keeps all heads",
    "context-shared": "as when GPUs share the tokens of the context, too",
    "with-draft": "as with the model's draft layers",
    "no-indexer": "as without the indexer's keys",
    "fewer-indexers": "as when some layers use a neighbour's indexer",
    "extra-indexer": "as with the keys of an indexer",
    "padding-layers": "as blocks take that are shaped for more layers than there are",
}
"""Name → what stands behind the figures."""

_ALWAYS: Final = {
    "gqa-as-mha": "This engine, or its version, does not use grouped-query attention: a newer one may.",
    "replicated": "Where each GPU keeps all heads, fewer GPUs for each replica and more replicas waste none.",
    "with-draft": "Speculative decoding is on: without it, this memory is free.",
    "padding-layers": "vLLM pads groups of layers to one size; that memory is lost.",
    "no-indexer": "Check that the configuration is that of the served weights.",
    "extra-indexer": "Check that the configuration is that of the served weights.",
}
"""Name → what mends it on every engine."""
_LLAMACPP: Final = ("llama.cpp", "llama-cpp-python", "ollama")
_CONTEXT_PARALLEL: Final = {
    "vllm": "--decode-context-parallel-size",
    "sglang": "--dcp-size, or --enable-dp-attention",
}


def remedy(name: str, model: KvModel, facts: ServerFacts) -> str:
    """What mends it, one or two sentences; empty where nothing needs mending."""
    match name:
        case "mla-as-mha" | "mha-padded" | "head-dim":
            return _latent_not_seen(model, facts)
        case "latent-and-v":
            return _values_kept(facts)
        case "no-window":
            return _no_window(facts)
        case "wider-type" | "narrower-type":
            return _other_type(name, facts)
    return _ALWAYS.get(name, "")


def shared_latent(facts: ServerFacts) -> str:
    """What makes a latent smaller where several GPUs share the layers: each of them keeps all of it."""
    flag = _CONTEXT_PARALLEL.get(facts.engine or "")
    how = f"; {flag} shares it" if flag else ""
    return f"Each of {facts.ranks} GPUs keeps the whole latent{how}."


def _latent_not_seen(model: KvModel, facts: ServerFacts) -> str:
    if facts.engine in _LLAMACPP or model.native is not None:
        return (
            "The GGUF lacks attention.key_length_mla and attention.value_length_mla: convert the model anew "
            "with a llama.cpp of 2026, or download a newer conversion."
        )
    if model.name == "minicpm3":
        return "vLLM and llama.cpp run MiniCPM3 so; SGLang 0.5.23 keeps its latent."
    if facts.engine == "vllm":
        if model.name.startswith("glm4_moe_lite") and not _from(facts.engine_version, (0, 15)):
            return "vLLM 0.15.0 recognises glm4_moe_lite (pull request 32614): update, or apply that patch."
        return (
            "This vLLM does not take the model for one of latent attention (is_deepseek_mla), or "
            "VLLM_MLA_DISABLE is set: unset it, or use a newer version."
        )
    if facts.engine == "sglang":
        return "SGLang 0.5.23 keeps the latents of glm4_moe_lite, deepseek and minicpm3: update."
    return "Use a version of the engine that recognises this model's latent attention."


def _values_kept(facts: ServerFacts) -> str:
    if facts.engine in _LLAMACPP:
        return (
            "llama.cpp keeps no values beside a latent since pull request 19067 (January 2026): update; the "
            "GGUF may stay."
        )
    return "The engine keeps values that latent attention never reads: a newer version may not."


def _no_window(facts: ServerFacts) -> str:
    if facts.engine in _LLAMACPP:
        return "Start it without --swa-full, which keeps every token for prompt caching."
    if facts.engine == "vllm":
        return "Start it without --disable-hybrid-kv-cache-manager."
    if facts.engine == "sglang":
        return "Start it without --disable-hybrid-swa-memory."
    return "The engine makes no use of the windows for memory."


def _other_type(name: str, facts: ServerFacts) -> str:
    if name == "narrower-type":
        if facts.kv_dtype in (None, "auto") and facts.engine not in _LLAMACPP:
            return (
                "The checkpoint may declare a cache type (kv_cache_scheme, kv_cache_quant_algo, "
                "hf_quant_config.json): --kv-cache-dtype bfloat16 overrules it."
            )
        return "The cache is in another type than the server says."
    if facts.engine == "vllm":
        return (
            "Ask for the type with --kv-cache-dtype, and see in the log whether it was taken: TRITON_MLA has "
            "FP8 from vLLM 0.19.1 and from SM89 GPUs on."
        )
    if facts.engine == "sglang":
        return "Ask for the type with --kv-cache-dtype, and see in the log whether it was taken."
    if facts.engine in _LLAMACPP:
        return "Ask for both, --cache-type-k and --cache-type-v (Ollama: OLLAMA_KV_CACHE_TYPE)."
    return "Ask for the type by the engine's own flag, and see in its log whether it was taken."


def _from(version: str | None, least: tuple[int, int]) -> bool:
    """Whether a version is that one or newer; an unknown one is not."""
    found = re.match(r"v?(\d{1,4})\.(\d{1,4})", version or "")
    return found is not None and (int(found[1]), int(found[2])) >= least
