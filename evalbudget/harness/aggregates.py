"""A metric's values for all documents → the one number that lm-eval reports. Runs in a worker process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from evalbudget.harness.quiet import quiet
from evalbudget.harness.values import from_json
from evalbudget.records import JsonValue

with quiet():
    import lm_eval.api.metrics  # noqa: F401 - registers the aggregations
    from lm_eval.api.registry import get_aggregation
    from lm_eval.tasks._yaml_loader import load_yaml

OWN = "own"
"""An aggregation that the task brings as a function."""


def aggregate(name: str, path: Path | None, metric: str, values: Sequence[JsonValue]) -> float:
    """What the aggregation gives for these values, in the documents' order; the file `path` names `own` ones.

    Raises whatever it raises, and ValueError where it gives no number.
    """
    with quiet():
        function = _own(path, metric) if name == OWN and path is not None else get_aggregation(name)
        if function is None:
            raise ValueError(f"lm-eval has no aggregation {name}")
        return float(function([from_json(value) for value in values]))


def _own(path: Path, metric: str) -> Callable[[Any], Any]:
    """The function that the task's file names for a metric, or for the one that gave several names."""
    entries = [
        entry for entry in load_yaml(path).get("metric_list") or [] if callable(entry.get("aggregation"))
    ]
    names = [getattr(entry["metric"], "__name__", entry["metric"]) for entry in entries]
    if metric not in names and len(entries) != 1:
        raise ValueError(f"{path.name} names no aggregation for {metric}")
    chosen: Callable[[Any], Any] = entries[names.index(metric) if metric in names else 0]["aggregation"]
    return chosen
