"""Writes the tiny model as a GGUF that llama.cpp runs: `deepseek2`, latent attention, no experts.

python -m embedded.tiny.export WEIGHTS.pt MODEL.gguf
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from gguf import GGUFWriter, LlamaFileType

from embedded.tiny.model import Sizes
from embedded.tiny.vocabulary import add_vocabulary

_NAMES = {
    "attention_norm": "attn_norm",
    "attention.q_a": "attn_q_a",
    "attention.q_a_norm": "attn_q_a_norm",
    "attention.q_b": "attn_q_b",
    "attention.kv_a": "attn_kv_a_mqa",
    "attention.kv_a_norm": "attn_kv_a_norm",
    "attention.k_b": "attn_k_b",
    "attention.v_b": "attn_v_b",
    "attention.out": "attn_output",
    "feed_forward_norm": "ffn_norm",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}
"""Name of a block's weight here → in a GGUF file."""
_OUTSIDE = {"embedding": "token_embd", "norm": "output_norm", "head": "output"}


def export(weights: Path, gguf: Path, name: str = "tiny-sums") -> Path:
    """Write the weights in F16, norms in F32; returns `gguf`."""
    sizes = Sizes()
    writer = GGUFWriter(gguf, "deepseek2")
    writer.add_name(name)
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    _add_sizes(writer, sizes)
    add_vocabulary(writer)
    for tensor, value in sorted(_tensors(weights, sizes).items()):
        writer.add_tensor(tensor, value if value.ndim == 1 else value.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return gguf


def _add_sizes(writer: GGUFWriter, sizes: Sizes) -> None:
    writer.add_context_length(sizes.context)
    writer.add_embedding_length(sizes.hidden)
    writer.add_block_count(sizes.layers)
    writer.add_leading_dense_block_count(sizes.layers)
    writer.add_feed_forward_length(sizes.feed_forward)
    writer.add_expert_feed_forward_length(sizes.feed_forward)
    writer.add_expert_count(0)
    writer.add_expert_used_count(0)
    writer.add_expert_shared_count(0)
    writer.add_head_count(sizes.heads)
    writer.add_head_count_kv(1)
    writer.add_key_length(sizes.kv_rank + sizes.rope)
    writer.add_value_length(sizes.kv_rank)
    writer.add_key_length_mla(sizes.nope + sizes.rope)
    writer.add_value_length_mla(sizes.value)
    writer.add_q_lora_rank(sizes.q_rank)
    writer.add_kv_lora_rank(sizes.kv_rank)
    writer.add_rope_dimension_count(sizes.rope)
    writer.add_rope_freq_base(sizes.rope_base)
    writer.add_layer_norm_rms_eps(sizes.epsilon)
    writer.add_vocab_size(sizes.vocabulary)


def _tensors(weights: Path, sizes: Sizes) -> dict[str, npt.NDArray[np.float32]]:
    found = {}
    for name, weight in torch.load(weights, weights_only=True).items():
        value = weight.float().numpy()
        inner = name.removesuffix(".weight")
        if inner in _OUTSIDE:
            found[f"{_OUTSIDE[inner]}.weight"] = value
            continue
        _, block, inner = inner.split(".", 2)
        if inner == "attention.k_b":  # absorbed into the query: head by rank by nope
            value = value.reshape(sizes.heads, sizes.nope, sizes.kv_rank).transpose(0, 2, 1)
        if inner == "attention.v_b":
            value = value.reshape(sizes.heads, sizes.value, sizes.kv_rank)
        found[f"blk.{block}.{_NAMES[inner]}.weight"] = np.ascontiguousarray(value)
    return found


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
