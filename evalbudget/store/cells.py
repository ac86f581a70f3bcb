"""The table `cells`: accuracy, tokens, loops and memory of each model, task and budget of a run, made anew at
each load.

Failures stay out of every figure but `attempts`, `failed` and what was seen of the server meanwhile; what is
unknown is NULL. Each question weighs
the same in the accuracies, also while some of its repeats are still missing: an attempt weighs 1/n where n of
its question's attempts were scored. With every repeat there, that is the plain mean.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import duckdb

from evalbudget.stats import Curve, Interval, clustered_interval, fixed_interval, ock_score, pareto
from evalbudget.store.conditions import BY_ITSELF, CLOSED, IN_THINKING, RESCUED, SCORE, STOPPED
from evalbudget.store.curves import curve_of
from evalbudget.store.memory import NOTHING_SEEN, seen_in_cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One model, task and budget of a run: a row of `cells`, its fields the columns."""

    run_id: str
    model: str
    task: str
    budget: int | None
    budget_mode: str | None
    """trace, force, server or max_tokens; None for unlimited."""
    questions: int
    """Questions with at least one scored attempt."""
    attempts: int
    """Recorded, failed ones included."""
    failed: int
    accuracy: float | None
    """Mean score, 0 to 1, forced answers included; None where nothing was scored."""
    ci_low: float | None
    """95 % interval of `accuracy` for questions like these: `stats.accuracy_interval`."""
    ci_high: float | None
    benchmark_low: float | None = None
    """95 % interval of `accuracy` for this benchmark, were these questions answered without end:
    `stats.benchmark_interval`; None where no question was answered twice."""
    benchmark_high: float | None = None
    accuracy_completed: float | None
    """Of what was neither truncated nor looped. Selected by the model itself: read it with their shares."""
    accuracy_upper: float | None
    """What it would be if every truncated, looped and missing answer had been right: no budget gives more."""
    accuracy_strict: float | None = None
    """Mean score where only what finished within the budget by itself counts: nothing that we or the server
    closed or stopped, nothing cut by a limit, nothing that thought beyond its budget."""
    curve_low: float | None = None
    """95 % band of `accuracy` from a bootstrap over questions, jointly over the task's budgets; None without
    budgets."""
    curve_high: float | None = None
    correct: int
    wrong: int
    no_answer: int
    truncated: int
    looped: int
    seen_in_thinking: int = 0
    """Attempts without a correct answer whose thinking, scored as an answer, gives one."""
    mean_reasoning_tokens: float | None
    """Over the scored attempts whose count is known; so is the next."""
    mean_completion_tokens: float | None
    tokens_per_correct: float | None
    """Mean completion tokens ÷ share of correct attempts; None where none is correct."""
    ock_score: float | None = None
    """`stats.ock_score` of accuracy and mean completion tokens."""
    pareto: bool | None = None
    """Whether no other cell of the task in this run is at least as accurate for fewer tokens, or more so for
    as many, by the point estimates; None where either is unknown."""
    forced_share: float | None = None
    """Share of attempts whose thinking was closed from outside: by us, or by the server at the budget. Of
    those where it is known."""
    budget_known: int = 0
    """Attempts of which it is known whether they kept the budget."""
    budget_ignored: int = 0
    """Attempts that did not keep it."""
    loop_rate: float | None
    """Share of doom loops among the attempts that were looked at for them; each question weighs the same."""
    loop_rate_low: float | None = None
    """Its 95 % interval for questions like these: `stats.accuracy_interval` of each question's share."""
    loop_rate_high: float | None = None
    waste_share: float | None
    """Tokens after a loop's onset ÷ completion tokens, of the attempts that were looked at for loops."""
    stopped: int = 0
    """Attempts whose stream was ended for a loop, the rescued ones included."""
    rescued: int = 0
    """Those of them that were then continued with an answer."""
    rescued_correct: int = 0
    """Those of these that are correct."""
    post_answer_share: float | None = None
    """Share of the thinking that came after the answer had changed for the last time; only of the unlimited
    cell, where the budgets are those of a trace: `stats.Curve.post_answer_share`."""
    curve_area: float | None = None
    """Of the model's whole curve on this task, the same in each of its cells, as all up to
    `lost_after_correct`; None without budgets. This one: `stats.Curve.area`, from the smallest positive
    budget to the largest finite one."""
    curve_area_low: float | None = None
    """Its 95 % interval."""
    curve_area_high: float | None = None
    tokens_to_95: int | None = None
    """The smallest budget that reaches 95 % of the best accuracy: `stats.Curve.tokens_to_best`."""
    tokens_to_95_low: int | None = None
    """Its 95 % interval; None = beyond the largest budget."""
    tokens_to_95_high: int | None = None
    regret: float | None = None
    """`stats.Curve.regret`; it and the next only where the budgets are those of a trace."""
    lost_after_correct: float | None = None
    """Share of traces that were correct at some budget and not at the end."""
    kv_peak_bytes: float | None
    """The most KV memory that the model's server was seen to use at once while the cell's attempts ran,
    theirs and that of whatever ran beside them; None where the server does not show it."""
    kv_sequence_bytes: float | None = None
    """The most KV memory that one attempt's sequence took at its end."""
    mean_kv_bytes: float | None = None
    """Of one sequence at its end, over the scored attempts of which it is known."""
    kv_bytes_per_correct: float | None = None
    """KV memory of the scored attempts' sequences ÷ correct attempts; None where none is correct."""
    preemptions: int | None = None
    """Requests of that server that lost their cache while the cell's attempts ran and were computed again:
    above 0, latencies are longer than the model's own."""
    prefix_hit_share: float | None = None
    """Share of the prompt tokens looked up meanwhile that stood in the server's prefix cache already."""
    mean_latency_s: float | None
    """From sending a request to the end of its reply."""
    exact_token_share: float | None
    """Share of the known counts of thinking tokens that are counted, not estimated."""


