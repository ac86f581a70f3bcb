"""`evalbudget score`: a file of recorded replies against a task."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from evalbudget.datasets import load_samples
from evalbudget.datasets.bfcl import mode_unknown
from evalbudget.datasets.local import read_rows, read_text
from evalbudget.errors import InputError
from evalbudget.measures import MEASURES, Measure, ScoredRow
from evalbudget.privacy import public_details, public_word
from evalbudget.reasoning.split import split_content
from evalbudget.scoring.recorded import Question, Questions, RecordedVerdict, judged, rows_of
from evalbudget.scoring.recordings import Row, read_recordings
from evalbudget.tasks import Task, TaskSettings, load_task

_AS_THE_TASK_SAYS = TaskSettings()


class FileVerdicts:
    """The verdicts on a file's replies, in order. They are made while one iterates, each of them once."""

    def __init__(self, task: Task, questions: Sequence[Question]) -> None:
        self.task = task
        self._questions = questions
        self._made: list[RecordedVerdict] = []
        self._coming: Iterator[RecordedVerdict] = judged(questions, task.score)

    def __len__(self) -> int:
        """How many replies there are, judged or not."""
        return len(self._questions)

    def __iter__(self) -> Iterator[RecordedVerdict]:
        for place in range(len(self)):
            if place == len(self._made):
                self._made.append(next(self._coming))
            made = self._made[place]
            yield _without_texts(made) if self.task.is_private else made

    def measures(self) -> tuple[Measure, ...]:
        """What the task's authors publish beyond the mean score, of the replies that could be judged."""
        measuring = MEASURES.get(self.task.scorer.name)
        if measuring is None:
            return ()
        deque(self, maxlen=0)  # so that every verdict is made
        return measuring(
            [_row(verdict, verdict.score) for verdict in self._made if verdict.score is not None]
        )


def score_file(task_name: str, file: Path, settings: TaskSettings = _AS_THE_TASK_SAYS) -> FileVerdicts:
    """The verdicts on each reply in `file`. Raises InputError that names file and line, before the first one.

    `file` holds JSON lines, or rows as CSV or Parquet, in one of the forms of `scoring.recordings`.
    """
    task = load_task(task_name, settings=settings)
    rows = _rows(file)
    first = next(rows, None)
    if first is None:
        return FileVerdicts(task, ())
    samples = load_samples(task)
    if settings.mode is None:
        samples = mode_unknown(samples)
    questions = Questions(samples, id_column=task.columns.id)
    recordings = read_recordings(chain([first], rows), task.name, _split)
    found = [questions.find(recording) for recording in recordings]
    if not found:
        raise InputError(f"{file}: holds no attempt at the task {task.name}")
    return FileVerdicts(task, found)


def shown_while_made(verdicts: FileVerdicts, *, to_file: bool) -> Iterator[RecordedVerdict]:
    """The same verdicts, with a bar on stderr, where that is a terminal on which no verdicts appear."""
    if not sys.stderr.isatty() or (sys.stdout.isatty() and not to_file):
        yield from verdicts
        return
    from rich.console import Console  # noqa: PLC0415 - a pipe needs none
    from rich.progress import track  # noqa: PLC0415

    yield from track(verdicts, "scoring", total=len(verdicts), console=Console(stderr=True), transient=True)


def summary(verdicts: FileVerdicts) -> str:
    """One line: how many, how many right, and what became of the rest."""
    outcomes = Counter(verdict.outcome or "failed" for verdict in verdicts)
    counts = ", ".join(f"{count} {word}" for word, count in outcomes.most_common())
    return f"{len(verdicts)} replies: {counts}" if len(verdicts) else "no replies in the file"


def _rows(file: Path) -> Iterator[tuple[str, Row]]:
    """A file's rows with their places: a table where its suffix says so, else JSON lines."""
    if file.suffix.lower() in {".csv", ".parquet"}:
        yield from ((f"{file}: row {number}", row) for number, row in enumerate(read_rows(file)))
    else:
        yield from rows_of(read_text(file), str(file))


def _row(verdict: RecordedVerdict, score: float) -> ScoredRow:
    return ScoredRow(
        sample_id=verdict.id,
        repeat=verdict.repeat,
        category=verdict.category,
        score=score,
        target=verdict.target,
        extracted=verdict.extracted,
        details=verdict.details,
    )


def _without_texts(verdict: RecordedVerdict) -> RecordedVerdict:
    """A verdict on a private task's reply, with the letters and flags that say nothing of the question."""
    return replace(
        verdict,
        extracted=public_word(verdict.extracted),
        details=public_details(verdict.details),
        error=verdict.error and verdict.error.split(":", 1)[0],
    )


def _split(text: str) -> tuple[str, str]:
    parts = split_content(text)
    return parts.reasoning, parts.answer
