"""The page Runs: under what conditions a run was made, what failed, and how it differs from another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
import streamlit as st

from board.parts import PERCENT, empty, facts, folded, lines, table
from board.view import View
from evalbudget.fingerprint import said
from evalbudget.records import ServerRecord
from evalbudget.report import words
from evalbudget.report.differences import lines_within
from evalbudget.report.progress import duration
from evalbudget.report.settings import Setting, server_settings, task_settings
from evalbudget.report.two_runs import (
    TwoCells,
    cells_beside,
    lines_between_runs,
    same_labels,
    suite_diff,
)
from evalbudget.store.cells import Cell
from evalbudget.store.queries import FailureGroup, RunRow, Store, TokenShare

_ROW = 35
"""Pixels of a table's row."""
_MOST_ROWS = 18
_MOST_LINES = 6
_LONG_TEXT = 420
"""Pixels of a text that may be long; the rest is scrolled to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the page asks of the store for one run."""

    suite: str
    cells: tuple[Cell, ...]
    servers: tuple[ServerRecord, ...]
    failures: tuple[FailureGroup, ...]
    token_sources: tuple[TokenShare, ...]


def show(view: View) -> None:
    """Draw it."""
    st.header("Runs")
    found = _found(*view.key)
    _about(view.run)
    _servers(view, found)
    _conditions(view)
    _suite(found.suite)
    _failures(view, found.failures)
    _token_counts(view, found.token_sources)
    _beside_another(view, found)


@st.cache_resource(max_entries=16, show_spinner=False)
def _found(db: str, stamp: str, run_id: str) -> _Found:
    del stamp
    with Store(Path(db)).batch() as store:
        return _Found(
            suite=store.suite(run_id),
            cells=store.cells(run_id),
            servers=store.servers(run_id),
            failures=store.failures(run_id),
            token_sources=store.token_sources(run_id),
        )


