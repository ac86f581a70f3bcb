"""Of which kind each layer of a Hugging Face configuration is, as transformers' classes read it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final, Literal, TypeAlias

from evalbudget.errors import InputError
from evalbudget.kv.fields import Fields

Kind: TypeAlias = Literal["full", "window", "chunk", "conv", "linear", "ssm", "both", "none"]
"""`both` attends beside a state-space model; `none` keeps nothing, such as a feed-forward layer."""

_WORDS: Final[Mapping[str, Kind]] = {
    "full_attention": "full",
    "attention": "full",
    "global": "full",
    "*": "full",
    "sliding_attention": "window",
    "local": "window",
    "chunked_attention": "chunk",
    "conv": "conv",
    "linear_attention": "linear",
    "mamba": "ssm",
    "mamba2": "ssm",
    "M": "ssm",
    "hybrid": "both",
    "mlp": "none",
    "moe": "none",
    "-": "none",
    "E": "none",
}
_PATTERNS: Final[Mapping[str, int]] = {
    "gpt_oss": 2,
    "gemma2": 2,
    "gemma3_text": 6,
    "gemma3": 6,
    "gemma3n_text": 5,
    "cohere2": 4,
    "exaone4": 4,
    "olmo3": 4,
}
"""Every so many layers one without a window, where the configuration leaves it to the class."""


def layer_kinds(fields: Fields, model_type: str, layers: int) -> list[Kind]:
    """The kind of each layer."""
    for find in (_listed, _spelled, _interval, _jamba, _indices, _kimi, _numbered):
        kinds = find(fields, layers)
        if kinds is not None:
            return kinds
    if model_type in ("mamba", "mamba2", "falcon_mamba"):
        return ["ssm"] * layers
    if model_type == "falcon_h1":
        return ["both"] * layers
    return _windows(fields, model_type, layers)


def _listed(fields: Fields, layers: int) -> list[Kind] | None:
    words = fields.words("layer_types") or fields.words("layers_block_type")
    if words is None:
        return None
    if len(words) < layers:
        raise InputError(f"{fields.file}: layer_types has {len(words)} entries for {layers} layers")
    return [_kind(fields, word) for word in words[:layers]]


def _spelled(fields: Fields, layers: int) -> list[Kind] | None:
    """Nemotron-H: one letter for each layer, such as M-M*-."""
    letters = fields.text("hybrid_override_pattern")
    return None if letters is None else [_kind(fields, letter) for letter in letters[:layers]]


def _kind(fields: Fields, word: str) -> Kind:
    if word not in _WORDS:
        near = get_close_matches(word, _WORDS, n=1)
        known = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(_WORDS)}"
        raise InputError(f'{fields.file}: unknown kind of layer "{word[:40]}"; {known}')
    return _WORDS[word]


def _interval(fields: Fields, layers: int) -> list[Kind] | None:
    """Qwen3-Next, Qwen3.5: every so many layers one of full attention, the others linear."""
    every = fields.number("full_attention_interval")
    if not every:
        return None
    return ["full" if (at + 1) % every == 0 else "linear" for at in range(layers)]


def _jamba(fields: Fields, layers: int) -> list[Kind] | None:
    period, offset = fields.number("attn_layer_period"), fields.number("attn_layer_offset")
    if not period:
        return None
    return ["full" if at % period == (offset or 0) else "ssm" for at in range(layers)]


def _indices(fields: Fields, layers: int) -> list[Kind] | None:
    """LFM2 and Bamba: the numbers of the layers that attend, from 0."""
    for key, other in (("full_attn_idxs", "conv"), ("attn_layer_indices", "ssm")):
        listed = fields.words(key)
        if listed is not None:
            kind: Kind = "conv" if other == "conv" else "ssm"
            return ["full" if str(at) in listed else kind for at in range(layers)]
    return None


def _kimi(fields: Fields, layers: int) -> list[Kind] | None:
    """Kimi-Linear: the numbers of the layers that attend, from 1."""
    part = fields.part("linear_attn_config")
    listed = part.words("full_attn_layers") if part else None
    if listed is None:
        return None
    return ["full" if str(at + 1) in listed else "linear" for at in range(layers)]


def _numbered(fields: Fields, layers: int) -> list[Kind] | None:
    """MiniMax: 1 attends, 0 is linear. MiMo-V2: 1 has a window, 0 has none."""
    if (types := fields.numbers("attn_type_list", layers)) is not None:
        return ["full" if each else "linear" for each in types]
    if (types := fields.numbers("hybrid_layer_pattern", layers)) is not None:
        return ["window" if each else "full" for each in types]
    if fields.number("attention_chunk_size") and (types := fields.numbers("no_rope_layers", layers)):
        return ["chunk" if each else "full" for each in types]  # Llama 4
    return None


def _windows(fields: Fields, model_type: str, layers: int) -> list[Kind]:
    window, context = fields.number("sliding_window"), fields.number("max_position_embeddings")
    off = fields.flag("use_sliding_window") is False or (window and context and window >= context)
    if not window or off:
        return ["full"] * layers
    letters = fields.text("sliding_window_pattern")
    if letters and set(letters) <= {"L", "G"}:  # EXAONE 4, such as LLLG
        return ["window" if letters[at % len(letters)] == "L" else "full" for at in range(layers)]
    every = (
        fields.number("sliding_window_pattern", "_sliding_window_pattern") if not letters else None
    ) or _PATTERNS.get(model_type)
    if every:
        return ["full" if (at + 1) % every == 0 else "window" for at in range(layers)]
    if fields.flag("use_sliding_window"):  # Qwen2: the first layers attend to everything
        first = fields.number("max_window_layers") or 0
        return ["full" if at < first else "window" for at in range(layers)]
    return ["window"] * layers  # Mistral 7B
