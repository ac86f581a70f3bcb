"""Rows → samples, checked before any question is asked."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from evalbudget.choices import arranged, choice_slots
from evalbudget.datasets import bfcl
from evalbudget.datasets.archive import archive_rows
from evalbudget.datasets.hub import hub_rows
from evalbudget.datasets.lm_eval import lm_eval_samples
from evalbudget.datasets.local import Row, read_rows
from evalbudget.datasets.mirror import VARIABLE, mirror_file
from evalbudget.datasets.sums import sums_rows
from evalbudget.errors import DataError
from evalbudget.records import Choices, JsonValue, Reply, Sample
from evalbudget.scoring import check_ready
from evalbudget.tasks import Task
from evalbudget.yaml_source import nearest

_TRIED_AT_ONCE = 4


def load_samples(
    task: Task, limit: int | None = None, *, categories: Collection[str] = ()
) -> tuple[Sample, ...]:
    """The samples of `categories` (of all, where empty), the first `limit` of them, in the order of the data.

    Reads the task's own file; else the mirror that EVALBUDGET_HUB names; else the Hub. Every row is checked,
    whatever the limit, but for tasks of lm-eval, whose prompts take long to build. Raises DataError for data
    that are absent or broken.
    """
    check_ready(task.scorer.name)
    categories = bfcl.asked_categories(task, categories)
    samples, place = _samples(task, categories, limit)
    _refuse_repeated_ids(samples, place)
    _refuse_unknown_categories(task, samples, categories, place)
    if task.scorer.answered_by_target:
        _refuse_targets_that_never_pass(task, samples, place)
    chosen = [sample for sample in samples if not categories or sample.category in categories]
    return tuple(chosen[:limit])


def left_out(task: Task, categories: Collection[str] = ()) -> tuple[str, ...]:
    """One line for each reason why a part of the task, of the categories asked for, cannot run here."""
    return bfcl.left_out(task, categories) if task.data.format in {"bfcl_v3", "bfcl_v4"} else ()


def _samples(task: Task, categories: Collection[str], limit: int | None) -> tuple[Sequence[Sample], str]:
    """All samples, or at least the first `limit` of `categories`; and where they lie, for errors."""
    if task.data.format == "lm_eval":
        return lm_eval_samples(task, limit), str(task.data.file)
    if task.data.format in {"bfcl_v3", "bfcl_v4"}:
        return bfcl.bfcl_samples(task, categories)
    rows, place = _rows(task)
    if not rows:
        raise DataError(f"{place}: holds no rows")
    return [_sample(task, number, row, place) for number, row in enumerate(rows)], place


def _rows(task: Task) -> tuple[list[Row], str]:
    """The rows and where they lie, for errors."""
    data = task.data
    if data.sums is not None:
        return sums_rows(data.sums.seed, data.sums.levels, data.sums.each), "the sums"
    root = os.environ.get(VARIABLE)
    if data.hub is None:
        path = task.folder / str(data.file)
    elif root:
        path = mirror_file(Path(root).expanduser(), data.hub, data.mirror)
    else:
        return hub_rows(data.hub, data), f"{data.hub} on the Hub"
    if data.member is None:
        return read_rows(path), str(path)
    return archive_rows(path, data.member, data.password), f"{path}:{data.member}"


def _sample(task: Task, number: int, row: Row, place: str) -> Sample:
    columns = task.columns
    where = f"{place}: row {number}"
    _refuse_missing_columns(task, row, where)
    question = _text(row, columns.question, where)
    category = _text(row, columns.category, where) if columns.category else None
    extra = {name: _json(row[name]) for name in columns.extra}
    slots = {name: value if isinstance(value, str) else _plain(value) for name, value in extra.items()}
    slots |= {"question": question, **({"category": category} if category is not None else {})}
    choices = _choices(task, row, slots, where) if columns.choices else None
    with_target = columns.target is not None and choices is None
    sample = Sample(
        id=_text(row, columns.id, where) if columns.id else str(number),
        prompt="" if choices else task.render(slots),
        target=_text(row, str(columns.target), where) if with_target else "",
        system=task.system,
        category=category,
        extra=extra,
        choices=choices,
    )
    return arranged(sample, 0)


def _choices(task: Task, row: Row, slots: Mapping[str, str], where: str) -> Choices:
    columns = task.columns
    return Choices(
        question=slots["question"],
        options=tuple(_text(row, column, where) for column in columns.choices),
        pieces=task.pieces(slots, choice_slots(len(columns.choices))),
    )


def _refuse_missing_columns(task: Task, row: Row, where: str) -> None:
    """Names the columns that there are, but not of private data: without a header, they are a row."""
    columns = task.columns
    target = None if columns.choices else columns.target
    named = (columns.question, target, columns.id, columns.category, *columns.extra, *columns.choices)
    for column in named:
        if column is not None and column not in row:
            hint = "" if task.is_private else f", {nearest(column, [str(name) for name in row])}"
            raise DataError(f'{where}: no column "{column}"{hint}')


def _text(row: Row, column: str, where: str) -> str:
    value = row[column]
    if value is None or value == "" or isinstance(value, list | dict):
        raise DataError(f'{where}: column "{column}" should hold a text or a number, not {_kind(value)}')
    return _plain(value)


def _plain(value: object) -> str:
    """A cell as text; a whole number that CSV or Parquet made a float loses its `.0`."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _json(value: object) -> JsonValue:
    """A cell as JSON; what JSON does not know becomes text, and what is no number becomes null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, dict):
        return {str(key): _json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json(inner) for inner in value]
    return str(value)


def _kind(value: object) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    return "nothing" if value is None else "an empty text"


def _refuse_repeated_ids(samples: Sequence[Sample], place: str) -> None:
    seen: dict[str, int] = {}
    for number, sample in enumerate(samples):
        if sample.id in seen:
            raise DataError(f'{place}: rows {seen[sample.id]} and {number} have the same id "{sample.id}"')
        seen[sample.id] = number


def _refuse_unknown_categories(
    task: Task, samples: Sequence[Sample], wanted: Collection[str], place: str
) -> None:
    found = dict.fromkeys(sample.category for sample in samples if sample.category is not None)
    if task.categories:
        for sample in samples:
            if sample.category is not None and sample.category not in task.categories:
                near = nearest(sample.category, task.categories)
                raise DataError(
                    f'{place}: sample "{sample.id}" has the unknown category "{sample.category}", {near}'
                )
    for category in wanted:
        if category not in found:
            raise DataError(f'{place}: no sample has the category "{category}", {nearest(category, found)}')


def _refuse_targets_that_never_pass(task: Task, samples: Sequence[Sample], place: str) -> None:
    """A target that its own scorer refuses would count against every model."""
    score = task.score

    def passes(sample: Sample) -> bool:
        return score(sample, Reply(reasoning="", answer=sample.target)).value >= 1.0

    with ThreadPoolExecutor(_TRIED_AT_ONCE) as threads:  # for scorers that wait for a worker process
        passed = list(threads.map(passes, samples))
    for sample, accepted in zip(samples, passed, strict=True):
        if not accepted:
            shown = "" if task.is_private else f' "{sample.target[:60]}"'
            complaint = f"the scorer {task.scorer.name} does not accept the target{shown}"
            raise DataError(f'{place}: {complaint} of sample "{sample.id}"')
