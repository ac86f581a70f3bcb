"""How far runs are: what they planned, what they have, and how fast it comes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from evalbudget.errors import InputError
from evalbudget.records import JsonValue
from evalbudget.yaml_source import read_yaml

LATELY_S: Final = 600
"""A live run's pace is that of so many seconds before its newest attempt, or of its whole time if shorter."""
_LONGEST_S: Final = 7 * 24 * 3600
"""Of an attempt, whatever a damaged journal says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress:
    """How far one run is."""

    run_id: str
    done: int
    """Attempts recorded, failed ones included."""
    planned: int | None
    """All jobs of the run; None where its suite or conditions do not tell."""
    per_minute: float | None
    """Attempts a minute: lately, of a live run; else over its whole time, pauses before a resume included.
    None where nothing was recorded, or its end is not known."""
    took_s: float | None
    """From its start to its end; of a run that has not ended, to its newest attempt."""

    @property
    def share(self) -> float | None:
        """Of the planned jobs, 0 to 1; None where they are not known."""
        return min(1.0, self.done / self.planned) if self.planned else None

    @property
    def left_s(self) -> float | None:
        """Seconds left at this pace."""
        if self.planned is None or not self.per_minute:
            return None
        return 60 * max(0, self.planned - self.done) / self.per_minute


Ask: TypeAlias = Callable[[str, Sequence[str | int]], list[dict[str, Any]]]
"""SQL and its values → rows, by column."""


def progress_of(ask: Ask) -> tuple[RunProgress, ...]:
    """Of every run, the newest first."""
    return tuple(_progress(row) for row in ask(_PROGRESS, []))


def planned_jobs(
    suite: str, options: Mapping[str, JsonValue], conditions: Mapping[str, JsonValue]
) -> int | None:
    """The jobs of a run, from its suite's YAML, its `options` and its `conditions`; None where they do not
    tell."""
    only = _only(options.get("only"))
    models = _models(suite, only.get("model"))
    tasks = [told for task, told in conditions.items() if task in only.get("task", {task})]
    each = [_jobs(told) for told in tasks]
    if models is None or not each or None in each:
        return None
    return models * sum(jobs or 0 for jobs in each)


# An attempt counts when it ends: long ones that have begun lately are not recorded yet. A damaged journal may
# hold times and durations of any size.
_PROGRESS: Final = f"""
WITH ended AS (
    SELECT run_id, CASE WHEN isfinite(attempts.started_at) THEN
        epoch(attempts.started_at) + least(greatest(coalesce(latency_s, 0), 0), {_LONGEST_S}) END AS at_s
    FROM attempts
), done AS (
    SELECT run_id, count(*) AS done, max(at_s) AS newest_s FROM ended GROUP BY run_id
), lately AS (
    SELECT run_id, newest_s, greatest(newest_s - {LATELY_S}, epoch(started_at)) AS since_s
    FROM runs JOIN done USING (run_id) WHERE status = 'running'
), pace AS (
    SELECT run_id, count(*) AS came, any_value(newest_s - since_s) AS within_s
    FROM ended JOIN lately USING (run_id) WHERE at_s > since_s
    GROUP BY run_id
)
SELECT run_id, status, suite, options, conditions, coalesce(done, 0) AS done, came, within_s,
    coalesce(epoch(finished_at), newest_s) - epoch(started_at) AS took_s
FROM runs LEFT JOIN done USING (run_id) LEFT JOIN pace USING (run_id)
ORDER BY started_at DESC, run_id DESC
"""  # noqa: S608 - our own words


def _progress(row: Mapping[str, Any]) -> RunProgress:
    took_s = None if row["took_s"] is None else max(0.0, row["took_s"])
    live = row["status"] == "running"
    count, within_s = (row["came"], row["within_s"]) if live else (row["done"], took_s)
    return RunProgress(
        run_id=row["run_id"],
        done=row["done"],
        planned=planned_jobs(row["suite"] or "", _told(row["options"]), _told(row["conditions"])),
        per_minute=60 * count / within_s if count and within_s else None,
        took_s=took_s,
    )


def _told(text: str | None) -> dict[str, JsonValue]:
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def _only(text: JsonValue) -> dict[str, set[str]]:
    """`model=A,task=B` as `--only` takes it."""
    found: dict[str, set[str]] = {}
    for item in text.split(",") if isinstance(text, str) else ():
        key, _, value = (part.strip() for part in item.partition("="))
        found.setdefault(key, set()).add(value)
    return found


def _models(suite: str, only: set[str] | None) -> int | None:
    """How many of the suite's models run."""
    try:
        data = read_yaml(suite, "suite").data
    except (InputError, RecursionError):
        return None
    models = data.get("models") if isinstance(data, dict) else None
    if not isinstance(models, list):
        return None
    names = [each.get("name") for each in models if isinstance(each, dict)]
    return len([name for name in names if only is None or name in only])


def _jobs(told: JsonValue) -> int | None:
    """Jobs of one model on one task, as its conditions tell them (`wiring/conditions.py`)."""
    if not isinstance(told, Mapping):
        return None
    samples, repeats, budgets = (told.get(name) for name in ("samples", "repeats", "budgets"))
    if samples == "none":
        return 0
    counted = re.match(r"(\d{1,9})(?:,|$)", samples) if isinstance(samples, str) else None
    if counted is None or not isinstance(repeats, int) or not isinstance(budgets, list):
        return None
    return int(counted[1]) * repeats * len(budgets)
