"""Where a thinking is cut, the request that goes on from there, and what the whole reply says of it.

A cut at the budget keeps the first tokens of the thinking. A cut at a loop keeps what came before the loop.
Both are closed with the family's string (`reasoning.budgets.force`), and the model goes on with its answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from evalbudget.reasoning.budgets.force import ForceString
from evalbudget.reasoning.counting import count_tokens
from evalbudget.reasoning.loops import LoopVerdict, Segment
from evalbudget.reasoning.loops.ending import said_to_finish
from evalbudget.reasoning.loops.of_reply import loop_of
from evalbudget.records import (
    Begun,
    Failure,
    FailureKind,
    JsonValue,
    Reply,
    Request,
    Stopped,
    TokenCounts,
    TokenSource,
)

_SHORT_TEXT = 2000
"""Characters of thinking behind a cut that a row keeps."""
NO_TOOLS = Failure(
    kind=FailureKind.REQUEST,
    message="tool calls cannot be forced: use `budget_mode: server` or `max_tokens`",
)
"""A continued reply is text; no server takes back half a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where the thinking of one reply is cut."""

    keep: int | None
    """Thinking tokens that are kept, from the first; None = all of `reasoning`."""
    reasoning: str
    """The thinking of which they are kept."""
    about: int | None
    """How many that is, near enough for what `max_tokens` leaves; None where unknown."""
    by_ids: bool = True
    """Whether the reply's token ids hold this thinking from its first token on."""
    loop: LoopVerdict | None = None
    """The loop that it was cut at; None where it was cut at the budget."""

    @property
    def why(self) -> str:
        """As `details.force` says it."""
        return "budget" if self.loop is None else "loop"


def cut_at_budget(reply: Reply, budget: int, *, max_tokens: int | None) -> Cut | None:
    """The cut of a reply that thought longer than the budget; None where it kept it.

    It did where we ended its stream for that, or where its count says so: a server may tell its tokens only
    at the end, behind a closed thinking. Where nothing is counted, thinking that `max_tokens` cut was longer.
    """
    thought = count_tokens(reply).reasoning
    if reply.stopped is not Stopped.BUDGET:
        if thought is None:
            cut_inside = reply.finish_reason == "length" and reply.thinking_closed is False
            over = cut_inside and (max_tokens is None or max_tokens > budget)
        else:
            over = thought > budget
        if not over:
            return None
    kept = budget if thought is None else min(budget, thought)
    return Cut(keep=budget, reasoning=reply.reasoning, about=kept)


def may_loop(reply: Reply) -> bool:
    """Whether the detector has to be asked: there is thinking, and the reply did not come to its own end."""
    return (
        bool(reply.reasoning.strip()) and said_to_finish(reply.finish_reason, reply.is_answered) is not True
    )


def cut_at_loop(reply: Reply, budget: int | None) -> Cut | None:
    """The cut before a doom loop in the thinking; None where there is none, or it began in the answer.

    Of a stream that we ended at its budget only a loop that was certain by then counts: it might have been
    left. A loop behind the budget is cut off with the rest.
    """
    verdict = loop_of(reply)
    if not verdict.doom or verdict.segment is not Segment.REASONING or verdict.onset_token is None:
        return None
    if reply.stopped is Stopped.BUDGET and verdict.certain_token is None:
        return None
    return _before(reply, verdict, budget)


def _before(reply: Reply, loop: LoopVerdict, budget: int | None) -> Cut | None:
    """The cut at the loop's first token; None where that lies behind the budget, or in the answer."""
    counts, at = count_tokens(reply), loop.onset_char
    if at is None:
        keep = max((loop.onset_token or 0) - _in_front(reply, counts), 0)
        inside = counts.reasoning is None or keep < counts.reasoning
        cut = Cut(keep=keep, reasoning=reply.reasoning, about=keep, loop=loop)
    else:
        # The verdict is on text, so the text is cut: its tokens are not evenly long, least so at a loop.
        text, inside = reply.reasoning[:at], at < len(reply.reasoning)
        about = None if counts.reasoning is None else counts.reasoning * len(text) // len(reply.reasoning)
        cut = Cut(keep=budget if text else 0, reasoning=text, about=about, by_ids=False, loop=loop)
    within = budget is None or cut.about is None or cut.about < budget
    return cut if inside and within else None


def _in_front(reply: Reply, counts: TokenCounts) -> int:
    """Ids before the first of the thinking: the opening marker, where the model wrote it."""
    if reply.token_ids is None or counts.reasoning is None or counts.source is not TokenSource.TOKEN_IDS:
        return 0
    closing_marker = 0 if reply.answer_begins is None else 1
    end = len(reply.token_ids) if reply.answer_begins is None else reply.answer_begins
    return max(end - closing_marker - counts.reasoning, 0)


