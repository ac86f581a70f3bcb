"""What a scripted model's reply is where its thinking was closed by us, on a server that takes token ids."""

from __future__ import annotations

from itertools import cycle, islice

from embedded.scripted import IDS
from embedded.scripts import CLOSE, LOOP_THINKING, THINK, Script
from evalbudget.reasoning.budgets.force import force_string
from tests.engines.truth import Figures

FORCE = force_string("scripted")
CLOSING_IDS = [IDS["\n"], IDS[CLOSE], IDS["\n\n"]]
"""Those of `FORCE.closing`: the scripted models' own closing marker between line ends."""
SAID = "The answer is \\boxed{4}"
BEHIND = len(THINK.answer) - 1
"""Tokens of the answer behind `FORCE.closing`, which has the blank line already."""
PROMPT = {THINK: 29, LOOP_THINKING: 38}
"""Tokens of the prompt `[mark] Q`, as a server counts them."""


def thought(script: Script, tokens: int) -> tuple[str, ...]:
    """The script's first thinking tokens."""
    return tuple(islice(cycle(script.reasoning) if script is LOOP_THINKING else script.reasoning, tokens))


def forced(script: Script, kept: int) -> Figures:
    """Counts of a reply whose thinking was closed behind so many tokens."""
    opening = script is THINK
    return kept, BEHIND, opening + kept + len(CLOSING_IDS) + BEHIND + 1
