"""What is true of one attempt, as SQL over a row of `attempts`; NULL where it is unknown.

`details` holds what the columns do not say, and may hold anything: a scorer writes there too.
"""

from __future__ import annotations

from typing import Final


def _holds(key: str) -> str:
    """A text search before the JSON is read: reading that of every row would take longer than all else."""
    return f"""contains(details::VARCHAR, '"{key}"')"""


SCORE: Final = "CASE WHEN score IS NOT NULL THEN least(greatest(score, 0), 1) END"
"""The score, 0 to 1, whatever a journal holds."""

GENERATED: Final = "(budget IS NULL OR budget_mode IS DISTINCT FROM 'trace')"
"""Its thinking was generated for it: not forced from another's trace, whose loop it would repeat."""

STOPPED: Final = f"({_holds('stopped')} AND coalesce(details->>'$.loop.stopped' = 'true', false))"
"""We ended the stream for a loop."""

RESCUED: Final = f"({_holds('rescued')} AND coalesce(details->>'$.loop.rescued' = 'true', false))"
"""It was then continued with an answer."""

IN_THINKING: Final = (
    f"({_holds('in_thinking')} AND coalesce(details->>'$.in_thinking.correct' = 'true', false))"
)
"""The thinking, scored as an answer, is correct."""

_CLOSED_BY_US: Final = f"({_holds('force')} AND coalesce(json_type(details, '$.force') = 'OBJECT', false))"

CLOSED: Final = f"""
CASE WHEN {_CLOSED_BY_US} THEN true
    WHEN budget_mode = 'server' AND budget > 0
        THEN reasoning_tokens >= budget AND coalesce(budget_honoured, true)
    ELSE false END
"""
"""Its thinking was closed from outside: by us, or by the server at the budget. Where the server was to switch
the thinking off (its budget 0) there was none to close."""

BY_ITSELF: Final = f"""
CASE WHEN {_CLOSED_BY_US} OR {STOPPED} OR budget_honoured = false OR finish_reason = 'length'
        OR outcome IN ('truncated', 'looped') THEN false
    WHEN budget_mode = 'server' AND budget > 0 THEN reasoning_tokens < budget
    ELSE true END
"""
"""It finished within its budget by itself: neither closed nor stopped, cut by no limit."""

LOOP_CERTAIN_AT: Final = (
    f"CASE WHEN {_holds('certain_token')} THEN try_cast(details->>'$.loop.certain_token' AS BIGINT) END"
)
"""The token at which a doom loop was called certain."""
