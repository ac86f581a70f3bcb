"""What lm-eval reports for a task: each metric under each filter, aggregated as the task says.

Means are taken here, as lm-eval takes them (sum over length, in the documents' order); other aggregations are
lm-eval's or the task's own functions and run in a worker process. A vote over several answers to one document
(`majority_vote`) is taken here too, over its repeats.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, cast

from evalbudget.harness import task_file
from evalbudget.harness.scales import of_hundred
from evalbudget.harness.values import from_json
from evalbudget.isolation import bounded
from evalbudget.measures.measure import Measure, ScoredRow
from evalbudget.records import JsonValue

SECONDS = 120.0
"""For one aggregation over a whole data set."""


def lm_eval(rows: Sequence[ScoredRow]) -> tuple[Measure, ...]:
    """lm-eval's table for these rows: one measure for each metric and filter, named as lm-eval names it.

    With the task's own number of repeats they are lm-eval's figures to the last digit. lm-eval takes several
    answers only for a vote, and otherwise the first; where a suite asks for several to a task that takes one,
    each answer counts.
    """
    ordered = sorted(rows, key=_place)
    values: dict[str, list[JsonValue]] = defaultdict(list)
    firsts = {row.sample_id: row.repeat for row in reversed(ordered)}
    for row in ordered:
        if "repeats" in row.details and row.repeat != firsts[row.sample_id]:
            continue
        for name, value in _mapping(row.details.get("metrics")).items():
            values[name].append(value)
    voted, reasons = _votes(ordered)
    values.update(voted)
    known = _aggregations(ordered)
    measures = [_measure(name, found, known) for name, found in values.items()]
    return (*measures, *(Measure(name=name, value=None, n=0, note=why) for name, why in reasons.items()))


def _place(row: ScoredRow) -> tuple[int, str, int]:
    """A sum of floats depends on their order: lm-eval's is that of the documents."""
    return (int(row.sample_id) if row.sample_id.isdecimal() else 0, row.sample_id, row.repeat)


def _aggregations(rows: Sequence[ScoredRow]) -> Mapping[str, tuple[str, str]]:
    """Metric → its aggregation, and the task where that is the task's own; any other metric is averaged."""
    known: dict[str, tuple[str, str]] = {}
    for row in rows:
        task = str(row.details.get("task", ""))
        for metric, name in _mapping(row.details.get("aggregations")).items():
            known.setdefault(metric, (str(name), task))
    return known


def _measure(name: str, values: Sequence[JsonValue], known: Mapping[str, tuple[str, str]]) -> Measure:
    metric = name.partition(",")[0]
    aggregation, task = known.get(metric, ("mean", ""))
    try:
        if aggregation == "mean":
            return _mean(name, metric, values)
        from evalbudget.harness.aggregates import aggregate  # noqa: PLC0415 - imports lm-eval: seconds

        path = task_file(task) if task else None
        found = bounded(aggregate, aggregation, path, metric, values, seconds=SECONDS)
    except Exception as error:  # noqa: BLE001 - an author's function; the other metrics stand
        reason = " ".join(str(error).split())[:200]
        return Measure(name=name, value=None, n=len(values), note=f"{type(error).__name__}: {reason}")
    label = "the task's own aggregation" if aggregation == "own" else f"lm-eval's {aggregation}"
    unit = _unit(metric, aggregation, inside=0 <= found <= 1)
    return Measure(name=name, value=found, n=len(values), unit=unit, note=label)


def _mean(name: str, metric: str, values: Sequence[JsonValue]) -> Measure:
    """Source of mean and standard error: lm_eval.api.metrics, `mean` and `mean_stderr`."""
    numbers: list[Any] = [from_json(value) for value in values]
    mean = sum(numbers) / len(numbers)
    note = "lm-eval's mean"
    if len(numbers) > 1:
        spread = math.sqrt(sum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1))
        note += f" ± {spread / math.sqrt(len(numbers)):.4f}, its standard error"
    inside = all(0 <= number <= 1 for number in numbers)
    unit = _unit(metric, "mean", inside=inside)
    return Measure(name=name, value=float(mean), n=len(numbers), unit=unit, note=note)


def _unit(metric: str, aggregation: str, *, inside: bool) -> str:
    if of_hundred(metric, aggregation):
        return "of 100"
    return "share" if inside else "on the task's own scale"


def _votes(rows: Sequence[ScoredRow]) -> tuple[Mapping[str, list[JsonValue]], Mapping[str, str]]:
    """Metric and filter → one value for each document, after the vote; or why there is none."""
    documents: dict[str, list[ScoredRow]] = defaultdict(list)
    for row in rows:
        if row.details.get("votes"):
            documents[row.sample_id].append(row)
    voted: dict[str, list[JsonValue]] = defaultdict(list)
    reasons: dict[str, str] = {}
    for answers in documents.values():
        for name, ballot in _mapping(answers[0].details["votes"]).items():
            takes = cast("int", _mapping(ballot)["takes"])
            if len(answers) < takes:
                reasons[name] = (
                    f"a vote over {takes} answers to each document; one of them has {len(answers)}"
                )
                continue
            for metric, value in _winner(answers[:takes], name).items():
                voted[f"{metric},{name}"].append(value)
    kept = {key: values for key, values in voted.items() if key.partition(",")[2] not in reasons}
    return kept, reasons


def _winner(answers: Sequence[ScoredRow], name: str) -> Mapping[str, JsonValue]:
    """The metrics of the answer given most often; of equals the one given first (MajorityVoteFilter)."""
    given = [_mapping(row.details["filtered"]).get(name) for row in answers]
    winner = Counter(map(str, given)).most_common(1)[0][0]
    row = next(row for row, text in zip(answers, given, strict=True) if str(text) == winner)
    return _mapping(_mapping(_mapping(row.details["votes"])[name])["metrics"])


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}
