"""What the layers of a model keep of a sequence: one record for each way of attending.

The sizes count values, not bytes: how many bytes a value takes is a choice of the server (`cache_types`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """Layers that keep keys and values of each KV head: MHA, GQA and MQA."""

    layers: int
    heads: int
    """Attention heads: how many KV heads there were if none shared."""
    kv_heads: int
    key_dim: int
    """Values of one head's key."""
    value_dim: int
    """Values of one head's value."""
    window: int | None = None
    """Tokens that are kept, the latest; None = all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latent:
    """Layers that keep one compressed vector for all heads, from which keys and values are made: MLA."""

    layers: int
    rank: int
    """Values of the compressed part (`kv_lora_rank`); the value of attention is made from it alone."""
    rope_dim: int
    """Values of the part that carries the position (`qk_rope_head_dim`)."""
    heads: int | None = None
    """Attention heads, each with a key and a value of its own once uncompressed; None where not told."""
    kv_heads: int | None = None
    """What the configuration calls its KV heads; the cache has none."""
    key_dim: int | None = None
    """Values of one head's uncompressed key, position included."""
    value_dim: int | None = None
    """Values of one head's uncompressed value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexer:
    """Keys by which sparse attention (DSA) picks tokens: kept beside the layers' own cache."""

    layers: int
    """Layers with an indexer of their own; the others use a neighbour's."""
    dim: int
    """Values of one key; one key a token, whatever the number of heads."""
    fp8: bool
    """In FP8 with a 4-byte scale for every 128 values (vLLM, SGLang); else in the cache's type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Layers that keep the same for a sequence of any length: convolution, linear attention, state space."""

    layers: int
    kind: str
    """conv, linear or ssm."""
    conv_values: int
    """Values that the convolution still needs."""
    conv_bytes: int
    """Bytes of each."""
    state_values: int = 0
    """Values of the recurrent state."""
    state_bytes: int = 0
    """Bytes of each."""

    @property
    def bytes_per_layer(self) -> int:
        """Of one layer and one sequence."""
        return self.conv_values * self.conv_bytes + self.state_values * self.state_bytes


LayerGroup: TypeAlias = Heads | Latent | Indexer | State
"""Layers alike, with their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KvModel:
    """What a model's configuration says about its memory of a sequence."""

    name: str
    """`model_type` of a config.json, `general.architecture` of a GGUF."""
    groups: tuple[LayerGroup, ...]
    """As an engine that supports the model lays them out; of a GGUF, as llama.cpp will."""
    draft: tuple[LayerGroup, ...] = ()
    """Layers that a server adds where it drafts with the model's own prediction layers (MTP)."""
    native: tuple[LayerGroup, ...] | None = None
    """What the architecture needs, where `groups` is more because the file lacks what engines look for."""
    context: int | None = None
    """Tokens that the model was made for; None where not told."""
    cache_type: str = "bf16"
    """The cache's type where nobody chooses one."""
    notes: tuple[str, ...] = ()
    """What a reader should know about this reading, one sentence each."""

    @property
    def attention(self) -> str | None:
        """mha, gqa, mqa, mla, sliding or hybrid; None where no layer attends."""
        return attention(self.groups)


def attention(groups: Iterable[LayerGroup]) -> str | None:
    """One word for all: a state makes it hybrid, a window sliding, and then the rarest sharing of heads."""
    groups = tuple(groups)
    heads = [each for each in groups if isinstance(each, Heads)]
    latent = any(isinstance(each, Latent) for each in groups)
    if not heads and not latent:
        return None
    if any(isinstance(each, State) for each in groups):
        return "hybrid"
    if any(each.window is not None for each in heads):
        return "sliding"
    if latent:
        return "mla"
    if all(each.kv_heads == each.heads for each in heads):
        return "mha"
    return "mqa" if all(each.kv_heads == 1 for each in heads) else "gqa"


def merged(groups: Iterable[LayerGroup]) -> tuple[LayerGroup, ...]:
    """Equal layers as one group, in the order in which they first appear."""
    found: dict[LayerGroup, int] = {}
    for each in groups:
        alike = replace(each, layers=1)
        found[alike] = found.get(alike, 0) + each.layers
    return tuple(replace(alike, layers=number) for alike, number in found.items() if number)


MOST_LAYERS: Final = 10_000
"""More than any model has: what would be more is a mistake in the file."""
