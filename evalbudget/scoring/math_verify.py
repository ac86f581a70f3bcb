"""`math_verify`: a mathematical expression, compared as mathematics.

The comparison is made by the library math-verify (Hugging Face), in a worker process with limits of time and
memory: one line of LaTeX can keep a symbolic parser busy for ever.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from evalbudget.errors import InputError, TimeLimitError
from evalbudget.isolation import bounded
from evalbudget.records import JsonValue, Reply, Sample, Score
from evalbudget.scoring.expression import expression
from evalbudget.scoring.given import LONGEST, Given, given_answer

_SHOWN = 200
"""Characters of what the library understood that are kept; and of the longest words taken for an answer."""
_LIBRARY_S = 5.0
"""Seconds for both verdicts together; as long as the library itself allows for one."""
_LIBRARY = ("math_verify",)
_SPACE = 4 * 2**30
"""Bytes of address space that a comparison may take beyond what its worker has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """What a worker found."""

    correct: bool
    parsed: str | None
    """How the library understood what was given."""
    library_correct: bool | None


def math_verify(sample: Sample, reply: Reply, *, time_limit_s: float = 10.0) -> Score:
    """1 where the expression that the answer gives equals the target: `\\frac12` and `0.5`, `x+1` and `1+x`.

    Given as for `integer`: the last box, else the last statement, else an answer that is nothing else. The
    target is LaTeX or plain. `50%` is right for 0.5 and for 50. details: `form`; `parsed`, how the library
    understood it; `library_correct`, the verdict with the library's own way to find an answer in a text,
    which other harnesses publish and which takes any number in passing (null: that did not end in time).

    Raises TimeLimitError where that takes more than `time_limit_s`; MemoryError; RecursionError.
    """
    given = given_answer(reply.answer, expression)
    wanted = expression(sample.target)
    gold = wanted or _in_words(sample.target)
    text = given.value or (_words(given, reply.answer) if wanted is None else None)
    verdict = _verdict(gold, text, reply.answer, time_limit_s)
    details: dict[str, JsonValue] = {"form": given.form, "parsed": verdict.parsed}
    details["library_correct"] = verdict.library_correct
    extracted = given.text or (reply.answer.strip() if text is not None else None)
    return Score(value=float(verdict.correct), extracted=extracted, details=details)


def check_math_verify() -> None:
    """Raise InputError where math-verify cannot parse LaTeX here, which would count against every answer."""
    try:
        right = bounded(_compare, (r"\frac{1}{2}",), ("0.5",), None, needs=_LIBRARY).correct
        reason = "it does not find that 0.5 is a half"
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the installation
        right, reason = False, f"{type(error).__name__}: {' '.join(str(error).split())}"
    if not right:
        raise InputError(f'math-verify does not work here: {reason}; pip install "lm-eval[math]"')


def _words(given: Given[str], answer: str) -> str | None:
    """A box, or a short answer as a whole, that holds words, such as "no solution"."""
    if given.form == "boxed" and given.text:
        return _in_words(given.text) if len(given.text) < LONGEST else None
    return _in_words(answer) if given.form is None and 0 < len(answer.strip()) <= _SHOWN else None


def _in_words(text: str) -> str:
    """Words as LaTeX; what is LaTeX already stays."""
    return text.strip() if "\\" in text else f"\\text{{{' '.join(text.split())}}}"


def _percentages(gold: str, given: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Both without `\\%`, which the library cannot read; where only one had it, that one also as a share."""

    def tried(text: str, other: str) -> tuple[str, ...]:
        number = text.replace(r"\%", "")
        as_share = number != text and r"\%" not in other
        return (number, rf"\frac{{{number}}}{{100}}") if as_share else (number,)

    return tried(gold, given), tried(given, gold)


def _verdict(gold: str, text: str | None, answer: str, time_limit_s: float) -> _Verdict:
    """Both verdicts at once; where that takes too long, the one that counts alone."""
    golds, given = _percentages(gold, text or "")
    given = given if text is not None else ()
    try:
        limit = min(time_limit_s, _LIBRARY_S)
        return bounded(_compare, golds, given, answer, seconds=limit, needs=_LIBRARY)
    except (TimeLimitError, MemoryError):
        alone = bounded(_compare, golds, given, None, seconds=time_limit_s, needs=_LIBRARY)
        return replace(alone, library_correct=None)


def _compare(golds: Sequence[str], given: Sequence[str], answer: str | None) -> _Verdict:
    """In a worker: whether one of `given` equals one of `golds`, all LaTeX, and the library's own verdict."""
    from math_verify import LatexExtractionConfig, parse  # noqa: PLC0415 - heavy, in workers alone

    # The library warns that its own alarm is off; the worker's holds instead.
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    boxes = [LatexExtractionConfig(boxed_match_priority=0)]
    with _within_memory():
        right = [parse(rf"\boxed{{{gold}}}", boxes, parsing_timeout=None) for gold in golds]
        read = [parse(rf"\boxed{{{each}}}", boxes, parsing_timeout=None) for each in given]
        correct = any(_equal(gold, found) for gold in right for found in read)
        library_correct = False
        if answer is not None and answer.strip():
            library_correct = _equal(right[0], parse(answer, parsing_timeout=None))
        parsed = str(read[0][0])[:_SHOWN] if read and read[0] else None
    return _Verdict(correct=correct, parsed=parsed, library_correct=library_correct)


def _equal(golds: Sequence[object], given: Sequence[object]) -> bool:
    """The library's comparison of what it parsed, in this order: it is not symmetric."""
    from math_verify import verify  # noqa: PLC0415 - heavy, in workers alone

    for gold, found in product(golds, given):
        try:
            if verify(gold, found, timeout_seconds=None, raise_on_error=True):
                return True
        except (MemoryError, RecursionError):
            raise
        except Exception:  # noqa: BLE001, S112 - what cannot be compared is not equal, as in the library
            continue
    return False


@contextmanager
def _within_memory() -> Iterator[None]:
    """Limits the worker's address space, where the system can."""
    if sys.platform != "linux":
        yield
        return
    import resource  # noqa: PLC0415 - not on every system

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + _SPACE
    if before[1] != resource.RLIM_INFINITY:
        limit = min(limit, before[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
