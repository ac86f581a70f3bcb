"""A task of lm-eval as lm-eval's own object, with its data or without.

Importing this module imports lm-eval, which takes seconds: import it inside a function. In a worker process
that happens before the time limit starts, because the worker finds its function here or above.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalbudget.harness.quiet import quiet

with quiet():
    import numpy as np
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.defaults import DEFAULT_OTHER_SEED, DEFAULT_RANDOM_SEED
    from lm_eval.tasks._yaml_loader import load_yaml

    import datasets

EXAMPLES_SEED = DEFAULT_OTHER_SEED
"""With which lm-eval chooses examples."""
_OF_THE_INDEX = ("tag", "group", "task_list")
"""Keys of the file that are no part of a task's configuration (TaskFactory)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What lm-eval learns from a task's first document; a task without its data is told."""

    features: tuple[str, ...]
    """The documents' columns."""
    multiple_input: int
    multiple_target: int
    """How many right answers the first document has; 0 where it has one."""


class _Documents(list[Any]):
    """Documents at hand, as far as lm-eval asks a data set."""

    def __init__(self, documents: list[Any], features: tuple[str, ...]) -> None:
        super().__init__(documents)
        self.features = dict.fromkeys(features)


def task_with_data(path: Path, data_folder: Path | None = None) -> Any:  # noqa: ANN401 - lm-eval has no types
    """The task with its data set, from `data_folder` where one is given. Raises whatever its parts raise."""
    config = _configuration(path)
    if data_folder is not None:
        config["dataset_path"] = str(data_folder)
        config["dataset_kwargs"] = (config.get("dataset_kwargs") or {}) | {"cache_dir": _cache(data_folder)}
    return ConfigurableTask(config=config)


def task_without_data(path: Path, shape: Shape, document: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """The task, able to filter and to judge documents such as this one, which is all the data it has."""
    config = _configuration(path)
    documents = _Documents([document], shape.features)
    config |= {
        "custom_dataset": lambda **_: {"at hand": documents},
        "test_split": "at hand",
        **dict.fromkeys(("training_split", "validation_split", "fewshot_split"), None),
        **dict.fromkeys(("process_docs", "fewshot_config", "dataset_kwargs", "num_fewshot"), None),
    }
    task = ConfigurableTask(config=config)
    task.multiple_input, task.multiple_target = shape.multiple_input, shape.multiple_target
    return task


def shape_of(task: Any) -> Shape:  # noqa: ANN401
    """What `task_without_data` must be told of a task with data."""
    return Shape(
        features=tuple(map(str, task.features)),
        multiple_input=task.multiple_input,
        multiple_target=task.multiple_target,
    )


@contextlib.contextmanager
def seeded() -> Iterator[None]:
    """The random generators as lm-eval seeds them before it loads a task; afterwards as they were.

    Tasks shuffle with the global generators. Source: lm_eval.evaluator.simple_evaluate.
    """
    state, numpy_state = random.getstate(), np.random.get_state()
    random.seed(DEFAULT_RANDOM_SEED)
    np.random.seed(DEFAULT_OTHER_SEED)
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)


def _cache(folder: Path) -> str:
    """A part of the data library's cache for what the folder holds now.

    The library itself tells folders apart by their last name alone, and does not see that a file has changed.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    state = repr([(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files])
    digest = hashlib.blake2b(state.encode(), digest_size=8).hexdigest()
    return str(Path(datasets.config.HF_DATASETS_CACHE) / f"evalbudget-{digest}")


def _configuration(path: Path) -> dict[str, Any]:
    """The file with what it includes and its functions, as lm-eval's TaskFactory hands it on."""
    config: dict[str, Any] = dict(load_yaml(path, resolve_func=True))
    for key in _OF_THE_INDEX:
        config.pop(key, None)
    said = config.get("metadata") or {}
    metadata = dict(said) if isinstance(said, Mapping) else {"_metadata": said}
    config["metadata"] = metadata | {"config_source": str(path)}
    return config
