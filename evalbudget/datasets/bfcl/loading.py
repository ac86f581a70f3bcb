"""A task's samples, from the files of the categories asked for alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Any

from evalbudget.datasets.bfcl.categories import asked_categories, runnable, version_of
from evalbudget.datasets.bfcl.conversations import Conversations
from evalbudget.datasets.bfcl.files import Files
from evalbudget.datasets.bfcl.rows import single_turn
from evalbudget.errors import DataError
from evalbudget.records import Sample
from evalbudget.tasks import Task

_TURNS = ("multi_turn_", "memory_", "web_search_")


def bfcl_samples(task: Task, categories: Collection[str] = ()) -> tuple[tuple[Sample, ...], str]:
    """The samples of `categories` (or groups; of all that can run here, where empty), and where they lie.

    One of each category in turn, so that the first so many are of all of them. Raises DataError, and
    InputError for a category that was asked for and cannot run.
    """
    version, mode = version_of(task), task.mode or "fc"
    files = Files(version, str(task.data.hub))
    conversations = Conversations(files, version, mode)
    by_category: list[list[Sample]] = []
    for category in asked_categories(task, categories) or runnable(task):
        try:
            if category.startswith(_TURNS):
                by_category.append(conversations.samples(category))
            else:
                by_category.append(_single_turns(files, category, version, mode))
        except (KeyError, TypeError, ValueError) as error:
            said = f"{type(error).__name__}: {error}"
            raise DataError(f"{files.place}: {category}: not as BFCL's files are ({said})") from None
    return tuple(in_turn(by_category)), files.place


def mode_unknown(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """The samples for replies of which nobody says how they were asked for: their form tells."""
    return tuple(
        replace(sample, extra={**sample.extra, "mode": None}) if "mode" in sample.extra else sample
        for sample in samples
    )


def in_turn(by_category: Iterable[list[Sample]]) -> list[Sample]:
    """The first of each, then the second of each, and so on."""
    return [sample for sample in chain.from_iterable(zip_longest(*by_category)) if sample is not None]


def _single_turns(files: Files, category: str, version: str, mode: str) -> list[Sample]:
    rows: list[Any] = files.questions(category)
    found: list[Any] = [] if "relevance" in category else files.answers(category)
    answers = {row["id"]: row["ground_truth"] for row in found}
    missing = [row["id"] for row in rows if found and row["id"] not in answers]
    if missing:
        raise DataError(f"{files.place}: {category}: no possible answer to {missing[0]}")
    return [
        single_turn(row, answers.get(row["id"]), category=category, version=version, mode=mode)
        for row in rows
    ]
