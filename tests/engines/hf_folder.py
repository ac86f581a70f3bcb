"""The project's own models as Hugging Face folders, for engines that load such.

Tokens, weights and templates are those of the GGUF files, so that `embedded/scripts.py` and
`embedded/thoughts.py` are the truth here too.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedded import scripted, scripts, thinker, thoughts
from embedded.scripted import byte_alphabet

_CONTEXT = 32768
_PAD = "<|endoftext|>"
_Tensors = dict[str, npt.NDArray[np.float32]]
_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""Name of a block's tensor in a GGUF file → in a Hugging Face one."""


def scripted_folder(folder: Path) -> Path:
    """Write the model that walks fixed chains (Qwen3); returns the folder."""
    size = scripted.HIDDEN
    block = scripted.no_feed_forward() | {
        "attn_norm.weight": scripted.ones(size),
        **{f"attn_{name}.weight": scripted.zeros(size, size) for name in ("q", "k", "v", "output")},
        **{f"attn_{name}_norm.weight": scripted.ones(size) for name in ("q", "k")},
    }
    sizes = {
        "hidden_size": size,
        "intermediate_size": scripted.FEED_FORWARD,
        "num_attention_heads": 1,
        "head_dim": size,
        "rope_theta": 1e6,
    }
    _write_config(folder, "qwen3", "Qwen3ForCausalLM", scripted.IDS, scripts.END, sizes)
    _write_scripted_tokenizer(folder)
    tensors = _tensors(scripted.embeddings(), scripted.output_layer(), block)
    _write_tensors(folder / "model.safetensors", tensors)
    return folder


def thinking_folder(folder: Path) -> Path:
    """Write the model whose answer depends on how far it thought (Llama); returns the folder.

    Its keys and queries live in the last number of each head. RoPE pairs it with another one here than in
    GGUF files, of the same frequency: the lowest, which turns nothing.
    """
    sizes = {
        "hidden_size": thinker.HIDDEN,
        "intermediate_size": thinker.FEED_FORWARD,
        "num_attention_heads": thinker.HEADS,
        "head_dim": thinker.HEAD,
        "rope_theta": 1e30,
    }
    _write_config(folder, "llama", "LlamaForCausalLM", thinker.IDS, thoughts.END, sizes)
    first = min(thinker.IDS[text] for text in thoughts.CONTROLS)
    _write_tokenizer(
        folder,
        thinker.TOKENS[:first],
        thinker.MERGES,
        thinker.IDS,
        thoughts.CONTROLS,
        thoughts.END,
        thoughts.TEMPLATE,
    )
    block = thinker.memories() | thinker.feed_forward()
    tensors = _tensors(thinker.embeddings(), thinker.output_layer(), block)
    _write_tensors(folder / "model.safetensors", tensors)
    return folder


SIZES: Mapping[str, Mapping[str, object]] = {
    "Qwen3ForCausalLM": {
        "model_type": "qwen3",
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 64,
    },
    "Glm4MoeLiteForCausalLM": {
        "model_type": "glm4_moe_lite",
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "kv_lora_rank": 512,
        "q_lora_rank": 128,
        "qk_nope_head_dim": 192,
        "qk_rope_head_dim": 64,
        "qk_head_dim": 256,
        "v_head_dim": 256,
        "first_k_dense_replace": 1,
        "mlp_layer_types": ["dense", "sparse", "sparse"],
        "moe_intermediate_size": 128,
        "n_group": 1,
        "topk_group": 1,
        "n_routed_experts": 8,
        "n_shared_experts": 1,
        "num_experts_per_tok": 2,
        "norm_topk_prob": True,
        "routed_scaling_factor": 1.8,
        "num_nextn_predict_layers": 0,
        "rope_interleave": True,
    },
    "Lfm2ForCausalLM": {
        "model_type": "lfm2",
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "layer_types": ["conv", "full_attention", "conv", "full_attention"],
        "full_attn_idxs": [1, 3],
        "conv_L_cache": 3,
        "conv_bias": False,
        "conv_dim": 256,
        "block_dim": 256,
        "block_ff_dim": 512,
        "block_auto_adjust_ff_dim": False,
        "norm_eps": 1e-5,
        "tie_word_embeddings": True,
    },
}
"""Architecture → the sizes of a tiny model of it, as its config.json names them."""


