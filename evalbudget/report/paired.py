"""The models of a run that are one model in other precisions, each beside the one with the widest weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from evalbudget.records import ServerRecord
from evalbudget.report.widths import widest
from evalbudget.stats import PairedDifference, TokenRatio, paired_difference, token_ratio
from evalbudget.store.paired import ModelOfRun
from evalbudget.store.queries import Store

_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A model beside the base of its family, on one task."""

    task: str
    family: str
    base: str
    """Label of the model with the widest weights of the family; the first of the run, of those alike."""
    candidate: str
    base_quantization: str
    candidate_quantization: str
    budget: int | None
    """At which they are compared: the largest that both have; None = unlimited."""
    difference: PairedDifference
    tokens: TokenRatio | None
    """Of completion tokens; None where they were not counted."""


def compared_in(
    store: Store, run_id: str, servers: Iterable[ServerRecord], tasks: Sequence[str]
) -> Iterator[Compared]:
    """By family and model in the run's order, then by task, in the order of `tasks`.

    A model is compared where its quantization is known and differs from its base's, by the word, whatever the
    case of its letters; a task where both have scored answers at one budget and to one question.
    """
    for base, candidates in _families(store, run_id, servers):
        for candidate in candidates:
            for task in tasks:
                found = _beside(store, task, base, candidate)
                if found is not None:
                    yield found


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


def _beside(store: Store, task: str, base: ServerRecord, candidate: ServerRecord) -> Compared | None:
    sides = [ModelOfRun(record.run_id, record.model) for record in (base, candidate)]
    answers = store.paired(task, *sides)
    if answers is None:
        return None
    difference = paired_difference(answers.base.scores, answers.candidate.scores)
    if difference is None:
        return None
    return Compared(
        task=task,
        family=base.family or "",
        base=base.model,
        candidate=candidate.model,
        base_quantization=base.quantization,
        candidate_quantization=candidate.quantization,
        budget=answers.budget,
        difference=difference,
        tokens=token_ratio(answers.base.tokens, answers.candidate.tokens),
    )
