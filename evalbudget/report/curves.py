"""The curves of a run as a report shows them: one model's cells on one task, along its budgets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from evalbudget.records import JsonValue
from evalbudget.store.cells import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCurve:
    """One model on one task over its budgets."""

    cells: tuple[Cell, ...]
    """By budget, unlimited last; at least one has a budget. Each repeats what is said of the whole curve."""

    @property
    def task(self) -> str:
        """The task of them all."""
        return self.cells[0].task

    @property
    def model(self) -> str:
        """The model of them all."""
        return self.cells[0].model

    @property
    def mode(self) -> str | None:
        """How the budgets were kept: trace, force, server or max_tokens; None where it is not known."""
        return next((cell.budget_mode for cell in self.cells if cell.budget_mode is not None), None)

    @property
    def whole(self) -> Cell:
        """The last cell: its figures of the whole curve are the curve's."""
        return self.cells[-1]

    @property
    def budgets(self) -> tuple[int, ...]:
        """Positive and finite, rising: those that have a place on a logarithmic axis."""
        return tuple(cell.budget for cell in self.cells if cell.budget is not None and cell.budget > 0)


def curves_in(cells: Iterable[Cell]) -> tuple[ModelCurve, ...]:
    """The curves of one task's cells, which come by model and budget."""
    found = (tuple(group) for _, group in groupby(cells, key=lambda cell: cell.model))
    return tuple(ModelCurve(cells=group) for group in found if any(cell.budget is not None for cell in group))


def curve_json(curve: ModelCurve) -> dict[str, JsonValue]:
    """The curve for programs: its figures unrounded, shares from 0 to 1, budget null for unlimited."""
    whole, budgets = curve.whole, curve.budgets
    return {
        "task": curve.task,
        "model": curve.model,
        "budget_mode": curve.mode,
        "first_budget": budgets[0] if budgets else None,
        "last_budget": budgets[-1] if budgets else None,
        "area": whole.curve_area,
        "area_low": whole.curve_area_low,
        "area_high": whole.curve_area_high,
        "tokens_to_95": whole.tokens_to_95,
        "tokens_to_95_low": whole.tokens_to_95_low,
        "tokens_to_95_high": whole.tokens_to_95_high,
        "regret": whole.regret,
        "lost_after_correct": whole.lost_after_correct,
        "post_answer_share": whole.post_answer_share,
        "points": [point_json(cell) for cell in curve.cells],
    }


def point_json(cell: Cell) -> dict[str, JsonValue]:
    """One point of a curve, its figures as the cell has them."""
    return {
        "budget": cell.budget,
        "accuracy": cell.accuracy,
        "low": cell.curve_low,
        "high": cell.curve_high,
        "strict": cell.accuracy_strict,
        "forced_share": cell.forced_share,
        "mean_reasoning_tokens": cell.mean_reasoning_tokens,
        "mean_completion_tokens": cell.mean_completion_tokens,
        "tokens_per_correct": cell.tokens_per_correct,
        "ock_score": cell.ock_score,
        "pareto": cell.pareto,
    }