_CELLS: Final = f"""
WITH mine AS (
    SELECT budget, sample_id, outcome, reasoning_tokens, completion_tokens, token_source,
        {SCORE} AS score, {CLOSED} AS closed, {BY_ITSELF} AS by_itself, budget_mode,
        budget_honoured, {STOPPED} AS stopped, {RESCUED} AS rescued, {IN_THINKING} AS in_thinking,
        loop_doom, loop_wasted_tokens, kv_bytes, latency_s, status = 'ok' AS ok,
        count(*) FILTER (status = 'ok') OVER (PARTITION BY budget, sample_id) AS answers
    FROM attempts WHERE run_id = ? AND model = ? AND task = ?
), weighed AS (
    SELECT *, CASE WHEN ok THEN 1 / answers END AS weight, outcome IN ('truncated', 'looped') AS cut,
        ok AND loop_doom IS NOT NULL AND completion_tokens IS NOT NULL AS looked
    FROM mine
), questions AS (
    SELECT budget, count(*) AS questions, avg(mean) AS accuracy, var_samp(mean) AS spread,
        avg(within) AS within, sum(answers - 1) FILTER (answers > 0) AS repeats,
        count(mean) ** 2 / sum(1 / nullif(answers, 0)) AS answers,
        avg(loops) AS loop_rate, var_samp(loops) AS loop_spread, count(loops) AS loop_questions,
        count(loops) ** 2 / sum(1 / nullif(looked, 0)) AS loop_answers
    FROM (
        SELECT budget, avg(score) AS mean, var_samp(score) AS within, count(score) AS answers,
            avg(loop_doom::INTEGER) AS loops, count(loop_doom) AS looked
        FROM mine WHERE ok GROUP BY budget, sample_id
    )
    GROUP BY budget
), figures AS (
    SELECT budget, min(budget_mode) AS budget_mode,
        count(*) AS attempts, count(*) FILTER (NOT ok) AS failed,
        sum(weight * score) FILTER (NOT cut) / sum(weight) FILTER (NOT cut) AS accuracy_completed,
        sum(weight * CASE WHEN cut OR outcome = 'no_answer' THEN 1 ELSE score END) / sum(weight)
            AS accuracy_upper,
        sum(weight * CASE WHEN by_itself THEN score ELSE 0 END) FILTER (by_itself IS NOT NULL)
            / sum(weight) FILTER (by_itself IS NOT NULL) AS accuracy_strict,
        count(*) FILTER (outcome = 'correct') AS correct,
        count(*) FILTER (outcome = 'wrong') AS wrong,
        count(*) FILTER (outcome = 'no_answer') AS no_answer,
        count(*) FILTER (outcome = 'truncated') AS truncated,
        count(*) FILTER (outcome = 'looped') AS looped,
        count(*) FILTER (ok AND in_thinking AND outcome IS DISTINCT FROM 'correct') AS seen_in_thinking,
        avg(reasoning_tokens) FILTER (ok) AS mean_reasoning_tokens,
        avg(completion_tokens) FILTER (ok) AS mean_completion_tokens,
        mean_completion_tokens * (attempts - failed) / nullif(correct, 0) AS tokens_per_correct,
        avg(closed::INTEGER) FILTER (ok) AS forced_share,
        count(budget_honoured) FILTER (ok) AS budget_known,
        count(*) FILTER (ok AND NOT budget_honoured) AS budget_ignored,
        sum(coalesce(loop_wasted_tokens, 0)) FILTER (looked)
            / nullif(sum(completion_tokens) FILTER (looked), 0) AS waste_share,
        count(*) FILTER (ok AND stopped) AS stopped,
        count(*) FILTER (ok AND rescued) AS rescued,
        count(*) FILTER (ok AND rescued AND outcome = 'correct') AS rescued_correct,
        max(kv_bytes) FILTER (ok) AS kv_sequence_bytes,
        avg(kv_bytes) FILTER (ok) AS mean_kv_bytes,
        mean_kv_bytes * (attempts - failed) / nullif(correct, 0) AS kv_bytes_per_correct,
        avg(latency_s) FILTER (ok) AS mean_latency_s,
        avg((token_source <> 'estimate')::INTEGER) FILTER (ok AND reasoning_tokens IS NOT NULL)
            AS exact_token_share
    FROM weighed GROUP BY budget
)
SELECT figures.*, accuracy, loop_rate, coalesce(questions, 0) AS questions,
    {{'spread': spread, 'answers': answers, 'within': within, 'repeats': repeats,
        'loop_spread': loop_spread, 'loop_questions': loop_questions, 'loop_answers': loop_answers}} AS drawn
FROM figures LEFT JOIN questions
    ON figures.budget IS NOT DISTINCT FROM questions.budget
ORDER BY figures.budget NULLS LAST
"""  # noqa: S608 - our own words


