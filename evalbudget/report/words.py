"""Figures and records as the words that a reader sees, for every kind of report alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from evalbudget import stats
from evalbudget.measures import Measure
from evalbudget.records import FailureKind, ServerRecord
from evalbudget.report.task_figures import CellMeasures, TaskFigures
from evalbudget.store.cells import Cell
from evalbudget.store.queries import EffortPoint, FailureGroup, RunRow, TokenShare

UNKNOWN: Final = "-"

INTERVAL: Final = (
    "In brackets: the 95 % interval for the accuracy on questions like these; repeats of one question are no "
    "independent draws. Failed attempts are left out, never counted as wrong."
)

FEW_DIFFER: Final = (
    "Where all but some three questions are right, or wrong, that interval is mostly wider than 95 % says, "
    "and knows nothing of a kind of question of which there was none."
)


def few_differ(tasks: Iterable[TaskFigures]) -> bool:
    """Whether `FEW_DIFFER` is true of any accuracy."""
    cells = (cell for part in tasks for cell in part.cells)
    return any(
        cell.accuracy is not None and stats.few_differ(cell.accuracy, cell.questions) for cell in cells
    )


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of a cell."""

    title: str
    short: str
    """The title where there is little room; may break into lines."""
    text: Callable[[Cell], str]


def columns(tasks: Iterable[TaskFigures]) -> tuple[Column, ...]:
    """The columns after model and budget; doom loops only where there are any."""
    looped = any(cell.looped for part in tasks for cell in part.cells)
    return tuple(column for column in _COLUMNS if looped or column.title != "looped")


def accuracy(cell: Cell) -> str:
    """Such as 36.7 % (24.1-51.4)."""
    if cell.accuracy is None or cell.ci_low is None or cell.ci_high is None:
        return UNKNOWN
    return share_within(cell.accuracy, cell.ci_low, cell.ci_high)


def share_within(value: float, low: float, high: float) -> str:
    """A share with its interval, such as 36.7 % (24.1-51.4)."""
    return f"{_percent(value)} % ({_percent(low)}-{_percent(high)})"


def share(value: float | None) -> str:
    """A share of 0 to 1, such as 36.7 %."""
    return UNKNOWN if value is None else f"{_percent(value)} %"


def _percent(share: float) -> str:
    text = f"{100 * share:.1f}"
    return "100" if text == "100.0" else text


def budget(tokens: int | None) -> str:
    """A budget in tokens, or unlimited."""
    return "unlimited" if tokens is None else f"{tokens:,}"


def tokens(number: float | None) -> str:
    """A number of tokens in at most six characters."""
    if number is None:
        return UNKNOWN
    for limit, unit, divisor in ((9_999.5, "", 1), (999_950, "k", 1_000), (float("inf"), "M", 1_000_000)):
        if number < limit:
            return f"{number:,.0f}" if not unit else f"{number / divisor:,.1f}{unit}"
    return UNKNOWN


_COLUMNS: Final = (
    Column("scored", "scored", lambda cell: f"{cell.attempts - cell.failed:,}"),
    Column("accuracy (95 %)", "accuracy (95 %)", accuracy),
    Column("truncated", "trun-\ncated", lambda cell: f"{cell.truncated:,}"),
    Column("looped", "loop-\ned", lambda cell: f"{cell.looped:,}"),
    Column("no answer", "no\nanswer", lambda cell: f"{cell.no_answer:,}"),
    Column("failed", "failed", lambda cell: f"{cell.failed:,}"),
    Column("mean thinking tokens", "tokens\nthought", lambda cell: tokens(cell.mean_reasoning_tokens)),
    Column("mean tokens", "tokens\nin all", lambda cell: tokens(cell.mean_completion_tokens)),
    Column("tokens per correct", "per\ncorrect", lambda cell: tokens(cell.tokens_per_correct)),
)


def headline(run: RunRow) -> str:
    """The suite's name, the run and what became of it."""
    return f"{one_line(run.name)} · run {run.run_id} · {_state(run)}"


def circumstances(run: RunRow) -> str:
    """When, with which version, how narrowed; no host and no path, for a report may be published."""
    when = "at an unknown time" if run.started_at is None else f"{run.started_at:%Y-%m-%d %H:%M} UTC"
    options = ((key, run.options.get(key)) for key in ("limit", "only"))
    narrowed = "".join(f" · {key} {one_line(str(value))}" for key, value in options if value)
    return f"started {when} · evalbudget {one_line(run.version)}{narrowed}"


def server(record: ServerRecord) -> str:
    """What answered under a model's label."""
    facts = [
        f"{record.engine} {record.engine_version or ''}".strip(),
        record.served_model,
        None if record.quantization == "unknown" else record.quantization,
        record.architecture,
        record.attention,
        None if record.kv_dtype is None else f"KV {record.kv_dtype}",
        None if record.max_model_len is None else f"context {record.max_model_len:,}",
    ]
    return " · ".join(one_line(fact) for fact in facts if fact)


