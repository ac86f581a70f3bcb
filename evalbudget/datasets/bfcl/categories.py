"""BFCL's categories: which there are, in which groups, and which can run here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias

from evalbudget.errors import InputError
from evalbudget.tasks import Task
from evalbudget.yaml_source import nearest

Version: TypeAlias = Literal["v3", "v4"]

_NON_LIVE = (
    *("simple", "java", "javascript", "simple_python", "simple_java", "simple_javascript"),
    *("multiple", "parallel", "parallel_multiple", "irrelevance"),
)
GROUPS: Mapping[str, tuple[str, ...]] = {
    "single_turn": (*_NON_LIVE, "live_"),
    "non_live": _NON_LIVE,
    "live": ("live_",),
    "multi_turn": ("multi_turn_",),
    "memory": ("memory_",),
    "web_search": ("web_search_",),
    "agentic": ("memory_", "web_search_"),
}
"""Group → its categories: whole, or by their beginning, which ends in `_`.
Source: bfcl_eval, constants/category_mapping.py."""

_NOT_BUILT = {"memory_vector": "memory_vector is not built (it needs an embedding model)"}
"""Categories of the leaderboard that no task file lists."""


def version_of(task: Task) -> Version:
    """The leaderboard's version that the task's data are of."""
    return "v3" if task.data.format == "bfcl_v3" else "v4"


def asked_categories(task: Task, categories: Collection[str]) -> tuple[str, ...]:
    """The categories to load: `categories`, with each of BFCL's groups in place of its name; empty for all.

    Raises InputError for an unknown word, for a category that was asked for by its own name and cannot run
    here, and for a group of which nothing can.
    """
    if not categories or not task.data.format.startswith("bfcl"):
        return tuple(categories)
    chosen = _members(task, categories)
    obstacles = {name: _obstacle(name, version_of(task)) for name in chosen}
    runs = tuple(name for name in chosen if obstacles[name] is None)
    for name in chosen:
        if obstacles[name] is not None and (name in categories or not runs):
            raise InputError(f"{task.name}: {name}: {obstacles[name]}")
    return runs


def runnable(task: Task) -> tuple[str, ...]:
    """All categories that can run here."""
    return tuple(name for name in task.categories if _obstacle(name, version_of(task)) is None)


def group_words(task: Task) -> tuple[str, ...]:
    """The groups that have categories in this task."""
    return tuple(word for word in GROUPS if any(_belongs(name, word) for name in task.categories))


def left_out(task: Task, categories: Collection[str] = ()) -> tuple[str, ...]:
    """One line for each reason why categories of the task, or of the groups asked for, do not run here."""
    chosen = _members(task, categories) if categories else task.categories
    reasons: dict[str, list[str]] = {}
    for name in chosen:
        obstacle = _obstacle(name, version_of(task))
        if obstacle is not None:
            reasons.setdefault(obstacle, []).append(name)
    lines = [f"{task.name}: left out: {', '.join(names)}: {obstacle}" for obstacle, names in reasons.items()]
    if version_of(task) == "v4" and (not categories or {"memory", "agentic"} & set(categories)):
        lines += [f"{task.name}: left out: {reason}" for reason in _NOT_BUILT.values()]
    return tuple(lines)


def _members(task: Task, words: Collection[str]) -> tuple[str, ...]:
    """The categories that the words name, in the order of the task file."""
    known = (*task.categories, *group_words(task))
    for word in words:
        if word not in known:
            raise InputError(f'{task.name}: unknown category "{word}", {nearest(word, known)}')
    return tuple(name for name in task.categories if any(_belongs(name, word) for word in words))


def _belongs(name: str, word: str) -> bool:
    """Whether the category is `word`, or one of that group."""
    members = GROUPS.get(word, (word,))
    return any(name.startswith(each) if each.endswith("_") else name == each for each in members)


def _obstacle(name: str, version: Version) -> str | None:
    """Why a category cannot run here; None where it can."""
    if _belongs(name, "single_turn"):
        return None
    from evalbudget.scoring.bfcl.turns import ready  # noqa: PLC0415 - looks for the simulated APIs

    try:
        ready(name, version)
    except InputError as error:
        return str(error)
    return None
