"""Which two models of a run a reader most likely wants to see side by side."""

from __future__ import annotations

from collections.abc import Sequence

from evalbudget.report.widths import widest
from evalbudget.store.paired import KnownModel


def first_pair(models: Sequence[KnownModel]) -> tuple[KnownModel, KnownModel] | None:
    """Base and candidate: the first family's widest weights and its next other quantization; without such a
    family the first two models; None of fewer. `models`: one run's, in its order."""
    if len(models) < 2:
        return None
    families: dict[str, list[KnownModel]] = {}
    for each in models:
        if each.family:
            families.setdefault(each.family, []).append(each)
    for group in families.values():
        base = group[widest([each.quantization for each in group])]
        others = [each for each in group if each.quantization.lower() != base.quantization.lower()]
        if others:
            return base, others[0]
    return models[0], models[1]
