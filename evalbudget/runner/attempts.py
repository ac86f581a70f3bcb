"""A job and what came of it → its row of `attempts`. Pure, but for the scorer that it calls."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace

from evalbudget.contracts import Assignment, Dialogue
from evalbudget.errors import EvalbudgetError, where_raised
from evalbudget.reasoning.budgets.honoured import honoured
from evalbudget.reasoning.counting import count_tokens, sequence_tokens
from evalbudget.records import (
    Attempt,
    Failure,
    FailureKind,
    JsonValue,
    Message,
    Outcome,
    Reply,
    Request,
    Score,
    TokenCounts,
)
from evalbudget.runner.details import cut_details, loop_found, step_details, unsaid
from evalbudget.scoring.outcome import decide_outcome

_LONGEST_ERROR = 500
"""Characters of an error's line that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a job ended."""

    result: Reply | Failure
    tries: int
    """Requests sent for it, 0 where none was."""
    started_at: str
    """ISO 8601, UTC: when the first was sent, or when it was decided to send none."""
    kv_bytes: Callable[[int], float | None] | None = None
    """`Lane.kv_bytes` of the server that it was asked of."""


def judge(run_id: str, assignment: Assignment, ending: Ending) -> Attempt:
    """The row: scored where there is a reply that the scorer can judge, else failed with all that arrived."""
    if isinstance(ending.result, Failure):
        return _row(run_id, assignment, ending, ending.result.partial, ending.result)
    verdict = score_or_failure(assignment, ending.result)
    return _row(run_id, assignment, ending, ending.result, verdict)


def score_or_failure(assignment: Assignment, reply: Reply) -> Score | Failure:
    """The scorer's verdict; what it raises, or a value outside 0 to 1, is a failure of kind `scorer`."""
    try:
        score = assignment.scorer(assignment.sample, reply)
    except EvalbudgetError as error:
        said = type(error).__name__ if assignment.private else str(error)
        return Failure(kind=FailureKind.SCORER, message=f"the scorer could not judge it: {said}")
    except Exception as error:  # noqa: BLE001 - any scorer, any error: one reply must not end a run
        said = "" if assignment.private else f": {error}"
        reason = f"the scorer raised {type(error).__name__}{said} ({where_raised(error)})"
        return Failure(kind=FailureKind.SCORER, message=reason)
    if not 0.0 <= score.value <= 1.0:
        return Failure(
            kind=FailureKind.SCORER, message=f"the scorer gave {score.value}, not a value from 0 to 1"
        )
    return score


def whole_result(failure: Failure | None, dialogue: Dialogue) -> Reply | Failure | None:
    """A dialogue's result: all its replies as one, or why it stopped, with those that had come."""
    together = dialogue.reply()
    return replace(failure, partial=together or failure.partial) if failure is not None else together


def prompt_text(messages: tuple[Message, ...]) -> str:
    """The messages as one text: a single user message as it is, otherwise each under a line with its role."""
    if len(messages) == 1 and messages[0].role == "user":
        return messages[0].content
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in messages)


def request_fields(request: Request, dropped: Collection[str] = ()) -> Mapping[str, JsonValue]:
    """What was sent besides the messages, under the names of the chat-completions API.

    What the server refuses, and was therefore not sent, stands by name under `dropped_fields`.
    """
    said: dict[str, JsonValue] = {}
    for each in fields(request.sampling):
        value = getattr(request.sampling, each.name)
        if isinstance(value, tuple):
            value = list(value) or None
        if value is not None:
            said[each.name] = value
    besides: dict[str, JsonValue] = {
        "seed": request.seed,
        "reasoning_effort": request.effort,
        "thinking_budget": request.thinking_budget,
        "stop_loops": request.stop_loops or None,
    }
    said |= {name: value for name, value in besides.items() if value is not None}
    said = {name: value for name, value in said.items() if name not in dropped}
    if request.tools:
        said["tools"] = [dict(tool) for tool in request.tools]
    if request.extra_body:
        said["extra_body"] = dict(request.extra_body)
    if dropped:
        said["dropped_fields"] = list(dropped)
    return said


def _row(
    run_id: str, assignment: Assignment, ending: Ending, reply: Reply | None, verdict: Score | Failure
) -> Attempt:
    job = assignment.job
    score = verdict if isinstance(verdict, Score) else None
    failure = verdict if isinstance(verdict, Failure) else None
    loop = loop_found(reply)
    outcome = None
    if score is not None and reply is not None:
        outcome = decide_outcome(score, reply, doom=loop is not None and loop.doom)
    tokens = count_tokens(reply) if reply is not None else TokenCounts()
    timings = reply.timings if reply is not None else None
    kept = None
    if reply is not None:
        kept = honoured(reply, tokens, budget=job.budget, mode=assignment.budget_mode)
    return Attempt(
        run_id=run_id,
        model=job.model,
        task=job.task,
        sample_id=job.sample_id,
        budget=job.budget,
        repeat=job.repeat,
        category=assignment.sample.category,
        budget_mode=assignment.budget_mode,
        status="ok" if score is not None else "failed",
        outcome=outcome,
        score=score.value if score is not None else None,
        correct=outcome is Outcome.CORRECT if outcome is not None else None,
        extracted=score.extracted if score is not None else None,
        target=assignment.sample.target,
        details={
            **(score.details if score is not None else {}),
            **step_details(reply),
            **cut_details(reply),
            **(loop.details if loop is not None else {}),
            **unsaid(assignment, reply, score),
        },
        finish_reason=reply.finish_reason if reply is not None else None,
        prompt_tokens=tokens.prompt,
        reasoning_tokens=tokens.reasoning,
        answer_tokens=tokens.answer,
        completion_tokens=tokens.completion,
        cached_tokens=tokens.cached,
        token_source=tokens.source,
        budget_honoured=kept,
        ttft_s=timings.ttft_s if timings is not None else None,
        first_answer_s=timings.first_answer_s if timings is not None else None,
        latency_s=timings.latency_s if timings is not None else None,
        **(loop.columns if loop is not None else {}),
        kv_bytes=_kv_bytes(ending, reply),
        error_kind=failure.kind if failure is not None else None,
        error=" ".join(failure.message.split())[:_LONGEST_ERROR] if failure is not None else None,
        tries=ending.tries,
        started_at=ending.started_at,
        request=request_fields(assignment.request, reply.dropped_fields if reply is not None else ()),
        prompt=prompt_text(assignment.request.messages),
        reasoning=reply.reasoning if reply is not None else "",
        answer=reply.answer if reply is not None else "",
        tool_calls=reply.tool_calls if reply is not None else (),
    )


def _kv_bytes(ending: Ending, reply: Reply | None) -> float | None:
    """Memory of its sequence, of a failed attempt as far as its reply came; None where tokens or bytes are
    not known."""
    tokens = sequence_tokens(reply) if reply is not None else None
    return None if tokens is None or ending.kv_bytes is None else ending.kv_bytes(tokens)
