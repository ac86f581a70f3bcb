"""Single attempts, for the pages that list and show them: a table to choose from, and its texts in pieces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from board import parts
from board.view import View
from evalbudget.reasoning.loops.spans import LoopSpan
from evalbudget.records import Job
from evalbudget.report import words
from evalbudget.report.attempt import loop, outcome
from evalbudget.store.browse import AttemptLine, AttemptPage, AttemptRead, Wanted
from evalbudget.store.memory import Load
from evalbudget.store.queries import Store

ROWS: Final = 50
"""Attempts on one page of a list."""
CHARS: Final = 20_000
"""Characters of a text that are shown at once."""
_TALL: Final = 2_500
"""Characters from which on a text scrolls in a box of its own."""
_BOX: Final = 440
"""Its height in pixels."""


def pager(key: str, total: int) -> int:
    """Which page of a list, as the number of attempts before it."""
    pages = max(1, -(-total // ROWS))
    if st.session_state.get(key, 1) > pages:
        st.session_state[key] = pages
    if pages == 1:
        return 0
    page = st.number_input(f"Page, of {pages:,}", 1, pages, key=key, bind="query-params", width=160)
    return (int(page) - 1) * ROWS


@st.cache_resource(max_entries=16, show_spinner=False)
def listed(db: str, stamp: str, run_id: str, wanted: Wanted, order: str, offset: int) -> AttemptPage:
    """One page of the attempts that are wanted, from the n-th on."""
    del stamp
    with Store(Path(db)).batch() as store:
        return store.browse.page(run_id, wanted, order=order, offset=offset, limit=ROWS)


def pick(name: str, lines: Sequence[AttemptLine], columns: dict[str, Any], scope: object) -> Job | None:
    """A table of attempts; the one that was chosen there or in the address, else the first.

    A choice is kept under `name` in the address, and for as long as the `scope`, what the list shows, stays.
    """
    jobs = [line.job for line in lines]
    state = f"chosen-{name}"
    if state not in st.session_state and (named := job_of(st.query_params.get(name, ""))):
        st.session_state[state] = (scope, named)
    if state in st.session_state and st.session_state[state][0] != scope:
        _drop(name)
    parts.table(
        name,
        lines_frame(lines),
        columns,
        on_select=partial(_picked, name, jobs, scope),
        selection_mode="single-row",
        placeholder=words.UNKNOWN,
        height=min(38 + 35 * len(lines), 420),
    )
    if state in st.session_state:
        chosen: Job = st.session_state[state][1]
        return chosen
    return jobs[0] if jobs else None


def choose(name: str, job: Job, scope: object) -> None:
    """Choose an attempt for the list `name`, as a click in it does."""
    st.session_state[f"chosen-{name}"] = (scope, job)
    st.query_params[name] = job_text(job)


def lines_frame(lines: Sequence[AttemptLine]) -> pd.DataFrame:
    """A list of attempts: a column for each figure, without texts."""
    return pd.DataFrame(
        {
            "task": [line.task for line in lines],
            "question": [line.sample_id for line in lines],
            "model": [line.model for line in lines],
            "budget": [words.budget(line.budget) for line in lines],
            "repeat": [line.repeat for line in lines],
            "category": [line.category for line in lines],
            "outcome": [outcome(line) for line in lines],
            "score": pd.array([line.score for line in lines], dtype="Float64"),
            "extracted": [_short(line.extracted) for line in lines],
            "target": [_short(line.target) for line in lines],
            "thinking": _whole(line.reasoning_tokens for line in lines),
            "tokens": _whole(line.completion_tokens for line in lines),
            "counted by": [line.token_source for line in lines],
            "budget kept": pd.array([line.budget_honoured for line in lines], dtype="boolean"),
            "seconds": pd.array([line.latency_s for line in lines], dtype="Float64"),
            "loop": [loop(line) for line in lines],
            "onset": _whole(line.loop_onset_token for line in lines),
            "period": _whole(line.loop_period_tokens for line in lines),
            "repeats": pd.array([line.loop_repeats for line in lines], dtype="Float64"),
            "wasted": _whole(line.loop_wasted_tokens for line in lines),
        }
    )


def text(view: View, read: AttemptRead, part: str, *, span: LoopSpan | None = None, before: int = 0) -> None:
    """A part of an attempt in pieces, as text, with buttons to go on and one for the whole of it. `span`: the
    loop to mark, of a reply of which `before` characters come before this part."""
    chars, named = read.chars.get(part, 0), job_text(read.line.job)
    place, scope = f"at-{part}", (view.run.run_id, named)
    if st.session_state.get(place, (None, 0))[0] != scope:
        st.session_state[place] = (scope, 0)
    start = min(st.session_state[place][1], max(chars - 1, 0))
    shown, before = piece(*view.key, named, part, start, CHARS), before + start
    unit = repeated = None
    if span is not None:
        unit, repeated = (
            (span.start - before, span.unit_end - before),
            (span.unit_end - before, span.end - before),
        )
    parts.marked(
        shown, [repeated] if repeated else [], unit=unit, height=_BOX if len(shown) > _TALL else "content"
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if chars > CHARS:
            _to(f"earlier-{part}", "Earlier", place, scope, max(start - CHARS, 0), disabled=start == 0)
            _to(f"further-{part}", "Further", place, scope, start + CHARS, disabled=start + CHARS >= chars)
            if span is not None and 0 <= span.start - before + start < chars:
                onset = span.start - before + start
                _to(f"loop-{part}", "To the loop", place, scope, max(onset - CHARS // 4, 0), disabled=False)
            st.caption(f"characters {start + 1:,} to {start + len(shown):,} of {chars:,}")
        st.download_button(
            f"whole text, {chars:,} characters",
            partial(_whole_text, view.db, view.run.run_id, read.line.job, part),
            file_name=f"{part}.txt",
            mime="text/plain",
            key=f"whole-{part}",
            type="tertiary",
            on_click="ignore",
            icon=":material/download:",
        )


@st.cache_resource(max_entries=32, show_spinner=False)
def read_attempt(db: str, stamp: str, run_id: str, named: str) -> tuple[AttemptRead, Load | None] | None:
    """An attempt without its texts, and the load of its server meanwhile; None where there is no such."""
    del stamp
    job = job_of(named)
    if job is None:
        return None
    with Store(Path(db)).batch() as store:
        read = store.browse.read(run_id, job)
        return None if read is None else (read, store.browse.load(run_id, job))


@st.cache_resource(max_entries=32, show_spinner=False)
def piece(db: str, stamp: str, run_id: str, named: str, part: str, start: int, chars: int) -> str:
    del stamp
    job = job_of(named)
    return "" if job is None else Store(Path(db)).browse.piece(run_id, job, part, start, chars)


def job_text(job: Job) -> str:
    """An attempt's identity within its run, as it stands in the address."""
    return json.dumps([job.model, job.task, job.sample_id, job.budget, job.repeat], ensure_ascii=False)


