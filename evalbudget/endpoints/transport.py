"""The official client, set up for one server.

Over its aiohttp transport, with our limits, and with nothing from the environment that the suite did not
ask for.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from copy import copy
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

import aiohttp
import httpx2
import msgspec
import openai

from evalbudget.endpoints.failures import TROUBLES
from evalbudget.endpoints.limits import Limits
from evalbudget.endpoints.refusal import Refusal
from evalbudget.errors import InputError
from evalbudget.records import JsonValue
from evalbudget.urls import can_be_asked, is_loopback, shown_url

CHAT, COMPLETIONS = "chat/completions", "completions"
"""Paths of the API that requests are sent to."""
_ERROR_BYTES = 64 * 1024
"""Of an HTTP error, read for its message: a hostile one has no end."""
_ANSWER_BYTES = 16 * 1024 * 1024
"""Of an answer that is no reply: the ids of a long text."""
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)}) - {
    HTTPStatus.NOT_IMPLEMENTED
}
"""HTTP errors that may be gone another time."""
_KEEP_ALIVE_S = 4.0
"""Below uvicorn's and Node's 5 s, so that no connection is used again while the server closes it."""
_LEFT_OUT = (
    "OpenAI-Organization",
    "OpenAI-Project",
    "X-Stainless-Arch",
    "X-Stainless-Async",
    "X-Stainless-Lang",
    "X-Stainless-OS",
    "X-Stainless-Package-Version",
    "X-Stainless-Runtime",
    "X-Stainless-Runtime-Version",
)
"""Headers of the client that tell about this machine and its environment."""
_MOST_CLOSED = 2
"""Closed connections that one request may meet."""
_PLACEHOLDER_KEY = "none"
"""The client insists on a key, and would take OPENAI_API_KEY to a server that it is not meant for."""


@dataclass(slots=True)
class _Seen:
    """What a client and those made by its `at` know of their server."""

    answered: bool = False
    """There may be connections of earlier requests."""


class NoAnswerError(Exception):
    """No answer came: the connection failed, or the server is in trouble. It may come another time."""


class RefusedError(Exception):
    """The server answered with an HTTP error."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"HTTP {refusal.status}")
        self.refusal = refusal


class Client:
    """The openai client of one server; tries once."""

    def __init__(self, base_url: str, api_key: str | None, limits: Limits, max_connections: int) -> None:
        check_url(base_url)
        transport = openai.DefaultAioHttpClient(
            # No time limit on reading: the watchdog has them all.
            timeout=httpx2.Timeout(None, connect=limits.connect_s),
            limits=httpx2.Limits(
                max_connections=max_connections,
                max_keepalive_connections=max_connections,
                keepalive_expiry=_KEEP_ALIVE_S,
            ),
            follow_redirects=False,
            trust_env=not is_loopback(base_url),
            event_hooks={"response": [_raise_refusal]},
        )
        headers: dict[str, str | openai.Omit] = dict.fromkeys(_LEFT_OUT, openai.Omit())
        headers |= {"Accept": "text/event-stream, application/json", "Accept-Encoding": "identity"}
        self._client = openai.AsyncOpenAI(
            base_url=shown_url(base_url),  # a user name and a password in it would take the key's place
            api_key=api_key or _PLACEHOLDER_KEY,
            max_retries=0,
            http_client=transport,
            default_headers=headers,  # type: ignore[arg-type]  # Omit is read there, but not declared
        )
        self._base = str(self._client.base_url).rstrip("/")
        self._url = f"{self._base}/{CHAT}"
        self._root = self._base.removesuffix("/v1")
        self._seen = _Seen()
        self._options: openai.RequestOptions = {}
        if api_key is None:
            self._options = {"headers": {"Authorization": openai.Omit()}}

    async def post(self, content: bytes) -> httpx2.Response:
        """Send a request; its response, unread. Raises RefusedError for every HTTP status from 300 up."""
        return await self._post(self._url, content)

    def at(self, path: str) -> Client:
        """The same client, whose `post` sends to another path of the API."""
        other = copy(self)
        other._url = f"{self._base}/{path}"
        return other

    async def call(self, path: str, body: dict[str, JsonValue]) -> object:
        """Ask the server beside the API; the JSON that it answers, None where it refuses or has none.

        `path` stands below the server's root. Raises NoAnswerError.
        """
        data = bytearray()
        try:
            response = await self._post(f"{self._root}{path}", msgspec.json.encode(body))
            async with aclosing(response.aiter_bytes()) as pieces:
                async for piece in pieces:
                    data += piece
                    if len(data) > _ANSWER_BYTES:
                        return None
        except RefusedError as error:
            if error.refusal.status in _PASSING:
                raise NoAnswerError from error
            return None
        except TROUBLES as error:
            raise NoAnswerError from error
        try:
            plain: object = json.loads(data)
        except (ValueError, RecursionError):
            return None
        return plain

    async def _post(self, url: str, content: bytes) -> httpx2.Response:
        """Some servers close a connection behind a reply without saying so (llama.cpp, behind a stream).

        Where a request met only such a connection, nobody took it, and it is sent again at once
        (RFC 9112, 9.3.1).
        """
        met_closed = 0
        while True:
            try:
                response = await self._post_once(url, content)
            except RefusedError:
                self._seen.answered = True
                raise
            except openai.APIConnectionError as error:
                met_closed += 1
                closed = self._seen.answered and _met_closed_connection(error)
                if not closed or met_closed > _MOST_CLOSED:
                    raise
            else:
                self._seen.answered = True
                return response

    async def _post_once(self, url: str, content: bytes) -> httpx2.Response:
        response = await self._client.post(
            url,
            cast_to=httpx2.Response,
            content=content,
            options=self._options,
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        return cast("httpx2.Response", response)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()


def check_url(base_url: str) -> None:
    """Raises InputError where requests cannot be sent to this URL."""
    usable = can_be_asked(base_url)
    try:
        httpx2.URL(base_url)
    except (ValueError, httpx2.InvalidURL):
        usable = False
    if not usable:
        raise InputError(
            f"base_url {base_url!r} is no URL: it begins with http:// or https:// and names a host"
        )


def _met_closed_connection(error: BaseException | None) -> bool:
    """Whether the first cause is a connection that was closed before anything came back."""
    while error is not None:
        if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError | BrokenPipeError):
            return True
        error = error.__cause__
    return False


async def _raise_refusal(response: httpx2.Response) -> None:
    if response.status_code < 300:
        return
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > _ERROR_BYTES:
            break
    refusal = Refusal.read(response.status_code, dict(response.headers), bytes(body[:_ERROR_BYTES]))
    raise RefusedError(refusal)
