"""Which models run at the same time: servers that share a GPU take turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from evalbudget.suite import Model

GPU_VARIABLES: Final = (
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "ZE_AFFINITY_MASK",
)
"""Variables by which a server is told its GPUs: NVIDIA's, AMD's, Intel's."""


def shifts(models: Sequence[Model], environment: Mapping[str, str]) -> tuple[tuple[Model, ...], ...]:
    """The models of a run in groups, one after the other; each model in the first group that has room for it.

    Two servers that the run starts share a GPU unless their `serve.env` (or our own environment) names
    different ones; they also cannot run together at one address. Servers that run already, and models inside
    the process, are in nobody's way: all of them are in the first group.
    """
    found: list[list[Model]] = []
    for model in models:
        group = next((each for each in found if not _in_the_way(model, each, environment)), None)
        if group is None:
            found.append([model])
        else:
            group.append(model)
    return tuple(map(tuple, found))


def _in_the_way(model: Model, group: Sequence[Model], environment: Mapping[str, str]) -> bool:
    if model.serve is None:
        return False
    return any(
        _share_a_gpu(_gpus(model, environment), _gpus(other, environment)) or _same_address(model, other)
        for other in group
        if other.serve is not None
    )


def _share_a_gpu(one: frozenset[str] | None, other: frozenset[str] | None) -> bool:
    """None = every GPU of the machine; an empty set = none at all."""
    if one is None or other is None:
        return one != frozenset() and other != frozenset()
    return bool(one & other)


def _gpus(model: Model, environment: Mapping[str, str]) -> frozenset[str] | None:
    """The GPUs that its server may use; None = all. `""` and `-1` hide every GPU."""
    serve = model.serve.env if model.serve is not None else {}
    named = {name: value for name in GPU_VARIABLES if (value := serve.get(name, environment.get(name)))}
    told = next(iter(named.values()), None)
    if told is None:
        hidden = any(serve.get(name, environment.get(name)) == "" for name in GPU_VARIABLES)
        return frozenset() if hidden else None
    return frozenset(word.strip() for word in told.split(",")) - {"", "-1", "NoDevFiles"}


def _same_address(one: Model, other: Model) -> bool:
    return one.base_url == other.base_url and "{port}" not in (one.base_url or "")
