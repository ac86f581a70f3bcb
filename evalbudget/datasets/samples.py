"""Rows → samples, checked before any question is asked."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from evalbudget.datasets.hub import hub_rows
from evalbudget.datasets.local import Row, read_rows
from evalbudget.datasets.mirror import VARIABLE, mirror_file
from evalbudget.errors import DataError
from evalbudget.records import JsonValue, Reply, Sample
from evalbudget.scoring import ANSWERED_BY_TARGET, check_ready
from evalbudget.tasks import Task
from evalbudget.yaml_source import nearest


def load_samples(
    task: Task, limit: int | None = None, *, categories: Collection[str] = ()
) -> tuple[Sample, ...]:
    """The samples of `categories` (of all, where empty), the first `limit` of them, in the order of the data.

    Reads the task's own file; else the mirror that EVALBUDGET_HUB names; else the Hub. Every row is checked,
    whatever the limit. Raises DataError for data that are absent or broken.
    """
    check_ready(task.scorer.name)
    samples, place = _samples(task, categories)
    _refuse_repeated_ids(samples, place)
    _refuse_unknown_categories(task, samples, categories, place)
    if task.scorer.name in ANSWERED_BY_TARGET:
        _refuse_targets_that_never_pass(task, samples, place)
    chosen = [sample for sample in samples if not categories or sample.category in categories]
    return tuple(chosen[:limit])


def _samples(task: Task, categories: Collection[str]) -> tuple[Sequence[Sample], str]:
    """All samples, or at least those of `categories`; and where they lie, for errors."""
    if task.data.format != "rows":
        raise DataError(f"the format {task.data.format} is not built yet")
    rows, place = _rows(task)
    if not rows:
        raise DataError(f"{place}: holds no rows")
    return [_sample(task, number, row, place) for number, row in enumerate(rows)], place


def _rows(task: Task) -> tuple[list[Row], str]:
    """The rows and where they lie, for errors."""
    data = task.data
    if data.hub is None:
        path = task.folder / str(data.file)
        return read_rows(path), str(path)
    root = os.environ.get(VARIABLE)
    if root:
        path = mirror_file(Path(root).expanduser(), data.hub, data.mirror)
        return read_rows(path), str(path)
    return hub_rows(data.hub, data), f"{data.hub} on the Hub"


def _sample(task: Task, number: int, row: Row, place: str) -> Sample:
    columns = task.columns
    where = f"{place}: row {number}"
    question = _text(row, columns.question, where)
    category = _text(row, columns.category, where) if columns.category else None
    extra = {name: _json(_cell(row, name, where)) for name in columns.extra}
    slots = {name: value if isinstance(value, str) else _plain(value) for name, value in extra.items()}
    slots |= {"question": question, **({"category": category} if category is not None else {})}
    return Sample(
        id=_text(row, columns.id, where) if columns.id else str(number),
        prompt=task.render(slots),
        target=_text(row, columns.target, where) if columns.target is not None else "",
        system=task.system,
        category=category,
        extra=extra,
    )


def _cell(row: Row, column: str, where: str) -> object:
    if column not in row:
        raise DataError(f'{where}: no column "{column}", {nearest(column, [str(name) for name in row])}')
    return row[column]


def _text(row: Row, column: str, where: str) -> str:
    value = _cell(row, column, where)
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
    for sample in samples:
        if score(sample, Reply(reasoning="", answer=sample.target)).value < 1.0:
            shown = "" if task.private else f' "{sample.target[:60]}"'
            complaint = f"the scorer {task.scorer.name} does not accept the target{shown}"
            raise DataError(f'{place}: {complaint} of sample "{sample.id}"')
