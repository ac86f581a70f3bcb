"""Types, blocks, GPUs and what fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.errors import InputError
from evalbudget.kv import (
    CACHE_TYPES,
    Heads,
    Latent,
    State,
    cache_type,
    kv_bytes,
    size_in_bytes,
    usable_tokens,
)

LATENT = Latent(layers=47, rank=512, rope_dim=64)
GROUPED = Heads(layers=4, heads=32, kv_heads=8, key_dim=128, value_dim=128)
WINDOWED = Heads(layers=12, heads=64, kv_heads=8, key_dim=64, value_dim=64, window=128)
STATE = State(layers=10, kind="conv", conv_values=4096, conv_bytes=2)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("bf16", 256),
        ("f16", 256),
        ("fp8_e4m3", 128),
        ("int8_per_token_head", 132),
        ("int4", 68),
        ("nvfp4", 72),
        ("q8_0", 136),
        ("q5_1", 96),
        ("q5_0", 88),
        ("q4_1", 80),
        ("q4_0", 72),
        ("iq4_nl", 72),
    ],
)
def test_a_vector_of_128_values_takes(name: str, size: int) -> None:
    found = cache_type(name)
    assert found is not None
    assert found.vector(128) == size


def test_a_layout_for_latents_is_for_nothing_else() -> None:
    layout = CACHE_TYPES["fp8_ds_mla"]
    assert kv_bytes([LATENT], layout).bytes_per_token == 47 * 656
    with pytest.raises(InputError, match="fp8 would work"):
        kv_bytes([GROUPED], layout)
    with pytest.raises(InputError, match="256 \\+ 32"):
        kv_bytes([Latent(layers=1, rank=256, rope_dim=32)], layout)


def test_heads_are_shared_by_gpus_until_there_are_none_left_and_latents_never() -> None:
    sizes = [kv_bytes([GROUPED], CACHE_TYPES["bf16"], tp=tp).bytes_per_token for tp in (1, 2, 8, 16)]
    assert sizes == [16_384, 8_192, 2_048, 2_048]
    assert kv_bytes([LATENT], CACHE_TYPES["bf16"], tp=8).bytes_per_token == 54_144
    with pytest.raises(InputError, match="8 KV heads cannot be shared by 3 GPUs"):
        kv_bytes([GROUPED], CACHE_TYPES["bf16"], tp=3)


def test_one_block_of_a_pool_holds_nothing() -> None:
    assert usable_tokens(733, 16) == 11_712
    assert kv_bytes([LATENT], CACHE_TYPES["fp8"]).total(11_713, block=16) == 733 * 16 * 27_072


def test_a_window_stops_growing_and_a_state_never_grows() -> None:
    kv = kv_bytes([WINDOWED, STATE], CACHE_TYPES["bf16"])
    assert kv.total(64) == 81_920 + 64 * 24_576
    assert kv.total(10**6) == 81_920 + 128 * 24_576
    assert kv.tokens_in(2**30) is None
    assert kv.tokens_in(1000) == 0


@given(memory=st.integers(0, 10**12), block=st.sampled_from([1, 16, 64, 256]))
def test_what_fits_fits_and_a_block_more_does_not(memory: int, block: int) -> None:
    kv = kv_bytes([GROUPED, WINDOWED, STATE], CACHE_TYPES["fp8"])
    tokens = kv.tokens_in(memory, block=block)
    assert tokens is not None
    if tokens:
        assert kv.total(tokens, block=block) <= memory
    assert kv.total(tokens + block, block=block) > memory


@pytest.mark.parametrize(
    ("text", "size"),
    [("24GiB", 24 * 2**30), ("24 GB", 24 * 10**9), ("13.5G", 13.5 * 2**30), ("512 mb", 512 * 10**6)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: float) -> None:
    assert size_in_bytes(text) == size


@pytest.mark.parametrize("text", ["24", "GiB", "-1GiB", "1e3GiB", "24 PiB", ""])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="24GiB or 24 GB"):
        size_in_bytes(text)
