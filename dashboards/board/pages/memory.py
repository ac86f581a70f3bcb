"""The page Memory: what KV caches take beside what they should, how full they were, and what fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from board import parts
from board.view import View
from evalbudget.records import ServerRecord
from evalbudget.report import memory as words
from evalbudget.report.charts import memory as charts
from evalbudget.report.kv import size
from evalbudget.report.memory_room import GIB, LENGTHS, MEANING, SIZES_GIB, Fitting, fitting, weights_of
from evalbudget.report.words import UNKNOWN, budget, share
from evalbudget.store.cells import Cell
from evalbudget.store.memory import ModelMemory, Use
from evalbudget.store.queries import Store

_NO_SERVERS = "Nothing is known of the servers of this run: what their caches take is told by their logs."
_SUITE = """models:
  - name: flash
    base_url: http://localhost:8000/v1
    config: ./config.json
    log: ./vllm.log"""
_NOT_TOLD = "No server of this run told what its cache takes; the lines below say what would make it known."
_NEVER_READ = (
    "How full the servers' caches were was never read: vLLM shows it by itself, SGLang with "
    "`--enable-metrics`, llama-server with `--metrics`."
)
_USE_WORDS: Mapping[str, charts.Shown] = {
    "share": "kv_usage",
    "bytes": "kv_used_bytes",
    "tokens": "kv_used_tokens",
}
_ASK = "Type in the size of the weights of each model to see what fits beside them."


def show(view: View) -> None:
    """Draw it."""
    st.header("Memory")
    memory, use, servers, cells = _found(*view.key, view.models)
    if not memory:
        parts.empty(_NO_SERVERS, _SUITE)
        return
    _per_token(view, memory)
    _over_time(view, use)
    _cells([cell for cell in cells if cell.task in view.tasks])
    _what_fits(view, memory, servers)


@st.cache_resource(max_entries=16, show_spinner=False)
def _found(
    db: str, stamp: str, run_id: str, models: tuple[str, ...]
) -> tuple[tuple[ModelMemory, ...], tuple[Use, ...], tuple[ServerRecord, ...], tuple[Cell, ...]]:
    """Of the models that the filter leaves, in the run's order."""
    del stamp
    place = {model: number for number, model in enumerate(models)}
    with Store(Path(db)).batch() as store:
        memory = [each for each in store.memory(run_id) if each.model in place]
        use = tuple(each for each in store.use_over_time(run_id, _points(len(models))) if each.model in place)
        servers = tuple(each for each in store.servers(run_id) if each.model in place)
        cells = tuple(each for each in store.cells(run_id) if each.model in place)
    return tuple(sorted(memory, key=lambda each: place[each.model])), use, servers, cells


