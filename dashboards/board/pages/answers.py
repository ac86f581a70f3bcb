"""The page Answers: find any attempt, and read it with all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import streamlit as st

from board import attempts, parts
from board.view import View
from evalbudget.reasoning.loops.spans import LoopSpan
from evalbudget.records import Job
from evalbudget.report import words
from evalbudget.report.attempt import STAYS_CLOSED, facts
from evalbudget.report.loop_text import span_of
from evalbudget.store.browse import ONLY, OUTCOMES, AttemptLine, AttemptPage, AttemptRead, Found, Wanted
from evalbudget.store.queries import Store

_ORDERS = ("question", "newest", "longest", "slowest")
_TOKENS = st.column_config.NumberColumn(format="localized")
_LIST = {
    "task": "task",
    "question": "question",
    "model": "model",
    "budget": "budget",
    "repeat": "repeat",
    "outcome": "outcome",
    "score": st.column_config.NumberColumn(format="%.2f"),
    "extracted": "extracted",
    "target": "target",
    "thinking": _TOKENS,
    "tokens": _TOKENS,
    "seconds": st.column_config.NumberColumn(format="%.1f"),
    "loop": "loop",
}
_BESIDE = {name: _LIST[name] for name in _LIST if name not in ("task", "question", "target")}
_SEARCH = "answer-search"
_BESIDE_CHARS: Final = 6_000
"""Characters of the end of an answer that stand beside another's."""


def show(view: View) -> None:
    """Draw it."""
    st.header("Answers")
    wanted, order = _filters(view)
    text = st.text_input(
        "Search in prompt, thinking and answer",
        key="answer_text",
        bind="query-params",
        placeholder="a piece of text, in any case; Enter searches",
        max_chars=200,
        icon=":material/search:",
    ).strip()
    page, offset = _searched(view, wanted, text) if text else _listed(view, wanted, order)
    if not page.total:
        if not text:
            parts.empty("No attempt is like that. Take a filter away, here or in the sidebar.")
        return
    scope = (view.run.run_id, wanted, order, text, offset)
    job = attempts.pick("answer", page.lines, _LIST, scope)
    if job is not None:
        _one(view, job, scope)


def _filters(view: View) -> tuple[Wanted, str]:
    """What the address and the boxes ask for. Models and tasks are those that the sidebar leaves."""
    budgets, categories = _choices(*view.key)
    with st.container(horizontal=True):
        task = _box("Task", "answer_task", view.tasks)
        model = _box("Model", "answer_model", view.models)
        sample = st.text_input(
            "Question",
            key="answer_sample",
            bind="query-params",
            width=150,
            max_chars=300,
            placeholder="its id",
        ).strip()
        budget = _box("Budget", "answer_budget", budgets, 140)
        outcome = _box("Outcome", "answer_outcome", [*OUTCOMES], 140)
        category = _box("Category", "answer_category", categories)
        only = _box("Only", "answer_only", [*ONLY])
        order = st.selectbox("Order", _ORDERS, key="answer_order", bind="query-params", width=140)
    wanted = Wanted(
        models=(model,) if model else view.models,
        tasks=(task,) if task else view.tasks,
        sample_id=sample or None,
        budget="any" if budget is None else _tokens(budget),
        outcome=outcome,
        only=only,
        category=category,
    )
    return wanted, order


def _box(label: str, key: str, options: Sequence[str], width: int = 170) -> str | None:
    return st.selectbox(
        label, list(options), index=None, key=key, bind="query-params", placeholder="all", width=width
    )


def _listed(view: View, wanted: Wanted, order: str) -> tuple[AttemptPage, int]:
    total = attempts.listed(*view.key, wanted, order, 0).total
    offset = attempts.pager("answer_page", total)
    if total:
        st.caption(f"{total:,} attempts. Choose a row to read it.")
    return attempts.listed(*view.key, wanted, order, offset), offset


def _searched(view: View, wanted: Wanted, text: str) -> tuple[AttemptPage, int]:
    """The hits of a search: it is made when it is asked for, and not again while a run goes on."""
    scope = (view.run.run_id, wanted, text)
    kept = st.session_state.get(_SEARCH)
    if kept is None or kept[0] != scope:
        _search(view, wanted, text, None)
    _, found, stamp = st.session_state[_SEARCH]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_told(found))
        if found.after is not None:
            st.button(
                "Search on", on_click=_search, args=(view, wanted, text, found), icon=":material/search:"
            )
        elif stamp != view.stamp:
            st.button("Search again", on_click=_search, args=(view, wanted, text, None), type="tertiary")
    if found.private:
        st.info(f"{found.private:,} attempts are not searched. {STAYS_CLOSED}", icon=":material/lock:")
    offset = attempts.pager("answer_page", len(found.lines))
    shown = found.lines[offset : offset + attempts.ROWS]
    return AttemptPage(lines=shown, total=len(found.lines)), offset


def _search(view: View, wanted: Wanted, text: str, before: Found | None) -> None:
    with st.spinner("Searching"):
        after = -1 if before is None or before.after is None else before.after
        found = view.store.browse.search(view.run.run_id, wanted, text, after=after)
    if before is not None:
        found = replace(found, lines=(*before.lines, *found.lines))
    st.session_state[_SEARCH] = ((view.run.run_id, wanted, text), found, view.stamp)


def _told(found: Found) -> str:
    """How far the search came."""
    hits = "1 attempt has it" if len(found.lines) == 1 else f"{len(found.lines):,} attempts have it"
    if found.after is None:
        return f"{hits}, all {found.total:,} searched, in the order of their recording."
    return f"{hits} so far: {found.searched:,} of {found.total:,} searched, in the order of their recording."


