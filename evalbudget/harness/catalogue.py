"""The name of a task of lm-eval → its YAML file, without reading all of the 14,000 as YAML.

lm-eval's own index parses each file, which takes eight seconds; the lines that name tasks are found in a
quarter of one. Names are those of lm-eval 0.4.13's index: of several files the first, by path, has the name.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from evalbudget.errors import InputError

_KEY = re.compile(rb"^[\"']?(task|group|class)[\"']?[ \t]*:[ \t]*([^\r\n]*)", re.MULTILINE)
"""A line at the top of a YAML file; what follows is a name, or nothing where a list does."""
SUFFIXES = (".yaml", ".yml")
"""Of task files; what ends otherwise is a name."""
_NOT_READ = {"__pycache__", ".ipynb_checkpoints"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name."""

    path: Path
    """The YAML file."""
    group: bool
    """Whether it names several tasks."""


def find_task(name: str) -> Path:
    """The YAML file of lm-eval's task `name`. Raises InputError with the nearest name, or why it is none."""
    entry = catalogue().get(name)
    if entry is None:
        raise InputError(f'lm-eval has no task "{name}", {_near(name)}')
    if entry.group:
        raise InputError(f'"{name}" is a group of lm-eval; name its tasks one by one, {_near(name)}')
    return entry.path


def task_file(word: str) -> Path:
    """The YAML file that a name of lm-eval's or a path means. Raises InputError for a name unknown."""
    return Path(word) if Path(word).suffix in SUFFIXES else find_task(word)


@cache
def catalogue() -> dict[str, Entry]:
    """Every name of a task or a group that comes with lm-eval."""
    entries: dict[str, Entry] = {}
    for path in sorted(_files()):
        found: dict[bytes, bytes] = {}
        for key, value in _KEY.findall(Path(path).read_bytes()):
            found.setdefault(key, value)
        key = b"group" if b"group" in found and b"class" not in found else b"task"
        name = _plain(found.get(key, b""))
        if name:
            entries.setdefault(name, Entry(path=Path(path), group=key == b"group"))
    return entries


def tasks_folder() -> Path:
    """Where lm-eval keeps its tasks; found without importing it. Raises InputError where it is missing."""
    spec = importlib.util.find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("lm-eval is not installed: pip install lm-eval")
    return Path(spec.submodule_search_locations[0]) / "tasks"


def _files() -> Iterator[str]:
    for folder, folders, names in os.walk(tasks_folder()):
        folders[:] = [each for each in folders if each not in _NOT_READ]
        yield from (f"{folder}{os.sep}{name}" for name in names if name.endswith(".yaml"))


def _plain(value: bytes) -> str:
    """A scalar of one line, without its quotes and a comment behind it."""
    return value.decode("utf-8", "replace").split(" #")[0].strip().strip("\"'")


def _near(name: str) -> str:
    tasks = [each for each, entry in catalogue().items() if not entry.group]
    near = [each for each in tasks if each.startswith(f"{name}_")] or get_close_matches(name.lower(), tasks)
    if near:
        return f"did you mean {' or '.join(near[:3])}?"
    return "`lm-eval ls tasks` lists them (a tag stands for several); the path of a YAML file works too"