def going_on(
    request: Request, reply: Reply, cut: Cut, force: ForceString, answer_tokens: int | None
) -> Request | None:
    """The request for the answer behind a cut; None where `max_tokens` leaves nothing for it.

    Of `max_tokens` only what is kept is taken off: what was thought in vain would leave a loop no answer.
    """
    most, limits = request.sampling.max_tokens, [] if answer_tokens is None else [answer_tokens]
    if most is not None:
        limits.append(most - (cut.about or 0))
    if limits and min(limits) <= 0:
        return None
    begun = Begun(
        reasoning=cut.reasoning,
        reasoning_tokens=count_tokens(reply).reasoning if cut.reasoning == reply.reasoning else None,
        ids=reply.token_ids if cut.by_ids else None,
        prompt_ids=reply.prompt_token_ids,
        keep=cut.keep,
        opening=force.opening,
        closing=force.empty if cut.keep == 0 else force.closing,
    )
    sampling = replace(request.sampling, max_tokens=min(limits, default=None))
    return replace(request, sampling=sampling, begun=begun, cut_thinking=None)


def unthought(request: Request, force: ForceString, answer_tokens: int | None) -> Request:
    """The request for an answer without thinking (budget 0). `answer_tokens`: where nothing limits it.

    A completion that says nothing of `max_tokens` gets 16 from vLLM and OpenAI.
    """
    begun = Begun(reasoning_tokens=0, keep=0, opening=force.opening, closing=force.empty)
    sampling = request.sampling
    if sampling.max_tokens is None:
        sampling = replace(sampling, max_tokens=answer_tokens)
    return replace(request, sampling=sampling, begun=begun, cut_thinking=None)


def closed_by_us(reply: Reply, force: ForceString, *, why: str, thought: int | None) -> Reply:
    """The continued reply with `force` in its notes. `thought`: tokens of the thinking that was cut."""
    continued = reply.continued
    if continued is None:
        return reply  # it was not continued, whatever was asked
    kept = continued.kept
    note: dict[str, JsonValue] = {
        "family": force.family,
        "why": why,
        "by": continued.by.value,
        "kept": kept,
        "closing": continued.closing,
        "closing_tokens": continued.closing_tokens,
        "generated": continued.generated,
        "dropped": None if thought is None or kept is None else max(thought - kept, 0),
    }
    return replace(reply, notes={**reply.notes, "force": note})


def with_dropped_text(reply: Reply, first: Reply) -> Reply:
    """The same; what the first reply thought behind the cut is noted where it is short."""
    note = reply.notes.get("force")
    dropped = first.reasoning.removeprefix(reply.reasoning)
    is_rest = dropped and len(reply.reasoning) + len(dropped) == len(first.reasoning)
    if not isinstance(note, Mapping) or not is_rest or len(dropped) > _SHORT_TEXT:
        return reply
    return replace(reply, notes={**reply.notes, "force": {**note, "dropped_text": dropped}})


def rescued(reply: Reply, first: Reply, loop: LoopVerdict) -> Reply:
    """The whole of a reply that was cut at its loop: the loop was paid for, and nothing of it is lost."""
    seen: dict[str, JsonValue] = {
        "kind": loop.kind.value,
        "onset_token": loop.onset_token,
        "period_tokens": loop.period_tokens,
        "repeats": loop.repeats,
        "wasted_tokens": loop.wasted_tokens,
        "segment": None if loop.segment is None else loop.segment.value,
        "certain_token": loop.certain_token,
        "version": loop.version,
    }
    rescue: dict[str, JsonValue] = {"thought": first.reasoning, "loop": seen}
    return replace(reply, notes={**reply.notes, "rescue": rescue}, counts=_paid(reply, first))


def _paid(reply: Reply, first: Reply) -> TokenCounts:
    """Tokens of both requests: all that was thought, and all that was generated or put between."""
    before, after, continued = count_tokens(first), count_tokens(reply), reply.continued
    kept = continued.kept if continued is not None else None
    closing = continued.closing_tokens if continued is not None else None
    generated = continued.generated if continued is not None else None
    reasoning = before.reasoning
    if reasoning is not None and after.reasoning is not None and kept is not None:
        reasoning += max(after.reasoning - kept, 0)
    paid = (before.completion, closing, generated)
    known = [tokens for tokens in paid if tokens is not None]
    return replace(
        after,
        prompt=before.prompt if before.prompt is not None else after.prompt,
        reasoning=reasoning,
        completion=sum(known) if len(known) == len(paid) else None,
        source=before.source if reasoning is not None else None,
    )
