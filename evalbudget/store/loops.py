"""What loops cost a run, and what was done about them: of one model on one task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from evalbudget.store.conditions import GENERATED, LOOP_CERTAIN_AT, RESCUED, STOPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopCost:
    """Loops of one model on one task. Only replies that were generated: what was forced from another's trace
    (budget mode `trace`) repeats its loop. Failed attempts are left out."""

    model: str
    task: str
    attempts: int
    tokens: int
    """Completion tokens of the attempts whose count is known."""
    certain: int
    """Attempts that went on though a doom loop had been called certain while they streamed: those that
    `loops: stop` would have ended."""
    certain_finished: int
    """Those of them that left the loop and finished."""
    certain_correct: int
    """Those of these that are correct."""
    certain_tokens_behind: int
    """Tokens that they generated after it was certain, where both are known: what stopping would have
    saved."""
    stopped: int
    """Attempts whose stream was ended for a loop, and that were left without an answer."""
    stopped_tokens: int
    """Completion tokens up to that point, where known."""
    rescued: int
    """Attempts whose stream was ended for a loop, and that were then made to answer."""
    rescued_correct: int
    """Those of them that are correct: what loops would have cost."""

    @property
    def saved_share(self) -> float | None:
        """`certain_tokens_behind` of all tokens; None where no tokens are known."""
        return self.certain_tokens_behind / self.tokens if self.tokens else None

    @property
    def stopped_share(self) -> float:
        """The most accuracy, 0 to 1, that ending streams can have cost: had every one of them recovered."""
        return self.stopped / self.attempts


_SAYS_MORE: Final = "(loop_kind IS DISTINCT FROM 'none' OR finish_reason = 'repetition')"
"""Rows without it were looked at and have no loop, nor were they ended for one: their `details`, the slow
part of this, say nothing of either."""

LOOP_COSTS: Final = f"""
WITH generated AS (
    SELECT model, task, completion_tokens, outcome = 'correct' AS is_right,
        CASE WHEN {_SAYS_MORE} THEN {STOPPED} ELSE false END AS stopped,
        CASE WHEN {_SAYS_MORE} THEN {RESCUED} ELSE false END AS rescued,
        CASE WHEN {_SAYS_MORE} THEN {LOOP_CERTAIN_AT} END AS certain_at,
        certain_at IS NOT NULL AND NOT stopped AND NOT rescued AS certain,
        NOT coalesce(loop_doom, true) AND outcome NOT IN ('truncated', 'looped') AS finished
    FROM attempts
    WHERE run_id = ? AND status = 'ok' AND {GENERATED}
)
SELECT model, task, count(*) AS attempts, coalesce(sum(completion_tokens), 0)::BIGINT AS tokens,
    count(*) FILTER (certain) AS certain,
    count(*) FILTER (certain AND finished) AS certain_finished,
    count(*) FILTER (certain AND finished AND is_right) AS certain_correct,
    coalesce(sum(greatest(completion_tokens - certain_at, 0)) FILTER (certain), 0)::BIGINT
        AS certain_tokens_behind,
    count(*) FILTER (stopped AND NOT rescued) AS stopped,
    coalesce(sum(completion_tokens) FILTER (stopped AND NOT rescued), 0)::BIGINT AS stopped_tokens,
    count(*) FILTER (rescued) AS rescued,
    count(*) FILTER (rescued AND is_right) AS rescued_correct
FROM generated
GROUP BY model, task
HAVING count(*) FILTER (certain OR stopped OR rescued) > 0
ORDER BY lower(task), task, lower(model), model
"""  # noqa: S608 - our own words
"""`LoopCost` of a run, where there is any."""
