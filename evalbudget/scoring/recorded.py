"""Recorded replies, of any tool → verdicts, for `evalbudget score`."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from difflib import get_close_matches

from evalbudget.choices import asked
from evalbudget.contracts import Scorer
from evalbudget.errors import EvalbudgetError, InputError
from evalbudget.records import JsonValue, Outcome, Sample, Score
from evalbudget.scoring.outcome import decide_outcome
from evalbudget.scoring.recordings import Recording, Row, Split, read_recordings

_AT_ONCE = 4
"""Replies judged at the same time: a scorer in worker processes keeps them all busy, others lose nothing."""
_AHEAD = 64
"""Replies that may be under way or done before their turn to be handed out."""
_LONGEST_ERROR = 500
_PLAIN_NUMBER = 12
"""Characters of a target that can be told at a glance to be another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedVerdict:
    """What became of one recorded reply."""

    id: str
    score: float | None
    """None where the scorer could not judge: a failure, not a zero."""
    outcome: Outcome | None
    extracted: str | None
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    error: str | None = None
    """Why there is no score."""
    repeat: int = 0
    """How many replies to the same question came before it; like the next two, for a task's measures."""
    category: str | None = None
    target: str | None = None

    def json_line(self) -> str:
        """One line of JSON without its end, with `error` only where there is one; fit for UTF-8."""
        line: dict[str, object] = {
            "id": self.id,
            "score": self.score,
            "outcome": self.outcome,
            "extracted": self.extracted,
            "details": self.details,
        }
        text = json.dumps(line | ({"error": self.error} if self.error else {}), ensure_ascii=False)
        return text.encode("utf-8", "replace").decode()  # half a surrogate pair is no UTF-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a recorded reply is judged by."""

    sample: Sample
    recording: Recording


class Questions:
    """The samples of a task, found by what a recording says of its question."""

    def __init__(self, samples: Sequence[Sample], *, id_column: str | None = None) -> None:
        """`id_column`: where the data hold a sample's id; None: nowhere, ids are the rows' numbers."""
        self._by_id = {sample.id: sample for sample in samples}
        self._by_prompt = {sample.prompt: sample for sample in samples}
        self._id_column = id_column

    def find(self, recording: Recording) -> Question:
        """The question, its options in the order that the reply saw. Raises InputError with the place."""
        try:
            sample = asked(self._sample(recording), repeat=recording.repeat, target=recording.target)
        except InputError as error:
            raise InputError(f"{recording.place}: {error}") from None
        return Question(sample=sample, recording=recording)

    def _sample(self, recording: Recording) -> Sample:
        if recording.doc is not None:
            return self._of_doc(recording, recording.doc)
        if recording.prompt is not None:
            return self._of_prompt(recording.prompt)
        return self._of_id(str(recording.id))

    def _of_id(self, sample_id: str) -> Sample:
        if sample_id in self._by_id:
            return self._by_id[sample_id]
        near = get_close_matches(sample_id, self._by_id, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f'ids look like "{next(iter(self._by_id), "")}"'
        raise InputError(f'the task has no sample "{sample_id}", {hint}')

    def _of_prompt(self, prompt: str) -> Sample:
        if prompt in self._by_prompt:
            return self._by_prompt[prompt]
        near = get_close_matches(prompt, self._by_prompt, n=1, cutoff=0.9)
        hint = f'; "id": "{self._by_prompt[near[0]].id}" in the line would mean the nearest' if near else ""
        raise InputError(f"the task has no sample with this `prompt`{hint}")

    def _of_doc(self, recording: Recording, doc: Row) -> Sample:
        """By the id that the data give it, else by its number, unless its target is another's."""
        if self._id_column is not None and self._id_column not in doc:
            raise InputError(
                f"lm-eval's `doc` has no `{self._id_column}`, by which this task names its samples"
            )
        sample = self._of_id(str(doc[self._id_column] if self._id_column is not None else recording.number))
        said, right = str(recording.target).strip(), sample.target.strip()
        if said.isdecimal() and right.isdecimal() and len(said) < _PLAIN_NUMBER and int(said) != int(right):
            raise InputError(
                f'sample "{sample.id}" has the target {right}, not {said}: the file is of another task'
            )
        return sample


def score_recorded(
    text: str, name: str, *, samples: Sequence[Sample], scorer: Scorer, split: Split
) -> Iterator[RecordedVerdict]:
    """A verdict for each line of JSON lines, in order; an id may come several times, as repeats do.

    `split` takes (thinking, answer) out of an answer that holds both; it is used where a line has no
    `reasoning`. Of a multiple-choice question, `repeat` (default 0) says in which order its options stood, or
    `target`, in another tool's order, which letter was right. Raises InputError that names `name` and the
    line, for broken JSON and unknown ids, before the first verdict.
    """
    questions = Questions(samples)
    recordings = read_recordings(rows_of(text, name), "", split)
    return judged([questions.find(recording) for recording in recordings], scorer)


def rows_of(text: str, name: str) -> Iterator[tuple[str, Row]]:
    """The objects of JSON lines with their places. Raises InputError."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{name}:{number}: not valid JSON: {error}") from None
            if not isinstance(row, dict):
                hint = 'a JSON object was expected, such as {"id": "1", "answer": "…"}'
                raise InputError(f"{name}:{number}: {hint}")
            yield f"{name}:{number}", row


def judged(questions: Iterable[Question], scorer: Scorer) -> Iterator[RecordedVerdict]:
    """A verdict for each, in order, several in the making; where a scorer raises, one without a score."""
    seen: dict[str, int] = {}
    ahead: deque[Future[RecordedVerdict]] = deque()
    threads = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="score")
    try:
        for question in questions:
            repeat = seen.get(question.sample.id, 0)
            seen[question.sample.id] = repeat + 1
            ahead.append(threads.submit(_judge, question, scorer, repeat))
            if len(ahead) >= _AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _judge(question: Question, scorer: Scorer, repeat: int) -> RecordedVerdict:
    sample, reply = question.sample, question.recording.reply
    score: Score | None = None
    error = question.recording.failure
    if error is None:
        try:
            score = scorer(sample, reply)
            if not 0.0 <= score.value <= 1.0:
                error = f"the scorer gave {score.value}, not a value from 0 to 1"
                score = None
        except EvalbudgetError as raised:
            error = f"the scorer could not judge it: {raised}"
        except Exception as raised:  # noqa: BLE001 - any scorer, any error: one reply must not end the others
            error = f"the scorer raised {type(raised).__name__}: {raised}"
    return RecordedVerdict(
        id=sample.id,
        score=score.value if score else None,
        outcome=decide_outcome(score, reply) if score else None,
        extracted=score.extracted if score else None,
        details=score.details if score else {},
        error=" ".join(error.split())[:_LONGEST_ERROR] if error else None,
        repeat=repeat,
        category=sample.category,
        target=sample.target or None,
    )
