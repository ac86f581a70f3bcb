"""What was thought after the answer was there, and what that lost: from the answers of single traces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evalbudget.stats.answers import Trace, mean_of_questions, share


@dataclass(frozen=True, slots=True)
class Overthinking:
    """As the fields of `Curve` with these names."""

    regret: float | None
    lost_after_correct: float | None
    post_answer_share: float | None


def overthinking(traces: Mapping[tuple[str, int], Trace]) -> Overthinking:
    """Of the traces that have an unlimited answer and one at a budget; every question weighs the same."""
    whole = {key: trace for key, trace in traces.items() if None in trace and len(trace) > 1}
    return Overthinking(
        mean_of_questions((question, _regret(trace)) for (question, _), trace in whole.items()),
        mean_of_questions((question, float(_lost(trace))) for (question, _), trace in whole.items()),
        mean_of_questions(_shares(whole)),
    )


def post_answer_share(steps: Sequence[tuple[int, str | None]], total: int) -> float | None:
    """Share of one trace's thinking that came after its answer had changed for the last time, 0 to 1.

    `steps`: the budgets asked at, rising, each with the answer extracted there; the last step is the trace's
    own end with its own answer. `total`: the tokens of its thinking. Answers are the same if their strings
    are. The answer may have settled anywhere between the first budget that shows it and the one before, so
    the share is a lower bound. None where the trace gave no answer, did not think, or was asked nowhere
    before its end.
    """
    if not steps or total <= 0 or steps[-1][1] is None:
        return None
    final = steps[-1][1]
    earlier = [step for step in steps[:-1] if step[0] < total]
    if not earlier:
        return None
    settled = total
    for budget, extracted in reversed(earlier):
        if extracted != final:
            break
        settled = budget
    return (total - settled) / total


def _regret(trace: Trace) -> float:
    return max(share(answer.score) for answer in trace.values()) - share(trace[None].score)


def _lost(trace: Trace) -> bool:
    return trace[None].score < 1 and any(answer.score >= 1 for answer in trace.values())


def _shares(traces: Mapping[tuple[str, int], Trace]) -> Iterable[tuple[str, float]]:
    for (question, _), trace in traces.items():
        end = trace[None]
        if end.reasoning_tokens is None:
            continue
        rising = sorted(budget for budget in trace if budget is not None)
        steps = [(budget, trace[budget].extracted) for budget in rising]
        found = post_answer_share([*steps, (end.reasoning_tokens, end.extracted)], end.reasoning_tokens)
        if found is not None:
            yield question, found
