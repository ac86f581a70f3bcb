"""Curves as the words that a reader sees, for every kind of report alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evalbudget.report import words
from evalbudget.report.curves import ModelCurve
from evalbudget.report.words import UNKNOWN, Column
from evalbudget.store.cells import Cell

MODES: Final[Mapping[str, str]] = {
    "trace": "one trace, forced answers (not budget-aware)",
    "force": "forced at each budget",
    "server": "the server's own budget",
    "max_tokens": "max_tokens",
}
"""Budget mode → what its curve is."""

BAND: Final = (
    "Curves: the band is a bootstrap over questions, a model's budgets drawn together (95 %). Strict counts "
    "only what finished within its budget by itself. Pareto: no other line of the task has as few tokens and "
    "as high an accuracy."
)


def label(mode: str | None) -> str:
    """What a curve is, by how its budgets were kept."""
    return MODES.get(mode or "", words.one_line(mode or "budget mode not known"))


def title(curve: ModelCurve) -> str:
    """Whose curve it is, and which."""
    return f"{words.one_line(curve.model)} · {label(curve.mode)}"


def band(cell: Cell) -> str:
    """Such as 36.7 % (24.1-51.4)."""
    if cell.accuracy is None or cell.curve_low is None or cell.curve_high is None:
        return UNKNOWN
    return words.share_within(cell.accuracy, cell.curve_low, cell.curve_high)


COLUMNS: Final = (
    Column("accuracy (95 % band)", "accuracy\n(95 % band)", band),
    Column("strict", "strict\naccuracy", lambda cell: words.share(cell.accuracy_strict)),
    Column("share forced", "share\nforced", lambda cell: words.share(cell.forced_share)),
    Column("mean tokens", "tokens\nin all", lambda cell: words.tokens(cell.mean_completion_tokens)),
    Column("tokens per correct", "per\ncorrect", lambda cell: words.tokens(cell.tokens_per_correct)),
    Column("OckScore", "Ock-\nScore", lambda cell: _plain(cell.ock_score)),
    Column("Pareto", "Pa-\nreto", lambda cell: _mark(cell.pareto)),
)
"""The figures of one budget of a curve."""


def summary(curve: ModelCurve) -> tuple[str, ...]:
    """What is said of the whole curve, one line each; what is unknown is left out."""
    lines = (_area(curve), _reached(curve), _overthinking(curve), _after_answer(curve), _cheapest(curve))
    return tuple(line for line in lines if line)


def whole_row(curve: ModelCurve) -> dict[str, str]:
    """The same figures as a row of a table, by title, the model first. Oracle: the best
    budget of each trace. After the answer: the share of thinking that came when it was there."""
    whole = curve.whole
    gain = UNKNOWN if whole.regret is None else f"{100 * whole.regret:.1f} points"
    return {
        "model": words.one_line(curve.model),
        "area over log budget": _area_figure(whole),
        "95 % of the best at": _reached_figure(curve),
        "lost after correct": words.share(whole.lost_after_correct),
        "oracle would add": gain,
        "after the answer": words.share(whole.post_answer_share),
        "fewest tokens per correct": _cheapest_figure(curve),
        "curve": label(curve.mode),
    }


def _plain(number: float | None) -> str:
    return UNKNOWN if number is None else f"{round(number, 1) + 0.0:.1f}"  # never -0.0


def _mark(on_frontier: bool | None) -> str:
    if on_frontier is None:
        return UNKNOWN
    return "*" if on_frontier else ""


def _area(curve: ModelCurve) -> str:
    whole, budgets = curve.whole, curve.budgets
    if whole.curve_area is None:
        return ""
    return f"area over the log of the budget, {budgets[0]:,} to {budgets[-1]:,}: {_area_figure(whole)}"


def _area_figure(whole: Cell) -> str:
    """Such as 46.0 % (39.8-52.4)."""
    area, low, high = whole.curve_area, whole.curve_area_low, whole.curve_area_high
    if area is None or low is None or high is None:
        return words.share(area)
    return words.share_within(area, low, high)


def _reached(curve: ModelCurve) -> str:
    whole = curve.whole
    if whole.curve_high is None or not any(cell.accuracy for cell in curve.cells):
        return ""
    smallest = min(cell.budget for cell in curve.cells if cell.budget is not None)
    if whole.tokens_to_95 is None:
        return "95 % of the best accuracy: only without a budget"
    at = "at most" if whole.tokens_to_95 <= smallest else "at"
    reach = _reach_of(whole)
    return f"95 % of the best accuracy: {at} {whole.tokens_to_95:,} tokens of thinking ({reach})"


def _reach_of(whole: Cell) -> str:
    low, high = (
        "beyond" if end is None else f"{end:,}" for end in (whole.tokens_to_95_low, whole.tokens_to_95_high)
    )
    return f"{low} to {high}"


def _reached_figure(curve: ModelCurve) -> str:
    """Such as 64 (61 to beyond)."""
    if not _reached(curve):
        return UNKNOWN
    whole = curve.whole
    return "unlimited" if whole.tokens_to_95 is None else f"{whole.tokens_to_95:,} ({_reach_of(whole)})"


def _overthinking(curve: ModelCurve) -> str:
    whole = curve.whole
    if whole.regret is None or whole.lost_after_correct is None:
        return ""
    return (
        f"lost after it was correct: {words.share(whole.lost_after_correct)} of traces; the best budget of "
        f"each (an oracle) would add {100 * whole.regret:.1f} points"
    )


def _after_answer(curve: ModelCurve) -> str:
    share = curve.whole.post_answer_share
    return "" if share is None else f"thinking after the answer was there: {words.share(share)}"


def _cheapest(curve: ModelCurve) -> str:
    """Where a correct answer costs least."""
    told = _cheapest_figure(curve)
    return "" if told == UNKNOWN else f"fewest tokens per correct answer: {told}"


def _cheapest_figure(curve: ModelCurve) -> str:
    """Such as 42 at budget 64."""
    costs = [(cell.tokens_per_correct, cell) for cell in curve.cells if cell.tokens_per_correct is not None]
    if len(costs) < 2:
        return UNKNOWN
    least, cell = min(costs, key=lambda cost: cost[0])
    return f"{words.tokens(least)} at budget {words.budget(cell.budget)}"
