"""Text from outside as it stands there: what steers a terminal or turns lines around becomes a sign."""

from __future__ import annotations

import re
from typing import Final

_PICTURES: Final = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"}
"""Unicode's control pictures: ␀ for NUL, ␛ for ESC."""
_STEERING: Final = (
    *range(0x80, 0xA0),
    0x061C,
    0x200E,
    0x200F,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
)
"""C1 controls, and the characters of the bidirectional algorithm (Unicode Standard Annex 9)."""
_SIGNS: Final = _PICTURES | {0x7F: "␡"} | dict.fromkeys(_STEERING, "\N{REPLACEMENT CHARACTER}")
_ALONE: Final = re.compile("[\ud800-\udfff]")
_BREAKS: Final = re.compile("␍(?=\n)")


def visible(text: str) -> str:
    """The same number of characters, so that places in the text still hold; line breaks and tabs are kept."""
    return _ALONE.sub("\N{REPLACEMENT CHARACTER}", _BREAKS.sub("\r", text.translate(_SIGNS)))
