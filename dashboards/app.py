"""The dashboard's first page: the runs of a store, a live one moving, a run's cells with their intervals, and
its servers' memory.

Started by `evalbudget dashboard`, which names the store behind `--`. Everything shown comes from the store's
queries, in the report's words; text from models and servers is shown as text, never as markup.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import altair as alt
import pandas as pd
import streamlit as st

from evalbudget.errors import EvalbudgetError
from evalbudget.report import memory as memory_words
from evalbudget.report.differences import lines_within
from evalbudget.report.words import budget
from evalbudget.store.load import catch_up
from evalbudget.store.memory import ModelMemory, Use
from evalbudget.store.queries import RunRow, Store

# Comments here, because Streamlit draws a text that stands alone.
FOLLOWS_EVERY_S = 2.0  # a live run's rows reach the store within seconds

PERCENT = st.column_config.NumberColumn(format="percent")
CELL_COLUMNS = {
    "model": "model",
    "task": "task",
    "budget": "budget",
    "questions": "questions",
    "attempts": "attempts",
    "failed": "failed",
    "accuracy": PERCENT,
    "ci_low": st.column_config.NumberColumn("95 % from", format="percent"),
    "ci_high": st.column_config.NumberColumn("to", format="percent"),
    "truncated": "truncated",
    "looped": "looped",
    "no_answer": "no answer",
    "mean_reasoning_tokens": st.column_config.NumberColumn("tokens thought", format="%.0f"),
    "mean_completion_tokens": st.column_config.NumberColumn("tokens in all", format="%.0f"),
    "tokens_per_correct": st.column_config.NumberColumn("tokens per correct", format="%.0f"),
}
BAND = ("curve_low", "curve_high")
USE_TITLES = {  # the first of these that any server shows is drawn
    "kv_usage": "share of the KV cache in use",
    "kv_used_bytes": "bytes of the KV cache in use",
    "kv_used_tokens": "tokens in the KV cache",
}
SERVER_COLUMNS = [
    "model",
    "engine",
    "engine_version",
    "served_model",
    "quantization",
    "kv_dtype",
    "max_model_len",
]


def store_path() -> Path:
    """The store that the command line names."""
    return Path(sys.argv[1] if len(sys.argv) > 1 else "results/evalbudget.duckdb")


def label(run: RunRow) -> str:
    """A run in the list."""
    started = f"{run.started_at:%Y-%m-%d %H:%M}" if run.started_at else "?"
    return f"{started}  {run.name}  ({run.status}, {run.attempts} attempts)"


def cells_table(store: Store, run_id: str) -> pd.DataFrame:
    """One row for each model × task × budget."""
    cells = store.cells(run_id)
    table = pd.DataFrame([asdict(cell) for cell in cells], columns=[*CELL_COLUMNS, *BAND])
    table["budget"] = [budget(cell.budget) for cell in cells]
    return table


def overview(db: Path) -> None:
    """The page."""
    try:
        catch_up(db)
        store = Store(db)
        with store.batch():
            runs = store.runs()
    except EvalbudgetError as error:
        st.info("Nothing to show yet. Run `evalbudget run quickstart`, and this page follows it.")
        st.text(str(error))
        return
    by_id = {run.run_id: run for run in runs}
    chosen = st.selectbox("Run", list(by_id), format_func=lambda run_id: label(by_id[run_id]), key="run")
    if chosen is None:
        st.info("The store holds no run yet. Run `evalbudget run quickstart`.")
        return
    with store.batch():
        cells, failures, servers = cells_table(store, chosen), store.failures(chosen), store.servers(chosen)
        memory, use = store.memory(chosen), store.use_over_time(chosen)
    show_run(by_id[chosen], cells)
    if failures:
        st.subheader("Failures")
        st.caption("They are in no average.")
        st.dataframe(pd.DataFrame([asdict(group) for group in failures]), hide_index=True)
    st.subheader("Servers")
    st.dataframe(
        pd.DataFrame([asdict(server) for server in servers], columns=SERVER_COLUMNS), hide_index=True
    )
    for line in lines_within(servers, by_id[chosen].conditions):
        st.text(line)
    if memory:
        show_memory(memory, use)


def show_memory(memory: Sequence[ModelMemory], use: Sequence[Use]) -> None:
    """What each model's KV cache should take, takes and was seen to hold, and how full it was over time."""
    st.subheader("Memory")
    told = memory_words.shown(memory)
    if told:
        columns = memory_words.COLUMNS
        rows = [{"model": each.model, **{one.title: one.text(each) for one in columns}} for each in told]
        st.dataframe(pd.DataFrame(rows), hide_index=True)
        st.caption(memory_words.MEANING)
    for line in (*memory_words.preempted(memory), *memory_words.notes(memory)):
        st.text(line)
    seen = pd.DataFrame([asdict(each) for each in use])
    for column, title in USE_TITLES.items():
        if column in seen and seen[column].notna().any():
            frame = seen[["at", "model", column]].dropna().rename(columns={column: title, "at": "time (UTC)"})
            st.line_chart(frame, x="time (UTC)", y=title, color="model")
            break


def show_run(run: RunRow, cells: pd.DataFrame) -> None:
    """Headline figures and the cells."""
    columns = st.columns(3)
    columns[0].metric("status", run.status)
    columns[1].metric("attempts", f"{run.attempts:,}")
    columns[2].metric("failed", f"{run.failed:,}")
    st.subheader("Accuracy and tokens")
    if cells.empty:
        st.info("No attempt is in the store yet.")
    else:
        shown = list(CELL_COLUMNS)
        st.dataframe(cells[shown], column_config=CELL_COLUMNS, hide_index=True)
        st.caption(
            "95 %: the interval for the accuracy on questions like these. Failed attempts are left out."
        )
        show_curves(cells)


def show_curves(cells: pd.DataFrame) -> None:
    """Accuracy over the thinking budget, each task with its bands; nothing where no budget was set."""
    with_band = cells.dropna(subset=list(BAND))
    for task, part in with_band.groupby("task"):
        budgets = list(dict.fromkeys(part["budget"]))
        base = alt.Chart(part).encode(
            x=alt.X(
                "budget:O",
                sort=budgets,
                title=f"thinking tokens allowed, {task}",
                axis=alt.Axis(labelAngle=0),
            ),
            color=alt.Color("model:N", scale=alt.Scale(scheme="tableau10")),
        )
        percent = alt.Axis(format=".0%")
        band = base.mark_area(opacity=0.15).encode(
            y=alt.Y("curve_low:Q", title="accuracy", axis=percent), y2="curve_high:Q"
        )
        line = base.mark_line(point=True).encode(y=alt.Y("accuracy:Q", axis=percent))
        st.altair_chart(band + line, width="stretch")


st.set_page_config(page_title="evalbudget", layout="wide")
st.title("evalbudget")
st.fragment(overview, run_every=FOLLOWS_EVERY_S)(store_path())
