"""How long, and how much, one request may take."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits that protect a long run. None bounds a whole streamed reply: a long thought may go on."""

    connect_s: float = 10.0
    """To open the connection."""
    first_token_s: float = 600.0
    """From sending the request to its first token: a server may queue for minutes."""
    stall_s: float = 120.0
    """Between one token and the next. Comments that only keep a connection open are no tokens."""
    ending_s: float = 5.0
    """After the reply is complete, for the usage, `[DONE]` and the end of the stream."""
    unstreamed_s: float = 7200.0
    """For the whole reply, from servers that cannot stream: nothing is heard of them before its end."""
    reply_bytes: int = 128 * _MIB
    """Of one reply, framing included: some 200 bytes a token, and 300 more with llama.cpp's timings."""
    event_bytes: int = 8 * _MIB
    """Of one event of the stream."""
