"""One task's part of a run, gathered: what every kind of report shows under the task's name."""

from __future__ import annotations

from dataclasses import dataclass

from evalbudget.measures import Measure
from evalbudget.report.curves import ModelCurve, curves_in
from evalbudget.store.cells import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class CellMeasures:
    """What a task's authors publish, beyond the mean score, of one model at one budget."""

    task: str
    model: str
    budget: int | None
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFigures:
    """One task's part of a run."""

    task: str
    cells: tuple[Cell, ...]
    """By model and budget, unlimited last; at least one."""
    measured: tuple[CellMeasures, ...] = ()
    """By model and budget; empty for a task without measures of its own."""

    @property
    def has_budgets(self) -> bool:
        """Whether any of its cells is limited."""
        return any(cell.budget is not None for cell in self.cells)

    @property
    def curves(self) -> tuple[ModelCurve, ...]:
        """Of the models that were asked under budgets."""
        return curves_in(self.cells)
