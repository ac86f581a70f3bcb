"""`lm_eval`: the filters and the metrics of a task of lm-eval, run by lm-eval itself, on one answer.

The score is the first metric of the task under its first filter, such as `exact_match,strict-match` of gsm8k;
`details.metrics` holds all of them, under lm-eval's own names. The authors' Python and their regular
expressions run over the model's text, so they run in a worker process with a time limit.

lm-eval sends a chat endpoint the first four of a task's stop words and takes what comes back as it is. This
scorer does too, unless those words were not sent (`cut`): then the answer ends here before the first of them
all, as it does where lm-eval runs a model itself (lm_eval.models.utils.postprocess_generated_text).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from evalbudget.errors import InputError
from evalbudget.harness.scales import of_hundred
from evalbudget.isolation import bounded
from evalbudget.records import JsonValue, ReasoningForm, Reply, Sample, Score

if TYPE_CHECKING:
    from evalbudget.harness.verdicts import Filtered, Metric, Verdict

SECONDS = 30.0
"""For one answer; the first one in a worker process also loads the task."""


def lm_eval(sample: Sample, reply: Reply, *, cut: bool = False) -> Score:
    """The first metric under the first filter, 0 to 1, 1 being best; partial scores as the task gives them.

    A metric of 100 is divided by 100, one where less is better is turned round, and what lies beyond is cut
    off at 0 and 1; `details.metrics` keeps lm-eval's own value. Raises TimeLimitError, and what the authors'
    Python raises.
    """
    if "lm_eval" not in sample.extra:
        raise InputError("the scorer lm_eval is for tasks named lm_eval/…; it has no document to judge by")
    known = cast("Mapping[str, JsonValue]", sample.extra["lm_eval"])
    words = cast("Sequence[str]", known["until"])
    text, cut_at = _text(reply, words, cut=cut or "stop" in reply.dropped_fields)
    verdict = _verdict(known, cast("Mapping[str, JsonValue]", sample.extra["doc"]), text)
    chosen, metric = _primary(verdict)
    details: dict[str, JsonValue] = {
        "metrics": {
            f"{name},{each.name}": value
            for each in verdict.filtered
            if not each.votes
            for name, value in each.metrics.items()
        },
        "scored_by": f"{metric},{chosen.name}",
    }
    repeats = cast("int", known["repeats"])
    details |= _about_metrics(verdict, str(known["task"])) | _about_filters(verdict.filtered, repeats)
    if repeats > 1:
        details["repeats"] = repeats
    details |= {"cut_at": cut_at} if cut_at is not None else _left_in(text, words)
    value = _share(chosen.single[metric], metric, verdict.metrics[metric])
    return Score(value=value, extracted=chosen.text, details=details)


def _text(reply: Reply, words: Iterable[str], *, cut: bool) -> tuple[str, str | None]:
    """The answer as the task gets it, and the stop word that ended it here.

    Behind inline thinking, white space goes first, as with lm-eval's `think_end_token`.
    """
    inline = reply.reasoning_form in (ReasoningForm.INLINE, ReasoningForm.HARMONY)
    text = reply.answer.lstrip() if inline or (cut and reply.reasoning) else reply.answer
    cut_at = None
    for word in words if cut else ():
        if word and word in text:
            text, cut_at = text[: text.index(word)], word
    return text, cut_at


def _verdict(known: Mapping[str, JsonValue], document: Mapping[str, JsonValue], text: str) -> Verdict:
    from evalbudget.harness.lm_eval_task import Shape  # noqa: PLC0415 - imports lm-eval, which takes seconds
    from evalbudget.harness.verdicts import judge  # noqa: PLC0415

    said = cast("Mapping[str, JsonValue]", known["shape"])
    shape = Shape(
        features=tuple(cast("Sequence[str]", said["features"])),
        multiple_input=cast("int", said["multiple_input"]),
        multiple_target=cast("int", said["multiple_target"]),
    )
    return bounded(judge, Path(str(known["path"])), shape, document, text, seconds=SECONDS)


def _primary(verdict: Verdict) -> tuple[Filtered, str]:
    """The first filter that takes no vote, and the first metric that says something about one answer."""
    chosen = next((each for each in verdict.filtered if not each.votes), verdict.filtered[0])
    if not chosen.single:
        raise ValueError("the task's process_results gave no metric for this answer")
    said = (name for name, value in chosen.single.items() if value is not None)
    return chosen, next(said, next(iter(chosen.single)))


def _share(value: float | None, name: str, metric: Metric) -> float:
    """A value as a share, 1 being best; 0 where the metric says nothing about one answer."""
    if value is None or math.isnan(value):
        return 0.0
    share = value / 100 if of_hundred(name, metric.aggregation) else value
    return min(1.0, max(0.0, share if metric.higher_is_better else 1.0 - share))


def _about_metrics(verdict: Verdict, task: str) -> dict[str, JsonValue]:
    """What their aggregation needs, where it is no mean (measures/lm_eval.py)."""
    others: dict[str, JsonValue] = {
        name: metric.aggregation for name, metric in verdict.metrics.items() if metric.aggregation != "mean"
    }
    own = {"task": task} if "own" in others.values() else {}
    return {"aggregations": others, **own} if others else {}


def _about_filters(filtered: Sequence[Filtered], repeats: int) -> dict[str, JsonValue]:
    """Each filter's answer, where there are several; and what is still to be voted on."""
    if len(filtered) == 1 and not filtered[0].votes:
        return {}
    votes: dict[str, JsonValue] = {
        each.name: {"takes": each.first or repeats, "metrics": dict(each.metrics)}
        for each in filtered
        if each.votes
    }
    return {"filtered": {each.name: each.text for each in filtered}, **({"votes": votes} if votes else {})}


def _left_in(text: str, words: Iterable[str]) -> dict[str, JsonValue]:
    """Stop words that the answer holds: the server ignored them, or lm-eval did not send them."""
    left: list[JsonValue] = [word for word in words if word and word in text]
    return {"stop_words_left": left} if left else {}
