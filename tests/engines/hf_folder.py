"""The scripted model as a Hugging Face folder (Qwen3), for engines that load such: the same tokens, the same
chains, the same template as `embedded/scripted.gguf`, so that `embedded/scripts.py` is the truth here too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedded.scripted import FEED_FORWARD, HIDDEN, IDS, TOKENS, byte_alphabet, embeddings, output_layer
from embedded.scripts import CONTROLS, END, TEMPLATE

_CONTEXT = 32768
_Tensors = dict[str, npt.NDArray[np.float32]]


def scripted_folder(folder: Path) -> Path:
    """Write the model; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    end, pad = IDS[END], IDS["<|endoftext|>"]
    config = {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": len(TOKENS),
        "hidden_size": HIDDEN,
        "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "head_dim": HIDDEN,
        "hidden_act": "silu",
        "max_position_embeddings": _CONTEXT,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1e6,
        "tie_word_embeddings": False,
        "attention_bias": False,
        "torch_dtype": "float32",
        "eos_token_id": end,
        "pad_token_id": pad,
    }
    _write(folder / "config.json", config)
    _write(folder / "generation_config.json", {"eos_token_id": end, "pad_token_id": pad})
    _write(folder / "tokenizer.json", _tokenizer())
    names = {"eos_token": END, "pad_token": "<|endoftext|>", "chat_template": TEMPLATE}
    _write(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, **names},
    )
    _write_tensors(folder / "model.safetensors", _tensors())
    return folder


def _tokenizer() -> dict[str, Any]:
    blank = byte_alphabet()[ord(" ")]
    plain = len(byte_alphabet()) + 1
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = [
        {
            "id": number,
            "content": text,
            "special": text in CONTROLS,
            **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
        }
        for text, number in sorted(IDS.items(), key=lambda item: item[1])
        if number >= plain
    ]
    return {
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
            "vocab": {token: number for number, token in enumerate(TOKENS[:plain])},
            "merges": [[blank, blank]],
        },
    }


def _tensors() -> _Tensors:
    square = np.zeros((HIDDEN, HIDDEN), np.float32)
    ones = np.ones(HIDDEN, np.float32)
    layer = "model.layers.0"
    tensors = {f"{layer}.self_attn.{name}_proj.weight": square for name in "qkvo"}
    tensors |= {f"{layer}.mlp.{name}_proj.weight": square for name in ("gate", "up", "down")}
    tensors |= {f"{layer}.self_attn.{name}_norm.weight": ones for name in "qk"}
    tensors |= {f"{layer}.{name}_layernorm.weight": ones for name in ("input", "post_attention")}
    return tensors | {
        "model.norm.weight": ones,
        "model.embed_tokens.weight": embeddings(),
        "lm_head.weight": output_layer().astype(np.float32),
    }


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
