"""The order of a multiple-choice question's options: a function of the question and the repeat, nothing else.

No random state is involved, so that a run, its resume, `evalbudget score` and every machine agree, and a
subset of the questions sees them as the whole set does. Over as many repeats as there are options, the right
one stands under each letter once, so that a preference for a letter cancels out.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from evalbudget.errors import InputError
from evalbudget.records import Choices, JsonValue, Sample

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

OPTIONS = "options"
"""Key in `Sample.extra`: the options' texts in the order shown; beside it the two keys of `details`."""
ORDER = "option_order"
"""The data's options as they were shown: "CABD" = the third, the first (the right one), the second, …"""
POSITION = "option_position"
"""The place of the right option, from 1."""


def option_order(question: str, options: int, repeat: int) -> tuple[int, ...]:
    """Which of the data's options, the right one being 0, stands first, second, … in this repeat.

    With h(word, number, i) = SHA-256, in hexadecimal, of the UTF-8 text "question\\nword\\nnumber\\ni", the
    question in NFC and its white space collapsed: the places 0 … n-1 sorted by h("place", repeat ÷ n, place)
    are where the right option stands in the n repeats of that round; the wrong options stand around it,
    sorted by h("order", repeat, option).
    """
    plain = " ".join(unicodedata.normalize("NFC", question).split())

    def rank(word: str, number: int, item: int) -> str:
        return hashlib.sha256(f"{plain}\n{word}\n{number}\n{item}".encode("utf-8", "replace")).hexdigest()

    turn, within = divmod(repeat, options)
    places = sorted(range(options), key=lambda place: rank("place", turn, place))
    order = sorted(range(1, options), key=lambda option: rank("order", repeat, option))
    order.insert(places[within], 0)
    return tuple(order)


def arranged(sample: Sample, repeat: int) -> Sample:
    """The sample as this repeat asks it: prompt, target, extra; the sample itself where it has no choices."""
    if sample.choices is None:
        return sample
    options = sample.choices.options
    order = option_order(sample.choices.question, len(options), repeat)
    shown = [options[place] for place in order]
    known: dict[str, JsonValue] = {
        OPTIONS: list(shown),
        ORDER: "".join(LETTERS[place] for place in order),
        POSITION: order.index(0) + 1,
    }
    return replace(
        sample,
        prompt=_filled(sample.choices, shown),
        target=LETTERS[order.index(0)],
        extra={**sample.extra, **known},
    )


def asked(sample: Sample, *, repeat: object = None, target: object = None) -> Sample:
    """The sample as a recorded reply saw it: in the order of `repeat` (None: 0), or in another tool's order,
    of which only the right letter is known, `target`.

    Raises InputError for what is no repeat, or no letter of the question. Without choices both mean nothing.
    """
    if sample.choices is None:
        return sample
    if target is None:
        repeat = 0 if repeat is None else repeat
        if not isinstance(repeat, int) or isinstance(repeat, bool) or repeat < 0:
            raise InputError("`repeat` should be a whole number from 0")
        return arranged(sample, repeat)
    letters = LETTERS[: len(sample.choices.options)]
    found = re.fullmatch(r"\s*\(?([A-Za-z])[).]?\s*", target) if isinstance(target, str) else None
    if found is None or found[1].upper() not in letters:
        raise InputError(f"`target` should be the right option's letter, one of {letters}")
    extra = {key: value for key, value in sample.extra.items() if key not in (OPTIONS, ORDER, POSITION)}
    return replace(sample, target=found[1].upper(), extra=extra, choices=None)


def choice_slots(options: int) -> tuple[str, ...]:
    """The slots of a prompt that hold options: `choices` for all of them, or a letter for each."""
    return ("choices", *LETTERS[:options])


def _filled(choices: Choices, shown: Sequence[str]) -> str:
    texts = dict(zip(LETTERS, shown, strict=False))
    texts["choices"] = "\n".join(f"{letter}) {text}" for letter, text in zip(LETTERS, shown, strict=False))
    return "".join(texts[piece] if place % 2 else piece for place, piece in enumerate(choices.pieces))
