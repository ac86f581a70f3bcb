"""What the intervals, bands and figures of a report mean, for every kind of report alike."""

from __future__ import annotations

from collections.abc import Iterator

from evalbudget.report import comparison, curve_words, memory, repeats, words
from evalbudget.report.figures import RunFigures


def meanings(figures: RunFigures) -> Iterator[str]:
    """A paragraph for each kind of figure that this report has."""
    if figures.tasks:
        yield words.INTERVAL
    if words.few_differ(figures.tasks):
        yield words.FEW_DIFFER
    if figures.repeats:
        yield repeats.MEANING
    if any(part.curves for part in figures.tasks):
        yield curve_words.BAND
    if figures.compared:
        yield comparison.MEANING
    if memory.shown(figures.memory):
        yield memory.MEANING
