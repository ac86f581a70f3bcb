"""The four measures of IFEval and their mean, each with who publishes it."""

from __future__ import annotations

from collections.abc import Sequence

from evalbudget.measures.measure import Measure, ScoredRow

_PUBLISHED = {
    "prompt-strict": "published by Qwen, and the score: prompts with every instruction followed",
    "inst-strict": "instructions that are followed",
    "prompt-loose": "prompts, also without their first line, last line or any *",
    "inst-loose": "instructions, also without first line, last line or any *",
}
"""Name → what it counts. Zhou et al., arXiv 2311.07911; Qwen3 technical report, LFM2 cards."""
_MEAN = "published by Liquid: the mean of the four above"


def ifeval(rows: Sequence[ScoredRow]) -> tuple[Measure, ...]:
    """prompt-strict, inst-strict, prompt-loose, inst-loose, and the mean of the four.

    The first and third count rows, the others instructions, of which a row has one to three.
    """
    strict, loose = _verdicts(rows, "strict"), _verdicts(rows, "loose")
    shares = {
        "prompt-strict": [all(row) for row in strict],
        "inst-strict": [followed for row in strict for followed in row],
        "prompt-loose": [all(row) for row in loose],
        "inst-loose": [followed for row in loose for followed in row],
    }
    four = tuple(
        Measure(name=name, value=_share(verdicts), n=len(verdicts), note=_PUBLISHED[name])
        for name, verdicts in shares.items()
    )
    values = [each.value for each in four if each.value is not None]
    mean = sum(values) / len(values) if values else None
    return (*four, Measure(name="mean-of-four", value=mean, n=len(strict), note=_MEAN))


def _verdicts(rows: Sequence[ScoredRow], kind: str) -> list[list[bool]]:
    """Each row's verdicts, one for each of its instructions."""
    found = [row.details.get(kind) for row in rows]
    return [[bool(verdict) for verdict in each] for each in found if isinstance(each, list) and each]


def _share(verdicts: Sequence[bool]) -> float | None:
    return sum(verdicts) / len(verdicts) if verdicts else None
