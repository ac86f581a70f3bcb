"""What fits into a GPU beside the weights."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalbudget.kv.room import room_beside

GIB = 2**30
MLA = 54_144
"""GLM-4.7-Flash: bytes of a token."""


def test_the_same_model_fits_eighteen_times_as_often_as_when_it_is_read_wrongly() -> None:
    right = room_beside(13 * GIB, 24 * GIB, per_token=MLA, lengths=(8_192,))
    wrong = room_beside(13 * GIB, 24 * GIB, per_token=962_560, lengths=(8_192,))
    assert right.tokens == 11 * GIB // MLA == 218_143
    assert (right.sequences, wrong.sequences) == ((26,), (1,))


def test_what_each_sequence_takes_however_long_counts_for_each() -> None:
    room = room_beside(0, 1000, per_token=10, fixed=100, lengths=(0, 10, 90, 91))
    assert room.tokens == 90
    assert room.sequences == (10, 5, 1, 0)


def test_weights_that_fill_the_memory_leave_room_for_nothing() -> None:
    assert room_beside(10, 8, per_token=1, fixed=1, lengths=(1,)).tokens == 0
    assert room_beside(10, 8, per_token=0, fixed=1).tokens == 0


def test_a_model_that_keeps_nothing_for_a_token_has_no_longest_sequence() -> None:
    room = room_beside(0, 1000, per_token=0, lengths=(5,))
    assert room.tokens is None
    assert room.sequences == (None,)


@given(
    memory=st.integers(0, 200 * GIB),
    weights=st.integers(0, 200 * GIB),
    per_token=st.floats(1, 1e6),
    fixed=st.integers(0, GIB),
)
def test_what_is_said_to_fit_does_fit(memory: int, weights: int, per_token: float, fixed: int) -> None:
    room = room_beside(weights, memory, per_token=per_token, fixed=fixed, lengths=(32_768,))
    left = max(memory - weights, 0)
    assert room.tokens == 0 or fixed + per_token * (room.tokens or 0) <= left * (1 + 1e-9)
    assert (room.sequences[0] or 0) * (fixed + per_token * 32_768) <= left * (1 + 1e-9)
