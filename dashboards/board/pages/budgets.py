"""The page Budgets: accuracy over the thinking budget, and what a little more thinking buys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import streamlit as st

from board import parts
from board.view import View
from evalbudget.report import curve_words
from evalbudget.report.charts.curves import Over, curve_rows, curves_chart
from evalbudget.report.curves import ModelCurve, curves_in
from evalbudget.report.warnings import budgets_ignored
from evalbudget.store.cells import Cell
from evalbudget.store.queries import EffortPoint, Store

_NO_BUDGETS = "No budgets in what is shown: with some in the suite, accuracy over thinking is drawn here."
_SUITE = "budgets: [0, 512, 2048, 8192, unlimited]\nbudget_mode: trace"
_OVER: tuple[Over, ...] = ("budget", "tokens")
_AXIS_HELP = "budget: the thinking tokens allowed; tokens: the mean tokens that answers really took."
_STRICT_HELP = "Only what finished within its budget by itself counts."
_WHOLE = (
    "Lost after correct: traces that were right at some budget and not at the end; an oracle would stop each "
    "at its best budget. After the answer: the share of thinking that came when the answer was there already."
)
_RING = "Ringed: on the Pareto frontier, no other point of the task is as accurate for as few tokens."
_POINTS = {
    "model": "model",
    "budget": "budget",
    "accuracy": parts.PERCENT,
    "low": st.column_config.NumberColumn("95 % band from", format="percent"),
    "high": st.column_config.NumberColumn("to", format="percent"),
    "strict": parts.PERCENT,
    "forced_share": st.column_config.NumberColumn("share forced", format="percent"),
    "mean_reasoning_tokens": st.column_config.NumberColumn("tokens thought", format="%.0f"),
    "mean_completion_tokens": st.column_config.NumberColumn("tokens in all", format="%.0f"),
    "tokens_per_correct": st.column_config.NumberColumn("tokens per correct", format="%.0f"),
    "ock_score": st.column_config.NumberColumn("OckScore", format="%.1f"),
    "pareto": st.column_config.CheckboxColumn("Pareto"),
}
_EFFORTS = {
    "task": "task",
    "family": "family",
    "effort": "effort",
    "model": "model",
    "mean_reasoning_tokens": st.column_config.NumberColumn("tokens thought", format="%.0f"),
    "mean_completion_tokens": st.column_config.NumberColumn("tokens in all", format="%.0f"),
    "accuracy": parts.PERCENT,
    "ci_low": st.column_config.NumberColumn("95 % from", format="percent"),
    "ci_high": st.column_config.NumberColumn("to", format="percent"),
    "accuracy_strict": st.column_config.NumberColumn("strict", format="percent"),
}


def show(view: View) -> None:
    """Draw it."""
    st.header("Budgets")
    cells, efforts, ignored = _found(*view.key, view.models, view.tasks)
    drawn = {task: curves for task in view.tasks if (curves := _in_order(view, cells, task))}
    if not drawn:
        parts.empty(_NO_BUDGETS, _SUITE)
    else:
        if ignored:
            st.warning("Not every server kept its budgets.", icon=":material/front_hand:")
            parts.folded("Which", ignored)
        over, strict, bands = _choices()
        for place, (task, curves) in enumerate(drawn.items()):
            own = [each for each in efforts if each.task == task]
            _task(view, f"{place}", curves, own, over=over, strict=strict, bands=bands)
        st.caption(f"{curve_words.BAND} {_RING} {_WHOLE}")
    if efforts:
        _efforts(efforts)


@st.cache_resource(max_entries=16, show_spinner=False)
def _found(
    db: str, stamp: str, run_id: str, models: tuple[str, ...], tasks: tuple[str, ...]
) -> tuple[tuple[Cell, ...], tuple[EffortPoint, ...], tuple[str, ...]]:
    """What the filters leave: cells, effort words, and a line for each model that ignored budgets."""
    del stamp
    with Store(Path(db)).batch() as store:
        cells = tuple(c for c in store.cells(run_id) if c.model in models and c.task in tasks)
        efforts = tuple(e for e in store.efforts(run_id) if e.model in models and e.task in tasks)
        servers = {record.model: record for record in store.servers(run_id)}
    return cells, efforts, tuple(budgets_ignored(cells, servers))


def _in_order(view: View, cells: Sequence[Cell], task: str) -> list[ModelCurve]:
    """The curves of a task, models as the run has them."""
    found = curves_in(cell for cell in cells if cell.task == task)
    return sorted(found, key=lambda curve: view.all_models.index(curve.model))


def _choices() -> tuple[Over, bool, bool]:
    """What is drawn, as the address has it: the horizontal axis, strict lines, bands."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        over = st.segmented_control(
            "Over", list(_OVER), default="budget", key="over", bind="query-params", help=_AXIS_HELP
        )
        strict = st.toggle("Strict lines", value=True, key="strict", bind="query-params", help=_STRICT_HELP)
        bands = st.toggle("Bands", value=True, key="bands", bind="query-params")
    return over or "budget", strict, bands


def _task(
    view: View,
    place: str,
    curves: Sequence[ModelCurve],
    efforts: Sequence[EffortPoint],
    *,
    over: Over,
    strict: bool,
    bands: bool,
) -> None:
    """One task: its chart, what is said of each curve, the table of its points."""
    parts.named(curves[0].task)
    drawn = curves_chart(
        curves, view.all_models, view.style, over=over, strict=strict, bands=bands, efforts=efforts
    )
    rows = pd.DataFrame(curve_rows(curves))
    alt_text = "Accuracy over the thinking budget, a line for each model, with 95 % bands."
    parts.chart(f"curves-{place}", drawn, rows, view, alt_text=alt_text)
    parts.table(f"curves-whole-{place}", pd.DataFrame([curve_words.whole_row(curve) for curve in curves]))
    with st.expander("Table of the points"):
        parts.table(f"points-{place}", rows, _POINTS)


def _efforts(efforts: Sequence[EffortPoint]) -> None:
    """Models that take a word instead of a number."""
    st.subheader("Effort words")
    st.caption("Models that are told how hard to think in a word, without a budget: where each word lies.")
    parts.table("efforts", pd.DataFrame([asdict(each) for each in efforts]), _EFFORTS)
