"""Documents of a task of lm-eval → samples; where its data lie is checked first, as for any other task."""

from __future__ import annotations

import os
from pathlib import Path

from evalbudget.datasets.hub import refuse_without_hub
from evalbudget.datasets.mirror import VARIABLE
from evalbudget.errors import DataError
from evalbudget.harness import Facts, read_facts
from evalbudget.records import Sample
from evalbudget.tasks import Task


def lm_eval_samples(task: Task, limit: int | None = None) -> tuple[Sample, ...]:
    """The first `limit` documents of the task whose file `task.data.file` is, in lm-eval's order.

    Data come from the mirror's folder of that name, where there is one, else as lm-eval loads them: through
    the Hub's own library and its cache. Raises DataError and InputError.
    """
    from evalbudget.harness.questions import Asking, read_samples  # noqa: PLC0415 - imports lm-eval: seconds

    facts = read_facts(task.folder / str(task.data.file))
    folder = _mirrored(facts)
    advice = f", or set {VARIABLE} to a folder that holds {facts.hub}/"
    from_hub = facts.hub is not None and folder is None and not Path(facts.hub).is_dir()
    if facts.hub is not None and from_hub:
        refuse_without_hub(facts.hub, None, advice)
    settings = task.settings
    asking = Asking(
        num_fewshot=settings.num_fewshot,
        as_multiturn=settings.fewshot_as_multiturn is not False,
        system=settings.system,
    )
    try:
        return read_samples(facts, asking, limit=limit, data_folder=folder)
    except DataError as error:
        raise DataError(f"{error}{advice if from_hub else ''}") from None


def _mirrored(facts: Facts) -> Path | None:
    root = os.environ.get(VARIABLE)
    folder = Path(root).expanduser() / facts.hub if root and facts.hub else None
    return folder.resolve() if folder is not None and folder.is_dir() else None
