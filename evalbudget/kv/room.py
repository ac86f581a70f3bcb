"""What fits into a GPU beside the weights, where bytes per token are all that is known of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What fits beside the weights; in truth less does, for activations and the engine's own memory."""

    tokens: int | None
    """Of one sequence; 0 where not even an empty one fits; None where no length is too long."""
    sequences: tuple[int | None, ...]
    """Of each of the lengths that were asked for; None where a sequence takes nothing."""


def room_beside(
    weights: int, memory: int, *, per_token: float, fixed: int = 0, lengths: Sequence[int] = ()
) -> Room:
    """`memory` and `weights` in bytes, of one GPU; `per_token` and `fixed` (of each sequence) too.

    Layers with windows count as far as `per_token` has them: what a window takes beside comes on top
    (`memory.KvBytes.total` has it, from the model's configuration).
    """
    left = max(memory - weights, 0)
    fits = None
    if per_token > 0:
        fits = max(int((left - fixed) / per_token), 0)
    elif left < fixed:
        fits = 0
    sizes = [fixed + per_token * length for length in lengths]
    return Room(tokens=fits, sequences=tuple(int(left / size) if size > 0 else None for size in sizes))
