"""Text that grows by small pieces, a thousand replies at once."""

from __future__ import annotations

_TOGETHER = 512
"""Pieces that are held one by one: each costs some 50 bytes more than its characters."""


class Growing:
    """A byte for each character, for ASCII; `io.StringIO` takes four while it is being written."""

    __slots__ = ("_blocks", "_pieces")

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._pieces: list[str] = []

    def add(self, piece: str) -> None:
        """At the end."""
        self._pieces.append(piece)
        if len(self._pieces) >= _TOGETHER:
            self._join()

    def text(self) -> str:
        """All of it."""
        self._join()
        self._blocks = ["".join(self._blocks)]
        return self._blocks[0]

    def _join(self) -> None:
        self._blocks.append("".join(self._pieces))
        self._pieces.clear()
