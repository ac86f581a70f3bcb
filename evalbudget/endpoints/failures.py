"""Every trouble of a server or a network → Failure.

HTTP 401, 403                                            auth
HTTP 429                                                 rate_limit   retryable, unless the quota is spent
HTTP 5xx, an error inside the stream                     server       retryable
HTTP 408                                                 timeout      retryable
other HTTP 4xx                                           request      409 and 425 retryable
any of them that says so                                 context_overflow, content_filter
no connection, or one that broke                         connection   retryable
nothing came in time                                     timeout      retryable
what came is no reply                                    bad_stream   retryable
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
import httpx2
import openai

from evalbudget.endpoints.refusal import Refusal
from evalbudget.endpoints.text import fit_to_show
from evalbudget.records import Failure, FailureKind, Reply
from evalbudget.urls import shown_url

TROUBLES = (
    openai.OpenAIError,
    httpx2.HTTPError,
    httpx2.StreamError,
    httpx2.InvalidURL,
    aiohttp.ClientError,
    OSError,
    UnicodeError,
)
"""What the client raises for a server's or a network's trouble."""

_OVERFLOW = re.compile(
    r"context_length_exceeded|exceed_context_size_error|maximum context length|maximum model length|"
    r"exceeds? the (?:available |maximum )?context|"
    r"longer than the (?:model's )?(?:maximum )?(?:context|model) length|"
    r"exceeds? (?:the )?(?:model's )?(?:maximum )?context (?:length|size|window)|exceed context window|"
    r"exceeds? (?:the )?maximum (?:allowed|sequence) length|prompt is too long|input is too long|"
    r"max_seq_len|exceed max_num_tokens|model's context length|string_above_max_length",
    re.IGNORECASE,
)
"""How vLLM, SGLang, llama.cpp (server and Python), TensorRT-LLM and OpenAI say it: their issue threads."""
_FILTERED = re.compile(
    r"content_filter|content_policy_violation|responsibleaipolicyviolation|data_inspection_failed|"
    r"content management policy",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"insufficient_quota|billing|credit balance|exceeded your current quota", re.IGNORECASE)
_RATE = re.compile(r"rate[_ ]?limit|too[_ ]many[_ ]requests", re.IGNORECASE)
_RETRYABLE_REQUESTS = {HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY}
_REFUSING = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
_HOPELESS_SERVERS = {HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED}


@dataclass(frozen=True, slots=True)
class Classifier:
    """Turns one server's troubles into failures, and keeps its key out of the messages."""

    base_url: str
    api_key: str | None

    def refused(self, refusal: Refusal) -> Failure:
        """An HTTP error."""
        said = refusal.message or _reason(refusal.status)
        if refusal.status < HTTPStatus.BAD_REQUEST:
            said = f"it redirects to {refusal.headers.get('location', 'elsewhere')}; set base_url to that"
        kind = _kind(refusal)
        hint = ""
        if kind is FailureKind.AUTH and self.api_key is None:
            hint = " (no key was sent: set api_key_env)"
        return Failure(
            kind=kind,
            message=self._line(f"HTTP {refusal.status} from {shown_url(self.base_url)}{hint}: {said}"),
            retryable=_is_retryable(kind, refusal),
            retry_after_s=retry_after_s(refusal.headers, datetime.now(UTC)),
            status=refusal.status,
        )

    def sent_error(self, error: object, partial: Reply | None) -> Failure:
        """An error in place of the next event, or of the reply, behind HTTP 200."""
        refusal = Refusal.of(_status_within(error), {}, error)
        kind = _kind(refusal) if refusal.status else _kind_by_words(refusal) or FailureKind.SERVER
        return Failure(
            kind=kind,
            message=self._line(
                f"the server sent an error instead of a reply: {refusal.message or 'no message'}"
            ),
            retryable=_is_retryable(kind, refusal),
            partial=partial,
        )

    def refused_within(self, error: object) -> Refusal | None:
        """The same, where it refuses the request itself: vLLM streams such errors with HTTP 200."""
        status = _status_within(error)
        return Refusal.of(status, {}, error) if status in _REFUSING else None

    def raised(self, error: BaseException, partial: Reply | None) -> Failure:
        """An exception out of the connection."""
        kind, retryable, what = _trouble(error)
        return Failure(
            kind=kind,
            message=self._line(f"{shown_url(self.base_url)}: {what}"),
            retryable=retryable,
            partial=partial,
        )

    def timed_out(self, what: str, partial: Reply | None) -> Failure:
        """One of the limits was reached."""
        return Failure(
            kind=FailureKind.TIMEOUT,
            message=self._line(f"{shown_url(self.base_url)}: {what}"),
            retryable=True,
            partial=partial,
        )

    def bad_stream(self, what: str, partial: Reply | None) -> Failure:
        """What came is no reply."""
        return Failure(
            kind=FailureKind.BAD_STREAM,
            message=self._line(f"{shown_url(self.base_url)} sent {what}"),
            retryable=True,
            partial=partial,
        )

    def finished_badly(self, reply: Reply) -> Failure | None:
        """For a reply whose finish_reason says that it is none. One cut by max_tokens is a reply: None."""
        if reply.finish_reason == "content_filter":
            return Failure(
                kind=FailureKind.CONTENT_FILTER,
                message="the server's content filter cut the answer",
                partial=reply,
            )
        if reply.finish_reason in {"error", "abort"}:
            return Failure(
                kind=FailureKind.SERVER,
                message=f"the server ended the reply with finish_reason {reply.finish_reason}",
                retryable=True,
                partial=reply,
            )
        return None

    def _line(self, text: str) -> str:
        return fit_to_show(text, self.api_key)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait: `retry-after-ms`, or `retry-after`, in seconds or a date (RFC 9110, 10.2.3)."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    wanted = headers.get("retry-after")
    if wanted is None:
        return None
    seconds = _number(wanted)
    if seconds is not None:
        return seconds
    try:
        date = parsedate_to_datetime(wanted)
    except ValueError:
        return None
    return max((date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds(), 0.0)


def _number(text: str | None) -> float | None:
    """A finite number from 0 up."""
    if text is None or not re.fullmatch(r"\s*\d{1,9}(?:\.\d{0,9})?\s*", text):
        return None
    return float(text)


def _kind(refusal: Refusal) -> FailureKind:
    status = refusal.status
    if status != HTTPStatus.TOO_MANY_REQUESTS and (by_words := _kind_by_words(refusal)):
        return by_words
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return FailureKind.AUTH
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return FailureKind.RATE_LIMIT
    if status == HTTPStatus.REQUEST_TIMEOUT:
        return FailureKind.TIMEOUT
    return FailureKind.SERVER if status >= HTTPStatus.INTERNAL_SERVER_ERROR else FailureKind.REQUEST


def _kind_by_words(refusal: Refusal) -> FailureKind | None:
    words = " ".join((refusal.message, *refusal.codes))
    if _FILTERED.search(words):
        return FailureKind.CONTENT_FILTER
    if _OVERFLOW.search(words):
        return FailureKind.CONTEXT_OVERFLOW
    if not refusal.status and _RATE.search(words):
        return FailureKind.RATE_LIMIT
    return None


def _is_retryable(kind: FailureKind, refusal: Refusal) -> bool:
    if kind is FailureKind.RATE_LIMIT:
        return _QUOTA.search(" ".join((refusal.message, *refusal.codes))) is None
    if kind is FailureKind.REQUEST:
        return refusal.status in _RETRYABLE_REQUESTS
    return kind in {FailureKind.SERVER, FailureKind.TIMEOUT} and refusal.status not in _HOPELESS_SERVERS


def _status_within(error: object) -> int:
    """The HTTP status that an error names as its code, or 0."""
    code = error.get("code", error.get("status")) if isinstance(error, dict) else None
    digits = str(code) if isinstance(code, int | str) else ""
    return int(digits) if re.fullmatch(r"[45]\d\d", digits) else 0


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no message"


_CAUSES: tuple[tuple[type[BaseException], FailureKind, bool, str], ...] = (
    (ssl.SSLCertVerificationError, FailureKind.CONNECTION, False, "its certificate cannot be trusted: {}"),
    (ssl.SSLError, FailureKind.CONNECTION, True, "the TLS connection failed: {}"),
    (ConnectionRefusedError, FailureKind.CONNECTION, True, "connection refused: nothing listens there"),
    (aiohttp.ClientConnectorDNSError, FailureKind.CONNECTION, True, "the host name cannot be resolved: {}"),
    (aiohttp.ConnectionTimeoutError, FailureKind.CONNECTION, True, "no connection within its time limit"),
    (
        aiohttp.ServerDisconnectedError,
        FailureKind.CONNECTION,
        True,
        "the connection was closed without an answer",
    ),
    (
        aiohttp.ClientPayloadError,
        FailureKind.CONNECTION,
        True,
        "the connection broke before the reply was complete",
    ),
    (aiohttp.InvalidURL, FailureKind.REQUEST, False, "not a URL that can be asked: {}"),
    (UnicodeError, FailureKind.REQUEST, False, "not a URL that can be asked: {}"),
    (httpx2.InvalidURL, FailureKind.REQUEST, False, "not a URL that can be asked: {}"),
    (httpx2.UnsupportedProtocol, FailureKind.REQUEST, False, "not a URL that can be asked: {}"),
    (aiohttp.ClientResponseError, FailureKind.BAD_STREAM, True, "what answers there does not speak HTTP"),
    (httpx2.DecodingError, FailureKind.BAD_STREAM, True, "its content encoding cannot be read: {}"),
    (aiohttp.ClientConnectorError, FailureKind.CONNECTION, True, "the connection failed: {}"),
    (ConnectionError, FailureKind.CONNECTION, True, "the connection failed: {}"),
)
"""Exception, kind, whether another try may help, and what to say. The first that fits a cause counts."""


def _trouble(error: BaseException) -> tuple[FailureKind, bool, str]:
    """The row of the first cause that is known: the client's own exception hides it."""
    for cause in _causes(error):
        for exception, kind, retryable, said in _CAUSES:
            if isinstance(cause, exception):
                return kind, retryable, said.format(cause)
    return FailureKind.CONNECTION, True, f"the connection failed: {type(error).__name__} {error}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exceptions that led to this one, the first of them first."""
    chain: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and step not in chain:
        chain.append(step)
        step = step.__cause__
    return reversed(chain)
