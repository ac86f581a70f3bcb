"""An answer that stands in the thinking and was not given.

For math and multiple choice: there a thinking that was cut, or a reply that lost its answer, often holds the
result in the same form, and the scorer finds it by the same rules. For tasks that judge the whole text, such
as IFEval, or calls, the thinking is no answer; which tasks are looked at is the caller's business.
"""

from __future__ import annotations

from collections.abc import Mapping

from evalbudget.contracts import Scorer
from evalbudget.records import JsonValue, Reply, Sample

_LOOKED_AT = 4000
"""Characters at the end of the thinking: a thousand tokens or so, in which it comes to its conclusion.
Results of earlier steps count for nothing."""


def seen_in_thinking(scorer: Scorer, sample: Sample, reply: Reply) -> Mapping[str, JsonValue] | None:
    """`extracted` and `correct`: what the scorer makes of the thinking's end, taken for the answer.

    None where there is no thinking, where tools could be called, and where the scorer finds nothing in it or
    cannot judge it.
    """
    thinking = reply.reasoning[-_LOOKED_AT:]
    if sample.tools or not thinking.strip():
        return None
    try:
        score = scorer(sample, Reply(reasoning="", answer=thinking, finish_reason="stop"))
    except Exception:  # noqa: BLE001 - a second look at a reply that was judged already
        return None
    if score.extracted is None:
        return None
    return {"extracted": score.extracted, "correct": score.value >= 1.0}
