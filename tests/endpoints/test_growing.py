"""Text that grows by pieces is what was put into it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalbudget.endpoints.growing import Growing


@given(st.lists(st.text(max_size=3), max_size=20), st.integers(1, 200))
def test_the_text_is_its_pieces_whenever_it_is_read(pieces: list[str], times: int) -> None:
    growing, whole = Growing(), ""
    for _ in range(times):
        for piece in pieces:
            growing.add(piece)
        whole += "".join(pieces)
        if times % 7 == 0:
            assert growing.text() == whole
    assert growing.text() == growing.text() == whole