def dummy_folder(folder: Path, architecture: str) -> Path:
    """Write all but the weights of a model in `SIZES`, for engines that make them up; returns the folder."""
    sizes = {
        "hidden_size": 256,
        "intermediate_size": 512,
        "dtype": "bfloat16",
        "rope_parameters": {"rope_theta": 1e6, "rope_type": "default"},
        **SIZES[architecture],
    }
    kind = str(sizes.pop("model_type"))
    _write_config(folder, kind, architecture, scripted.IDS, scripts.END, sizes)
    _write_scripted_tokenizer(folder)
    return folder


def _write_scripted_tokenizer(folder: Path) -> None:
    plain = len(byte_alphabet()) + 1
    merges = [" ".join([byte_alphabet()[ord(" ")]] * 2)]
    _write_tokenizer(
        folder, scripted.TOKENS[:plain], merges, scripted.IDS, scripts.CONTROLS, scripts.END, scripts.TEMPLATE
    )


def _write_config(
    folder: Path, kind: str, architecture: str, ids: Mapping[str, int], end: str, sizes: Mapping[str, object]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    named = {"eos_token_id": ids[end], "pad_token_id": ids[_PAD]}
    config = {
        "architectures": [architecture],
        "model_type": kind,
        "vocab_size": max(ids.values()) + 1,
        "num_hidden_layers": 1,
        "num_key_value_heads": sizes["num_attention_heads"],
        "hidden_act": "silu",
        "max_position_embeddings": _CONTEXT,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": False,
        "attention_bias": False,
        "dtype": "float32",
        **sizes,
        **named,
    }
    _write(folder / "config.json", config)
    _write(folder / "generation_config.json", named)


def _write_tokenizer(
    folder: Path,
    plain: Sequence[str],
    merges: Sequence[str],
    ids: Mapping[str, int],
    controls: Collection[str],
    end: str,
    template: str,
) -> None:
    """`plain`: the tokens that merges build from bytes; all others are added to them."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = [
        {
            "id": number,
            "content": text,
            "special": text in controls,
            **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
        }
        for text, number in sorted(ids.items(), key=lambda item: item[1])
        if number >= len(plain)
    ]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "vocab": {token: number for number, token in enumerate(plain)},
            "merges": [merge.split(" ") for merge in merges],
        },
    }
    _write(folder / "tokenizer.json", tokenizer)
    names = {"eos_token": end, "pad_token": _PAD, "chat_template": template}
    _write(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, **names},
    )


def _tensors(
    embeddings: npt.NDArray[Any], output: npt.NDArray[Any], block: Mapping[str, npt.NDArray[Any]]
) -> _Tensors:
    named = {
        f"model.layers.0.{_NAMES[name.removesuffix('.weight')]}.weight": tensor
        for name, tensor in block.items()
    }
    named |= {
        "model.embed_tokens.weight": embeddings,
        "model.norm.weight": np.ones(embeddings.shape[1]),
        "lm_head.weight": output,
    }
    return {name: tensor.astype(np.float32) for name, tensor in named.items()}


def _write_tensors(path: Path, tensors: _Tensors) -> None:
    """As the safetensors format has it: the header's length, the header, the data."""
    header, at = {}, 0
    for name, tensor in tensors.items():
        header[name] = {
            "dtype": "F32",
            "shape": tensor.shape,
            "data_offsets": [at, at + tensor.nbytes],
        }
        at += tensor.nbytes
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor, dtype="<f4").tobytes())


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")
