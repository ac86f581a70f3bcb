"""A Hugging Face `config.json` → KvModel; sources: transformers' configuration classes, vLLM's model code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from evalbudget.errors import InputError
from evalbudget.kv.fields import Fields
from evalbudget.kv.hf_kinds import Kind, layer_kinds
from evalbudget.kv.hf_states import conv_state, linear_state, ssm_state
from evalbudget.kv.layers import MOST_LAYERS, Heads, Indexer, KvModel, Latent, LayerGroup, merged
from evalbudget.records import JsonValue

_LAYERS: Final = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_HEADS: Final = ("num_attention_heads", "n_head", "n_heads")
_CONTEXT: Final = (
    "max_position_embeddings",
    "max_sequence_length",
    "seq_length",
    "n_positions",
    "max_seq_len",
)
_PARTS: Final = ("text_config", "llm_config", "language_config", "language_model", "thinker_config")
_NOT_KNOWN: Final = ("deepseek_v4", "rwkv", "recurrent_gemma", "xlstm", "t5", "bert", "whisper", "reformer")
"""Their layers keep something else; a figure from the keys that they share would be wrong."""

_DEFAULTS: Final[Mapping[str, Mapping[str, JsonValue]]] = {
    "gemma3_text": {
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "sliding_window": 4096,
    },
    "gemma3n_text": {
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": 256,
        "sliding_window": 512,
        "num_kv_shared_layers": 15,
    },
}
"""What files leave to the class: parts of a larger configuration are saved without their defaults."""


def model_of_config(config: Mapping[str, JsonValue], file: str = "config.json") -> KvModel:
    """Read a configuration; raises InputError where it does not say what its layers keep."""
    fields, model_type = _text_part(Fields(config, file))
    if any(model_type.startswith(each) for each in _NOT_KNOWN) or fields.flag("is_encoder_decoder"):
        raise InputError(f"{file}: what the layers of {model_type} keep is not known here yet")
    layers = fields.need(*_LAYERS)
    if layers > MOST_LAYERS:
        raise InputError(f"{file}: {layers} layers are more than any model has")
    kinds = layer_kinds(fields, model_type, layers)
    kept = _without_shared(kinds, fields.number("num_kv_shared_layers") or 0)
    groups = [part for at, kind in enumerate(kept) for part in _layer(fields, model_type, kind, at, layers)]
    indexers = _indexers(fields, layers)
    drafts = fields.number("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules") or 0
    return KvModel(
        name=model_type,
        groups=(*merged(groups), *indexers),
        draft=_draft(groups, indexers, drafts),
        context=fields.number(*_CONTEXT),
        cache_type=_cache_type(config, fields),
        notes=_notes(model_type, indexers, fields),
    )


def _text_part(whole: Fields) -> tuple[Fields, str]:
    """The part that describes the language model, with the defaults of its class."""
    found = whole
    for _ in range(3):
        inner = next((part for part in map(found.part, _PARTS) if part is not None), None)
        if inner is None or found.number(*_LAYERS):
            break
        found = inner
    if not found.number(*_LAYERS):
        raise InputError(f"{whole.file} is no model's config.json: it has no num_hidden_layers")
    model_type = found.text("model_type") or whole.text("model_type") or "unknown"
    return Fields({**_DEFAULTS.get(model_type, {}), **found.data}, whole.file), model_type


def _without_shared(kinds: list[Kind], shared: int) -> list[Kind]:
    """The last layers of Gemma 3n and 4 attend to an earlier layer's cache."""
    own = len(kinds) - shared
    return [kind if at < own else "none" for at, kind in enumerate(kinds)]


def _layer(fields: Fields, model_type: str, kind: Kind, at: int, layers: int) -> tuple[LayerGroup, ...]:
    kept: tuple[LayerGroup, ...] = ()
    match kind:
        case "full" | "both":
            kept = _attending(fields, at, layers, window=None)
        case "window":
            width = fields.need("sliding_window", "sliding_window_size")
            kept = _attending(fields, at, layers, window=width)
        case "chunk":
            kept = _attending(fields, at, layers, window=fields.need("attention_chunk_size"))
        case "conv":
            kept = (conv_state(fields),)
        case "linear":
            kept = (linear_state(fields, model_type),)
        case "ssm" | "none":
            pass
    return (*kept, ssm_state(fields, model_type)) if kind in ("ssm", "both") else kept


