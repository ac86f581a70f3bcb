"""The page Overview: the runs of the store, and what the chosen one found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from board.parts import PERCENT, chart, empty, folded, lines, table
from board.view import View
from evalbudget.records import ServerRecord
from evalbudget.report import words
from evalbudget.report.charts.accuracy import accuracy, accuracy_frame, at_largest_budget
from evalbudget.report.charts.accuracy import described as accuracy_described
from evalbudget.report.charts.frontier import described as frontier_described
from evalbudget.report.charts.frontier import frontier, frontier_frame
from evalbudget.report.failures import by_kind
from evalbudget.report.progress import duration
from evalbudget.report.warnings import warnings_of_cells
from evalbudget.store.cells import Cell
from evalbudget.store.progress import RunProgress
from evalbudget.store.queries import FailureGroup, RunRow, Store

_STATES = {"running": "▶ running", "finished": "✓ finished", "interrupted": "⏸ interrupted"}
_RUNS = "runs"
_RUN_IDS = "overview_run_ids"
"""Of the rows as the reader saw them: by the time of a click there may be more."""
_MOST_LINES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the page asks of the store for one run."""

    cells: tuple[Cell, ...]
    servers: tuple[ServerRecord, ...]
    failures: tuple[FailureGroup, ...]


def show(view: View) -> None:
    """Draw it."""
    st.header("Overview")
    progress = {each.run_id: each for each in _progress(str(view.db), view.stamp)}
    _runs(view, progress)
    found = _found(*view.key)
    _headline(view, progress.get(view.run.run_id))
    cells = _chosen(view, found.cells)
    if not found.cells:
        empty("This run has no attempt yet; the page follows it.")
    elif not cells:
        empty("The filters leave nothing: choose other models, tasks or budgets.")
    else:
        _accuracy(view, cells)
        _frontier(view, cells)
        _figures(view, cells)
    _warnings(view, found)
    _failures(view, found.failures)


@st.cache_resource(max_entries=4, show_spinner=False)
def _progress(db: str, stamp: str) -> tuple[RunProgress, ...]:
    del stamp
    return Store(Path(db)).progress()


@st.cache_resource(max_entries=16, show_spinner=False)
def _found(db: str, stamp: str, run_id: str) -> _Found:
    del stamp
    with Store(Path(db)).batch() as store:
        return _Found(
            cells=store.cells(run_id), servers=store.servers(run_id), failures=store.failures(run_id)
        )


def _runs(view: View, progress: dict[str, RunProgress]) -> None:
    """The store's runs; a click on a row chooses it."""
    live = sum(run.status == "running" for run in view.runs)
    if live:
        what = "One run is going on" if live == 1 else f"{live} runs are going on"
        st.caption(f"{what}: this page follows within seconds.")
    st.session_state[f"table-{_RUNS}"] = {"selection": {"rows": [view.runs.index(view.run)]}}
    st.session_state[_RUN_IDS] = tuple(run.run_id for run in view.runs)
    table(
        _RUNS,
        pd.DataFrame([_run_row(run, progress.get(run.run_id)) for run in view.runs]),
        {
            "suite": st.column_config.TextColumn("suite", width=150),
            "status": st.column_config.TextColumn("status", width="small"),
            "progress": st.column_config.ProgressColumn(
                "progress", format="percent", min_value=0, max_value=1, width="small"
            ),
            "attempts": st.column_config.NumberColumn("attempts", format="localized"),
            "planned": st.column_config.NumberColumn("planned", format="localized"),
            "failed": st.column_config.NumberColumn("failed", format="localized"),
            "per minute": st.column_config.NumberColumn("per minute", format="%.0f"),
            **({"left": st.column_config.TextColumn("left", width="small")} if live else {}),
            "started": st.column_config.DatetimeColumn("started (UTC)", format="YYYY-MM-DD HH:mm"),
            "took": st.column_config.TextColumn("took", width="small"),
            "run": st.column_config.TextColumn("run"),
        },
        placeholder="-",
        on_select=_take,
        selection_mode="single-row",
    )


