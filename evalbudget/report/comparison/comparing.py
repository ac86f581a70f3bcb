"""Two models of a store, or several pairs of them, compared on the tasks that both have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from evalbudget.measures import weights_of
from evalbudget.records import JsonValue, ServerRecord
from evalbudget.report.comparison.cautions import Told, cautions
from evalbudget.report.comparison.records import (
    AtBudget,
    Compared,
    ComparedSide,
    Comparisons,
    NotCompared,
    Pair,
)
from evalbudget.report.comparison.rows import rows
from evalbudget.report.comparison.words import Facts, line, over_all, sentence
from evalbudget.report.differences import Side, lines_between
from evalbudget.report.words import budget as budget_words
from evalbudget.report.words import one_line
from evalbudget.stats.compared import compare_answers
from evalbudget.stats.comparison import DEFAULT_MARGIN, Comparison, Target
from evalbudget.stats.holm import holm
from evalbudget.store.cells import Cell
from evalbudget.store.memory import ModelMemory
from evalbudget.store.paired import AnyBudget, ModelOfRun
from evalbudget.store.queries import Store, TokenShare
from evalbudget.tasks import scorer_of

_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How to compare."""

    task: str | None = None
    """Only this one; None = every task that both have."""
    margin: float = DEFAULT_MARGIN
    """Of accuracy, above 0: by so much the candidate may be lower and still be called no worse."""
    target: Target | None = None
    """What the verdict is about; None = this benchmark where both are of one family, or one label of two
    runs, else questions like these."""
    budget: AnyBudget = "largest"
    """At which budget; None = unlimited; `largest` = the largest that both have."""
    every_budget: bool = False
    """Beside it, the difference at every other budget that both have."""


def compare_models(
    store: Store,
    base: ModelOfRun,
    candidate: ModelOfRun,
    *,
    task: str | None = None,
    margin: float = DEFAULT_MARGIN,
    target: Target | None = None,
    budget: AnyBudget = "largest",
) -> Comparisons:
    """One pair; fields as in `Asked`. `compared` is empty where they have nothing in common."""
    return compare_pairs(
        store, [(base, candidate)], Asked(task=task, margin=margin, target=target, budget=budget)
    )


def compare_pairs(store: Store, pairs: Sequence[tuple[ModelOfRun, ModelOfRun]], asked: Asked) -> Comparisons:
    """Several pairs (base, candidate), of one run or of two: one family for Holm's correction."""
    with store.batch():
        runs = {side.run_id: _Run(store, side.run_id) for pair in pairs for side in pair}
        drafts: list[_Draft] = []
        missing: list[NotCompared] = []
        made = [_pair(runs, *pair) for pair in pairs]
        for pair in made:
            for each in _on_tasks(store, runs, pair, asked):
                if isinstance(each, NotCompared):
                    missing.append(each)
                else:
                    drafts.append(each)
        corrected = holm([each.found.judged[each.target].p for each in drafts])
        compared = tuple(
            _finished(each, p, len(drafts), asked) for each, p in zip(drafts, corrected, strict=True)
        )
    return Comparisons(
        pairs=tuple(made),
        compared=compared,
        not_compared=tuple(missing),
        margin=asked.margin,
        sentence=over_all(compared, asked.margin),
    )


class _Run:
    """What the store has of one run, asked once."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store, self.run_id = store, run_id

    @cached_property
    def conditions(self) -> Mapping[str, JsonValue]:
        return next((run.conditions for run in self._store.runs() if run.run_id == self.run_id), {})

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        return self._store.cells(self.run_id)

    @cached_property
    def servers(self) -> dict[str, ServerRecord]:
        return {record.model: record for record in self._store.servers(self.run_id)}

    @cached_property
    def memory(self) -> dict[str, ModelMemory]:
        return {each.model: each for each in self._store.memory(self.run_id)}

    @cached_property
    def sources(self) -> tuple[TokenShare, ...]:
        return self._store.token_sources(self.run_id)

    def record(self, model: str) -> ServerRecord:
        return self.servers.get(model) or ServerRecord(run_id=self.run_id, model=model)

    def cell(self, model: str, task: str, budget: int | None) -> Cell | None:
        same = (model, task, budget)
        return next((cell for cell in self.cells if (cell.model, cell.task, cell.budget) == same), None)

    def asked(self, model: str) -> set[str]:
        """The tasks of which it has attempts, failed ones included."""
        return {cell.task for cell in self.cells if cell.model == model}

    def told(self, side: ComparedSide, task: str, budget: int | None) -> Told:
        sources = [each for each in self.sources if each.model == side.model]
        return Told(name=side.name, cell=self.cell(side.model, task, budget), sources=sources)


def _pair(runs: dict[str, _Run], base: ModelOfRun, candidate: ModelOfRun) -> Pair:
    records = [runs[side.run_id].record(side.model) for side in (base, candidate)]
    names = _names(*records)
    sides = [
        ComparedSide(
            run_id=record.run_id,
            model=record.model,
            name=one_line(name, 80),
            family=record.family,
            quantization=record.quantization,
        )
        for record, name in zip(records, names, strict=True)
    ]
    labels = _labels(*records)
    ours, theirs = (
        Side(label=label, record=record, conditions=runs[record.run_id].conditions)
        for record, label in zip(records, labels, strict=True)
    )
    return Pair(base=sides[0], candidate=sides[1], besides=lines_between(ours, theirs))


def _labels(base: ServerRecord, candidate: ServerRecord) -> tuple[str, str]:
    """Their labels, each with its run where they are the same."""
    if base.model != candidate.model:
        return base.model, candidate.model
    return f"{base.model} of run {base.run_id}", f"{candidate.model} of run {candidate.run_id}"


def _names(base: ServerRecord, candidate: ServerRecord) -> tuple[str, str]:
    """Their quantizations where these are what tells two of one family apart, else their labels."""
    words = [one_line(record.quantization or "", 40) for record in (base, candidate)]
    known = all(word and word.lower() != _UNKNOWN for word in words)
    if _is_one_family(base, candidate) and known and words[0].lower() != words[1].lower():
        return words[0], words[1]
    return _labels(base, candidate)


def _is_one_family(base: ServerRecord | ComparedSide, candidate: ServerRecord | ComparedSide) -> bool:
    return bool(base.family) and base.family == candidate.family


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A comparison before its family is known."""

    pair: Pair
    task: str
    budget: int | None
    target: Target
    found: Comparison
    others: tuple[AtBudget, ...]
    base: Told
    candidate: Told
    memory: tuple[ModelMemory | None, ModelMemory | None]


