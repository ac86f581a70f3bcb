"""The models of a run that are one model in other precisions, each beside the one with the widest weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from evalbudget.records import ServerRecord
from evalbudget.report.comparison.comparing import Asked, compare_pairs
from evalbudget.report.comparison.records import Compared
from evalbudget.report.widths import widest
from evalbudget.store.paired import ModelOfRun
from evalbudget.store.queries import Store

_UNKNOWN: Final = "unknown"


def compared_in(store: Store, run_id: str, servers: Iterable[ServerRecord]) -> tuple[Compared, ...]:
    """By family and model in the run's order, then by task; all of them one family for Holm's correction.

    A model is compared where its quantization is known and differs from its base's, by the word, whatever the
    case of its letters; a task where both have scored answers at one budget and to one question.
    """
    pairs = [
        (ModelOfRun(run_id, base.model), ModelOfRun(run_id, candidate.model))
        for base, candidates in _families(store, run_id, servers)
        for candidate in candidates
    ]
    return compare_pairs(store, pairs, Asked()).compared if pairs else ()


def _families(
    store: Store, run_id: str, servers: Iterable[ServerRecord]
) -> Iterator[tuple[ServerRecord, list[ServerRecord]]]:
    """The base of each family with what is compared to it; only where there is anything."""
    groups: dict[str, list[ServerRecord]] = {}
    known = [record for record in servers if record.family and _word(record) not in ("", _UNKNOWN)]
    if len(known) < 2:
        return
    order = {model: place for place, model in enumerate(store.models(run_id))}
    for record in sorted(known, key=lambda record: order.get(record.model, len(order))):
        groups.setdefault(record.family or "", []).append(record)
    for group in groups.values():
        base = group[widest([record.quantization for record in group])]
        others = [record for record in group if _word(record) != _word(base)]
        if others:
            yield base, others


def _word(record: ServerRecord) -> str:
    return (record.quantization or "").strip().lower()
