"""A small transformer with latent attention, computed as llama.cpp computes `deepseek2` without experts.

Source of the graph: llama.cpp, src/models/deepseek2.cpp; DeepSeek-V2, arXiv 2405.04434, section 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The model's hyperparameters."""

    vocabulary: int = 288
    hidden: int = 160
    layers: int = 4
    heads: int = 4
    q_rank: int = 96
    kv_rank: int = 64
    rope: int = 32
    nope: int = 32
    value: int = 64
    feed_forward: int = 384
    context: int = 2048
    rope_base: float = 10_000.0
    epsilon: float = 1e-5


class Norm(nn.Module):
    """RMSNorm with a weight."""

    def __init__(self, size: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.epsilon)


class LatentAttention(nn.Module):
    """MLA: keys and values of all heads come from one latent, positions from `rope` values beside it."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        heads = sizes.heads
        self.q_a = _linear(sizes.hidden, sizes.q_rank)
        self.q_a_norm = Norm(sizes.q_rank, sizes.epsilon)
        self.q_b = _linear(sizes.q_rank, heads * (sizes.nope + sizes.rope))
        self.kv_a = _linear(sizes.hidden, sizes.kv_rank + sizes.rope)
        self.kv_a_norm = Norm(sizes.kv_rank, sizes.epsilon)
        self.k_b = _linear(sizes.kv_rank, heads * sizes.nope)
        self.v_b = _linear(sizes.kv_rank, heads * sizes.value)
        self.out = _linear(heads * sizes.value, sizes.hidden)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], past: list[Tensor] | None) -> Tensor:
        """`past` holds latent and turned positions of the tokens before; it is extended."""
        sizes = self.sizes
        batch, length, _ = x.shape
        q = self.q_b(self.q_a_norm(self.q_a(x))).view(batch, length, sizes.heads, -1).transpose(1, 2)
        q_nope, q_rope = q.split([sizes.nope, sizes.rope], -1)
        latent, k_rope = self.kv_a(x).split([sizes.kv_rank, sizes.rope], -1)
        latent = self.kv_a_norm(latent)
        q_rope, k_rope = rotated(q_rope, turn), rotated(k_rope[:, None], turn)
        if past is not None:
            if past:
                latent, k_rope = torch.cat([past[0], latent], 1), torch.cat([past[1], k_rope], 2)
            past[:] = [latent, k_rope]
        known = latent.shape[1]
        k_nope = self.k_b(latent).view(batch, known, sizes.heads, -1).transpose(1, 2)
        keys = torch.cat([k_nope, k_rope.expand(batch, sizes.heads, known, -1)], -1)
        values = self.v_b(latent).view(batch, known, sizes.heads, -1).transpose(1, 2)
        mixed = _attend(torch.cat([q_nope, q_rope], -1), keys, values)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, -1))


def _attend(q: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Causal attention, written out: twice as fast in training on a CPU as the fused kernel."""
    length, known = q.shape[2], keys.shape[2]
    scores = (q @ keys.transpose(-1, -2)).float() / sqrt(q.shape[-1])
    hidden = torch.ones(length, known, dtype=torch.bool).triu(known - length + 1)
    return scores.masked_fill(hidden, -1e9).softmax(-1).to(values.dtype) @ values


def rotated(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions on neighbouring pairs (llama.cpp's LLAMA_ROPE_TYPE_NORM)."""
    cos, sin = turn
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


class Block(nn.Module):
    """One layer."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.attention_norm = Norm(sizes.hidden, sizes.epsilon)
        self.attention = LatentAttention(sizes)
        self.feed_forward_norm = Norm(sizes.hidden, sizes.epsilon)
        self.gate = _linear(sizes.hidden, sizes.feed_forward)
        self.up = _linear(sizes.hidden, sizes.feed_forward)
        self.down = _linear(sizes.feed_forward, sizes.hidden)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], past: list[Tensor] | None) -> Tensor:
        x = x + self.attention(self.attention_norm(x), turn, past)
        h = self.feed_forward_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class TinyModel(nn.Module):
    """Ids (batch × length) → logits (batch × length × vocabulary)."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.embedding = nn.Embedding(sizes.vocabulary, sizes.hidden)
        self.blocks = nn.ModuleList(Block(sizes) for _ in range(sizes.layers))
        self.norm = Norm(sizes.hidden, sizes.epsilon)
        self.head = _linear(sizes.hidden, sizes.vocabulary)
        self._begin()
        angles = torch.arange(sizes.context)[:, None] * (
            sizes.rope_base ** (-torch.arange(0, sizes.rope, 2).float() / sizes.rope)
        )
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, ids: Tensor, past: list[list[Tensor]] | None = None) -> Tensor:
        """`past`: for each layer what its attention keeps; empty lists at the beginning."""
        begin = past[0][0].shape[1] if past and past[0] else 0
        end = begin + ids.shape[1]
        x = self.embedding(ids)
        turn = self.cos[begin:end].to(x.dtype), self.sin[begin:end].to(x.dtype)
        for place, block in enumerate(self.blocks):
            x = block(x, turn, None if past is None else past[place])
        return self.head(self.norm(x))

    def _begin(self) -> None:
        for name, weight in self.named_parameters():
            if weight.dim() < 2:
                continue
            narrow = 0.25 if name.endswith(("out.weight", "down.weight")) else 0.5
            std = {"embedding.weight": 0.5, "head.weight": 0.02}.get(name, narrow / sqrt(weight.shape[1]))
            nn.init.normal_(weight, std=std)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False)
