"""Whether the same request gives the same text: at temperature 0, and with the same seed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from evalbudget.doctor.findings import Seen, counted, missing, unknown, works
from evalbudget.doctor.interview import Interview
from evalbudget.doctor.mends import ALIKE, mend
from evalbudget.reasoning.counting import count_tokens
from evalbudget.records import Reply, Sampling

_RANDOM = "Write down twelve words that have nothing to do with each other, one a line."
_RANDOM_TOKENS = 40
_SEEDS = (11, 11, 12, 13)
"""The first two are the same on purpose."""


async def at_temperature_0(asked: Interview) -> Seen:
    """The same question once more begins with the same text."""
    first, second = await asked.natural(), await asked.again()
    if "temperature" in second.dropped_fields:
        return missing("it refuses `temperature`", "ask for more `repeats`, and compare means")
    long, short = _plain(first), _plain(second)
    if not short:
        return unknown("it said nothing")
    if long.startswith(short):
        tokens = count_tokens(second).completion
        many = counted(len(short), "character") if tokens is None else counted(tokens, "token")
        return works(f"asked twice, the same {many}")
    return missing(
        f"asked twice, the texts part after {counted(_alike(long, short), 'character')}",
        mend(ALIKE, asked.record.engine),
    )


async def seed(asked: Interview) -> Seen:
    """At temperature 1 the same seed gives the same text, and another seed another."""
    first = await _with_seed(asked, _SEEDS[0])
    second = await _with_seed(asked, _SEEDS[1])
    others = await asyncio.gather(*(_with_seed(asked, each) for each in _SEEDS[2:]))
    texts = []
    for outcome in (first, second, *others):
        dropped = {"seed", "temperature"}.intersection(outcome.dropped_fields)
        if dropped:
            return missing(f"it refuses `{min(dropped)}`", "ask for more `repeats`: they cannot be repeated")
        texts.append(_plain(outcome))
    if not any(texts):
        return unknown("it said nothing")
    if texts[0] != texts[1]:
        parted = counted(_alike(texts[0], texts[1]), "character")
        return missing(
            f"the same seed gave two texts, which part after {parted}", mend(ALIKE, asked.record.engine)
        )
    if len(set(texts)) == 1:
        return unknown("one text for three seeds at temperature 1: the model is too sure of it, or the server"
                       " samples nothing")  # fmt: skip
    return works("the same seed, the same text; another seed, another text")


async def _with_seed(asked: Interview, number: int) -> Reply:
    request = replace(asked.request(_RANDOM, _RANDOM_TOKENS), seed=number)
    sampling = Sampling(temperature=1.0, top_p=1.0, max_tokens=_RANDOM_TOKENS)
    return await asked.ask(replace(request, sampling=sampling))


def _plain(reply: Reply) -> str:
    """All that was said, without blanks: where they stand at the seam of thinking and answer is no matter."""
    return "".join((reply.reasoning + reply.answer).split()).rstrip("\N{REPLACEMENT CHARACTER}")


def _alike(first: str, second: str) -> int:
    """Characters with which both begin."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(first), len(second)))
