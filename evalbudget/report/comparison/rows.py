"""A comparison's table: both models, the difference and what it says, a row each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from evalbudget.report.comparison.records import Row
from evalbudget.report.comparison.words import TARGETS, chance, ends, points, questions, signed, times
from evalbudget.report.kv import size
from evalbudget.report.words import share, tokens
from evalbudget.stats.comparison import Comparison, Flips, Judged, RateChange, Target
from evalbudget.stats.ratio import TokenRatio
from evalbudget.store.cells import Cell
from evalbudget.store.memory import ModelMemory

_MANY_QUESTIONS: Final = 100
"""Of fewer the interval of excess flips holds the truth less often than it says (`stats.flips`)."""


def rows(
    found: Comparison,
    target: Target,
    holm: float | None,
    cells: tuple[Cell | None, Cell | None],
    memory: tuple[ModelMemory | None, ModelMemory | None],
) -> tuple[Row, ...]:
    """What both models' answers to the common questions say; then what each run has of its model at this
    budget, questions included that the other has not. `holm`: the target's p, corrected; None where it is of
    no family."""
    return (
        *_of_accuracy(found, target, holm),
        *_of_flips(found.flips, found.questions),
        *_of_tokens("thinking tokens", found.thinking),
        *_of_tokens("tokens in all", found.tokens),
        *_of_loops(found.loops),
        *_of_cells(*cells),
        *_of_memory(*memory),
    )


def _of_accuracy(found: Comparison, target: Target, holm: float | None) -> Iterator[Row]:
    yield Row(
        title="accuracy",
        base=share(found.base),
        candidate=share(found.candidate),
        difference=f"{signed(found.difference)} points",
        note="overall, weighted as BFCL does" if found.strata else "",
    )
    for which in TARGETS:
        judged = found.judged.get(which)
        if judged is None:
            yield Row(
                title=_titled(which, target),
                difference="not known: it takes several answers to each question",
            )
        else:
            yield from _of_target(judged, found, is_verdict=which == target, holm=holm)
    yield Row(
        title="answers",
        base=f"{found.base_answers:,}",
        candidate=f"{found.candidate_answers:,}",
        difference=f"to {questions(found.questions)}",
    )
    yield Row(
        title="questions",
        base=f"{found.lost:,} lost",
        candidate=f"{found.won:,} won",
        difference=f"{found.differing:,} differ in their mean",
        note="" if found.mcnemar_p is None else f"McNemar's {chance(found.mcnemar_p)}",
    )


def _titled(which: Target, target: Target) -> str:
    return f"{'* ' if which == target else '  '}{TARGETS[which]}"


def _of_target(judged: Judged, found: Comparison, *, is_verdict: bool, holm: float | None) -> Iterator[Row]:
    """The interval and its p; what it says of the margin; what could have been seen."""
    corrected = f", Holm's {chance(holm)}" if is_verdict and holm is not None else ""
    yield Row(
        title=_titled(judged.target, judged.target if is_verdict else _other(judged.target)),
        difference=ends(judged.low, judged.high),
        note=f"{chance(judged.p)}{corrected}",
    )
    no_worse = "no worse shown" if judged.no_worse else "no worse not shown"
    within = "within shown" if judged.equivalent else "within not shown"
    yield Row(
        title=f"    by {points(found.margin)}",
        difference=f"{no_worse} ({chance(judged.p_no_worse)})",
        note=f"{within} ({chance(judged.p_equivalent)})",
    )
    more = "" if not judged.more_repeats else f"{judged.more_repeats:,} more repeats would tell"
    yield Row(title="    can detect", difference=points(judged.detectable), note=more)


def _other(target: Target) -> Target:
    return "questions" if target == "benchmark" else "benchmark"


def _of_flips(flips: Flips | None, asked: int) -> Iterator[Row]:
    if flips is None:
        return
    yield Row(
        title="flips",
        base=f"{share(flips.lost)}",
        candidate=f"{share(flips.won)}",
        difference=f"{share(flips.share)} of pairs of answers",
        note="right with one model alone",
    )
    if flips.excess is None or flips.noise is None:
        yield Row(title="  beyond rerun noise", difference="not known: no question was asked twice")
        return
    within = ""
    if flips.excess_low is not None and flips.excess_high is not None:
        within = f" ({ends(flips.excess_low, flips.excess_high)})"
    doubt = "; too sure, of so few questions" if asked < _MANY_QUESTIONS else ""
    yield Row(
        title="  beyond rerun noise",
        difference=f"{signed(flips.excess)} points{within}",
        note=f"reruns of one model flip {share(flips.noise)}{doubt}",
    )


def _of_tokens(title: str, found: TokenRatio | None) -> Iterator[Row]:
    if found is not None:
        yield Row(
            title=title,
            base=tokens(found.base),
            candidate=tokens(found.candidate),
            difference=times(found),
        )


def _of_loops(loops: RateChange | None) -> Iterator[Row]:
    if loops is not None:
        yield Row(
            title="doom loops",
            base=share(loops.base),
            candidate=share(loops.candidate),
            difference=f"{signed(loops.difference)} points ({ends(loops.low, loops.high)})",
            note=chance(loops.p),
        )


@dataclass(frozen=True, slots=True)
class _Figure:
    """One figure of a cell or of a model's memory."""

    title: str
    value: Callable[[Cell], float | None]
    text: Callable[[float], str]


def _share_of(part: Callable[[Cell], int]) -> Callable[[Cell], float | None]:
    return lambda cell: part(cell) / (cell.attempts - cell.failed) if cell.attempts > cell.failed else None


def _size(number: float) -> str:
    return size(round(number))


_SHARES: Final = (
    _Figure("truncated", _share_of(lambda cell: cell.truncated), share),
    _Figure("no answer", _share_of(lambda cell: cell.no_answer), share),
    _Figure("failed", lambda cell: cell.failed / cell.attempts if cell.attempts else None, share),
)
_AMOUNTS: Final = (
    _Figure("tokens per correct", lambda cell: cell.tokens_per_correct, tokens),
    _Figure("latency", lambda cell: cell.mean_latency_s, lambda number: f"{number:,.2f} s"),
    _Figure("KV of a sequence", lambda cell: cell.mean_kv_bytes, _size),
    _Figure("KV at its peak", lambda cell: cell.kv_peak_bytes, _size),
)


def _of_cells(base: Cell | None, candidate: Cell | None) -> Iterator[Row]:
    """Where both are known."""
    if base is None or candidate is None:
        return
    for figure in _SHARES:
        ours, theirs = figure.value(base), figure.value(candidate)
        if ours or theirs:
            ours, theirs = ours or 0.0, theirs or 0.0
            yield Row(
                title=figure.title,
                base=figure.text(ours),
                candidate=figure.text(theirs),
                difference=f"{signed(theirs - ours)} points",
            )
    for figure in _AMOUNTS:
        yield from _amount(figure.title, figure.value(base), figure.value(candidate), figure.text)


def _of_memory(base: ModelMemory | None, candidate: ModelMemory | None) -> Iterator[Row]:
    if base is not None and candidate is not None:
        yield from _amount(
            "KV bytes per token", base.bytes_per_token, candidate.bytes_per_token, lambda each: f"{each:,.0f}"
        )


def _amount(
    title: str, base: float | None, candidate: float | None, text: Callable[[float], str]
) -> Iterator[Row]:
    if base is not None and candidate is not None:
        ratio = f"{candidate / base:.2f} times" if base > 0 else ""
        yield Row(title=title, base=text(base), candidate=text(candidate), difference=ratio)
