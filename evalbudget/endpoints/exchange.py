"""One HTTP exchange: bytes out, bytes in, put together under the limits."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import httpx2

from evalbudget.contracts import Meter
from evalbudget.endpoints.collect import Collector
from evalbudget.endpoints.failures import TROUBLES, Classifier
from evalbudget.endpoints.limits import Limits
from evalbudget.endpoints.stream import BadStreamError, EventStream
from evalbudget.endpoints.transport import Client, RefusedError
from evalbudget.endpoints.watchdog import Watch, Watchdog
from evalbudget.endpoints.wire import Chunk
from evalbudget.records import Failure, Reply


class Exchange:
    """Sends one body and reads what comes back, once."""

    def __init__(
        self, *, collector: Collector, limits: Limits, failures: Classifier, meter: Meter, streams: bool
    ) -> None:
        self._collector = collector
        self._limits = limits
        self._failures = failures
        self._meter = meter
        self._streams = streams
        self._events = EventStream(limits.event_bytes)
        self._time = asyncio.get_running_loop().time
        self._last_event_at = 0.0
        self._ending = False
        """The reply is complete, the stream not yet."""

    @property
    def unstreamed(self) -> bool:
        """The server answered with one document instead of a stream."""
        return self._events.whole

    async def run(self, client: Client, content: bytes, watchdog: Watchdog) -> Reply | Failure:
        """Raises RefusedError where the server answers with an HTTP error, or streams that it refuses."""
        watch = watchdog.watch(*self._first_wait())
        try:
            async with watch:
                await self._read(await client.post(content), watch)
        except BadStreamError as error:
            failure = self._failures.bad_stream(str(error), self._partial())
            return self._ended() or replace(failure, retryable=not error.endless)
        except TROUBLES as error:
            if watch.expired:
                return self._ended() or self._failures.timed_out(watch.what, self._partial())
            return self._ended() or self._failures.raised(error, self._partial())
        return self._ended() or self._failures.bad_stream(
            "a stream that ends before its reply", self._partial()
        )

    def _first_wait(self) -> tuple[str, float]:
        limits = self._limits
        if self._streams:
            return f"no token within {limits.first_token_s:g} s of sending the request", limits.first_token_s
        return (
            f"no reply within {limits.unstreamed_s:g} s, from a server that does not stream",
            limits.unstreamed_s,
        )

    async def _read(self, response: httpx2.Response, watch: Watch) -> None:
        received = 0
        encoded = response.headers.get("content-encoding", "identity") != "identity"
        async with aclosing(response.aiter_bytes() if encoded else response.aiter_raw()) as pieces:
            async for data in pieces:
                received += len(data)
                self._take(data, watch)
                if self._collector.error is not None or self._collector.stopped is not None:
                    return  # leaving closes the connection: a server that is still writing notices
                if self._events.fault is not None:
                    raise self._events.fault
                if received > self._limits.reply_bytes:
                    raise BadStreamError(
                        f"more than {self._limits.reply_bytes} bytes for one reply", endless=True
                    )
        self._take_end()

    def _take(self, data: bytes, watch: Watch) -> None:
        chunks = self._events.feed(data)
        if not chunks and not self._events.done:
            return
        now = self._time()
        if chunks:
            self._last_event_at = now
            self._meter.streamed(len(chunks))
            first = self._collector.empty
            if self._collect(chunks, now):
                watch.since = now
                if first:
                    stall_s = self._limits.stall_s
                    watch.wait_for(f"no further token within {stall_s:g} s", stall_s)
        if self._complete and not self._ending:
            self._ending = True
            self._last_event_at = now
            watch.wait_for("the end of the stream", self._limits.ending_s)

    def _collect(self, chunks: list[Chunk], now: float) -> bool:
        """Hand them on: with a brake one by one, so that it ends the reply at the same token however the
        bytes were cut, unless the reply comes to its own end among them."""
        collector = self._collector
        if collector.brake is None or self._events.done or any(map(_finishes, chunks)):
            return collector.take(chunks, now)
        fresh = False
        for chunk in chunks:
            fresh = collector.take([chunk], now) or fresh
            collector.heed_brake(now)
            if collector.stopped is not None or collector.error is not None:
                break
        return fresh

    def _take_end(self) -> None:
        chunks = self._events.end()
        if chunks:
            self._last_event_at = self._time()
            self._meter.streamed(len(chunks))
            self._collector.take(chunks, self._last_event_at)
        if self._events.fault is not None:
            raise self._events.fault
        if (
            self._events.whole
            and self._collector.error is None
            and not self._complete
            and self._collector.empty
        ):
            raise BadStreamError("a JSON document that is no chat completion")

    @property
    def _complete(self) -> bool:
        """Nothing of the reply is missing, or it was ended, whatever becomes of the rest of the stream."""
        return (
            self._collector.finish_reason is not None
            or self._collector.stopped is not None
            or (self._events.done and self._collector.error is None)
        )

    def _ended(self) -> Reply | Failure | None:
        """The outcome, where the reply or an error came to its end; None where it was cut off."""
        if self._complete or (
            self._events.whole and self._collector.error is None and not self._collector.empty
        ):
            reply = self._collector.reply(self._last_event_at, streamed=not self._events.whole)
            return self._failures.finished_badly(reply) or reply
        if self._collector.error is not None:
            refusal = self._failures.refused_within(self._collector.error)
            if refusal is not None and self._collector.empty:
                raise RefusedError(refusal)
            return self._failures.sent_error(self._collector.error, self._partial())
        return None

    def _partial(self) -> Reply | None:
        return None if self._collector.empty else self._collector.reply(self._time())


def _finishes(chunk: Chunk) -> bool:
    return any(choice.finish_reason for choice in chunk.choices or ())
