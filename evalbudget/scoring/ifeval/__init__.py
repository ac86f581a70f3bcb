"""`ifeval`: which of a prompt's verifiable instructions the answer follows, as lm-eval's checker says.

Instructions and rules: Zhou et al., "Instruction-Following Evaluation for Large Language Models" (arXiv
2311.07911). Checker: `lm_eval.tasks.ifeval` of EleutherAI/lm-evaluation-harness, a port of google-research's
`instruction_following_eval`. It runs in worker processes (`evalbudget.isolation`): its regular expressions
can take time that grows with the square of an answer, its language detector keeps a global state that threads
must not share, and its libraries take seconds to load.

    __init__.py   the scorer: Sample, Reply → Score, and what must be installed
    checker.py    in the worker: strict and loose verdicts
    long_text.py  four of the checks, for long answers, in linear time
    defects.py    where the official verdict is not what a careful reader would say
"""

from __future__ import annotations

from evalbudget.errors import InputError
from evalbudget.isolation import bounded, submit
from evalbudget.records import JsonValue, Reply, Sample, Score
from evalbudget.scoring.ifeval.checker import Instruction, Verdicts, judge, load

NAMES, ARGUMENTS = "instruction_id_list", "kwargs"
"""The columns of google/IFEval that the task lists as `columns: {extra: …}`."""
SECONDS = 60.0
"""For one answer. A few milliseconds are usual; only texts made of one repeated sign come near it."""


def ifeval(sample: Sample, reply: Reply) -> Score:
    """1 where every instruction is followed, strictly (prompt-strict); the other verdicts in `details`.

    `details` holds `instructions` (their ids) and, in the same order, `strict` and `loose`, each a list of
    booleans; `prompt_strict` and `prompt_loose`, whether all of them hold; and, where there is something to
    tell, `official_is_random` and `known_defect`, sentences that begin with the instruction's id.

    Only `Reply.answer` is judged, without the white space that stood between it and the thinking. Raises
    InputError for a sample without instructions, TimeLimitError where the check does not end.
    """
    instructions = _instructions(sample)
    answer = reply.answer.lstrip() if reply.reasoning else reply.answer
    if not answer.strip():
        return _score(instructions, Verdicts.none_of(len(instructions)), extracted=None)
    verdicts = bounded(judge, sample.id, instructions, answer, seconds=SECONDS)
    followed = f"{sum(verdicts.strict)} of {len(instructions)} instructions"
    return _score(instructions, verdicts, extracted=followed)


def ifeval_ready() -> None:
    """Raise InputError where the sentence splitter that the checker needs is not installed.

    Loads the checker in a worker, where it will be needed next, and meanwhile in a second one.
    """
    submit(load, seconds=2 * SECONDS)
    bounded(load, seconds=2 * SECONDS)


def _instructions(sample: Sample) -> tuple[Instruction, ...]:
    """What the sample asks for. Nulls, with which the Hub fills its table, are absent arguments."""
    names, arguments = sample.extra.get(NAMES), sample.extra.get(ARGUMENTS)
    if not (isinstance(names, list) and isinstance(arguments, list) and len(names) == len(arguments) > 0):
        raise InputError(f"sample {sample.id}: ifeval needs `{NAMES}` and `{ARGUMENTS}`, lists of one length")
    return tuple(map(_instruction, names, arguments))


def _instruction(name: JsonValue, arguments: JsonValue) -> Instruction:
    """Arguments that are null, 0 or empty are left out, as lm-eval does."""
    given = {key: value for key, value in arguments.items() if value} if isinstance(arguments, dict) else {}
    return Instruction(name=str(name), arguments=given)


def _score(instructions: tuple[Instruction, ...], verdicts: Verdicts, *, extracted: str | None) -> Score:
    details: dict[str, JsonValue] = {
        "instructions": [each.name for each in instructions],
        "strict": list(verdicts.strict),
        "loose": list(verdicts.loose),
        "prompt_strict": all(verdicts.strict),
        "prompt_loose": all(verdicts.loose),
    }
    if verdicts.random:
        details["official_is_random"] = list(verdicts.random)
    if verdicts.defects:
        details["known_defect"] = list(verdicts.defects)
    return Score(value=float(all(verdicts.strict)), extracted=extracted, details=details)