def _one(view: View, job: Job, scope: object) -> None:
    """Everything about one attempt."""
    named = attempts.job_text(job)
    found = attempts.read_attempt(*view.key, named)
    if found is None:
        parts.empty("The run has no such attempt: choose a row above.")
        return
    read, load = found
    budget, repeat = words.budget(job.budget), f"repeat {job.repeat}"
    parts.named(f"{job.task} · question {job.sample_id} · {job.model} · budget {budget} · {repeat}")
    parts.facts(facts(read, load))
    if read.private:
        st.info(STAYS_CLOSED, icon=":material/lock:")
    _texts(view, read)
    _same_question(view, read, scope)


def _texts(view: View, read: AttemptRead) -> None:
    """Prompt, thinking, answer and the rest, as far as they are there and open."""
    span = None if read.private else _span(*view.key, attempts.job_text(read.line.job))
    thought = read.chars.get("reasoning", 0)
    if "error" in read.chars:
        st.markdown("**Error**")
        attempts.text(view, read, "error")
    if "prompt" in read.chars:
        with st.expander("Prompt", expanded=True):
            attempts.text(view, read, "prompt")
    if thought:
        tokens = read.line.reasoning_tokens
        known = "tokens not counted" if tokens is None else f"{tokens:,} tokens"
        looping = ", loop marked" if span is not None and span.start < thought else ""
        with st.expander(f"Thinking: {known}{looping}"):
            attempts.text(view, read, "reasoning", span=span)
    if "answer" in read.chars:
        st.markdown("**Answer**")
        attempts.text(view, read, "answer", span=span, before=thought)
    for part, title in (("extracted", "Extracted"), ("target", "Target")):
        if read.chars.get(part, 0) > 200:
            with st.expander(f"{title}, whole"):
                attempts.text(view, read, part)
    if read.chars.get("tool_calls", 0) > len("[]"):
        with st.expander("Tool calls", expanded=True):
            attempts.text(view, read, "tool_calls")
    for part, title in (("details", "The scorer's reasons, and what else was noted"), ("request", "Request")):
        if read.chars.get(part, 0) > len("{}"):
            with st.expander(title):
                attempts.text(view, read, part)


def _same_question(view: View, read: AttemptRead, scope: object) -> None:
    """Other repeats, budgets and models: their figures, and one answer beside this one."""
    here = read.line.job
    others = [line for line in _same(*view.key, attempts.job_text(here)) if line.job != here]
    if not others:
        return
    st.subheader("The same question")
    st.caption("Other models, budgets and repeats of this run. Choose a row to lay its answer beside this.")
    chosen = parts.table(
        "same-question",
        attempts.lines_frame(others),
        _BESIDE,
        on_select="rerun",
        selection_mode="single-row",
        placeholder=words.UNKNOWN,
        height=min(38 + 35 * len(others), 300),
    )
    rows = [row for row in chosen.selection.rows if row < len(others)]
    other = others[rows[0]] if rows else _nearest(others, here)
    ours, theirs = st.columns(2)
    with ours:
        _beside(view, read.line)
    with theirs:
        _beside(view, other)
        st.button(
            "Read this one", on_click=attempts.choose, args=("answer", other.job, scope), type="tertiary"
        )


def _nearest(others: Sequence[AttemptLine], here: Job) -> AttemptLine:
    """Another model's answer at the same budget, where there is one."""
    return min(others, key=lambda line: (line.model == here.model, line.budget != here.budget, line.repeat))


def _beside(view: View, line: AttemptLine) -> None:
    budget = words.budget(line.budget)
    parts.lines([f"{words.one_line(line.model)} · budget {budget} · repeat {line.repeat}"])
    found = attempts.read_attempt(*view.key, attempts.job_text(line.job))
    if found is None:
        return
    read, _ = found
    told = dict(facts(read, None))
    parts.facts((name, told[name]) for name in ("outcome", "extracted") if name in told)
    chars = read.chars.get("answer", 0)
    if read.private:
        st.caption("Its text stays closed.")
    elif not chars:
        st.caption("No answer was given.")
    else:
        start = max(chars - _BESIDE_CHARS, 0)
        if start:
            st.caption(f"… {start:,} characters …")
        named = attempts.job_text(line.job)
        parts.marked(
            attempts.piece(*view.key, named, "answer", start, _BESIDE_CHARS),
            height=440 if chars > 1_200 else "content",
        )


def _tokens(budget: str) -> int | None:
    return None if budget == "unlimited" else int(budget)


@st.cache_resource(max_entries=16, show_spinner=False)
def _choices(db: str, stamp: str, run_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A run's budgets, the largest first, and its categories."""
    del stamp
    with Store(Path(db)).batch() as store:
        budgets = {cell.budget for cell in store.cells(run_id)}
        categories = store.browse.categories(run_id)
    known = sorted((each for each in budgets if each is not None), reverse=True)
    return (*(["unlimited"] if None in budgets else []), *map(str, known)), categories


@st.cache_resource(max_entries=32, show_spinner=False)
def _span(db: str, stamp: str, run_id: str, named: str) -> LoopSpan | None:
    """Where the loop stands in what an attempt generated. A rescued one's loop is not in its thinking."""
    found = attempts.read_attempt(db, stamp, run_id, named)
    if found is None or found[0].is_rescued:
        return None
    with Store(Path(db)).batch() as store:
        return span_of(store.browse, run_id, found[0])


@st.cache_resource(max_entries=16, show_spinner=False)
def _same(db: str, stamp: str, run_id: str, named: str) -> tuple[AttemptLine, ...]:
    del stamp
    job = attempts.job_of(named)
    if job is None:
        return ()
    with Store(Path(db)).batch() as store:
        return store.browse.same_question(run_id, job)
