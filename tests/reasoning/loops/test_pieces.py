"""Pieces: every character in exactly one, wherever a chunk ends."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from evalbudget.reasoning.loops.pieces import PieceCutter, cut

TEXTS = st.text(max_size=80) | st.text(" \t\nab1_.我é\u0301", max_size=80)


@given(TEXTS)
@example(" " * 40 + "word")
@example("a" * 40)
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(cut(text)) == text


@given(st.lists(TEXTS, max_size=8))
@example([" ", " ", "x", " " * 17, "y"])
@example(["a" * 15, "aa", "a1"])
def test_chunks_give_the_pieces_of_the_whole(chunks: list[str]) -> None:
    cutter = PieceCutter()
    pieces = [piece for chunk in chunks for piece in cutter.feed(chunk)] + cutter.finish()
    assert pieces == cut("".join(chunks))
    assert cutter.finish() == []


def test_a_text_is_cut_as_described() -> None:
    assert cut("So 42 is\n\n  我们, x_1²!") == [
        "So", " 4", "2", " is", "\n", "\n", "  ", "我", "们", ",", " x", "_", "1", "²", "!",
    ]  # fmt: skip


def test_no_piece_is_long() -> None:
    assert max(map(len, cut("a" * 100 + " " * 100 + "é" * 100))) <= 17
