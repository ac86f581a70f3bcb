"""A comparison as plain JSON: unrounded, unknown is null, the same keys always."""

from __future__ import annotations

from dataclasses import asdict

from evalbudget.records import JsonValue
from evalbudget.report.comparison.records import AtBudget, Compared, ComparedSide, Comparisons, Pair, Row
from evalbudget.stats.comparison import Comparison
from evalbudget.store.cells import Cell


def comparisons_json(told: Comparisons) -> dict[str, JsonValue]:
    """sentence, margin (of accuracy, 0 to 1), comparisons (`compared_json`), pairs (base, candidate, besides:
    lines of what else differs), not_compared (base, candidate, task, why, tried)."""
    return {
        "sentence": told.sentence,
        "margin": told.margin,
        "comparisons": [compared_json(each) for each in told.compared],
        "pairs": [{**_sides(pair), "besides": list(pair.besides)} for pair in told.pairs],
        "not_compared": [
            {**_sides(each.pair), "task": each.task, "why": each.why, "tried": each.tried}
            for each in told.not_compared
        ],
    }


def compared_json(each: Compared) -> dict[str, JsonValue]:
    """task, budget (null = unlimited), base and candidate (run_id, model, name, family, quantization),
    target, verdict (`records.Verdict`), no_worse, equivalent, p, p_holm, family_size, sentence, line,
    comparison (the fields of `stats.Comparison`, with no_worse and equivalent in each of `judged`), budgets
    (budget, comparison: at the other budgets), rows (title, base, candidate, difference, note), warnings,
    cells (base, candidate: as in the table `cells`)."""
    return {
        "task": each.task,
        "budget": each.budget,
        **_sides(each.pair),
        "target": each.target,
        "verdict": each.verdict,
        "no_worse": each.no_worse,
        "equivalent": each.judged.equivalent,
        "p": each.judged.p,
        "p_holm": each.p_holm,
        "family_size": each.family_size,
        "sentence": each.sentence,
        "line": each.line,
        "comparison": _found(each.found),
        "budgets": [_at(other) for other in each.others],
        "rows": [_row(row) for row in each.rows],
        "warnings": list(each.warnings),
        "cells": {"base": _cell(each.base_cell), "candidate": _cell(each.candidate_cell)},
    }


def _sides(pair: Pair) -> dict[str, JsonValue]:
    return {"base": _side(pair.base), "candidate": _side(pair.candidate)}


def _side(side: ComparedSide) -> JsonValue:
    return asdict(side)


def _at(other: AtBudget) -> JsonValue:
    return {"budget": other.budget, "comparison": _found(other.found)}


def _found(found: Comparison) -> JsonValue:
    plain = asdict(found)
    for target, judged in found.judged.items():
        plain["judged"][target] |= {"no_worse": judged.no_worse, "equivalent": judged.equivalent}
    return plain


def _row(row: Row) -> JsonValue:
    return asdict(row)


def _cell(cell: Cell | None) -> JsonValue:
    return None if cell is None else asdict(cell)
