"""One model behind one OpenAI-compatible server: a request in, a reply or a failure out.

The official client sends and holds the connections; of its answers we take the bytes, not its chunk
objects, which cost ten times what reading them here does (`make bench`).
"""

from __future__ import annotations

import asyncio

import msgspec

from evalbudget.contracts import Meter
from evalbudget.endpoints.collect import Collector
from evalbudget.endpoints.dialect import Body, Dialect
from evalbudget.endpoints.exchange import Exchange
from evalbudget.endpoints.failures import Classifier
from evalbudget.endpoints.limits import Limits
from evalbudget.endpoints.tokenizer import Tokenizer
from evalbudget.endpoints.transport import Client, RefusedError
from evalbudget.endpoints.watchdog import Watchdog
from evalbudget.records import Failure, FailureKind, Reply, Request, TokenSource

_MOST_BODIES = 12
"""Bodies sent for one try, each without what the server refused of the last."""
_CLOSING_COUNTED = frozenset({"sglang"})
"""Engines whose `reasoning_tokens` hold the closing marker (sgl-project/sglang#15562)."""
_INEXACT = (None, TokenSource.ESTIMATE)


class OpenAIChat:
    """Asks one model through `/chat/completions`. Implements `contracts.Endpoint`."""

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
        self._dialect = Dialect(model, engine)
        self._tokenizer = Tokenizer(self._client, engine, model)
        self._closing_counted = engine in _CLOSING_COUNTED
        self._failures = Classifier(base_url, api_key)
        self._watchdog = Watchdog()

    async def ask(self, request: Request, meter: Meter) -> Reply | Failure:
        """Send one request, once, in the server's dialect. Raises for nothing that server or network do."""
        bodies_left = _MOST_BODIES
        while True:
            body = self._dialect.body(request)
            bodies_left -= 1
            try:
                return await self._send(body, meter)
            except RefusedError as error:
                failure = self._failures.refused(error.refusal)
                worth_changing = failure.kind is FailureKind.REQUEST and bodies_left > 0
                if not worth_changing or not self._dialect.learn(body, error.refusal):
                    return failure

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    async def _send(self, body: Body, meter: Meter) -> Reply | Failure:
        try:
            content = msgspec.json.encode(body.fields)
        except UnicodeEncodeError:
            return Failure(
                kind=FailureKind.REQUEST, message="the prompt is no Unicode text: half a surrogate pair"
            )
        collector = Collector(
            asyncio.get_running_loop().time(),
            prompt_opens_thinking=self._prompt_opens_thinking,
            cut_is_thinking=self._template_opens,
            dropped_fields=body.dropped,
            vocabulary=self._tokenizer.vocabulary,
            closing_counted=self._closing_counted,
        )
        exchange = Exchange(
            collector=collector,
            limits=self._limits,
            failures=self._failures,
            meter=meter,
            streams=body.streams,
        )
        outcome = await exchange.run(self._client, content, self._watchdog)
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
        opened = await self._tokenizer.opens_thinking(body.fields, its_kind=not inexact)
        tokens = await self._tokenizer.count(reply.reasoning) if inexact else None
        if opened is None and tokens is None:
            return reply
        return collector.recounted(reply, tokenized=tokens, prompt_opened=opened)
