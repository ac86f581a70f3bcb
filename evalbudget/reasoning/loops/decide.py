"""From a whole reply to the verdict: the shape of its loop, where that begins, and whether it is doom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evalbudget.reasoning.loops.ending import breaks_off, said_to_finish
from evalbudget.reasoning.loops.published import published_rules
from evalbudget.reasoning.loops.runs import Run
from evalbudget.reasoning.loops.template import template_run
from evalbudget.reasoning.loops.trace import Trace, exact_run, first_saying, still_repeats
from evalbudget.reasoning.loops.verdict import LoopKind, LoopVerdict, Segment
from evalbudget.reasoning.loops.walk import Rise

_MOST_OF_UNIT = 120
_MOST_DISTANCES = 4096


@dataclass(frozen=True, slots=True)
class _Loop:
    """A loop, in tokens."""

    kind: LoopKind
    start: int
    end: int
    """Exclusive."""
    period: int
    unit_at: int
    """Where its unit is written, `period` tokens long."""


def decide(
    trace: Trace, tokens: Sequence[int], *, finish_reason: str | None, answered: bool | None
) -> LoopVerdict:
    """The verdict on a reply. `answered`: whether an answer came; None where that is not known."""
    text = None if trace.pieces is None else "".join(trace.pieces)
    said = said_to_finish(finish_reason, answered)
    finished = _seems_finished(trace, text) if said is None else said
    loop = _loop_at_end(trace, finished=finished) or _loop_inside(trace)
    doom = loop is not None and not finished and loop.kind is not LoopKind.INTERIOR
    verdict = LoopVerdict(
        kind=LoopKind.NONE if loop is None else loop.kind,
        doom=doom,
        recovered=loop is not None and not doom,
        runaway=loop is None and said is False,
        finished=said if loop is None else finished,
        tokens=len(tokens),
        published=published_rules(tokens, text),
    )
    return verdict if loop is None else _with_places(verdict, loop, trace)


def _seems_finished(trace: Trace, text: str | None) -> bool:
    """By the text alone: see `ending.py`. Without texts, by whether it still repeats itself."""
    walk, rules = trace.walk, trace.rules
    if text is not None and breaks_off(text):
        return False
    if walk.height >= rules.beyond_doubt and len(trace.line) - 1 - walk.last_known <= rules.slack:
        return False
    least = rules.evidence if text is None else rules.certain
    return not (walk.height >= least and still_repeats(trace))


def _loop_at_end(trace: Trace, *, finished: bool) -> _Loop | None:
    """The loop with which the reply ends. A reply that finished needs more evidence than one short run."""
    walk, rules, end = trace.walk, trace.rules, len(trace.line)
    present = walk.height >= rules.evidence
    if finished and not present:
        return None
    begins = _beginning(trace, walk.rise) if present else end
    run = exact_run(trace, end, slack=rules.slack)
    counter = None if finished or (run and not run.broken) else template_run(trace)
    if counter and (run is None or counter.start <= run.start):
        return _of_run(LoopKind.TEMPLATE, counter, begins, end)
    if run:
        return _of_run(LoopKind.EXACT, run, begins, end)
    if not present or (finished and end - 1 - walk.last_known > rules.slack):
        return None
    fell = walk.rise.height - walk.height
    kind = LoopKind.RECURRENT if fell < rules.evidence // 2 else LoopKind.SUSTAINED
    return _of_distance(kind, trace, begins, end)


def _loop_inside(trace: Trace) -> _Loop | None:
    """The loop with the most evidence, wherever it is."""
    peak = trace.walk.peak
    if peak.height < trace.rules.evidence:
        return None
    return _of_distance(LoopKind.INTERIOR, trace, _beginning(trace, peak), peak.end)


def _beginning(trace: Trace, rise: Rise) -> int:
    """The first token of the loop that made the walk rise."""
    first = max(rise.start - trace.rules.gram + 1, 0)
    floor = trace.floor if first >= trace.floor else 0
    return first_saying(trace.line, first, rise.end, floor=floor, rules=trace.rules)


def _of_run(kind: LoopKind, run: Run, begins: int, end: int) -> _Loop:
    return _Loop(kind, min(run.start, begins), end, run.period, run.start)


def _of_distance(kind: LoopKind, trace: Trace, start: int, end: int) -> _Loop:
    """A loop that varies: its period is the commonest distance between two sayings of a gram."""
    gram = trace.rules.gram
    last: dict[str, int] = {}
    distances: Counter[int] = Counter()
    for place in range(max(start, end - _MOST_DISTANCES), end - gram + 1):
        said = trace.line[place : place + gram]
        if said in last:
            distances[place - last[said]] += 1
        last[said] = place
    period = distances.most_common(1)[0][0] if distances else end - start
    return _Loop(kind, start, end, period, end - period)


def _with_places(verdict: LoopVerdict, loop: _Loop, trace: Trace) -> LoopVerdict:
    """The verdict with where its loop is."""
    pieces, span = trace.pieces, loop.end - loop.start
    answer_at = len(trace.line) if trace.answer_at is None else trace.answer_at
    unit = None if pieces is None else "".join(pieces[loop.unit_at : loop.unit_at + loop.period])
    return replace(
        verdict,
        onset_token=loop.start,
        onset_char=None if pieces is None else sum(map(len, pieces[: loop.start])),
        period_tokens=loop.period,
        repeats=span / loop.period,
        span_tokens=span,
        unit=None if unit is None else unit[:_MOST_OF_UNIT],
        segment=Segment.REASONING if loop.start < answer_at else Segment.ANSWER,
        wasted_tokens=max(span - loop.period, 0),
        certain_token=next((alarm for alarm in trace.walk.alarms if alarm >= loop.start), None),
    )
