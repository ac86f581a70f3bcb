"""One answer → what the task's filters make of it and what its metrics say. Runs in a worker process.

lm-eval filters and judges all answers at the end; here it happens answer by answer, each filter seeing one.
A filter that needs several answers to one document (`majority_vote`, `take_first_k`) is left out: what it
would vote on is kept, with that answer's own metrics, and the vote is taken over the rows (measures/lm_eval).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from evalbudget.harness.lm_eval_task import Shape, task_without_data
from evalbudget.harness.quiet import quiet
from evalbudget.harness.values import from_json, to_json
from evalbudget.records import JsonValue

with quiet():
    from lm_eval.api.filter import FilterEnsemble
    from lm_eval.api.instance import Instance
    from lm_eval.api.registry import AGGREGATION_REGISTRY
    from lm_eval.filters.extraction import RegexFilter
    from lm_eval.filters.selection import MajorityVoteFilter, TakeKFilter

_TASKS: dict[tuple[Path, Shape], Any] = {}
"""Tasks that this process has loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filtered:
    """What one of the task's filters made of an answer."""

    name: str
    text: str | None
    """None where the filter says that it found nothing."""
    metrics: Mapping[str, JsonValue]
    """Metric → its value for this document, as `values.to_json` writes it."""
    single: Mapping[str, float | None]
    """Metric → what its aggregation gives for this document alone; None where that is no number."""
    votes: bool
    """Whether the filter takes a vote over several answers, which is still to be taken."""
    first: int | None
    """So many first answers take part in it; None = as many as the task asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What a task says about one of its metrics."""

    aggregation: str
    """lm-eval's name for it; `own` where the task brings a function."""
    higher_is_better: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a task says about one answer."""

    filtered: tuple[Filtered, ...]
    """In the task's order."""
    metrics: Mapping[str, Metric]
    """Of the metrics that `filtered` holds, in the task's order."""


def judge(path: Path, shape: Shape, document: Mapping[str, JsonValue], answer: str) -> Verdict:
    """The verdict on one answer. Raises whatever the authors' Python raises."""
    with quiet():
        doc: Any = from_json(dict(document))
        task = _TASKS.get((path, shape))
        if task is None:
            task = _TASKS[path, shape] = task_without_data(path, shape, doc)
        filtered = tuple(_filtered(task, ensemble, doc, answer) for ensemble in task._filters)
        names = dict.fromkeys(name for each in filtered for name in each.metrics)
        return Verdict(filtered=filtered, metrics={name: _metric(task, name) for name in names})


def _filtered(task: Any, ensemble: Any, doc: Any, answer: str) -> Filtered:  # noqa: ANN401 - lm-eval has no types
    kept = [
        step for step in ensemble.filters if not issubclass(_class(step), MajorityVoteFilter | TakeKFilter)
    ]
    limits = [step().k for step in ensemble.filters if issubclass(_class(step), TakeKFilter)]
    instance = Instance(
        request_type="generate_until",
        doc=doc,
        arguments=("", {}),
        idx=0,
        metadata=(task.config.task, 0, 1),
        resps=[answer],
    )
    FilterEnsemble(name=ensemble.name, filters=kept).apply([instance])
    found = instance.filtered_resps[ensemble.name]
    text = _text(found, kept)
    values = task.process_results(doc, [found])
    return Filtered(
        name=ensemble.name,
        text=text,
        metrics={str(name): to_json(value) for name, value in values.items()},
        single={str(name): _alone(task, name, value) for name, value in values.items()},
        votes=len(kept) < len(ensemble.filters),
        first=min(limits, default=None),
    )


def _class(step: Any) -> type:  # noqa: ANN401
    """A step is a filter's class, its options perhaps bound to it."""
    kind = step.func if isinstance(step, partial) else step
    return kind if isinstance(kind, type) else object


def _text(found: object, steps: list[Any]) -> str | None:
    """The filtered answer for people; a regular expression's fallback stands for nothing found."""
    if isinstance(found, list | tuple) and len(found) == 1:
        found = found[0]
    if found is None:
        return None
    text = found if isinstance(found, str) else str(found)
    fallbacks = {step().fallback for step in steps if issubclass(_class(step), RegexFilter)}
    return None if text in fallbacks or not text.strip() else text


def _metric(task: Any, name: str) -> Metric:  # noqa: ANN401
    function = task.aggregation().get(name)
    known = next((word for word, each in AGGREGATION_REGISTRY.items() if each is function), "own")
    better = task.higher_is_better().get(name, True)
    return Metric(aggregation=known if function is not None else "mean", higher_is_better=better is not False)


def _alone(task: Any, name: str, value: object) -> float | None:  # noqa: ANN401
    """What the metric says about this document: a number as it is, else the aggregation of one value."""
    if isinstance(value, str | list | tuple | dict) or value is None:
        function = task.aggregation().get(name)
        try:
            value = function([value]) if function is not None else None
        except Exception:  # noqa: BLE001 - an aggregation may need several documents; then there is none
            return None
    return _number(value)


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
