"""What fits in how much memory, for each model of a run, by its bytes per token: measured and expected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from evalbudget.kv.room import Room, room_beside
from evalbudget.records import ServerRecord
from evalbudget.store.memory import ModelMemory

GIB: Final = 2**30
SIZES_GIB: Final = (8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 128, 141, 192)
"""Memory of GPUs that people have."""
LENGTHS: Final = {"8k": 8_192, "32k": 32_768, "128k": 131_072}
"""Word → tokens of a sequence."""
MEANING: Final = (
    "Beside the weights, on one GPU. A server needs memory for itself and for activations too, so that what "
    "really fits is less. Layers with a sliding window take their window's worth on top."
)
_TOLD: Final = re.compile(r"(\d{1,15}) bytes\b")
"""llama.cpp tells the size of its weights' file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """What fits of one model."""

    model: str
    weights: int | None
    """Bytes on one GPU; None = not known, and then nothing else is."""
    measured: Room | None
    """By the measured bytes per token; None where these are not known."""
    expected: Room | None
    """By the expected ones."""


def weights_of(record: ServerRecord) -> int | None:
    """Bytes of a model's weights as its server told them; None where it did not, as most do not."""
    told = record.identity.get("weights")
    found = _TOLD.match(str(told.get("told") or "")) if isinstance(told, Mapping) else None
    return int(found[1]) if found else None


def fitting(
    memory: Iterable[ModelMemory], weights: Mapping[str, int | None], gpu: int
) -> tuple[Fitting, ...]:
    """By model; `weights` in bytes, by model, and `gpu`, its memory in bytes."""
    return tuple(_of_model(each, weights.get(each.model), gpu) for each in memory)


def _of_model(each: ModelMemory, weights: int | None, gpu: int) -> Fitting:
    return Fitting(
        model=each.model,
        weights=weights,
        measured=_room(each.bytes_per_token, each.fixed_bytes, weights, gpu),
        expected=_room(each.bytes_per_token_expected, each.fixed_bytes, weights, gpu),
    )


def _room(per_token: float | None, fixed: int | None, weights: int | None, gpu: int) -> Room | None:
    if per_token is None or weights is None:
        return None
    return room_beside(weights, gpu, per_token=per_token, fixed=fixed or 0, lengths=tuple(LENGTHS.values()))