def engine(record: ServerRecord) -> str:
    """Only what serves it: such as vllm 0.22 · KV fp8 · context 32,768; empty where nothing is known."""
    known = None if record.engine == "unknown" else f"{record.engine} {record.engine_version or ''}".strip()
    facts = [
        known,
        None if record.kv_dtype is None else f"KV {record.kv_dtype}",
        None if record.max_model_len is None else f"context {record.max_model_len:,}",
    ]
    return " · ".join(one_line(fact) for fact in facts if fact)


def effort(point: EffortPoint) -> str:
    """Where one effort word of a family lies."""
    thought = f"{tokens(point.mean_reasoning_tokens)} tokens thought"
    right = share(point.accuracy)
    if point.accuracy is not None and point.ci_low is not None and point.ci_high is not None:
        right = share_within(point.accuracy, point.ci_low, point.ci_high)
    named = f"{one_line(point.family)} {one_line(point.effort)}, {one_line(point.task)}"
    return f"{named}: {thought}, accuracy {right}"


def measure(each: Measure) -> str:
    """A measure's value: a share as 71.3 %, with its interval where it has one; anything else as a number
    with its unit."""
    if each.value is None:
        return UNKNOWN
    if each.low is not None and each.high is not None and each.unit == "share":
        return share_within(each.value, each.low, each.high)
    return f"{_percent(each.value)} %" if each.unit == "share" else f"{each.value:,.4g} {each.unit}"


def measure_lines(measures: Sequence[Measure]) -> tuple[str, ...]:
    """One line for each: value, rows behind it, name, note."""
    named = max((len(each.name) for each in measures), default=0)
    wide = max((8, *(len(measure(each)) for each in measures)))
    return tuple(
        f"  {measure(each):>{wide}} {each.n:>6,}  {one_line(each.name):<{named}}  "
        f"{one_line(each.note)}".rstrip()
        for each in measures
    )


def measured_of(part: CellMeasures, task: TaskFigures) -> str:
    """Whose measures these are."""
    model = one_line(part.model)
    return f"{model}, budget {budget(part.budget)}" if task.has_budgets else model


FAILURES: Final[Mapping[str, str]] = {
    FailureKind.CONNECTION: "there was no connection, or it broke",
    FailureKind.TIMEOUT: "the first token, or the next one, did not come in time",
    FailureKind.RATE_LIMIT: "the server answered 429 to every try",
    FailureKind.SERVER: "the server reported an error of its own",
    FailureKind.BAD_STREAM: "what came was no valid reply",
    FailureKind.CONTENT_FILTER: "the server's filter refused",
    FailureKind.CONTEXT_OVERFLOW: "prompt and max_tokens do not fit into the context",
    FailureKind.AUTH: "the key is missing, wrong or not allowed here",
    FailureKind.REQUEST: "the server refuses such a request",
    FailureKind.CANCELLED: "stopped before the reply was complete",
    FailureKind.SCORER: "the reply is there, but the scorer could not judge it",
}
"""Kind of failure → why there is no score."""


def failure(group: FailureGroup) -> str:
    """How many of a model's attempts failed, where and why, without the example."""
    why = FAILURES.get(group.kind, group.kind)
    times = "1 attempt" if group.attempts == 1 else f"{group.attempts:,} attempts"
    return f"{one_line(group.model)}, {', '.join(map(one_line, group.tasks))}: {times} failed: {why}"


def token_counts(shares: Iterable[TokenShare]) -> tuple[str, ...]:
    """How exact each model's counts of thinking tokens are, one line a model."""
    models: dict[str, list[TokenShare]] = {}
    for share in shares:
        models.setdefault(share.model, []).append(share)
    return tuple(f"{one_line(model)}: {_exactness(found)}" for model, found in models.items())


def _exactness(shares: list[TokenShare]) -> str:
    total = sum(share.attempts for share in shares)
    exact = sum(share.attempts for share in shares if share.source not in (None, "estimate"))
    sources = ", ".join(f"{share.source or 'not known'} {share.attempts:,}" for share in shares)
    return f"{exact / total:.0%} exact ({sources})".replace("%", " %")


def _state(run: RunRow) -> str:
    if run.status != "finished" or run.started_at is None or run.finished_at is None:
        return run.status
    return f"finished in {_duration(run.started_at, run.finished_at)}"


def _duration(start: datetime, end: datetime) -> str:
    seconds = max(0, round((end - start).total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def resume_hint(run: RunRow) -> str | None:
    """How to go on with an interrupted run."""
    if run.status != "interrupted":
        return None
    return f"interrupted: `evalbudget run SUITE --resume {run.run_id}` sends what is missing"


def one_line(text: str, limit: int = 300) -> str:
    """Text from outside on one line: without control and direction characters, cut where it is long."""
    plain = "".join(" " if unicodedata.category(char) in _UNSEEN else char for char in text[: 4 * limit])
    line = " ".join(plain.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode's classes of what steers a terminal or a line instead of standing in it."""