def _points(models: int) -> int:
    """Of each model, so that a chart of them all stays below the rows that Vega-Lite takes: 5,000."""
    return max(50, min(500, 2_400 // max(models, 1)))


def _per_token(view: View, memory: Sequence[ModelMemory]) -> None:
    """Expected beside measured, the table of all figures, and what mends what differs."""
    st.subheader("Bytes per token")
    drawn = charts.per_token_chart(memory, view.all_models, view.style)
    if drawn is None:
        parts.empty(_NOT_TOLD)
    else:
        rows = pd.DataFrame(charts.per_token_rows(memory))
        alt_text = "Bytes per token of each model's KV cache, measured beside expected."
        parts.chart("kv-per-token", drawn, rows, view, alt_text=alt_text)
    parts.lines(words.notes(memory))
    preempted = tuple(words.preempted(memory))
    if preempted:
        st.warning(
            "A server ran out of KV memory: latencies are not the model's own.", icon=":material/memory:"
        )
        parts.folded("Whose", preempted)
    told = words.shown(memory)
    if told:
        columns = words.COLUMNS
        shown = [{"model": each.model, **{one.title: one.text(each) for one in columns}} for each in told]
        parts.table("kv", pd.DataFrame(shown))
        st.caption(words.MEANING)


def _over_time(view: View, use: Sequence[Use]) -> None:
    """How full the caches were, and the requests below."""
    st.subheader("Use over time")
    known = charts.shown_use(use)
    rows = pd.DataFrame(charts.use_rows(use))
    if not known:
        parts.empty(_NEVER_READ)
    else:
        options = [word for word, name in _USE_WORDS.items() if name in known]
        what = st.segmented_control("Use as", options, default=options[0], key="use", bind="query-params")
        drawn = charts.use_chart(use, view.all_models, view.style, _USE_WORDS[what or options[0]])
        alt_text = "How full each server's KV cache was over time."
        parts.chart("kv-use", drawn, rows, view, alt_text=alt_text)
    if any(each.running is not None or each.waiting is not None for each in use):
        drawn = charts.requests_chart(use, view.all_models, view.style)
        parts.chart("requests", drawn, rows, view, alt_text="Requests running and waiting over time.")


def _cells(cells: Sequence[Cell]) -> None:
    """What was seen of the servers while each cell's attempts ran; nothing where nothing was."""
    seen = [c for c in cells if c.kv_peak_bytes is not None or c.kv_sequence_bytes is not None]
    if not seen:
        return
    st.subheader("By task and budget")
    rows = [
        {
            "task": cell.task,
            "model": cell.model,
            "budget": budget(cell.budget),
            "peak of the server": _bytes(cell.kv_peak_bytes),
            "largest sequence": _bytes(cell.kv_sequence_bytes),
            "mean sequence": _bytes(cell.mean_kv_bytes),
            "per correct answer": _bytes(cell.kv_bytes_per_correct),
            "preemptions": UNKNOWN if cell.preemptions is None else f"{cell.preemptions:,}",
            "prefix hits": share(cell.prefix_hit_share),
            "kv_peak_bytes": cell.kv_peak_bytes,
            "kv_sequence_bytes": cell.kv_sequence_bytes,
            "mean_kv_bytes": cell.mean_kv_bytes,
            "kv_bytes_per_correct": cell.kv_bytes_per_correct,
        }
        for cell in seen
    ]
    parts.table("kv-cells", pd.DataFrame(rows), {name: name for name in list(rows[0])[:9]})
    st.caption(
        "Peak of the server: the most that it was seen to use while these attempts ran, whatever ran beside "
        "them. A sequence: one attempt's, at its end."
    )


def _bytes(number: float | None) -> str:
    return UNKNOWN if number is None else size(round(number))


def _what_fits(view: View, memory: Sequence[ModelMemory], servers: Sequence[ServerRecord]) -> None:
    """Tokens and sequences beside the weights, in a GPU of the reader's choice."""
    st.subheader("What fits in how much memory")
    st.caption(MEANING)
    gpu = st.selectbox("GPU memory, GiB", SIZES_GIB, index=3, key="gpu", bind="query-params", width=200)
    weights = _asked_weights(view, servers)
    if all(weights.get(each.model) is None for each in memory):
        parts.empty(_ASK)
    rows = [_fits(each) for each in fitting(memory, weights, gpu * GIB)]
    counts = {name: st.column_config.NumberColumn(format="localized") for name in list(rows[0])[2:]}
    parts.table("fits-table", pd.DataFrame(rows), {"model": "model", "weights": "weights", **counts})
    st.caption("Tokens: of one sequence. 8k, 32k, 128k: so many sequences of that length at once.")
    over = [(gib, fitting(memory, weights, gib * GIB)) for gib in SIZES_GIB]
    drawn = charts.fits_chart(over, view.all_models, view.style, gpu)
    if drawn is not None:
        frame = pd.DataFrame(charts.fits_rows(over))
        parts.chart("fits", drawn, frame, view, alt_text="Tokens that fit over the memory of the GPU.")


def _asked_weights(view: View, servers: Sequence[ServerRecord]) -> dict[str, int | None]:
    """Model → bytes of its weights: typed in, or as its server told them.

    A label of a number input reads Markdown, so that a model's name stands beside it.
    """
    told = {record.model: weights_of(record) for record in servers}
    found: dict[str, int | None] = {}
    columns = st.columns(min(max(len(view.models), 1), 4))
    for number, model in enumerate(view.models):
        known = told.get(model)
        with columns[number % len(columns)]:
            st.text(model)
            typed = st.number_input(
                "Weights, GiB",
                min_value=0.0,
                value=None,
                step=0.5,
                format="%.3g",
                placeholder="as told" if known is not None else "not known",
                key=f"weights_{view.all_models.index(model)}",
                bind="query-params",
            )
        found[model] = known if typed is None else round(typed * GIB)
    return found


def _fits(each: Fitting) -> dict[str, object]:
    """A row of the table; what is not known is a gap."""
    row: dict[str, object] = {"model": each.model, "weights": _bytes(each.weights)}
    for by, room in (("measured", each.measured), ("expected", each.expected)):
        row[f"tokens, {by}"] = None if room is None else room.tokens
        for place, word in enumerate(LENGTHS):
            row[f"{word}, {by}"] = None if room is None else room.sequences[place]
    return row
