"""Reading a suite, and the checks that need more than one of its values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evalbudget.errors import InputError
from evalbudget.shipped import shipped_folder
from evalbudget.suite.schema import Suite
from evalbudget.suite.secrets import refuse_secrets
from evalbudget.tasks import Task, load_task
from evalbudget.yaml_source import KeyPath, nearest, parse, read_yaml

SUFFIXES = {".yaml", ".yml"}


def find_suite(name: str) -> Path:
    """The suite file that a path or a shipped suite's name means. Raises InputError with the nearest name."""
    path = Path(name).expanduser()
    if path.is_file():
        return path
    shipped = shipped_folder("suites")
    known = sorted(each.stem for each in shipped.glob("*.yaml"))
    stem = path.stem if path.suffix in SUFFIXES else path.name
    if stem in known and path.parent in {Path(), Path("suites")}:
        return shipped / f"{stem}.yaml"
    if path.suffix in SUFFIXES or len(path.parts) > 1:
        raise InputError(f"no suite {name}; shipped suites: {', '.join(known) or 'none'}")
    raise InputError(f'unknown suite "{name}", {nearest(name, known)} (or the path of a suite.yaml)')


def load_suite(path: Path) -> Suite:
    """Read and check a suite, its task files included. Raises InputError for the first mistake."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{path}: cannot be read: {reason}") from None
    return parse_suite(text, path)


def parse_suite(text: str, path: Path) -> Suite:
    """The suite in `text`; `path` names it in errors, and paths within it start at its folder."""
    source = read_yaml(text, str(path))
    refuse_secrets(source)
    suite = parse(source, Suite).read_from(source, path)
    _check_labels(suite)
    return suite.with_tasks(tuple(_tasks(suite)))


def _check_labels(suite: Suite) -> None:
    seen: dict[str, int] = {}
    for place, model in enumerate(suite.models):
        if model.name in seen:
            other = f"models[{seen[model.name]}]"
            raise suite.error(("models", place, "name"), f'"{model.name}" is the label of {other} already')
        seen[model.name] = place


def _tasks(suite: Suite) -> Iterator[Task]:
    seen: dict[str, int] = {}
    for place, entry in enumerate(suite.tasks):
        path: KeyPath = ("tasks", place)
        try:
            task = load_task(entry.task, suite.folder, entry.settings)
        except InputError as error:
            raise suite.error(path, str(error)) from None
        if task.name in seen:
            where = f"tasks[{seen[task.name]}]"
            raise suite.error(
                path, f"the task {task.name} stands in {where} already; `repeats` asks it more often"
            )
        seen[task.name] = place
        _check_categories(suite, path, entry.categories, task)
        yield task


def _check_categories(suite: Suite, path: KeyPath, wanted: tuple[str, ...], task: Task) -> None:
    """Against those that the task declares; where it declares none, its data decide.

    BFCL's loader checks its own: it knows groups of categories as well.
    """
    if task.data.format in {"bfcl_v3", "bfcl_v4"}:
        return
    if wanted and task.columns.category is None:
        raise suite.error((*path, "categories"), f"the task {task.name} has no categories")
    for number, category in enumerate(wanted):
        if task.categories and category not in task.categories:
            near = nearest(category, task.categories)
            raise suite.error((*path, "categories", number), f'unknown category "{category}", {near}')
