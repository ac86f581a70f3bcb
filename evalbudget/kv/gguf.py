"""The metadata of a GGUF → KvModel, as llama.cpp lays out its cache (llama-hparams.cpp, llama-model.cpp)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evalbudget.errors import InputError
from evalbudget.kv.fields import Fields
from evalbudget.kv.layers import MOST_LAYERS, Heads, Indexer, KvModel, Latent, LayerGroup, State, merged
from evalbudget.records import JsonValue

_FLOAT32 = 4
"""llama.cpp keeps convolutions and states in float32."""
_PATTERNS: Final[Mapping[str, int]] = {
    "gemma2": 2,
    "gemma3": 6,
    "gemma3n": 5,
    "gpt-oss": 2,
    "cohere2": 4,
    "exaone4": 4,
    "olmo2": 4,
    "llama4": 4,
}
"""Every so many layers one without a window, where the file does not say so (`set_swa_pattern`)."""
_CHUNK: Final = {"llama4": 8192}
_NOT_KNOWN: Final = ("deepseek4", "rwkv", "arwkv", "t5", "bert", "nomic", "jina", "wavtokenizer")


def model_of_gguf(metadata: Mapping[str, JsonValue], file: str = "model.gguf") -> KvModel:
    """Read a file's metadata; raises InputError where it does not say what its layers keep."""
    arch = Fields(metadata, file).text("general.architecture")
    if arch is None:
        raise InputError(f"{file} names no general.architecture: it holds no model")
    if arch.startswith(_NOT_KNOWN):
        raise InputError(f"{file}: what the layers of {arch} keep is not known here yet")
    fields = Fields(metadata, file, f"{arch}.")
    blocks = fields.need("block_count")
    if blocks > MOST_LAYERS:
        raise InputError(f"{file}: {blocks} layers are more than any model has")
    drafts = min(fields.number("nextn_predict_layers") or 0, blocks - 1)
    layers = blocks - drafts
    own = layers - (fields.number("attention.shared_kv_layers") or 0)
    recurrent = _recurrent(fields, arch, blocks)
    windowed = _windowed(fields, arch, layers)
    groups: list[LayerGroup] = []
    for at in range(layers):
        if recurrent[at] or arch == "falcon-h1":
            groups.append(_state(fields))
        if not recurrent[at] and at < own:
            groups.extend(_attending(fields, at, blocks, window=windowed[at]))
    drawn = [part for at in range(layers, blocks) for part in _attending(fields, at, blocks, window=None)]
    return KvModel(
        name=arch,
        groups=(*merged(groups), *_indexer(fields, layers)),
        draft=merged(drawn),
        native=_native(fields, layers, recurrent),
        context=fields.number("context_length"),
        cache_type="fp16",
        notes=_notes(fields, arch),
    )


def _number(fields: Fields, key: str, at: int, blocks: int) -> int | None:
    """A number for all layers, or this layer's in a list."""
    listed = fields.numbers(key, blocks)
    return fields.number(key) if listed is None else listed[at]


def _is_latent(fields: Fields) -> bool:
    """llama.cpp takes a file for latent attention by these keys alone; older files lack them."""
    return bool(fields.number("attention.key_length_mla") and fields.number("attention.value_length_mla"))


def _attending(fields: Fields, at: int, blocks: int, *, window: int | None) -> tuple[LayerGroup, ...]:
    heads = _number(fields, "attention.head_count", at, blocks) or fields.need("attention.head_count")
    kv_heads = _number(fields, "attention.head_count_kv", at, blocks)
    if kv_heads == 0:
        return ()
    if _is_latent(fields):
        return (_latent(fields, 1, heads),)
    swa = window is not None
    key_dim = (fields.number("attention.key_length_swa") if swa else None) or fields.number(
        "attention.key_length"
    )
    if key_dim is None:
        key_dim = fields.need("embedding_length") // heads
    value_dim = fields.number("attention.value_length_swa") if swa else None
    value_dim = value_dim or fields.number("attention.value_length") or key_dim
    return (
        Heads(
            layers=1,
            heads=heads,
            kv_heads=kv_heads or heads,
            key_dim=key_dim,
            value_dim=value_dim,
            window=window,
        ),
    )