def _take() -> None:
    """Choose the run of the row that was clicked."""
    rows = st.session_state[f"table-{_RUNS}"]["selection"]["rows"]
    known = st.session_state.get(_RUN_IDS, ())
    if rows and rows[0] < len(known):
        st.session_state["run"] = known[rows[0]]


def _run_row(run: RunRow, progress: RunProgress | None) -> dict[str, object]:
    live = run.status == "running"
    return {
        "suite": words.one_line(run.name, 80),
        "status": _STATES.get(run.status, "unknown"),
        "progress": None if progress is None else progress.share,
        "attempts": run.attempts,
        "planned": None if progress is None else progress.planned,
        "failed": run.failed,
        "per minute": None if progress is None else progress.per_minute,
        "left": duration(progress.left_s) if progress is not None and live else "",
        "started": None if run.started_at is None else run.started_at.replace(tzinfo=None),
        "took": duration(None if progress is None else progress.took_s),
        "run": run.run_id,
    }


def _headline(view: View, progress: RunProgress | None) -> None:
    """The chosen run in figures."""
    run = view.run
    st.subheader("The chosen run")
    st.text(words.headline(run))
    st.text(words.circumstances(run))
    hint = words.resume_hint(run)
    if hint:
        st.text(hint)
    planned = None if progress is None else progress.planned
    share = None if progress is None else progress.share
    with st.container(horizontal=True):
        st.metric("status", run.status if run.status in _STATES else "unknown", width=150)
        st.metric("attempts", f"{run.attempts:,}", width=140)
        st.metric("failed", f"{run.failed:,}", width=110)
        st.metric("models", f"{len(view.all_models):,}", width=90)
        st.metric("tasks", f"{len(view.all_tasks):,}", width=90)
        if progress is not None and run.status == "running":
            rate = progress.per_minute
            st.metric("attempts a minute", "-" if rate is None else f"{rate:,.0f}", width=150)
            st.metric("time left", duration(progress.left_s), width=130)
    if share is not None and run.status != "finished":
        st.progress(share, text=f"{run.attempts:,} of {planned:,} planned jobs")


