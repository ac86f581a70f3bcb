"""The page Loops: how often models repeat themselves without end, what it costs, and the texts that do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from board import attempts, parts
from board.view import View
from evalbudget.records import Job
from evalbudget.report import words
from evalbudget.report.attempt import STAYS_CLOSED, facts
from evalbudget.report.charts import loops as charts
from evalbudget.report.loop_text import LoopText, gaps, loop_text
from evalbudget.report.warnings import loop_lines
from evalbudget.store.browse import Wanted
from evalbudget.store.cells import Cell
from evalbudget.store.looped import LoopBin, LoopCount, LoopFigure
from evalbudget.store.loops import LoopCost
from evalbudget.store.queries import Store

_INTERVAL = (
    "Share of attempts that end in a loop, with the 95 % interval for questions like these. Of each model "
    "and task the largest budget; replies forced from another's trace are left out on this page, for they "
    "repeat its loop."
)
_FEW_LINES = 4
_FIGURES: dict[str, LoopFigure] = {
    "onset": "onset",
    "period": "period",
    "repeats": "repeats",
    "wasted": "wasted",
}
_KINDS = {"all loops": "looping", "ended in it": "doom-loop", "left it": "recovered-loop"}
_ORDERS = {"most wasted": "wasted", "earliest": "onset", "longest unit": "period", "most repeats": "repeats"}
_CELLS = {
    "task": "task",
    "model": "model",
    "budget": "budget",
    "scored": st.column_config.NumberColumn(format="localized"),
    "loop rate": parts.PERCENT,
    "from": parts.PERCENT,
    "to": parts.PERCENT,
    "ended in it": st.column_config.NumberColumn(format="localized"),
    "left it": st.column_config.NumberColumn(format="localized"),
    "kinds": "kinds",
    "tokens wasted": parts.PERCENT,
    "stopped": st.column_config.NumberColumn(format="localized"),
    "rescued": st.column_config.NumberColumn(format="localized"),
}
_TOKENS = st.column_config.NumberColumn(format="localized")
_LIST = {
    "task": "task",
    "question": "question",
    "model": "model",
    "budget": "budget",
    "repeat": "repeat",
    "outcome": "outcome",
    "loop": "loop",
    "onset": _TOKENS,
    "period": _TOKENS,
    "repeats": st.column_config.NumberColumn(format="%.1f"),
    "wasted": _TOKENS,
    "tokens": _TOKENS,
}


def show(view: View) -> None:
    """Draw it."""
    st.header("Loops")
    cells, costs, counts = _figures(*view.key)
    cells = charts.generated(each for each in cells if _shown(view, each))
    counts = tuple(each for each in counts if _shown(view, each))
    if not any(cell.loop_rate is not None for cell in cells):
        parts.empty(
            "No reply shown here was looked at for loops yet: that is done to each that a server finishes, "
            "without any setting. Choose other models or tasks, or wait for the first replies."
        )
        return
    frame = charts.loop_rate_frame(cells)
    drawn = charts.loop_rates(frame, view.all_models, view.style)
    parts.chart(
        "loop-rates", drawn, frame, view, alt_text="Loop rates with their intervals, by task and model"
    )
    st.caption(_INTERVAL)
    parts.table("loop-cells", _cells_frame(cells, counts), _CELLS)
    told = loop_lines([each for each in costs if _shown(view, each)])
    if told:
        with st.expander("What loops cost", expanded=len(told) <= _FEW_LINES):
            parts.lines(told)
    if not counts:
        parts.empty("No attempt shown here looped: where one does, its text stands here, the loop marked.")
        return
    _where(view)
    _attempts(view)


def _where(view: View) -> None:
    st.subheader("Where loops begin, and what they repeat")
    chosen = st.segmented_control(
        "Figure",
        [*_FIGURES],
        default="onset",
        required=True,
        key="loops_figure",
        bind="query-params",
        label_visibility="collapsed",
    )
    figure = _FIGURES[chosen or "onset"]
    frame = charts.loop_bins_frame(_bins(*view.key, view.models, view.tasks), figure)
    drawn = charts.loop_bins(frame, figure, view.all_models, view.style)
    parts.chart(f"loop-{figure}", drawn, frame, view, alt_text=f"Loops by {charts.AXES[figure]}")
    st.caption("Attempts with a loop, those that left it included, by octave: each bar reaches twice as far.")


def _attempts(view: View) -> None:
    st.subheader("Attempts that loop")
    with st.container(horizontal=True):
        kind = st.selectbox("Which", [*_KINDS], key="loops_which", bind="query-params", width=170)
        order = st.selectbox("First", [*_ORDERS], key="loops_order", bind="query-params", width=170)
        paging = st.container(width="content")
    wanted, by = Wanted(models=view.models, tasks=view.tasks, only=_KINDS[kind]), _ORDERS[order]
    total = attempts.listed(*view.key, wanted, by, 0).total
    if not total:
        parts.empty("No such attempt: choose all loops.")
        return
    with paging:
        offset = attempts.pager("loops_page", total)
    page = attempts.listed(*view.key, wanted, by, offset)
    st.caption(f"{total:,} attempts. Choose a row to read it. Tokens: before the loop, of its unit, in vain.")
    job = attempts.pick("loop", page.lines, _LIST, (view.run.run_id, wanted, by, offset))
    if job is not None:
        _one(view, job)


def _one(view: View, job: Job) -> None:
    named = attempts.job_text(job)
    found = attempts.read_attempt(*view.key, named)
    if found is None:
        parts.empty("The run has no such attempt: choose a row above.")
        return
    read, load = found
    parts.named(f"{job.task} · question {job.sample_id} · {job.model}")
    told = dict(facts(read, load))
    parts.facts((name, told[name]) for name in ("outcome", "budget", "tokens", "loop") if name in told)
    if read.private:
        st.info(STAYS_CLOSED, icon=":material/lock:")
        return
    looped = _text(*view.key, named)
    if looped is None:
        st.caption("The reply holds no text.")
        return
    if looped.span is None:
        st.caption(
            "The text alone does not show the loop that the model's tokens do: nothing is marked, and where "
            "it begins is reckoned from its token."
        )
    else:
        st.caption("Marked: the loop; underlined: what it says first, and then again and again.")
    between = gaps(looped.excerpts, looped.chars)
    for left_out, excerpt in zip(between, (*looped.excerpts, None), strict=True):
        if left_out:
            st.caption(f"… {left_out:,} characters …")
        if excerpt is not None:
            spans = [] if excerpt.repeated is None else [excerpt.repeated]
            parts.marked(excerpt.text, spans, unit=excerpt.unit)
    st.link_button(
        "Read the whole attempt",
        _address(view, named),
        icon=":material/search:",
    )


def _address(view: View, named: str) -> str:
    return "answers?" + urlencode({"run": view.run.run_id, "answer": named})


def _cells_frame(cells: Sequence[Cell], counts: Sequence[LoopCount]) -> pd.DataFrame:
    rows = []
    for cell in cells:
        mine = [each for each in counts if (each.model, each.task, each.budget) == _cell(cell)]
        kinds = [f"{words.one_line(each.kind)} {each.doom + each.recovered:,}" for each in mine]
        rows.append(
            {
                "task": cell.task,
                "model": cell.model,
                "budget": words.budget(cell.budget),
                "scored": cell.attempts - cell.failed,
                "loop rate": cell.loop_rate,
                "from": cell.loop_rate_low,
                "to": cell.loop_rate_high,
                "ended in it": sum(each.doom for each in mine),
                "left it": sum(each.recovered for each in mine),
                "kinds": ", ".join(kinds),
                "tokens wasted": cell.waste_share,
                "stopped": cell.stopped,
                "rescued": cell.rescued,
            }
        )
    return pd.DataFrame(rows)


def _cell(cell: Cell) -> tuple[str, str, int | None]:
    return (cell.model, cell.task, cell.budget)


def _shown(view: View, each: Cell | LoopCount | LoopCost) -> bool:
    return each.model in view.models and each.task in view.tasks


@st.cache_resource(max_entries=16, show_spinner=False)
def _figures(
    db: str, stamp: str, run_id: str
) -> tuple[tuple[Cell, ...], tuple[LoopCost, ...], tuple[LoopCount, ...]]:
    del stamp
    with Store(Path(db)).batch() as store:
        return store.cells(run_id), store.loop_costs(run_id), store.looped.counts(run_id)


@st.cache_resource(max_entries=16, show_spinner=False)
def _bins(
    db: str, stamp: str, run_id: str, models: tuple[str, ...], tasks: tuple[str, ...]
) -> tuple[LoopBin, ...]:
    del stamp
    return Store(Path(db)).looped.bins(run_id, models, tasks)


@st.cache_resource(max_entries=16, show_spinner=False)
def _text(db: str, stamp: str, run_id: str, named: str) -> LoopText | None:
    found, job = attempts.read_attempt(db, stamp, run_id, named), attempts.job_of(named)
    if found is None or job is None:
        return None
    with Store(Path(db)).batch() as store:
        return loop_text(store.browse, run_id, found[0])
