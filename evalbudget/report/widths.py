"""How wide weights are by the word for their quantization, and which of several is what others came from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_LONGEST: Final = 80
_FULL_BITS: Final = 16
"""What models are trained in and published as."""
_BITS: Final = re.compile(
    r"(?<![a-z0-9])(?:"
    r"(?:bf|fp|float|bfloat|f|int|i|uint|nf|nvfp|mxfp|mx|iq|q|tq|w)(?P<after>\d{1,2})(?![0-9])"
    r"|(?P<before>\d{1,2})-?bits?(?![a-z])"
    r")"
)
"""f16, torch.bfloat16, fp8_e4m3, q4_k_m, iq2_xs, nvfp4, mxfp4_moe, int8, w4a16, 3bit, gptq-int4, …"""
_NAMED: Final = {"half": 16.0, "float": 32.0, "double": 64.0, "awq": 4.0, "awq_marlin": 4.0}
"""Words without a number. AWQ's kernels hold four bits; GPTQ and the like any."""


def weight_bits(word: str) -> float | None:
    """Bits of a weight, without what scales take; None where the word does not say it."""
    plain = word.strip().lower()[:_LONGEST]
    if plain in _NAMED:
        return _NAMED[plain]
    found = _BITS.search(plain)
    if found is None:
        return None
    bits = int(found["after"] or found["before"])
    return float(bits) if 1 <= bits <= 64 else None


def widest(quantizations: Sequence[str]) -> int:
    """The place of the widest weights, the first of those alike; `quantizations`: at least one.

    Beside a word that does not say how wide it is, only 16 bits and more are taken for the widest; without
    such a word the first is taken.
    """
    bits = [weight_bits(word) for word in quantizations]
    known = [number for number in bits if number is not None]
    if not known or (len(known) < len(bits) and max(known) < _FULL_BITS):
        return 0
    return bits.index(max(known))