def _chosen(view: View, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """What the filters leave, by task, the largest budget first, the models in the run's order."""
    budgets = sorted({cell.budget for cell in cells}, key=_size, reverse=True)
    names = [_budget_word(budget) for budget in budgets]
    kept: list[str] = names
    if len(names) > 1:
        kept = st.multiselect(
            "Budgets", names, key="overview_budgets", bind="query-params", placeholder="all"
        )
    order = {model: place for place, model in enumerate(view.all_models)}
    left = [
        cell
        for cell in cells
        if cell.model in view.models
        and cell.task in view.tasks
        and (not kept or _budget_word(cell.budget) in kept)
    ]
    left.sort(key=lambda cell: (view.all_tasks.index(cell.task), -_size(cell.budget), order[cell.model]))
    return tuple(left)


def _size(budget: int | None) -> float:
    return float("inf") if budget is None else budget


def _budget_word(budget: int | None) -> str:
    return "unlimited" if budget is None else str(budget)


def _accuracy(view: View, cells: Sequence[Cell]) -> None:
    st.subheader("Accuracy")
    largest = at_largest_budget(cells)
    if len({cell.budget for cell in cells}) > 1:
        st.caption("Each model at the largest of these budgets; unlimited is above all.")
    frame = accuracy_frame(largest)
    if frame.empty:
        empty("Nothing is scored yet.")
        return
    drawn = accuracy(largest, view.all_models, view.style)
    chart("accuracy", drawn, frame, view, alt_text=accuracy_described(largest))
    st.caption(
        "Whiskers are 95 % intervals for the accuracy on questions like these; repeats of one question are "
        "no independent draws. Failed attempts are in no average."
    )


def _frontier(view: View, cells: Sequence[Cell]) -> None:
    st.subheader("Accuracy against tokens")
    tasks = [task for task in view.tasks if any(cell.task == task for cell in cells)]
    task: str | None = tasks[0]
    if len(tasks) > 1:
        task = st.selectbox("Task", tasks, key="frontier_task", bind="query-params")
    of_task = [cell for cell in cells if cell.task == task]
    frame = frontier_frame(of_task)
    if frame.empty:
        empty("No tokens are counted for this task: the server tells no usage.")
        return
    drawn = frontier(of_task, view.all_models, view.style)
    chart("frontier", drawn, frame, view, alt_text=frontier_described(of_task))
    st.caption(
        "A point is a model at one budget, with its 95 % interval. The broken line joins the frontier: "
        "nothing else in this run, filtered away or not, is as accurate for as few tokens, by the estimates."
    )


def _figures(view: View, cells: Sequence[Cell]) -> None:
    st.subheader("All figures")
    count = st.column_config.NumberColumn(format="localized")
    tokens = st.column_config.NumberColumn(format="%.0f")
    table(
        "cells",
        pd.DataFrame([_cell_row(cell) for cell in cells]),
        {
            "task": st.column_config.TextColumn(pinned=True),
            "model": st.column_config.TextColumn(pinned=True),
            "budget": st.column_config.TextColumn(),
            "accuracy": PERCENT,
            "95 % interval": st.column_config.TextColumn(width=130),
            "strict accuracy": PERCENT,
            "scored": count,
            "truncated": count,
            "looped": count,
            "no answer": count,
            "failed": count,
            "thinking tokens": tokens,
            "completion tokens": tokens,
            "tokens per correct": tokens,
            "latency s": st.column_config.NumberColumn(format="%.1f"),
            "on the frontier": st.column_config.CheckboxColumn(),
            "KV bytes per answer": st.column_config.NumberColumn(format="bytes"),
            "KV bytes at most": st.column_config.NumberColumn(format="bytes"),
        },
        placeholder="-",
    )
    st.caption(
        "Strict: only what finished within the budget by itself counts. Tokens, latency and KV bytes per "
        "answer are means over the scored attempts; tokens per correct divides all tokens by the correct "
        "answers; KV bytes at most: of all requests at once. A dash: not known."
    )


def _cell_row(cell: Cell) -> dict[str, object]:
    known = cell.ci_low is not None and cell.ci_high is not None
    return {
        "task": cell.task,
        "model": cell.model,
        "budget": _budget_word(cell.budget),
        "accuracy": cell.accuracy,
        "95 % interval": f"{words.share(cell.ci_low)} – {words.share(cell.ci_high)}" if known else "-",
        "low": cell.ci_low,
        "high": cell.ci_high,
        "strict accuracy": cell.accuracy_strict,
        "scored": cell.attempts - cell.failed,
        "truncated": cell.truncated,
        "looped": cell.looped,
        "no answer": cell.no_answer,
        "failed": cell.failed,
        "thinking tokens": cell.mean_reasoning_tokens,
        "completion tokens": cell.mean_completion_tokens,
        "tokens per correct": cell.tokens_per_correct,
        "on the frontier": cell.pareto,
        "latency s": cell.mean_latency_s,
        "KV bytes per answer": cell.mean_kv_bytes,
        "KV bytes at most": cell.kv_peak_bytes,
    }


def _warnings(view: View, found: _Found) -> None:
    told = warnings_of_cells(found.cells, found.servers, view.run.conditions)
    if not told:
        return
    st.subheader("Before you trust these figures")
    lines(told[:_MOST_LINES])
    if len(told) > _MOST_LINES:
        folded(f"{len(told) - _MOST_LINES} more", told[_MOST_LINES:], at_most=0)


def _failures(view: View, failures: Sequence[FailureGroup]) -> None:
    """In short; the page Runs has them with their messages."""
    if not failures:
        return
    st.subheader("Failures")
    total = sum(group.attempts for group in failures)
    st.caption(
        f"{total:,} attempts have no score and are in no average; the page Runs has them by model, with an "
        "example of each. `evalbudget run SUITE --resume RUN` tries them again."
    )
    lines(f"{each.attempts:,} × {each.why}" for each in by_kind(failures))