def _latent(fields: Fields, layers: int, heads: int) -> Latent:
    """Without the keys that end in _mla, the lengths are those of whole heads."""
    mla = "_mla" if _is_latent(fields) else ""
    return Latent(
        layers=layers,
        rank=fields.need("attention.kv_lora_rank"),
        rope_dim=fields.need("rope.dimension_count"),
        heads=heads,
        kv_heads=heads,
        key_dim=fields.number(f"attention.key_length{mla}"),
        value_dim=fields.number(f"attention.value_length{mla}"),
    )


def _native(fields: Fields, layers: int, recurrent: list[bool]) -> tuple[LayerGroup, ...] | None:
    """The latents that a file has, but does not let llama.cpp know of."""
    if not fields.number("attention.kv_lora_rank") or _is_latent(fields) or any(recurrent):
        return None
    return (_latent(fields, layers, fields.need("attention.head_count")),)


def _recurrent(fields: Fields, arch: str, blocks: int) -> list[bool]:
    """Which layers have a state instead of a cache."""
    listed = fields.numbers("attention.head_count_kv", blocks)
    if arch in ("mamba", "mamba2"):
        return [True] * blocks
    if listed is not None:
        feeding = fields.numbers("feed_forward_length", blocks) if arch.startswith("nemotron_h") else None
        return [not each and not (feeding and feeding[at]) for at, each in enumerate(listed)]
    hybrid = arch.startswith(("qwen3next", "qwen35"))
    every = fields.number("full_attention_interval") or (4 if hybrid else 0)
    return [bool(every) and (at + 1) % every != 0 for at in range(blocks)]


def _windowed(fields: Fields, arch: str, layers: int) -> list[int | None]:
    """The window of each layer; None where it attends to everything."""
    window = fields.number("attention.sliding_window") or _CHUNK.get(arch)
    if not window:
        return [None] * layers
    listed = fields.numbers("attention.sliding_window_pattern", layers)
    if listed is not None:
        return [window if each else None for each in listed]
    every = fields.number("attention.sliding_window_pattern") or _PATTERNS.get(arch)
    return [window if every and (at + 1) % every else None for at in range(layers)]


def _state(fields: Fields) -> State:
    """`n_embd_r` and `n_embd_s` of llama-hparams.cpp."""
    if kept := fields.number("shortconv.l_cache"):
        return State(
            layers=1,
            kind="conv",
            conv_values=fields.need("embedding_length") * (kept - 1),
            conv_bytes=_FLOAT32,
        )
    kernel = fields.need("ssm.conv_kernel")
    if dim := fields.number("kda.head_dim"):
        width = fields.need("attention.head_count") * dim
        conv, state, kind = 3 * width, width * dim, "linear"
    else:
        inner, size = fields.need("ssm.inner_size"), fields.need("ssm.state_size")
        conv, state = inner + 2 * (fields.number("ssm.group_count") or 0) * size, inner * size
        kind = "linear" if fields.prefix.startswith("qwen") else "ssm"
    return State(
        layers=1,
        kind=kind,
        conv_values=conv * (kernel - 1),
        conv_bytes=_FLOAT32,
        state_values=state,
        state_bytes=_FLOAT32,
    )


def _indexer(fields: Fields, layers: int) -> tuple[LayerGroup, ...]:
    """llama.cpp keeps an indexer's keys in the cache's type, without values."""
    dim = fields.number("attention.indexer.key_length")
    return (Indexer(layers=layers, dim=dim, fp8=False),) if dim else ()


def _notes(fields: Fields, arch: str) -> tuple[str, ...]:
    notes = []
    if fields.number("attention.sliding_window"):
        known = f"{arch}.attention.sliding_window_pattern" in fields.data or arch in _PATTERNS
        if known:
            notes.append("llama.cpp keeps a micro-batch more than the window, in steps of 256 tokens")
        else:
            notes.append(
                f"llama.cpp makes no use of {arch}'s window of {fields.need('attention.sliding_window')}"
            )
    if fields.number("attention.kv_lora_rank") and not _is_latent(fields):
        notes.append(
            "the file lacks attention.key_length_mla and value_length_mla: llama.cpp loads full attention; "
            "a newer conversion of the model has them"
        )
    return tuple(notes)
