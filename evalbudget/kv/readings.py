"""Wrong ways to read a model, each as some engine once did: what its cache would take then.

mha           every attention head with a key and a value of its own: latent or grouped attention that was
              not recognised (vLLM before #32614 for glm4_moe_lite, GGUF files without the MLA keys)
mha-padded    the same, with values padded to the width of keys (vLLM for MiniCPM3)
head-dim      a latent taken for KV heads of `qk_rope_head_dim`, which transformers' glm4_moe_lite
              calls `head_dim`
latent-and-v  the latent kept twice, once more as values (llama.cpp before #19067)
no-window     layers with a window that keep everything (llama.cpp's --swa-full)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from evalbudget.kv.layers import Heads, Latent, LayerGroup, merged


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One wrong way."""

    name: str
    means: str
    """What goes wrong, in a few words."""
    read: Callable[[LayerGroup], tuple[LayerGroup, ...]]
    """A group of layers → what it is taken for; the group itself where this way does not concern it."""


def read_as(groups: Iterable[LayerGroup], reading: Reading) -> tuple[LayerGroup, ...] | None:
    """What all layers are taken for; None where that is what they are."""
    groups = merged(groups)
    wrong = merged(part for each in groups for part in reading.read(each))
    return None if set(wrong) == set(groups) else wrong


def _mha(group: LayerGroup) -> tuple[LayerGroup, ...]:
    if isinstance(group, Heads):
        return (replace(group, kv_heads=group.heads),)
    if isinstance(group, Latent) and group.heads and group.key_dim and group.value_dim:
        return (
            Heads(
                layers=group.layers,
                heads=group.heads,
                kv_heads=group.heads,
                key_dim=group.key_dim,
                value_dim=group.value_dim,
            ),
        )
    return (group,)


def _padded(group: LayerGroup) -> tuple[LayerGroup, ...]:
    return tuple(
        replace(each, value_dim=max(each.key_dim, each.value_dim)) if isinstance(each, Heads) else each
        for each in _mha(group)
    )


def _head_dim(group: LayerGroup) -> tuple[LayerGroup, ...]:
    if not (isinstance(group, Latent) and group.kv_heads and group.heads):
        return (group,)
    return (
        Heads(
            layers=group.layers,
            heads=group.heads,
            kv_heads=group.kv_heads,
            key_dim=group.rope_dim,
            value_dim=group.rope_dim,
        ),
    )


def _latent_and_v(group: LayerGroup) -> tuple[LayerGroup, ...]:
    if not isinstance(group, Latent):
        return (group,)
    return (
        Heads(
            layers=group.layers,
            heads=group.heads or 1,
            kv_heads=1,
            key_dim=group.rank + group.rope_dim,
            value_dim=group.rank,
        ),
    )


def _no_window(group: LayerGroup) -> tuple[LayerGroup, ...]:
    return (replace(group, window=None),) if isinstance(group, Heads) else (group,)


READINGS: Final[Mapping[str, Reading]] = {
    each.name: each
    for each in (
        Reading(name="mha", means="every attention head kept in full", read=_mha),
        Reading(name="mha-padded", means="the same, values padded to the width of keys", read=_padded),
        Reading(name="head-dim", means="the latent taken for heads of qk_rope_head_dim", read=_head_dim),
        Reading(name="latent-and-v", means="the latent kept twice, once more as values", read=_latent_and_v),
        Reading(name="no-window", means="layers with a window keep every token", read=_no_window),
    )
}