def job_of(text: str) -> Job | None:
    """The same back; None where the address holds anything else."""
    try:
        model, task, sample_id, budget, repeat = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    numbers = all(isinstance(each, int) and abs(each) < 2**63 for each in (budget or 0, repeat))
    if not numbers or not all(isinstance(each, str) for each in (model, task, sample_id)):
        return None
    model, task, sample_id = (
        each.encode("utf-8", "replace").decode("utf-8") for each in (model, task, sample_id)
    )
    return Job(model=model, task=task, sample_id=sample_id, budget=budget, repeat=repeat)


def _picked(name: str, jobs: Sequence[Job], scope: object) -> None:
    rows = st.session_state[f"table-{name}"].selection.rows
    if rows and rows[0] < len(jobs):
        choose(name, jobs[rows[0]], scope)
    else:
        _drop(name)


def _drop(name: str) -> None:
    st.session_state.pop(f"chosen-{name}", None)
    if name in st.query_params:
        del st.query_params[name]


def _to(key: str, label: str, place: str, scope: object, start: int, *, disabled: bool) -> None:
    st.button(label, key=key, on_click=_go, args=(place, scope, start), type="tertiary", disabled=disabled)


def _go(place: str, scope: object, start: int) -> None:
    st.session_state[place] = (scope, start)


def _whole_text(db: Path, run_id: str, job: Job, part: str) -> bytes:
    return Store(db).browse.piece(run_id, job, part).encode("utf-8", "replace")


def _whole(values: Any) -> Any:  # noqa: ANN401 - pandas' own
    return pd.array(list(values), dtype="Int64")


def _short(text: str | None) -> str | None:
    return None if text is None else words.one_line(text, 120)
