"""The page Compare: two models side by side, of one run or of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from board import parts
from board.view import View
from evalbudget.report.charts.forest import forest_chart, forest_rows
from evalbudget.report.charts.questions import MOST_POINTS, token_rows, tokens_chart
from evalbudget.report.comparison import (
    MEANING,
    TARGETS,
    Compared,
    Comparisons,
    Turned,
    Verdict,
    compare_models,
    flips_by_question,
)
from evalbudget.report.first_pair import first_pair
from evalbudget.report.words import UNKNOWN, accuracy, budget
from evalbudget.stats.comparison import DEFAULT_MARGIN, Target
from evalbudget.store.paired import AnyBudget, KnownModel, ModelOfRun
from evalbudget.store.queries import Store

_ALONE = "A comparison takes two models, or one model in two runs: add another to the suite, or run it again."
_SUITE = """models:
  - {name: flash-bf16, base_url: http://localhost:8000/v1, family: glm-4.7-flash, quantization: bf16}
  - {name: flash-nvfp4, base_url: http://localhost:8001/v1, family: glm-4.7-flash, quantization: nvfp4}"""
_THIS: Final = "this run"
_FITTING: Final = "what fits"
_FOREST = (
    "Diamond: the difference; thick: its 95 % interval for what the verdict is about; thin: that for the "
    "other one, {targets}. Shaded: within the margin; dashed: the margin, and what lies wholly to its "
    "right is no worse."
)
_TURNED = {
    "question": "question",
    "category": "category",
    "base": st.column_config.NumberColumn("base, mean score", format="%.2f"),
    "candidate": st.column_config.NumberColumn("candidate, mean score", format="%.2f"),
    "base_answers": "answers",
    "candidate_answers": "answers ",
    "read_base": st.column_config.LinkColumn("base's answers", display_text="read"),
    "read_candidate": st.column_config.LinkColumn("candidate's answers", display_text="read"),
}
_COLOURS: Final[dict[Verdict, Literal["red", "orange", "blue", "green", "gray"]]] = {
    "lower beyond margin": "red",
    "lower": "orange",
    "lower within margin": "orange",
    "higher": "blue",
    "within margin": "green",
    "no worse": "green",
}
_MANY: Final = 6
"""Tasks: of more, the sentences are folded and the picture comes first."""
_MADE: Final = "comparisons-made"
_WAYS: Final = ("lost", "won", "lower", "higher")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """What is compared, and how."""

    base: ModelOfRun
    candidate: ModelOfRun
    budget: AnyBudget
    margin: float
    target: Target | None


def show(view: View) -> None:
    """Draw it."""
    st.header("Compare")
    known = _known(view.key[0], view.stamp)
    sides = _sides(view, known)
    if sides is None:
        return
    choice = _how(view, *sides)
    found = _awaited(view, choice)
    filtered = view.tasks != view.all_tasks
    compared = [each for each in found.compared if each.task in view.tasks or not filtered]
    missing = [each for each in found.not_compared if each.task in view.tasks or not filtered]
    if len(found.compared) > 1:
        parts.sentence(found.sentence)
    if not compared:
        parts.empty("They have no scored answers to the same questions of the same task in common.")
    with st.expander("Each task") if len(compared) > _MANY else st.container():
        for each in compared:
            _verdict(each)
    parts.lines(f"{each.task}: {each.why}" for each in missing)
    if compared:
        _forest(view, compared)
    _besides(found)
    if compared:
        _detail(view, choice, compared)


def _awaited(view: View, choice: _Choice) -> Comparisons:
    """The comparisons; where they are made now, both accuracies stand there meanwhile."""
    made, this = st.session_state.setdefault(_MADE, set()), (view.key, choice)
    place = st.empty()
    if this not in made:
        with place.container(), st.spinner("Comparing question by question"):
            frame = pd.DataFrame(_meanwhile(*view.key, choice.base, choice.candidate))
            st.dataframe(frame, hide_index=True, placeholder=UNKNOWN)
            found = _compared(*view.key, choice)
        made.add(this)
        place.empty()
        return found
    return _compared(*view.key, choice)


@st.cache_resource(max_entries=4, show_spinner=False)
def _meanwhile(
    db: str, stamp: str, run_id: str, base: ModelOfRun, candidate: ModelOfRun
) -> tuple[dict[str, str], ...]:
    """Both models' accuracies on the tasks that both were asked, at each budget."""
    del stamp, run_id
    with Store(Path(db)).batch() as store:
        ours, theirs = (
            {(c.task, c.budget): c for c in store.cells(side.run_id) if c.model == side.model}
            for side in (base, candidate)
        )
    return tuple(
        {
            "task": task,
            "budget": budget(at),
            "base, accuracy": accuracy(ours[task, at]),
            "candidate, accuracy": accuracy(theirs[task, at]),
        }
        for task, at in ours
        if (task, at) in theirs
    )


@st.cache_resource(max_entries=4, show_spinner=False)
def _known(db: str, stamp: str) -> tuple[KnownModel, ...]:
    del stamp
    return Store(Path(db)).known_models()


@st.cache_resource(max_entries=16, show_spinner=False)
def _budgets(
    db: str, stamp: str, run_id: str, base: ModelOfRun, candidate: ModelOfRun
) -> tuple[int | None, ...]:
    """At which both have answers to any task, the largest first, unlimited above all."""
    del stamp, run_id
    found = {each.budget for each in Store(Path(db)).common_conditions(base, candidate)}
    return tuple(sorted(found, key=lambda budget: (budget is not None, -(budget or 0))))


@st.cache_resource(max_entries=16, show_spinner=False)
def _compared(db: str, stamp: str, run_id: str, choice: _Choice) -> Comparisons:
    """Some seconds of work where there are many answers."""
    del stamp, run_id
    return compare_models(
        Store(Path(db)),
        choice.base,
        choice.candidate,
        budget=choice.budget,
        margin=choice.margin,
        target=choice.target,
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def _by_question(
    db: str, stamp: str, run_id: str, base: ModelOfRun, candidate: ModelOfRun, task: str, budget: int | None
) -> tuple[tuple[Turned, ...], tuple[dict[str, Any], ...]]:
    """What turned, and tokens by question."""
    del stamp, run_id
    with Store(Path(db)).batch() as store:
        turned = flips_by_question(store, task, base, candidate, budget=budget)
        answers = store.paired(task, base, candidate, budget)
    return turned, () if answers is None else tuple(token_rows(answers))


def _sides(view: View, known: Sequence[KnownModel]) -> tuple[ModelOfRun, ModelOfRun] | None:
    """Base and candidate as chosen; None, with what to do on the page, where there are no two."""
    own = [each for each in known if each.run_id == view.run.run_id and each.model in view.models]
    others = list(dict.fromkeys(each.run_id for each in known if each.run_id != view.run.run_id))
    pair = first_pair(own)
    if pair is None and not (own and others):
        parts.empty(_ALONE, _SUITE)
        return None
    # One model alone is compared to what it was in another run, best under its own label.
    before = next(
        (
            run
            for run in others
            if pair is None and any(k.run_id == run and k.model == own[0].model for k in known)
        ),
        others[0] if pair is None else _THIS,
    )
    columns = st.columns(2)
    with columns[0]:
        base = _side("base", "Base", view, known, others, before, pair[0].model if pair else own[0].model)
    with columns[1]:
        candidate = _side(
            "candidate", "Candidate", view, known, others, _THIS, pair[1].model if pair else own[0].model
        )
    if base == candidate:
        parts.empty("Both sides are the same model of the same run: choose another one.")
        return None
    return base, candidate


def _side(
    key: str, title: str, view: View, known: Sequence[KnownModel], others: Sequence[str], run: str, model: str
) -> ModelOfRun:
    """One side: its run, where there are several, and its model."""
    runs = [_THIS, *others]
    chosen = st.selectbox(f"{title}: run", runs, index=runs.index(run), key=f"{key}_run", bind="query-params")
    run_id = view.run.run_id if chosen == _THIS else chosen
    models = [each.model for each in known if each.run_id == run_id]
    if run_id == view.run.run_id:
        models = [each for each in models if each in view.models]
    if st.session_state.get(key, models[0]) not in models:
        del st.session_state[key]
    at = models.index(model) if model in models else 0
    label = st.selectbox(title, models, index=at, key=key, bind="query-params")
    return ModelOfRun(run_id, label)


def _how(view: View, base: ModelOfRun, candidate: ModelOfRun) -> _Choice:
    """Budget, margin and target, as the address has them."""
    budgets = {
        "unlimited" if each is None else str(each): each for each in _budgets(*view.key, base, candidate)
    }
    columns = st.columns(3)
    with columns[0]:
        options = ["largest", *budgets]
        if st.session_state.get("at", "largest") not in options:
            del st.session_state["at"]
        at = st.selectbox(
            "Budget", options, key="at", bind="query-params", help="The largest that both have."
        )
    with columns[1]:
        margin = st.number_input(
            "Margin, points",
            min_value=0.1,
            max_value=50.0,
            value=100 * DEFAULT_MARGIN,
            step=0.5,
            format="%.1f",
            key="margin",
            bind="query-params",
            help="Named beforehand: by so much the candidate may be lower and still be called no worse.",
        )
    with columns[2]:
        about = st.selectbox(
            "Verdict about",
            [_FITTING, *TARGETS.values()],
            key="about",
            bind="query-params",
            help="What fits: this benchmark for quantizations and reruns of one model, else questions like "
            "these.",
        )
    target = next((target for target, word in TARGETS.items() if word == about), None)
    budget: AnyBudget = "largest" if at == "largest" else budgets[at]
    return _Choice(base=base, candidate=candidate, budget=budget, margin=margin / 100, target=target)


def _verdict(each: Compared) -> None:
    """The sentence, and what a reader must know before believing it."""
    with st.container(border=True):
        st.badge(each.verdict, color=_COLOURS.get(each.verdict, "gray"))
        parts.sentence(each.sentence)
        parts.lines(each.warnings)


def _forest(view: View, compared: Sequence[Compared]) -> None:
    """The differences over tasks."""
    st.subheader("Differences")
    drawn = forest_chart(compared, view.style)
    if drawn is not None:
        alt_text = "The difference of accuracy on each task, with its intervals and the margin."
        parts.chart("forest", drawn, pd.DataFrame(forest_rows(compared)), view, alt_text=alt_text)
    st.caption(_FOREST.format(targets=" or ".join(TARGETS.values())))


def _besides(found: Comparisons) -> None:
    """What differs besides what is compared."""
    lines = [line for pair in found.pairs for line in pair.besides]
    st.subheader("What else differs")
    if lines:
        parts.lines(lines)
    else:
        st.caption("Nothing that was recorded of the two models and their runs.")


def _detail(view: View, choice: _Choice, compared: Sequence[Compared]) -> None:
    """One task: its table, its questions, its tokens."""
    st.subheader("By task")
    by_task = {each.task: each for each in compared}
    if st.session_state.get("compared", compared[0].task) not in by_task:
        del st.session_state["compared"]
    task = st.selectbox("Task", list(by_task), key="compared", bind="query-params")
    each = by_task[task]
    names = {"base": f"base: {each.pair.base.name}", "candidate": f"candidate: {each.pair.candidate.name}"}
    rows = [
        {"": row.title, **{names[side]: getattr(row, side) for side in names}, "difference": row.difference}
        | {"note": row.note}
        for row in each.rows
    ]
    parts.table("compared-rows", pd.DataFrame(rows), height="content")
    st.caption(MEANING)
    turned, tokens = _by_question(*view.key, choice.base, choice.candidate, task, each.budget)
    _flips(choice, task, turned)
    _tokens(view, tokens)


def _flips(choice: _Choice, task: str, turned: Sequence[Turned]) -> None:
    """Questions that one of them alone has right, each with a way to its answers."""
    st.subheader("Flips by question")
    if not turned:
        st.caption("No question's mean score differs.")
        return
    counts = {way: sum(each.way == way for each in turned) for way in _WAYS}
    options = [way for way in _WAYS if counts[way]]
    if st.session_state.get("flips") not in (None, *options):
        del st.session_state["flips"]
    way = st.segmented_control("Questions", options, default=options[0], key="flips", bind="query-params")
    st.caption(
        f"{counts['lost']:,} lost: the base has most of its answers right and the candidate has not; "
        f"{counts['won']:,} won: the reverse; {counts['lower']:,} lower and {counts['higher']:,} higher "
        "without that."
    )
    frame = pd.DataFrame(
        [
            {
                "question": each.question,
                "category": each.category or "",
                "base": each.base,
                "candidate": each.candidate,
                "base_answers": each.base_answers,
                "candidate_answers": each.candidate_answers,
                "read_base": _link(choice.base, task, each.question),
                "read_candidate": _link(choice.candidate, task, each.question),
            }
            for each in turned
            if each.way == (way or options[0])
        ]
    )
    shown = {name: how for name, how in _TURNED.items() if name != "category" or frame[name].any()}
    parts.table("flips", frame, shown)


def _link(side: ModelOfRun, task: str, question: str) -> str:
    """The page Answers, open at a question of one model."""
    named = {"run": side.run_id, "answer_task": task, "answer_model": side.model, "answer_sample": question}
    return f"/answers?{urlencode(named)}"


def _tokens(view: View, rows: Sequence[dict[str, Any]]) -> None:
    """The base's tokens against the candidate's."""
    st.subheader("Tokens by question")
    drawn = tokens_chart(rows, view.style)
    if drawn is None:
        st.caption("The tokens of their answers are not known.")
        return
    parts.chart(
        "tokens-by-question",
        drawn,
        pd.DataFrame(rows),
        view,
        alt_text="Tokens of each question, base and candidate.",
    )
    shown = (
        f" {MOST_POINTS:,} at most of the {len(rows):,} questions are drawn."
        if len(rows) > MOST_POINTS
        else ""
    )
    st.caption(f"Above the line the candidate takes more tokens.{shown}")
