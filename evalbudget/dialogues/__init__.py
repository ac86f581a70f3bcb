"""Jobs of more than one request: a dialogue asks, hears the reply, uses the tools, and asks again.

    conversation   one conversation with BFCL's simulated tools, step by step, until it ends
    turns          multi-turn and web search: one conversation is the job
    memory         memory: earlier conversations fill it, once for all questions of their scenario
    merged         the replies of a conversation as one
    apart          work in a worker process, awaited
    closing        a thinking that is closed by us, at a budget or before a loop, and its answer
    cuts           where it is cut, and what the row says of it

BFCL's tools themselves, and the rules for decoding calls, are `scoring.bfcl.simulated`, which the scorer uses
as well.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from evalbudget.contracts import Dialogue
from evalbudget.dialogues.memory import MemoryBanks, MemoryDialogue
from evalbudget.dialogues.turns import TurnsDialogue
from evalbudget.records import Job, Request, Sample
from evalbudget.scoring.bfcl.turns import CONVERSATIONS

__all__ = ["MemoryBanks", "dialogue_for"]


def dialogue_for(
    sample: Sample, request: Request, job: Job, banks: MemoryBanks
) -> Callable[[], Dialogue] | None:
    """What makes the dialogue of this job; None where one request is all.

    `request` is the job's, opened: each request of the dialogue is this one with other messages and tools.
    `banks`: one for a run, shared by its jobs.
    """
    category = sample.category or ""
    if not category.startswith(CONVERSATIONS) or "turns" not in sample.extra:
        return None
    if category.startswith("memory_"):
        return partial(MemoryDialogue, sample, request, banks.bank(job, sample))
    return partial(TurnsDialogue, sample, request)
