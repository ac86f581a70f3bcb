"""The charts of a page, each with a caption that says what it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final, cast

from evalbudget.report import words
from evalbudget.report.charts.style import LIGHT
from evalbudget.report.comparison import Compared
from evalbudget.report.comparison.words import points
from evalbudget.report.figures import RunFigures
from evalbudget.report.html.blocks import Chart
from evalbudget.report.html.svg import inline_svg
from evalbudget.report.task_figures import TaskFigures
from evalbudget.store.memory import ModelMemory, Use

if TYPE_CHECKING:
    from evalbudget.report.charts.style import Drawn

WIDTH: Final = 760
"""Pixels of a chart without facets; a narrow screen shows it smaller."""


_MOST_TOLD: Final = 20
"""Comparisons that a chart's words name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """How the charts of one page are drawn."""

    models: tuple[str, ...]
    """All of the run, in its order: colours and marks go by it."""
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def chart(self, drawn: Drawn | None, caption: str, alt_text: str | None = None) -> Iterator[Chart]:
        """The chart as a block; nothing where there is none. `alt_text`: what it shows, for who does not see
        it, where the caption does not say so."""
        if drawn is not None:
            key = f"chart-{next(self._numbers)}"
            yield Chart(svg=inline_svg(_wide(drawn), alt_text or caption, key), caption=caption)


def of_task(part: TaskFigures, drawing: Drawing) -> Iterator[Chart]:
    """Accuracy, the curves over the budgets, accuracy against tokens."""
    from evalbudget.report.charts import accuracy, curves, frontier  # noqa: PLC0415  (half a second)

    task, models = words.one_line(part.task), drawing.models
    chosen = accuracy.at_largest_budget(part.cells)
    if any(cell.accuracy is not None for cell in chosen):
        where = "" if not part.has_budgets else ", each model at its largest budget, or without one"
        yield from drawing.chart(
            accuracy.accuracy(chosen, models, LIGHT),
            f"{task}: accuracy with its 95 % interval{where}.",
            f"{task}. {accuracy.described(chosen)}",
        )
    if part.curves:
        yield from drawing.chart(
            curves.curves_chart(part.curves, models, LIGHT),
            f"{task}: accuracy over the thinking budget, with 95 % bands. Broken: strict, what finished "
            "within its budget by itself. A ring: no other line of the task is as accurate for as few "
            "tokens.",
        )
    if len(frontier.frontier_frame(part.cells)) > 1:
        yield from drawing.chart(
            frontier.frontier(part.cells, models, LIGHT),
            f"{task}: accuracy against the tokens of an answer. The broken line is the frontier: nothing is "
            "as accurate for fewer tokens.",
            f"{task}. {frontier.described(part.cells)}",
        )


def of_comparisons(compared: Sequence[Compared], drawing: Drawing) -> Iterator[Chart]:
    """The differences with their intervals."""
    from evalbudget.report.charts.forest import forest_chart  # noqa: PLC0415

    if compared:
        margin = points(max(each.found.margin for each in compared))
        yield from drawing.chart(
            forest_chart(compared, LIGHT),
            "Differences of accuracy, in points. Thick: the 95 % interval that the verdict goes by; thin: "
            f"that for the other target. Shaded: within the margin of {margin}; left of it a candidate is "
            "worse.",
            "Differences of accuracy: " + "; ".join(each.line for each in compared[:_MOST_TOLD]),
        )


def of_loops(figures: RunFigures, drawing: Drawing) -> Iterator[Chart]:
    """How often each model loops; nothing where none does."""
    from evalbudget.report.charts.loops import loop_rate_frame, loop_rates  # noqa: PLC0415

    cells = [cell for part in figures.tasks for cell in part.cells]
    if any(cell.looped for cell in cells):
        yield from drawing.chart(
            loop_rates(loop_rate_frame(cells), drawing.models, LIGHT),
            "Answers that end in a doom loop, with the 95 % interval, each model at its largest budget, or "
            "without one.",
        )


def of_memory(memory: Sequence[ModelMemory], use: Sequence[Use], drawing: Drawing) -> Iterator[Chart]:
    """Bytes per token, expected and measured; how full the caches were."""
    from evalbudget.report.charts.memory import per_token_chart, shown_use, use_chart  # noqa: PLC0415

    yield from drawing.chart(
        per_token_chart(memory, drawing.models, LIGHT),
        "KV memory of one token: the line is what the architecture needs, the mark what was measured.",
    )
    shown = shown_use(use)
    if shown:
        yield from drawing.chart(
            use_chart(use, drawing.models, LIGHT, shown[0]), "How full each server's KV cache was over time."
        )


def _wide(drawn: Drawn) -> Drawn:
    """With a width, where the chart has one of its own and leaves it open."""
    import altair as alt  # noqa: PLC0415

    if isinstance(drawn, alt.Chart | alt.LayerChart) and drawn.width is alt.Undefined:
        return cast("Drawn", drawn.properties(width=WIDTH))
    return drawn
