"""The frame around every page: which store, which run, the filters in the address, and a live run followed.

A shared link opens the same view: run, models and tasks stand in the address, and so does whatever a page
binds to it (`bind="query-params"`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from board.view import View
from evalbudget.errors import EvalbudgetError
from evalbudget.report.charts.style import DARK, LIGHT, Style
from evalbudget.report.words import one_line
from evalbudget.store.load import catch_up
from evalbudget.store.queries import RunRow, Store

FOLLOWS_EVERY_S = 1.0
"""A live run's rows reach the store within seconds, and a page within this time more."""
_STAMP = "stamp"
_DRAWN_AT = "drawn_at"
_RUN = "run"


def store_path() -> Path:
    """The store that the command line names."""
    return Path(sys.argv[1] if len(sys.argv) > 1 else "results/evalbudget.duckdb")


def style() -> Style:
    """Light or dark, as the reader's browser shows the page."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def open_view(db: Path) -> View | None:
    """The view that address and filters make of the store, journals loaded first; None where there is nothing
    to see yet: what to do is then on the page."""
    try:
        st.session_state[_STAMP] = _caught_up(db)
        view = _view(db, st.session_state[_STAMP])
    except EvalbudgetError as error:
        nothing_yet()
        st.text(one_line(str(error)))
        return None
    if view is None:
        nothing_yet()
    return view


def draw(show: Callable[[View], None], view: View) -> None:
    """The page; a store that is busy or broken in between is said in a line."""
    try:
        show(view)
    except EvalbudgetError as error:
        st.warning("The store cannot be read just now; the page tries again.", icon=":material/sync_problem:")
        st.text(one_line(str(error)))


def follow(db: Path) -> None:
    """Draw the page anew whenever the store changes, as it does while a run goes on."""
    st.session_state[_DRAWN_AT] = time.monotonic()
    st.fragment(_watch, run_every=FOLLOWS_EVERY_S)(db)


def nothing_yet() -> None:
    """What to do while the store holds no run."""
    st.info("Nothing to show yet: run a suite, and this page follows it.", icon=":material/hourglass_empty:")
    st.code("evalbudget run quickstart", language=None)


def _view(db: Path, stamp: str) -> View | None:
    runs = _runs(str(db), stamp)
    if not runs:
        return None
    with st.sidebar:
        run = _chosen_run(runs)
        models, tasks = _contents(str(db), stamp, run.run_id)
        some_models = st.multiselect("Models", models, key="models", bind="query-params", placeholder="all")
        some_tasks = st.multiselect("Tasks", tasks, key="tasks", bind="query-params", placeholder="all")
    return View(
        db=db,
        stamp=stamp,
        runs=runs,
        run=run,
        all_models=models,
        all_tasks=tasks,
        models=tuple(model for model in models if model in some_models or not some_models),
        tasks=tuple(task for task in tasks if task in some_tasks or not some_tasks),
        style=style(),
    )


def _chosen_run(runs: tuple[RunRow, ...]) -> RunRow:
    """The run that the address names, else the newest.

    Its id goes into the address (a bound widget would put its label there) once it runs no longer: until then
    a page without one goes on to the next run.
    """
    by_id = {run.run_id: run for run in runs}
    if st.session_state.get(_RUN) not in by_id:
        named = st.query_params.get(_RUN, "")
        st.session_state[_RUN] = named if named in by_id else runs[0].run_id
    chosen = by_id[
        st.selectbox(
            "Run",
            list(by_id),
            format_func=lambda run_id: _label(by_id[run_id]),
            key=_RUN,
        )
    ]
    if chosen.status != "running" and st.query_params.get(_RUN) != chosen.run_id:
        st.query_params[_RUN] = chosen.run_id
    if runs[0] is not chosen:
        st.button(
            "Go to the newest run",
            on_click=_choose,
            args=(runs[0].run_id,),
            type="tertiary",
            icon=":material/update:",
        )
    return chosen


def _choose(run_id: str) -> None:
    st.session_state[_RUN] = run_id


@st.cache_resource(max_entries=4, show_spinner=False)
def _runs(db: str, stamp: str) -> tuple[RunRow, ...]:
    del stamp
    return Store(Path(db)).runs()


@st.cache_resource(max_entries=16, show_spinner=False)
def _contents(db: str, stamp: str, run_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A run's models in its order, and its tasks."""
    del stamp
    with Store(Path(db)).batch() as store:
        cells, recorded = store.cells(run_id), store.models(run_id)
    models = dict.fromkeys([*recorded, *(cell.model for cell in cells)])
    return tuple(models), tuple(dict.fromkeys(cell.task for cell in cells))


def _label(run: RunRow) -> str:
    started = f"{run.started_at:%Y-%m-%d %H:%M}" if run.started_at else "?"
    return f"{one_line(run.name, 40)} · {started} · {run.status}"


def _caught_up(db: Path) -> str:
    """Load what journals of ended runs hold beyond the store; the store's stamp after that."""
    catch_up(db, but_live=True)
    return _stamp(db)


def _stamp(db: Path) -> str:
    try:
        told = db.stat()
    except OSError:
        return ""
    return f"{told.st_mtime_ns}-{told.st_size}"


def _watch(db: Path) -> None:
    """Draws nothing: begins the page anew where the store has changed.

    Not in the moment when the page is drawn: a run that goes on would have changed the store by then, and the
    reader's browser would never be done.
    """
    if time.monotonic() - st.session_state[_DRAWN_AT] < FOLLOWS_EVERY_S / 2:
        return
    try:
        stamp = _caught_up(db)
    except EvalbudgetError:
        return
    if stamp != st.session_state.get(_STAMP):
        st.rerun()
