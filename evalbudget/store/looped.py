"""Loops of a run, counted: by kind, and by where they begin, how long their unit is and how often it
comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from evalbudget.store.conditions import GENERATED

Ask: TypeAlias = Callable[[str, Sequence[str | int]], list[dict[str, Any]]]
"""SQL and its values → rows, by column."""

LoopFigure: TypeAlias = Literal["onset", "period", "repeats", "wasted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopCount:
    """Loops of one kind that a model had on a task at a budget. Only replies that were generated: what was
    forced from another's trace repeats its loop. Failed attempts are left out."""

    model: str
    task: str
    budget: int | None
    """None = unlimited."""
    kind: str
    """A `LoopKind` but none, or a word that a later version wrote."""
    doom: int
    """Attempts that ended in it."""
    recovered: int
    """Attempts that left it."""
    wasted_tokens: int
    """Tokens behind the loop's first period, of those attempts of which they are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopBin:
    """Attempts of one model whose loop has a figure within an octave, [low, 2 × low)."""

    figure: LoopFigure
    """onset: tokens before the loop; period: tokens of the repeated unit; repeats: how often it comes;
    wasted: tokens behind the first period."""
    model: str
    low: int
    """A power of two. What is below 1 counts as 1."""
    attempts: int
    doom: int
    """Those of them that ended in the loop."""

    @property
    def high(self) -> int:
        """Exclusive."""
        return 2 * self.low


_LOOPS: Final = f"""
FROM attempts WHERE run_id = ? AND status = 'ok' AND loop_kind <> 'none' AND {GENERATED}
"""
_COUNTS: Final = f"""
SELECT model, task, budget, loop_kind AS kind, count(*) FILTER (loop_doom) AS doom,
    count(*) FILTER (NOT loop_doom) AS recovered,
    coalesce(sum(greatest(loop_wasted_tokens, 0)), 0)::BIGINT AS wasted_tokens
{_LOOPS}
GROUP BY model, task, budget, kind
ORDER BY lower(task), task, lower(model), model, budget NULLS LAST, kind
"""
_BINS: Final = f"""
WITH loops AS (
    SELECT model, loop_doom, loop_onset_token AS onset, loop_period_tokens AS period, loop_repeats AS repeats,
        loop_wasted_tokens AS wasted
    {_LOOPS} {{also}}
), figures AS (
    SELECT model, loop_doom, unnest(['onset', 'period', 'repeats', 'wasted']) AS figure,
        unnest([onset, period, repeats, wasted]::DOUBLE[]) AS value
    FROM loops
)
SELECT figure, model, (2 ** floor(log2(least(greatest(value, 1), 2e9))))::BIGINT AS low,
    count(*) AS attempts, count(*) FILTER (loop_doom) AS doom
FROM figures WHERE value IS NOT NULL AND NOT isnan(value)
GROUP BY figure, model, low
ORDER BY figure, lower(model), model, low
"""  # noqa: S608


class Looped:
    """Asks a store about the loops of a run: `Store.looped`."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def counts(self, run_id: str) -> tuple[LoopCount, ...]:
        """By task, model, budget and kind; only where there are any."""
        return tuple(LoopCount(**row) for row in self._ask(_COUNTS, [run_id]))

    def bins(self, run_id: str, models: Sequence[str] = (), tasks: Sequence[str] = ()) -> tuple[LoopBin, ...]:
        """How the loops of these models on these tasks, of all without any, lie over the octaves: by figure,
        model and octave, without empty bins."""
        also, values = "", [run_id]
        for column, words in (("model", models), ("task", tasks)):
            if words:
                also += f"AND {column} IN ({', '.join('?' * len(words))}) "
                values += words
        return tuple(LoopBin(**row) for row in self._ask(_BINS.format(also=also), values))
