"""Replies that end in a loop, with the noise that real ones have, and the character where the loop begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.reasoning.loops.made_prose import OPENERS, prose, sentence

SHORT_UNITS = (
    "so, ", "but, ", "1, ", "+1 ", " 2", "f + ", "ha ", "\\frac{", "3,", "0", "1.82-34=", "55,124*8=441, ",
    "Wait, ", "x = x. ", "of of of the ", "is that, ", "\n\n", "))", "the the ", "→ ",
)  # fmt: skip
COUNTERS = (
    "Step {n}: now check n = {n}.\n",
    "Wait, if a = {n}, then b = {m}, which is not an integer.\n\n",
    "{n}^2 = {m}, {n} is not a solution. ",
    "Next, consider the term number {n} of the sequence, which is {m}.\n",
    "- item {n}\n",
    "So 2^{n} mod 1000 is {m}. Then ",
)
CONNECTIVES = ("So", "But", "Wait", "Hmm", "And", "Therefore", "Wait, no", "Then again", "Okay, so", "Also")


@dataclass(frozen=True, slots=True)
class Looping:
    """A made reply that was cut while it looped."""

    family: str
    text: str
    onset: int
    """Character where the loop begins."""


def short(random: Random) -> list[str]:
    unit = random.choice(SHORT_UNITS)
    return [unit] * (random.randrange(700, 9000) // len(unit) + 300 // len(unit))


def one_sentence(random: Random) -> list[str]:
    return [sentence(random) + random.choice((" ", "\n\n"))] * random.randrange(6, 200)


def block(random: Random) -> list[str]:
    unit = [sentence(random) + random.choice((" ", "\n\n")) for _ in range(random.randrange(4, 15))]
    return unit * random.randrange(5, 16)


def long_block(random: Random) -> list[str]:
    unit = [sentence(random) + " " for _ in range(random.choice((30, 75)))]
    return unit * random.randrange(5, 9)


def counter(random: Random) -> list[str]:
    form, start = random.choice(COUNTERS), random.randrange(1, 400)
    multiple = random.randrange(2, 30)
    return [form.format(n=n, m=n * multiple) for n in range(start, start + random.randrange(60, 400))]


def connective(random: Random) -> list[str]:
    said = sentence(random).split(", ", 1)[1]
    return [f"{random.choice(CONNECTIVES)}, {said}\n\n" for _ in range(random.randrange(12, 200))]


def shuffled(random: Random) -> list[str]:
    said = [sentence(random) + " " for _ in range(random.randrange(3, 7))]
    return [random.choice(said) for _ in range(random.randrange(100, 400))]


FAMILIES: tuple[Callable[[Random], list[str]], ...] = (
    short, one_sentence, block, long_block, counter, connective, shuffled,
)  # fmt: skip
EXACT_OR_TEMPLATE = {"short", "one_sentence", "block", "long_block", "counter", "connective"}


def looping(seed: int, *, noise: float | None = None) -> Looping:
    """A reply that loops until it is cut; `noise` is the share of words that go wrong."""
    random = Random(seed)
    family = FAMILIES[seed % len(FAMILIES)]
    before = prose(random, random.randrange(1, 120)) + random.choice((" ", "\n\n"))
    units = family(random)
    if random.random() < 0.3 and family is not short:
        units = [_other_border(random, unit) for unit in units]
    share = random.choice((0.0, 0.0, 0.005, 0.01)) if noise is None else noise
    looped = "".join(units) if share == 0 else _with_errors(random, "".join(units), share)
    cut = random.randrange(len(units[-1])) if len(units[-1]) < 400 else random.randrange(200)
    return Looping(family.__name__, before + looped[: len(looped) - cut], len(before))


def _other_border(random: Random, unit: str) -> str:
    """The same words with another white space behind them, as retokenising gives them."""
    return unit.rstrip() + random.choice((" ", "\n", "\n\n", "  ")) if random.random() < 0.2 else unit


def _with_errors(random: Random, text: str, share: float) -> str:
    words = text.split(" ")
    return " ".join(
        random.choice((word + word, "", random.choice(OPENERS).lower(), f"{random.randrange(99)}"))
        if random.random() < share
        else word
        for word in words
    )
