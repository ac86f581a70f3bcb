"""`evalbudget score`: a file of recorded replies against a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from evalbudget.datasets import load_samples
from evalbudget.datasets.local import read_text
from evalbudget.reasoning.split import split_content
from evalbudget.scoring.recorded import RecordedVerdict, score_recorded
from evalbudget.tasks import load_task


def score_file(task_name: str, file: Path) -> tuple[RecordedVerdict, ...]:
    """A verdict for each reply in `file`, in order. Raises InputError that names file and line."""
    task = load_task(task_name)
    verdicts = score_recorded(
        read_text(file), str(file), samples=load_samples(task), scorer=task.score, split=_split
    )
    return tuple(verdicts)


def summary(verdicts: Sequence[RecordedVerdict]) -> str:
    """One line: how many, how many right, and what became of the rest."""
    outcomes = Counter(verdict.outcome or "failed" for verdict in verdicts)
    counts = ", ".join(f"{count} {word}" for word, count in outcomes.most_common())
    return f"{len(verdicts)} replies: {counts}" if verdicts else "no replies in the file"


def _split(text: str) -> tuple[str, str]:
    parts = split_content(text)
    return parts.reasoning, parts.answer