def _about(run: RunRow) -> None:
    st.text(words.headline(run))
    took = None
    if run.started_at is not None and run.finished_at is not None:
        took = (run.finished_at - run.started_at).total_seconds()
    facts(
        [
            ("started", f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC" if run.started_at else "-"),
            ("took", duration(took)),
            ("evalbudget", words.one_line(run.version)),
            ("host", words.one_line(run.host or "-")),
            *((words.one_line(name, 40), words.one_line(said(told))) for name, told in run.options.items()),
        ]
    )
    hint = words.resume_hint(run)
    if hint:
        st.text(hint)


def _servers(view: View, found: _Found) -> None:
    st.subheader("Servers")
    known = {record.model: record for record in found.servers}
    servers = [known[model] for model in view.models if model in known]
    if not servers:
        empty("No server is recorded for this run yet: each is asked when its turn comes.")
        return
    _settings("servers", server_settings(servers), [record.model for record in servers])
    st.caption(
        "Flags are the server's own words. Patches stand with the hash of their file. The same fingerprint "
        "means: all that is known to move figures is the same."
    )
    besides = lines_within(servers, view.run.conditions)
    if besides:
        st.markdown("**What differs within the families, besides what is compared**")
        lines(besides[:_MOST_LINES])
        if len(besides) > _MOST_LINES:
            folded(f"{len(besides) - _MOST_LINES} more", besides[_MOST_LINES:], at_most=0)


def _conditions(view: View) -> None:
    st.subheader("Conditions")
    tasks = [task for task in view.run.conditions if task in view.tasks or task not in view.all_tasks]
    settings = task_settings(view.run.conditions, tasks)
    if not settings:
        empty("Nothing is recorded of how the tasks of this run were asked.")
        return
    _settings("conditions", settings, tasks)
    st.caption("What figures depend on besides the model. Prompts, targets and samples are hashes of them.")


def _settings(name: str, settings: Sequence[Setting], columns: Sequence[str]) -> None:
    """Names down, models or tasks across, with a mark where they differ."""
    frame = pd.DataFrame(
        {
            "setting": [each.name for each in settings],
            "differs": ["≠" if each.differs else "" for each in settings],
        }
    )
    for place, column in enumerate(columns):
        heading = words.one_line(column, 80)
        while heading in frame:
            heading += " "
        frame[heading] = [each.values[place] for each in settings]
    configured = {str(column): st.column_config.TextColumn() for column in frame}
    configured["setting"] = st.column_config.TextColumn(pinned=True)
    configured["differs"] = st.column_config.TextColumn(width=60)
    if len(columns) < 2:
        del configured["differs"]
    table(name, frame, configured, height=_ROW * (1 + min(len(frame), _MOST_ROWS)) + 2, placeholder="-")


def _suite(suite: str) -> None:
    st.subheader("Suite")
    if not suite:
        empty("The suite of this run is not in the store.")
        return
    st.code(suite, language=None, line_numbers=True, height=_height(suite))
    st.download_button(
        "YAML",
        suite,
        file_name="suite.yaml",
        mime="application/yaml",
        type="tertiary",
        on_click="ignore",
        icon=":material/download:",
    )


def _failures(view: View, failures: Sequence[FailureGroup]) -> None:
    st.subheader("Failures")
    shown = [group for group in failures if group.model in view.models]
    if not shown:
        st.caption("None: every attempt has its score.")
        return
    st.caption("They have no score and are in no average, and in no denominator.")
    rows = [
        {
            "model": words.one_line(group.model, 80),
            "kind": words.one_line(group.kind, 40),
            "what it means": words.one_line(words.FAILURES.get(group.kind, group.kind)),
            "attempts": group.attempts,
            "tasks": ", ".join(words.one_line(task, 80) for task in group.tasks),
            "example": words.one_line(group.example, 1000),
        }
        for group in shown
    ]
    count = st.column_config.NumberColumn(format="localized")
    wide = st.column_config.TextColumn(width="large")
    named = {name: st.column_config.TextColumn() for name in ("model", "kind")}
    columns = {**named, "attempts": count, "example": wide, "what it means": wide, "tasks": wide}
    table("failures", pd.DataFrame(rows), columns)


def _token_counts(view: View, shares: Sequence[TokenShare]) -> None:
    told = words.token_counts(share for share in shares if share.model in view.models)
    if told:
        st.subheader("Counts of thinking tokens")
        lines(told)


def _beside_another(view: View, found: _Found) -> None:
    st.subheader("Beside another run")
    by_id = {run.run_id: run for run in view.runs if run.run_id != view.run.run_id}
    if not by_id:
        empty("The store holds one run. A second one can be laid beside it.", "evalbudget run SUITE")
        return
    chosen = st.selectbox(
        "Other run", list(by_id), index=None, key="other_run", bind="query-params", placeholder="choose one"
    )
    if chosen is None:
        st.caption("Choose a second run: what differs in servers, conditions and suite, and both accuracies.")
        return
    other = by_id[chosen]
    theirs = _found(str(view.db), view.stamp, other.run_id)
    st.text(words.headline(other))
    st.text(words.circumstances(other))
    pairs = _pairs(view, theirs)
    if pairs:
        _differences(view, found, other, theirs, pairs)
        _cells(found, theirs, pairs)
    _suites(view.run, found, other, theirs)


def _pairs(view: View, theirs: _Found) -> tuple[tuple[str, str], ...]:
    """Models of the same label, or the two that the reader chose."""
    found = [*(record.model for record in theirs.servers), *(cell.model for cell in theirs.cells)]
    labels = list(dict.fromkeys(found))
    same = same_labels(view.models, labels)
    left, right = st.columns(2)
    hint = "those with the same label" if same else "choose one"
    model = left.selectbox(
        "Model of this run",
        list(view.models),
        index=None,
        key="pair_model",
        bind="query-params",
        placeholder=hint,
    )
    other = right.selectbox(
        "Model of the other run",
        labels,
        index=None,
        key="pair_other",
        bind="query-params",
        placeholder=hint,
    )
    if model is not None and other is not None:
        return ((model, other),)
    if not same:
        empty("No model has the same label in both runs: choose one of each above.")
    return same


def _differences(
    view: View, found: _Found, other: RunRow, theirs: _Found, pairs: Sequence[tuple[str, str]]
) -> None:
    """Models of which the same is true share their lines."""
    st.markdown("**What differs between the two runs**")
    alike: dict[tuple[str, ...], list[str]] = {}
    for pair in pairs:
        told = lines_between_runs(view.run, found.servers, other, theirs.servers, pair)
        if told is None:
            told = ("nothing is recorded of its server in one of the runs",)
        alike.setdefault(told, []).append(_pair_name(pair))
    for told, names in alike.items():
        st.text(f"{', '.join(names)}:")
        lines(f"– {line}" for line in told or ("nothing that is known to move figures differs",))


def _pair_name(pair: tuple[str, str]) -> str:
    model, other = (words.one_line(name, 60) for name in pair)
    return model if model == other else f"{model} beside {other}"


def _cells(found: _Found, theirs: _Found, pairs: Sequence[tuple[str, str]]) -> None:
    st.markdown("**Accuracy in both**")
    rows = [_cell_row(each) for each in cells_beside(found.cells, theirs.cells, pairs)]
    if not rows:
        empty("Neither run has attempts of these models yet.")
        return
    count = st.column_config.NumberColumn(format="localized")
    text = st.column_config.TextColumn()
    columns: Mapping[str, object] = {
        **{name: text for name in ("model", "task", "budget")},
        "this run": PERCENT,
        "this 95 %": text,
        "other run": PERCENT,
        "other 95 %": text,
        "this scored": count,
        "other scored": count,
        "this tokens": st.column_config.NumberColumn(format="%.0f"),
        "other tokens": st.column_config.NumberColumn(format="%.0f"),
    }
    table("two-runs", pd.DataFrame(rows), columns, placeholder="-")
    st.caption(
        "Accuracies with their own 95 % intervals; whether the difference is real the page Compare tells, "
        "from the questions that both answered. Tokens are mean completion tokens."
    )


def _cell_row(each: TwoCells) -> dict[str, object]:
    row: dict[str, object] = {
        "model": _pair_name((each.model, each.other_model)),
        "task": each.task,
        "budget": "unlimited" if each.budget is None else str(each.budget),
    }
    for side, cell in (("this", each.cell), ("other", each.other)):
        known = cell is not None and cell.ci_low is not None and cell.ci_high is not None
        row[f"{side} run"] = None if cell is None else cell.accuracy
        row[f"{side} 95 %"] = (
            f"{words.share(cell.ci_low)} – {words.share(cell.ci_high)}" if cell is not None and known else "-"
        )
        row[f"{side} scored"] = None if cell is None else cell.attempts - cell.failed
        row[f"{side} tokens"] = None if cell is None else cell.mean_completion_tokens
    return row


def _suites(run: RunRow, found: _Found, other: RunRow, theirs: _Found) -> None:
    st.markdown("**What differs between the two suites**")
    difference = suite_diff(run, found.suite, other, theirs.suite)
    if difference:
        st.code(difference, language=None, height=_height(difference))
    else:
        st.caption("Nothing: both ran the same YAML; what the command line narrowed stands above.")


def _height(text: str) -> int | Literal["content"]:
    return _LONG_TEXT if text.count("\n") > 16 else "content"