def compute(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[Cell]:
    """The cells of a run as its attempts are now."""
    pairs = _pairs(connection, run_id)
    return _on_frontier([cell for pair in pairs for cell in _of_pair(connection, run_id, *pair)])


def refresh(
    connection: duckdb.DuckDBPyConnection, run_id: str, touched: Collection[tuple[str, str]] | None = None
) -> None:
    """Make the cells of a run anew, within the caller's transaction; with `touched`, those of these models
    and tasks alone, for nothing else has new attempts."""
    pairs = _pairs(connection, run_id) if touched is None else touched
    for task in sorted({task for _, task in pairs}):
        models = sorted({model for model, of in pairs if of == task})
        kept = [cell for cell in _stored(connection, run_id, task) if cell.model not in models]
        made = [cell for model in models for cell in _of_pair(connection, run_id, model, task)]
        connection.execute("DELETE FROM cells WHERE run_id = ? AND task = ?", [run_id, task])
        for cell in _on_frontier([*kept, *made]):
            connection.execute(_INSERT, [getattr(cell, column) for column in _COLUMNS])


_COLUMNS: Final = tuple(one.name for one in fields(Cell))
_NAMES: Final = ", ".join(_COLUMNS)
_INSERT: Final = f"INSERT INTO cells ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608


def _pairs(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[tuple[str, str]]:
    found = connection.execute("SELECT DISTINCT model, task FROM attempts WHERE run_id = ?", [run_id])
    return [(model, task) for model, task in found.fetchall()]


def _stored(connection: duckdb.DuckDBPyConnection, run_id: str, task: str) -> list[Cell]:
    rows = connection.execute(
        f"SELECT {_NAMES} FROM cells WHERE run_id = ? AND task = ?",  # noqa: S608 - our own names
        [run_id, task],
    ).fetchall()
    return [Cell(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _of_pair(connection: duckdb.DuckDBPyConnection, run_id: str, model: str, task: str) -> list[Cell]:
    """The cells of one model on one task, by budget, unlimited last, without their place on the frontier."""
    cursor = connection.execute(_CELLS, [run_id, model, task])
    names = [column[0] for column in cursor.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    seen = seen_in_cells(connection, run_id, model, task)
    cells = [_cell(run_id, model, task, row | seen.get(row["budget"], NOTHING_SEEN)) for row in rows]
    limited = [cell for cell in cells if cell.budget is not None and cell.budget >= 0]
    if not limited:
        return cells
    curve = curve_of(connection, run_id, model, task, mode=limited[0].budget_mode)
    return [_on_curve(cell, curve) for cell in cells]


def _cell(run_id: str, model: str, task: str, row: dict[str, Any]) -> Cell:
    drawn = row.pop("drawn") or {}
    accuracy, used = row["accuracy"], row["mean_completion_tokens"]
    score = None if accuracy is None or used is None or used < 0 else ock_score(accuracy, used)
    intervals = {
        "ci": _like_these(accuracy, drawn["spread"], row["questions"], drawn["answers"]),
        "benchmark": _this_benchmark(accuracy, drawn, row["questions"]),
        "loop_rate": _like_these(
            row["loop_rate"], drawn["loop_spread"], drawn["loop_questions"], drawn["loop_answers"]
        ),
    }
    ends = {f"{name}_low": found.low for name, found in intervals.items() if found is not None}
    ends |= {f"{name}_high": found.high for name, found in intervals.items() if found is not None}
    return Cell(
        **{"ci_low": None, "ci_high": None, **row, **ends},
        run_id=run_id,
        model=model,
        task=task,
        ock_score=score,
    )


def _like_these(
    mean: float | None, spread: float | None, questions: int, answers: float | None
) -> Interval | None:
    """`spread`: None for a single question; `answers`: questions times the harmonic mean of theirs."""
    if mean is None or answers is None:
        return None
    return clustered_interval(mean, spread or 0.0, questions, answers)


def _this_benchmark(mean: float | None, drawn: Mapping[str, Any], questions: int) -> Interval | None:
    if mean is None or drawn["within"] is None:
        return None
    return fixed_interval(
        mean, drawn["within"], questions, answers=drawn["answers"], repeats=int(drawn["repeats"])
    )


def _on_curve(cell: Cell, curve: Curve) -> Cell:
    """The cell with what the whole curve of its model and task says."""
    point = next((each for each in curve.points if each.budget == cell.budget), None)
    return replace(
        cell,
        curve_low=None if point is None else point.low,
        curve_high=None if point is None else point.high,
        post_answer_share=curve.post_answer_share if cell.budget is None else None,
        curve_area=curve.area,
        curve_area_low=curve.area_low,
        curve_area_high=curve.area_high,
        tokens_to_95=curve.tokens_to_best,
        tokens_to_95_low=curve.tokens_to_best_low,
        tokens_to_95_high=curve.tokens_to_best_high,
        regret=curve.regret,
        lost_after_correct=curve.lost_after_correct,
    )


def _on_frontier(cells: Sequence[Cell]) -> list[Cell]:
    """The cells, each with whether another of its task beats it in tokens and accuracy."""
    points: dict[str, dict[int, tuple[float, float]]] = {}
    for place, cell in enumerate(cells):
        if cell.mean_completion_tokens is not None and cell.accuracy is not None:
            points.setdefault(cell.task, {})[place] = (cell.mean_completion_tokens, cell.accuracy)
    verdicts: dict[int, bool] = {}
    for found in points.values():
        verdicts |= dict(zip(found, pareto(list(found.values())), strict=True))
    return [replace(cell, pareto=verdicts.get(place)) for place, cell in enumerate(cells)]
