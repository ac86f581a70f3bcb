"""Answers under a budget that we hold ourselves, and answers in place of a loop.

    Closing   one natural request; where its thinking is longer than the budget, or loops, it is closed
              there, and a second request continues with the answer
    Prefix    the trace is there already, another job's reply; its first tokens are closed, and one request
              continues with the answer

The reply of both is a whole one: thinking that was kept, and the answer. Where the model kept the budget by
itself it is the model's own, and nothing shows that there was a budget. Sources: s1 (arXiv:2501.19393) and
Qwen3's thinking budget for `Closing`; Dynasor's TokenDeprivation (arXiv:2412.20993) for `Prefix`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from evalbudget.dialogues.cuts import (
    NO_TOOLS,
    Cut,
    closed_by_us,
    cut_at_budget,
    cut_at_loop,
    going_on,
    may_loop,
    rescued,
    unthought,
    with_dropped_text,
)
from evalbudget.reasoning.budgets.force import ForceString
from evalbudget.reasoning.counting import count_tokens, sequence_tokens, sum_known
from evalbudget.records import Failure, FailureKind, Reply, Request, Stopped, Timings


class Closing:
    """Implements `contracts.Dialogue`: mode `force`, and `loops: rescue`, alone or together."""

    def __init__(
        self,
        request: Request,
        force: ForceString,
        *,
        budget: int | None,
        rescue: bool,
        answer_tokens: int | None,
    ) -> None:
        """`request`: the job's. `budget`: None only rescues. `answer_tokens`: of an answer behind a cut.

        The first request keeps its own `max_tokens`: any lower one would also cut a long answer behind a
        short thinking, which no one has limited. And servers do end a reply whose reader has gone: vLLM 0.32
        within one token.
        """
        self._request = request
        self._force = force
        self._budget = budget
        self._rescue = rescue
        self._answer_tokens = answer_tokens
        self._first: Reply | None = None
        self._cut: Cut | None = None
        self._last: Reply | None = None
        """The continued reply."""

    async def begin(self) -> Request | Failure:
        """The natural request; with budget 0 the answer's at once."""
        if self._request.tools:
            return NO_TOOLS
        if self._budget == 0:
            return unthought(self._request, self._force, self._answer_tokens)
        return replace(self._request, cut_thinking=self._budget)

    async def heard(self, reply: Reply) -> Request | None:
        """The answer's request, where the thinking has to be closed."""
        if self._budget == 0 or self._first is not None:
            self._last = reply
            return None
        self._first = reply
        self._cut = await self._cut_of(reply)
        if self._cut is None:
            return None
        return going_on(self._request, reply, self._cut, self._force, self._answer_tokens)

    def reply(self) -> Reply | None:
        """The model's own, or the continued one with what came before it."""
        last, first, cut = self._last, self._first, self._cut
        if last is None:
            return first
        if first is None or cut is None:
            return closed_by_us(last, self._force, why="budget", thought=0)
        whole = closed_by_us(last, self._force, why=cut.why, thought=count_tokens(first).reasoning)
        whole = with_dropped_text(whole, first) if cut.loop is None else rescued(whole, first, cut.loop)
        fields = dict.fromkeys((*first.dropped_fields, *last.dropped_fields))
        return replace(
            whole,
            longest_sequence=_longest(first, last, cut),
            timings=_one_after_the_other(first.timings, last.timings),
            stopped=Stopped.LOOP if last.stopped is Stopped.LOOP else first.stopped,
            dropped_fields=tuple(fields),
        )

    async def close(self) -> None:
        """Holds nothing."""

    async def _cut_of(self, reply: Reply) -> Cut | None:
        cut = None
        if self._rescue and may_loop(reply):
            cut = await asyncio.to_thread(cut_at_loop, reply, self._budget)
        if cut is None and self._budget is not None:
            cut = cut_at_budget(reply, self._budget, max_tokens=self._request.sampling.max_tokens)
        return cut


class Prefix:
    """Implements `contracts.Dialogue`: mode `trace`, one budget."""

    def __init__(
        self, request: Request, force: ForceString, *, budget: int, trace: Reply, answer_tokens: int | None
    ) -> None:
        """`trace`: the reply of the job without a budget. `request`: this job's, otherwise the same."""
        self._request = request
        self._force = force
        self._budget = budget
        self._trace = trace
        self._answer_tokens = answer_tokens
        self._thought = _held(trace)
        self._reply: Reply | None = None

    async def begin(self) -> Request | Failure | None:
        """The answer's request; None where the trace thought no more than the budget allows."""
        if self._request.tools:
            return NO_TOOLS
        trace, asked = self._trace, None
        if not trace.reasoning.strip() and not self._thought:
            self._reply = trace
            return None
        if self._thought is None:
            return Failure(kind=FailureKind.REQUEST, message=_UNCOUNTED)
        if self._is_longer(self._thought):
            made_by_one = trace.continued is None and "rescue" not in trace.notes
            cut = Cut(keep=self._budget, reasoning=trace.reasoning, about=self._budget, by_ids=made_by_one)
            asked = going_on(self._request, trace, cut, self._force, self._answer_tokens)
        self._reply = trace if asked is None else None
        return asked

    async def heard(self, reply: Reply) -> None:
        """That was all."""
        whole = closed_by_us(reply, self._force, why="budget", thought=self._thought)
        # No such reply was waited for: its thinking took the trace's time, its answer its own.
        self._reply = replace(whole, timings=Timings(latency_s=None))

    def reply(self) -> Reply | None:
        """The trace's own, or the continued one; None where that failed: the trace stands in its own row."""
        return self._reply

    async def close(self) -> None:
        """Holds nothing."""

    def _is_longer(self, thought: int) -> bool:
        """Whether the trace thought on behind the budget; at its last token the closing marker says so."""
        return thought > self._budget or (
            thought == self._budget and self._trace.thinking_closed is False and thought > 0
        )


_UNCOUNTED = (
    "the trace's thinking tokens are not known, so its prefixes cannot be cut: the server gives no counts;"
    " use `budget_mode: server` or `max_tokens`"
)


def _held(trace: Reply) -> int | None:
    """Tokens of the thinking that the trace holds; of a rescued one without its loop."""
    counted = count_tokens(trace).reasoning
    if "rescue" not in trace.notes:
        return counted
    force = trace.notes.get("force")
    kept = force.get("kept") if isinstance(force, dict) else None
    if not isinstance(kept, int) or isinstance(kept, bool):
        kept = trace.continued.kept if trace.continued is not None else None
    return kept


def _longest(first: Reply, last: Reply, cut: Cut) -> int | None:
    """Tokens of the longer of both sequences; a loop that was cut off may be the longer one, and is unknown
    where its stream was ended before the server counted. At a budget both keep the same thinking."""
    prompt = count_tokens(first).prompt
    if prompt is None:
        prompt = count_tokens(last).prompt
    before, after = sum_known((prompt, count_tokens(first).completion)), sequence_tokens(last)
    if before is None or after is None:
        return after if cut.loop is None else None
    return max(before, after)


def _one_after_the_other(first: Timings, last: Timings) -> Timings:
    """Seconds of two requests, without what came between them."""
    if first.latency_s is None:
        return Timings(latency_s=None, ttft_s=first.ttft_s)
    answered = None if last.first_answer_s is None else first.latency_s + last.first_answer_s
    return Timings(
        latency_s=None if last.latency_s is None else first.latency_s + last.latency_s,
        ttft_s=first.ttft_s,
        first_answer_s=answered,
    )
