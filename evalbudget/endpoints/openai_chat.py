"""One model behind one OpenAI-compatible server: a request in, a reply or a failure out.

The official client sends and holds the connections; of its answers we take the bytes, not its chunk
objects, which cost ten times what reading them here does (`make bench`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

import msgspec

from evalbudget.contracts import Meter
from evalbudget.endpoints.beginnings import Beginning, whole
from evalbudget.endpoints.brake import Brake
from evalbudget.endpoints.collect import Collector
from evalbudget.endpoints.continuing import Continuing
from evalbudget.endpoints.dialect import Body, Dialect
from evalbudget.endpoints.exchange import Exchange
from evalbudget.endpoints.failures import Classifier
from evalbudget.endpoints.limits import Limits
from evalbudget.endpoints.refusal import Refusal
from evalbudget.endpoints.renderer import Renderer
from evalbudget.endpoints.tokenizer import Tokenizer
from evalbudget.endpoints.transport import CHAT, Client, RefusedError
from evalbudget.endpoints.watchdog import Watchdog
from evalbudget.records import ContinuedBy, Failure, FailureKind, Reply, Request, TokenSource

_MOST_BODIES = 12
"""Bodies sent for one try, each without what the server refused of the last."""
_CLOSING_COUNTED = frozenset({"sglang"})
"""Engines whose `reasoning_tokens` hold the closing marker (sgl-project/sglang#15562)."""
_INEXACT = (None, TokenSource.ESTIMATE)


class OpenAIChat:
    """Asks one model through `/chat/completions`; continues replies through `/completions` where it can.

    Implements `contracts.Endpoint`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str | None = None,
        limits: Limits | None = None,
        max_connections: int = 1024,
        prompt_opens_thinking: bool = False,
        engine: str | None = None,
    ) -> None:
        """`max_connections`: no fewer than requests in flight. `prompt_opens_thinking`: the template does.

        `engine`: as in `ServerRecord.engine`; where it is known, the server is asked for exact counts.
        """
        self._limits = limits or Limits()
        self._prompt_opens_thinking = prompt_opens_thinking
        self._template_opens = False
        """Seen in a reply: thinking that closes inline and never opened. A cut one has neither marker."""
        self._client = Client(base_url, api_key, self._limits, max_connections)
        self._dialect = Dialect(model, engine, urlsplit(base_url).hostname or "")
        self._tokenizer = Tokenizer(self._client, engine, model)
        self._continuing = Continuing(self._dialect, Renderer(self._client, engine, model), self._tokenizer)
        self._closing_counted = engine in _CLOSING_COUNTED
        self._failures = Classifier(base_url, api_key)
        self._watchdog = Watchdog()

    async def ask(self, request: Request, meter: Meter) -> Reply | Failure:
        """Send one request, once, in the server's dialect. Raises for nothing that server or network do."""
        if request.begun is not None:
            return await self._continue(request, meter)
        return await self._ask(request, partial(self._dialect.body, request), meter)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    async def _continue(self, request: Request, meter: Meter) -> Reply | Failure:
        opens = self._prompt_opens_thinking or self._template_opens
        beginning = await self._continuing.begin(request, template_opens=opens)
        if isinstance(beginning, Failure):
            return beginning
        outcome = await self._ask(*self._begun(request, beginning), meter)
        if isinstance(outcome, Reply):
            return whole(beginning, outcome)
        if outcome.partial is not None:
            outcome = replace(outcome, partial=whole(beginning, outcome.partial))
        refused = outcome.kind is FailureKind.REQUEST and outcome.status is not None
        if refused and beginning.by is not ContinuedBy.SWITCH:
            return replace(outcome, message=f"{self._continuing.cannot} ({outcome.message})")
        return outcome

    def _begun(self, request: Request, beginning: Beginning) -> tuple[Request, Callable[[], Body]]:
        """What is asked, and what makes its body."""
        if beginning.by is ContinuedBy.TOKEN_IDS:
            request = replace(request, begun=None, thinking_budget=None)
            return request, partial(self._dialect.completion, request, beginning.prompt)
        if beginning.by is ContinuedBy.CHAT:
            request = replace(request, begun=None, thinking_budget=None)
            return request, partial(self._dialect.left_open, request, beginning.message)
        request = replace(request, begun=None, thinking_budget=0)
        return request, partial(self._dialect.body, request)

    async def _ask(self, request: Request, build: Callable[[], Body], meter: Meter) -> Reply | Failure:
        """`build` makes the body anew, after each refusal without what was refused."""
        never = self._dialect.thinking.cannot(request)
        if never is not None:
            return Failure(kind=FailureKind.REQUEST, message=never)
        bodies_left = _MOST_BODIES
        while True:
            body = build()
            bodies_left -= 1
            try:
                return await self._send(request, body, meter)
            except RefusedError as error:
                failure = self._refused(body, error.refusal)
                worth_changing = failure.kind is FailureKind.REQUEST and bodies_left > 0
                if not worth_changing or not self._dialect.learn(body, error.refusal):
                    return failure

    def _refused(self, body: Body, refusal: Refusal) -> Failure:
        failure = self._failures.refused(refusal)
        advice = self._dialect.budget_refused(body, refusal)
        if advice is None:
            return failure
        # vLLM says with HTTP 500 in some versions that it was started without what a budget needs.
        return replace(
            failure, kind=FailureKind.REQUEST, retryable=False, message=f"{advice} ({failure.message})"
        )

    async def _send(self, request: Request, body: Body, meter: Meter) -> Reply | Failure:
        try:
            content = msgspec.json.encode(body.fields)
        except UnicodeEncodeError:
            return Failure(
                kind=FailureKind.REQUEST, message="the prompt is no Unicode text: half a surrogate pair"
            )
        if request.cut_thinking is not None and "return_token_ids" in body.fields:
            # Without the markers' ids, thinking that the template opened is seen only once it closes.
            await self._tokenizer.ask_vocabulary()
        told = self._prompt_opens_thinking and not body.continues
        seen = self._template_opens and not body.continues
        collector = Collector(
            asyncio.get_running_loop().time(),
            prompt_opens_thinking=told,
            cut_is_thinking=seen,
            dropped_fields=body.dropped,
            vocabulary=self._tokenizer.vocabulary,
            closing_counted=self._closing_counted,
            brake=Brake.of(request, opened=told or seen),
        )
        exchange = Exchange(
            collector=collector,
            limits=self._limits,
            failures=self._failures,
            meter=meter,
            streams=body.streams,
        )
        client = self._client if body.path == CHAT else self._client.at(body.path)
        outcome = await exchange.run(client, content, self._watchdog)
        if not body.continues:
            self._template_opens = self._template_opens or collector.template_opened
        if exchange.unstreamed:
            self._dialect.streams = False
        return await self._counted(outcome, collector, body) if isinstance(outcome, Reply) else outcome

    async def _counted(self, reply: Reply, collector: Collector, body: Body) -> Reply:
        """The reply; where it leaves its thinking's length open, the server is asked."""
        if collector.unread:
            vocabulary = await self._tokenizer.ask_vocabulary()
            reply = collector.read_with(reply, vocabulary) if vocabulary is not None else reply
        if not reply.reasoning:
            return reply
        inexact = reply.counts is None or reply.counts.source in _INEXACT
        if not inexact and not collector.opening_unsure:
            return reply
        opened = None
        if not body.continues:
            opened = await self._tokenizer.opens_thinking(body.fields, its_kind=not inexact)
        tokens = await self._tokenizer.count(reply.reasoning) if inexact else None
        if opened is None and tokens is None:
            return reply
        return collector.recounted(reply, tokenized=tokens, prompt_opened=opened)
