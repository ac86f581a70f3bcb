"""A server that the run started, as an endpoint: once it has ended, every request fails with how and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from evalbudget.contracts import Endpoint, Meter
from evalbudget.records import Failure, FailureKind, Reply, Request

_MAY_BE_ITS_END = frozenset(
    {FailureKind.CONNECTION, FailureKind.TIMEOUT, FailureKind.SERVER, FailureKind.BAD_STREAM}
)


class StartedEndpoint:
    """`contracts.Endpoint` before another one, whose server `ended` tells of.

    What is left of the run is not sent to a server that is gone, and says more than "connection refused".
    """

    def __init__(self, endpoint: Endpoint, ended: Callable[[], str | None]) -> None:
        """`ended`: how the server ended, with the last lines of its log; None while it runs."""
        self._endpoint, self._ended = endpoint, ended
        self._gone: Failure | None = None

    async def ask(self, request: Request, meter: Meter) -> Reply | Failure:
        """Send the request, unless the server has ended."""
        if (gone := self._end()) is not None:
            return gone
        result = await self._endpoint.ask(request, meter)
        if isinstance(result, Failure) and result.kind in _MAY_BE_ITS_END and (gone := self._end()):
            return replace(gone, partial=result.partial)
        return result

    async def close(self) -> None:
        """Let go of connections."""
        await self._endpoint.close()

    def _end(self) -> Failure | None:
        """Not retryable: nobody starts it again in this run; `--resume` does."""
        if self._gone is None and (message := self._ended()) is not None:
            self._gone = Failure(kind=FailureKind.CONNECTION, message=message)
        return self._gone