def _attending(fields: Fields, at: int, layers: int, *, window: int | None) -> tuple[LayerGroup, ...]:
    """One layer of attention; none where NVIDIA's pruning took it out."""
    if fields.number("kv_lora_rank"):
        if window is not None:
            raise InputError(f"{fields.file}: latent attention with a window is not known here yet")
        return (_latent(fields),)
    heads = _of_layer(fields, ("num_query_heads", *_HEADS), at, layers) or fields.need(*_HEADS)
    pruned = _pruned(fields, at)
    if pruned == 0:
        return ()
    local = window is not None
    kv_heads = heads // pruned if pruned else _kv_heads(fields, at, layers, heads, local=local)
    swa = ("swa_head_dim",) if local else ("global_head_dim",)
    dim = (
        fields.number(*swa, "head_dim", "kv_channels")
        or fields.need("hidden_size", "n_embd", "d_model") // heads
    )
    value_dim = fields.number(*(("swa_v_head_dim",) if local else ()), "v_head_dim") or dim
    return (Heads(layers=1, heads=heads, kv_heads=kv_heads, key_dim=dim, value_dim=value_dim, window=window),)


def _kv_heads(fields: Fields, at: int, layers: int, heads: int, *, local: bool) -> int:
    if fields.flag("multi_query") and not fields.flag("new_decoder_architecture"):  # Falcon, StarCoder
        return fields.number("num_key_value_heads", "multi_query_group_num") or 1
    own = ("swa_num_key_value_heads",) if local else ("num_global_key_value_heads",)
    names = (*own, "num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num")
    return _of_layer(fields, names, at, layers) or heads


def _of_layer(fields: Fields, names: tuple[str, ...], at: int, layers: int) -> int | None:
    """A number for all layers, or this layer's in a list."""
    for name in names:
        listed = fields.numbers(name, layers)
        found = fields.number(name) if listed is None else listed[at]
        if found:
            return found
    return None


def _pruned(fields: Fields, at: int) -> int | None:
    """Heads that share one KV head in this layer of a DeciLM; 0 = it does not attend, None = no DeciLM."""
    blocks = fields.data.get("block_configs")
    block = blocks[at] if isinstance(blocks, list) and at < len(blocks) else None
    part = Fields(block, fields.file).part("attention") if isinstance(block, dict) else None
    if part is None:
        return None
    return part.number("n_heads_in_group") or 0


def _latent(fields: Fields) -> Latent:
    """`head_dim` is not looked at: transformers' glm4_moe_lite calls the part with the position so."""
    rope, nope = fields.need("qk_rope_head_dim"), fields.number("qk_nope_head_dim")
    heads = fields.number(*_HEADS)
    return Latent(
        layers=1,
        rank=fields.need("kv_lora_rank"),
        rope_dim=rope,
        heads=heads,
        kv_heads=fields.number("num_key_value_heads") or heads,
        key_dim=None if nope is None else nope + rope,
        value_dim=fields.number("v_head_dim"),
    )


def _indexers(fields: Fields, layers: int) -> tuple[LayerGroup, ...]:
    """DeepSeek-V3.2 and GLM-5: one in each layer, or in those that `indexer_types` calls full."""
    dim = fields.number("index_head_dim")
    if not dim:
        return ()
    types = fields.words("indexer_types")
    own = layers if types is None else sum(each == "full" for each in types[:layers])
    return (Indexer(layers=own, dim=dim, fp8=True),) if own else ()


def _draft(groups: list[LayerGroup], indexers: tuple[LayerGroup, ...], drafts: int) -> tuple[LayerGroup, ...]:
    """Prediction layers are like the last layer that attends to everything."""
    full = [
        each for each in groups if isinstance(each, Latent) or (isinstance(each, Heads) and not each.window)
    ]
    if not drafts or not full:
        return ()
    return tuple(replace(each, layers=min(drafts, MOST_LAYERS)) for each in (full[-1], *indexers))


def _cache_type(config: Mapping[str, JsonValue], fields: Fields) -> str:
    """What `auto` means: a scheme in the checkpoint decides before the model's type."""
    quantization = Fields(config, fields.file).part("quantization_config")
    if quantization is not None:
        scheme = quantization.part("kv_cache_scheme")
        declared = (quantization.text("kv_cache_quant_algo") or "").lower()
        if (
            scheme and scheme.number("num_bits") == 8 and scheme.text("type") == "float"
        ) or declared == "fp8":
            return "fp8"
        if declared == "nvfp4":
            return "nvfp4"
    dtype = next((each for key in ("dtype", "torch_dtype") if (each := fields.text(key))), None)
    return "fp16" if dtype == "float16" else "bf16"


def _notes(model_type: str, indexers: tuple[LayerGroup, ...], fields: Fields) -> tuple[str, ...]:
    notes = []
    if model_type == "minicpm3":
        notes.append("MiniCPM3 runs as full attention on vLLM and llama.cpp: see --as mha-padded")
    if indexers and fields.words("indexer_types") is None:
        notes.append("an indexer is counted for every layer: an upper bound where layers share one")
    return tuple(notes)
