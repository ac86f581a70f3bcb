"""lm-eval's IFEval checker, made deterministic: the part of the scorer that runs in a worker process."""

from __future__ import annotations

import logging
import random
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, partial
from typing import Any, TypeAlias

from evalbudget.errors import InputError
from evalbudget.records import JsonValue
from evalbudget.scoring.ifeval.doubts import Sighting, defects, luck
from evalbudget.scoring.ifeval.long_text import LONG, linear_check

LANGUAGE_SEED = 51
"""For langdetect, which draws at random which parts of a text it looks at. The official checker left it
unseeded: its verdict on a text of two languages is luck. With this seed, the smallest that does it, all 125
official verdicts on languages that we have on record come out again; with 0, two of them do not."""

Follows: TypeAlias = Callable[[str], bool]
"""Whether a text, not blank, follows an instruction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One thing that a prompt asks for and that a program can verify."""

    name: str
    """Such as `keywords:existence`."""
    arguments: Mapping[str, JsonValue]
    """Such as `{"keywords": ["tea"]}`, without nulls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What the checker says about one answer: a boolean for each instruction, in order."""

    strict: tuple[bool, ...]
    loose: tuple[bool, ...]
    """Whether the answer follows it, or what is left without its first line, its last, or any `*`."""
    random: tuple[str, ...] = ()
    """Where the official verdict is a matter of luck, and what is done about it here."""
    defects: tuple[str, ...] = ()
    """Where a careful reader would say something else, or the data do."""

    @classmethod
    def none_of(cls, instructions: int) -> Verdicts:
        """An empty answer follows nothing."""
        return cls(strict=(False,) * instructions, loose=(False,) * instructions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How one instruction is verified."""

    follows: Follows
    drawn: str | None
    """What the official checker draws at random for it; None: nothing."""


def load() -> None:
    """Load the checker. Raises InputError where the sentence splitter is not installed."""
    _checkers()


def judge(sample_id: str, instructions: tuple[Instruction, ...], answer: str) -> Verdicts:
    """The verdicts on an answer that is not blank: a function of its arguments, whatever was judged before.

    What the checker draws at random, it draws from `sample_id` and the instruction's place.
    """
    texts = variants(answer)
    strict: list[bool] = []
    loose: list[bool] = []
    chance: list[str] = []
    wrong: list[str] = []
    for place, instruction in enumerate(instructions):
        name = instruction.name
        check = _check(f"{sample_id} {place}", instruction)
        strict.append(check.follows(answer))
        loose.append(strict[-1] or any(check.follows(text) for text in texts[1:]))
        sight = Sighting(arguments=instruction.arguments, answer=answer, followed=strict[-1])
        chance += [f"{name}: {why}" for why in (check.drawn, luck(name, sight)) if why is not None]
        if check.drawn is None:
            wrong += [f"{name}: {why}" for why in defects(sample_id, name, sight)]
    return Verdicts(
        strict=tuple(strict),
        loose=tuple(loose),
        random=tuple(dict.fromkeys(chance)),
        defects=tuple(dict.fromkeys(wrong)),
    )


def variants(answer: str) -> tuple[str, ...]:
    """The answer, and what loose judging accepts in its place; each once, none blank."""
    lines = answer.split("\n")
    parts = [answer, *("\n".join(some).strip() for some in (lines[1:], lines[:-1], lines[1:-1]))]
    texts = dict.fromkeys([*parts, *(part.replace("*", "") for part in parts)])
    return tuple(text for text in texts if text.strip())


@cache
def _checkers() -> Mapping[str, Callable[[str], Any]]:
    """Name of an instruction → lm-eval's class for it."""
    _refuse_without_splitter()
    import langdetect  # noqa: PLC0415 - with what lm-eval brings, three seconds
    from lm_eval.tasks.ifeval.instructions_registry import INSTRUCTION_DICT  # noqa: PLC0415

    langdetect.DetectorFactory.seed = LANGUAGE_SEED
    logging.getLogger("lm_eval.tasks.ifeval.instructions").disabled = True  # it logs whole answers
    known: Mapping[str, Callable[[str], Any]] = INSTRUCTION_DICT
    return known


def _refuse_without_splitter() -> None:
    """Tried before lm-eval is imported, which would download what is missing."""
    from nltk.tokenize import sent_tokenize  # noqa: PLC0415 - takes over a second

    with warnings.catch_warnings(record=True) as heard:  # NLTK says so where it refuses a folder
        warnings.simplefilter("always")
        try:
            sent_tokenize("One. Two.")
        except (LookupError, OSError) as error:
            refused = [str(each.message) for each in heard if issubclass(each.category, RuntimeWarning)]
            reasons = refused or ([str(error)] if isinstance(error, OSError) else [])
            because = f" ({' '.join(reasons[0].split())})" if reasons else ""
            raise InputError(
                "IFEval needs NLTK's sentence splitter punkt_tab, which is not installed: "
                "run `python -m nltk.downloader punkt_tab`, or set NLTK_DATA to a folder that holds "
                f"tokenizers/punkt_tab/english{because}"
            ) from None


def _check(seed: str, instruction: Instruction) -> Check:
    """How to verify the instruction; what its data leave open is drawn from `seed`."""
    name, arguments = instruction.name, instruction.arguments
    if name not in _checkers():
        near = get_close_matches(name, _checkers(), n=1, cutoff=0.0)
        raise InputError(f'IFEval knows no instruction "{name}", did you mean "{near[0]}"?')
    checker = _checkers()[name](name)
    outer = random.getstate()
    random.seed(seed)
    before = random.getstate()
    try:
        checker.build_description(**arguments)
        drawn = random.getstate() != before
    finally:
        random.setstate(outer)
    counts = _counts_a_sign(instruction) if drawn else None
    if counts is not None:
        return Check(follows=counts, drawn=f"a letter drawn at random; {arguments['letter']} is counted here")
    in_linear_time = linear_check(name, arguments)
    return Check(
        follows=partial(_follows, checker.check_following, in_linear_time),
        drawn="the data leave something open, drawn at random; here it is always the same" if drawn else None,
    )


def _follows(official: Follows, in_linear_time: Follows | None, text: str) -> bool:
    """The official check, or for a long text the same in linear time."""
    if in_linear_time is not None and len(text) > LONG:
        return in_linear_time(text)
    try:
        return bool(official(text))
    except RecursionError:  # JSON nested a thousand deep; a parser may refuse that (RFC 8259, section 9)
        return False


def _counts_a_sign(instruction: Instruction) -> Follows | None:
    """The check for so many signs such as `#` (keys 1122 and 1129); None where that is not what is asked.

    The official checker draws a letter in the place of a sign, at each call another.
    """
    sign, number = instruction.arguments.get("letter"), instruction.arguments.get("let_frequency")
    relation = instruction.arguments.get("let_relation")
    if not (isinstance(sign, str) and len(sign) == 1 and isinstance(number, int)):
        return None
    if relation == "less than":
        return lambda text: text.lower().count(sign.lower()) < number
    if relation == "at least":
        return lambda text: text.lower().count(sign.lower()) >= number
    return None