def _on_tasks(
    store: Store, runs: dict[str, _Run], pair: Pair, asked: Asked
) -> Iterator[_Draft | NotCompared]:
    """A pair on each task that either was asked, by name."""
    ours, theirs = (runs[side.run_id].asked(side.model) for side in (pair.base, pair.candidate))
    common: dict[str, list[int | None]] = {}
    for each in store.common_conditions(pair.base.side, pair.candidate.side):
        common.setdefault(each.task, []).append(each.budget)
    for task in sorted(ours | theirs, key=lambda name: (name.lower(), name)):
        if asked.task not in (None, task):
            continue
        if task not in ours or task not in theirs:
            alone = pair.base if task in ours else pair.candidate
            yield NotCompared(pair=pair, task=task, why=f"only {alone.name} was asked it", tried=False)
            continue
        budgets = [each for each in common.get(task, ()) if asked.budget in ("largest", each)]
        draft = _draft(store, runs, pair, task, budgets[0], asked) if budgets else None
        if draft is not None:
            yield draft
        elif asked.budget != "largest" and common.get(task):
            both = ", ".join(map(budget_words, common[task]))
            why = f"not both have answers at budget {budget_words(asked.budget)}; both have: {both}"
            yield NotCompared(pair=pair, task=task, why=why, tried=True)
        else:
            why = "no question has a scored answer of both at one budget"
            yield NotCompared(pair=pair, task=task, why=why, tried=True)


def _draft(
    store: Store, runs: dict[str, _Run], pair: Pair, task: str, budget: int | None, asked: Asked
) -> _Draft | None:
    found = _found(store, pair, task, budget, asked.margin)
    if found is None:
        return None
    others = []
    if asked.every_budget:
        both = store.common_conditions(pair.base.side, pair.candidate.side)
        for other in [each.budget for each in both if each.task == task and each.budget != budget]:
            beside = _found(store, pair, task, other, asked.margin)
            if beside is not None:
                others.append(AtBudget(budget=other, found=beside))
    ours, theirs = runs[pair.base.run_id], runs[pair.candidate.run_id]
    return _Draft(
        pair=pair,
        task=task,
        budget=budget,
        target=_target(pair, found, asked.target),
        found=found,
        others=tuple(others),
        base=ours.told(pair.base, task, budget),
        candidate=theirs.told(pair.candidate, task, budget),
        memory=(ours.memory.get(pair.base.model), theirs.memory.get(pair.candidate.model)),
    )


def _found(store: Store, pair: Pair, task: str, budget: int | None, margin: float) -> Comparison | None:
    answers = store.paired(task, pair.base.side, pair.candidate.side, budget)
    if answers is None:
        return None
    both = [answers.base[each] for each in answers.base.keys() & answers.candidate.keys()]
    categories = {each.stratum for each in both if each.stratum is not None}
    weights = weights_of(scorer_of(task) or "", task, categories) or None
    return compare_answers(answers.base, answers.candidate, margin=margin, weights=weights)


def _target(pair: Pair, found: Comparison, wanted: Target | None) -> Target:
    """Quantizations, and reruns of one model, are compared on this benchmark; models on questions like these
    (methods: Miller 2024, arXiv:2411.00640, section 3, holds the questions for a draw)."""
    alike = _is_one_family(pair.base, pair.candidate) or pair.base.model == pair.candidate.model
    target: Target = wanted or ("benchmark" if alike else "questions")
    return target if target in found.judged else "questions"


def _finished(draft: _Draft, p_holm: float, family: int, asked: Asked) -> Compared:
    facts = Facts(
        pair=draft.pair,
        task=draft.task,
        budget=draft.budget,
        found=draft.found,
        target=draft.target,
        p_holm=p_holm,
        family_size=family,
    )
    return Compared(
        pair=draft.pair,
        task=draft.task,
        budget=draft.budget,
        target=draft.target,
        found=draft.found,
        p_holm=p_holm,
        family_size=family,
        verdict=facts.verdict,
        sentence=sentence(facts),
        line=line(facts),
        rows=rows(
            draft.found,
            draft.target,
            p_holm if family > 1 else None,
            (draft.base.cell, draft.candidate.cell),
            draft.memory,
        ),
        warnings=cautions(draft.found, draft.target, asked.target, draft.base, draft.candidate),
        base_cell=draft.base.cell,
        candidate_cell=draft.candidate.cell,
        others=draft.others,
    )
