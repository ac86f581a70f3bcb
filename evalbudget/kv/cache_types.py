"""Types in which servers keep keys and values, and what one vector takes in each.

Sources: ggml's block sizes (ggml-common.h); vLLM's `fp8_ds_mla` and `nvfp4_ds_mla`, written for the latent of
512 + 64 values alone, and its `*_per_token_head`; SGLang's fp4 and mxfp8; LMDeploy's quant_policy 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from evalbudget.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheType:
    """How the values of one head's key or value, or of one latent vector, are kept."""

    name: str
    block: int = 1
    """Values that are kept together; a vector is filled up to whole blocks."""
    block_bytes: int
    """Bytes of such a block, its scales included."""
    vector_bytes: int = 0
    """Bytes beside the blocks for each vector: its scale."""
    latent_bytes: int | None = None
    """Bytes of a latent of 512 + 64 values in a layout made for nothing else; None for all others."""

    def vector(self, values: int) -> int:
        """Bytes of one vector of so many values."""
        if self.latent_bytes is not None:
            raise InputError(
                f"the cache type {self.name} is made for latent attention, and this model (or reading of "
                "it) keeps whole heads: fp8 would work"
            )
        return -(-values // self.block) * self.block_bytes + self.vector_bytes

    def latent(self, rank: int, rope_dim: int) -> int:
        """Bytes of one latent vector with its position."""
        if self.latent_bytes is None:
            return self.vector(rank + rope_dim)
        if (rank, rope_dim) != (512, 64):
            raise InputError(
                f"the cache type {self.name} is laid out for a latent of 512 + 64 values, this model has "
                f"{rank} + {rope_dim}: fp8 would work"
            )
        return self.latent_bytes


_FLOATS: Final = {"f32": 4, "fp16": 2, "bf16": 2, "fp8": 1, "int8": 1}
_SCALED: Final = {"int8_per_token_head": 1, "fp8_per_token_head": 1}
_GGML: Final = {"q8_0": 34, "q5_1": 24, "q5_0": 22, "q4_1": 20, "q4_0": 18, "iq4_nl": 18}

CACHE_TYPES: Final[Mapping[str, CacheType]] = {
    each.name: each
    for each in (
        *(CacheType(name=name, block_bytes=size) for name, size in _FLOATS.items()),
        CacheType(name="mxfp8", block=32, block_bytes=33),
        CacheType(name="nvfp4", block=16, block_bytes=9),
        CacheType(name="int4", block=2, block_bytes=1, vector_bytes=4),
        *(CacheType(name=name, block_bytes=size, vector_bytes=4) for name, size in _SCALED.items()),
        CacheType(name="int4_per_token_head", block=2, block_bytes=1, vector_bytes=4),
        CacheType(name="fp8_ds_mla", block_bytes=0, latent_bytes=512 + 512 // 128 * 4 + 64 * 2),
        CacheType(name="nvfp4_ds_mla", block_bytes=0, latent_bytes=352),
        *(CacheType(name=name, block=32, block_bytes=size) for name, size in _GGML.items()),
    )
}
"""Name → type. int4 has a scale and a zero point of 2 bytes each for every head."""

_OTHER_NAMES: Final[Mapping[str, str]] = {
    "bfloat16": "bf16",
    "float16": "fp16",
    "half": "fp16",
    "f16": "fp16",
    "fp32": "f32",
    "float32": "f32",
    "fp8_e4m3": "fp8",
    "fp8_e5m2": "fp8",
    "fp8_e4m3fn": "fp8",
    "float8_e4m3fn": "fp8",
    "fp8_inc": "fp8",
    "fp4": "nvfp4",
    "fp4_e2m1": "nvfp4",
    "iq4nl": "iq4_nl",
}
"""What servers call the same."""


def cache_type(name: str) -> CacheType | None:
    """The type of that name, as vLLM, SGLang and llama.cpp write it; None where there is none."""
    word = name.strip().lower().removeprefix("torch.").replace("-", "_")
    return CACHE_TYPES.get(_OTHER_NAMES.get(word, word))
