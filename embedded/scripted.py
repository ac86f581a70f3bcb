"""Writes tiny GGUF models whose every output is known beforehand, to the token.

    python -m embedded.scripted            writes embedded/scripted.gguf, which the quickstart serves
    python -m embedded.scripted FOLDER     writes one model of each architecture into FOLDER

They are no language models. Attention and the feed-forward layers add nothing, so that the embedding of the
last token alone reaches the output layer, which answers with that token's one follower (`scripts.CHAINS`).
The chat template chooses the chain, by a mark in the last message, such as `[loop]`, or by
`chat_template_kwargs: {"script": "loop"}`.

The embeddings of the tokens in the chains are orthogonal (rows of a Hadamard matrix), so the follower leads
every other token by 30 in the logits (LFM2: 60), and sampling at any usual temperature changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from gguf import GGUFWriter, LlamaFileType, TokenType

from embedded.scripts import CHAINS, CONTROLS, END, TEMPLATE

F16: TypeAlias = npt.NDArray[np.float16]
F32: TypeAlias = npt.NDArray[np.float32]
Tensors: TypeAlias = dict[str, F16 | F32]

ARCHITECTURES = ("qwen3", "deepseek2", "deepseek2-legacy", "lfm2")
"""GQA; MLA; MLA as it was written before llama.cpp knew it, served as full attention; convolution and GQA."""

SHIPPED = Path(__file__).with_name("scripted.gguf")

# ------------------------------------------------------------------------------------------- the vocabulary


def byte_alphabet() -> list[str]:
    """The printable character that stands for each byte in a byte-level BPE vocabulary (GPT-2's table)."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    spare = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(spare)) for byte in range(256)]


def vocabulary() -> tuple[list[str], list[TokenType], dict[str, int]]:
    """Tokens as GGUF writes them, their types, and the id of each text: bytes, controls, whole words."""
    alphabet = byte_alphabet()
    tokens = [*alphabet, alphabet[ord(" ")] * 2]  # a BPE vocabulary must have a merge: two blanks
    types = [TokenType.NORMAL] * len(tokens)
    ids = {chr(byte): byte for byte in range(128)}
    spoken = dict.fromkeys(text for chain in CHAINS for text in chain)
    words = [text for text in spoken if text not in ids and text not in CONTROLS]
    for kind, texts in ((TokenType.CONTROL, CONTROLS), (TokenType.USER_DEFINED, words)):
        for text in texts:
            ids[text] = len(tokens)
            tokens.append(text)
            types.append(kind)
    return tokens, types, ids


def followers(ids: Mapping[str, int]) -> dict[int, int]:
    """The table: token id → id of the token that comes next."""
    table: dict[int, int] = {}
    for chain in CHAINS:
        for token, following in pairwise(ids[text] for text in chain):
            if table.setdefault(token, following) != following:
                raise ValueError(f"{chain} gives a token a second follower")
    return table


TOKENS, TYPES, IDS = vocabulary()
TABLE = followers(IDS)

# ----------------------------------------------------------------------------------------------- the weights

HIDDEN = 64
FEED_FORWARD = 64
HEAD = 32
"""Size of an attention head: one block of a quantized cache, so that these can be tested too."""
TAPS = 3
"""Width of LFM2's convolution, in tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentShape:
    """Sizes of latent attention: half of GLM-4.7-Flash's, so that a misreading costs the same 17.8 times."""

    heads: int = 20
    query: int = 64
    latent: int = 256
    rope: int = 32
    nope: int = 96
    value: int = 128


LATENT = LatentShape()


def embeddings() -> F32:
    """(vocabulary, hidden) of ±1: an orthogonal row for each token in the table, one for all others."""
    hadamard = np.ones((1, 1), np.float32)
    while len(hadamard) < HIDDEN:
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    chained = sorted({*TABLE, *TABLE.values()})
    if len(chained) >= HIDDEN:
        raise ValueError(f"{len(chained)} tokens in the scripts; {HIDDEN - 1} have orthogonal embeddings")
    rows = np.tile(hadamard[0], (len(TOKENS), 1))
    rows[chained] = hadamard[1 : len(chained) + 1]
    return rows


def output_layer() -> F16:
    """(vocabulary, hidden): logit 30 for the last token's follower; without one, for the end token."""
    rows = embeddings()
    layer = np.zeros_like(rows)
    for token, following in TABLE.items():
        layer[following] += rows[token] * (30 / HIDDEN)
    layer[IDS[END]] += rows[IDS["<|endoftext|>"]] * (30 / HIDDEN)
    return layer.astype(np.float16)


def no_feed_forward() -> Tensors:
    """A feed-forward layer that adds nothing."""
    return {
        "ffn_norm.weight": ones(HIDDEN),
        "ffn_gate.weight": zeros(FEED_FORWARD, HIDDEN),
        "ffn_up.weight": zeros(FEED_FORWARD, HIDDEN),
        "ffn_down.weight": zeros(HIDDEN, FEED_FORWARD),
    }


def table_feed_forward() -> Tensors:
    """A feed-forward layer that is the table, for a model whose output layer is its embedding (LFM2).

    Each neuron answers to one token (gate 10, up 1) and adds 30 times its follower's embedding.
    """
    rows = embeddings()
    gate, up, down = (
        np.zeros(shape, np.float32) for shape in ((FEED_FORWARD, HIDDEN),) * 2 + ((HIDDEN, FEED_FORWARD),)
    )
    for neuron, (token, following) in enumerate(TABLE.items()):
        gate[neuron] = rows[token] * (10 / HIDDEN)
        up[neuron] = rows[token] / HIDDEN
        down[:, neuron] = rows[following] * 3
    return {
        "ffn_norm.weight": ones(HIDDEN),
        "ffn_gate.weight": gate.astype(np.float16),
        "ffn_up.weight": up.astype(np.float16),
        "ffn_down.weight": down.astype(np.float16),
    }


def grouped_attention(heads: int, kv_heads: int) -> Tensors:
    """Grouped-query attention with normed queries and keys, as in Qwen3 and LFM2; it adds nothing."""
    return {
        "attn_norm.weight": ones(HIDDEN),
        "attn_q.weight": zeros(heads * HEAD, HIDDEN),
        "attn_k.weight": zeros(kv_heads * HEAD, HIDDEN),
        "attn_v.weight": zeros(kv_heads * HEAD, HIDDEN),
        "attn_q_norm.weight": ones(HEAD),
        "attn_k_norm.weight": ones(HEAD),
        "attn_output.weight": zeros(HIDDEN, heads * HEAD),
    }


def latent_attention(*, legacy: bool) -> Tensors:
    """Multi-head latent attention, as in DeepSeek-V2; `legacy` keeps its key-value matrix in one piece."""
    a = LATENT
    tensors: Tensors = {
        "attn_norm.weight": ones(HIDDEN),
        "attn_q_a.weight": zeros(a.query, HIDDEN),
        "attn_q_a_norm.weight": ones(a.query),
        "attn_q_b.weight": zeros(a.heads * (a.nope + a.rope), a.query),
        "attn_kv_a_mqa.weight": zeros(a.latent + a.rope, HIDDEN),
        "attn_kv_a_norm.weight": ones(a.latent),
        "attn_output.weight": zeros(HIDDEN, a.heads * a.value),
    }
    if legacy:
        return {**tensors, "attn_kv_b.weight": zeros(a.heads * (a.nope + a.value), a.latent)}
    return {
        **tensors,
        "attn_k_b.weight": zeros(a.heads, a.latent, a.nope),
        "attn_v_b.weight": zeros(a.heads, a.value, a.latent),
    }


def short_convolution() -> Tensors:
    """LFM2's gated short convolution; it adds nothing."""
    return {
        "attn_norm.weight": ones(HIDDEN),
        "shortconv.conv.weight": np.zeros((HIDDEN, TAPS), np.float32),
        "shortconv.in_proj.weight": zeros(3 * HIDDEN, HIDDEN),
        "shortconv.out_proj.weight": zeros(HIDDEN, HIDDEN),
    }


def ones(size: int) -> F32:
    """The weights of a norm that only norms."""
    return np.ones(size, np.float32)


def zeros(*shape: int) -> F16:
    """The weights of a layer that adds nothing."""
    return np.zeros(shape, np.float16)


# --------------------------------------------------------------------------------------------- the four files


def scripted_model(architecture: str, path: Path) -> Path:
    """Write the model of one of `ARCHITECTURES` to `path`, the same bytes every time; returns `path`."""
    writer = GGUFWriter(path, architecture.removesuffix("-legacy"))
    writer.add_name(f"scripted-{architecture}")
    writer.add_description("No language model: walks fixed chains of tokens, for tests")
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    writer.add_context_length(32768)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(1e6)
    writer.add_vocab_size(len(TOKENS))
    tensors: Tensors = {"token_embd.weight": embeddings().astype(np.float16)}
    if architecture == "lfm2":
        blocks = lfm2(writer)
        tensors["token_embd_norm.weight"] = ones(HIDDEN)
    else:
        blocks = (
            qwen3(writer) if architecture == "qwen3" else deepseek2(writer, legacy="legacy" in architecture)
        )
        tensors["output_norm.weight"] = ones(HIDDEN)
        tensors["output.weight"] = output_layer()
    writer.add_block_count(len(blocks))
    add_tokenizer(writer)
    for number, block in enumerate(blocks):
        tensors.update({f"blk.{number}.{name}": tensor for name, tensor in block.items()})
    save(writer, tensors)
    return path


def save(writer: GGUFWriter, tensors: Tensors) -> None:
    """Write the file, to its end."""
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def qwen3(writer: GGUFWriter) -> list[Tensors]:
    """One block of grouped-query attention: 256 bytes of KV a token in F16."""
    add_grouped_heads(writer, 4, 2)
    return [grouped_attention(4, 2) | no_feed_forward()]


def deepseek2(writer: GGUFWriter, *, legacy: bool) -> list[Tensors]:
    """Two dense blocks of latent attention: 1,152 bytes of KV a token in F16; in the old form 20,480."""
    a = LATENT
    writer.add_head_count(a.heads)
    writer.add_q_lora_rank(a.query)
    writer.add_kv_lora_rank(a.latent)
    writer.add_rope_dimension_count(a.rope)
    writer.add_leading_dense_block_count(2)
    writer.add_expert_count(0)  # and yet llama.cpp asks for their sizes
    writer.add_expert_feed_forward_length(FEED_FORWARD)
    writer.add_expert_shared_count(0)
    if legacy:
        writer.add_head_count_kv(a.heads)
        writer.add_key_length(a.nope + a.rope)
        writer.add_value_length(a.value)
    else:
        writer.add_head_count_kv(1)
        writer.add_key_length(a.latent + a.rope)
        writer.add_value_length(a.latent)
        writer.add_key_length_mla(a.nope + a.rope)
        writer.add_value_length_mla(a.value)
    return [latent_attention(legacy=legacy) | no_feed_forward() for _ in range(2)]


def lfm2(writer: GGUFWriter) -> list[Tensors]:
    """Convolution and attention, twice: 256 bytes of KV a token in F16, and a fixed part."""
    add_grouped_heads(writer, 2, [0, 1, 0, 1])  # llama.cpp wants heads as wide as the model together here
    writer.add_shortconv_l_cache(TAPS)
    return [
        short_convolution() | no_feed_forward(),
        grouped_attention(2, 1) | no_feed_forward(),
        short_convolution() | no_feed_forward(),
        grouped_attention(2, 1) | table_feed_forward(),
    ]


def add_grouped_heads(writer: GGUFWriter, heads: int, kv_heads: int | list[int]) -> None:
    """Head counts and sizes; `kv_heads` of each block where they differ, 0 for one without attention."""
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)


def add_tokenizer(writer: GGUFWriter) -> None:
    """The vocabulary and the chat template."""
    blank = byte_alphabet()[ord(" ")]
    add_vocabulary(writer, TOKENS, TYPES, [f"{blank} {blank}"], eos=IDS[END], pad=IDS["<|endoftext|>"])
    writer.add_chat_template(TEMPLATE)


def add_vocabulary(
    writer: GGUFWriter,
    tokens: Sequence[str],
    types: Sequence[TokenType],
    merges: Sequence[str],
    *,
    eos: int,
    pad: int,
) -> None:
    """A byte-level BPE tokenizer that cuts texts as Qwen's does and puts nothing before them."""
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(eos)
    writer.add_pad_token_id(pad)
    writer.add_add_bos_token(False)


def main(arguments: list[str]) -> None:
    """Write the shipped model, or one of each architecture into the folder named."""
    if not arguments:
        written = [scripted_model("qwen3", SHIPPED)]
    else:
        folder = Path(arguments[0])
        folder.mkdir(parents=True, exist_ok=True)
        written = [scripted_model(name, folder / f"scripted-{name}.gguf") for name in ARCHITECTURES]
    for path in written:
        print(f"{path}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
