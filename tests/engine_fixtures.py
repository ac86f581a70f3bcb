"""Real engines for tests: scripted models, whose every token is known, and a chat with what serves them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from embedded.scripted import scripted_model
from embedded.thinker import thinking_model
from evalbudget.engines.embedded import EmbeddedEngine

GgufOf: TypeAlias = Callable[[str], Path]


@pytest.fixture(scope="session")
def scripted_gguf(tmp_path_factory: pytest.TempPathFactory) -> GgufOf:
    """Architecture → a scripted model of it, written once a session."""
    folder = tmp_path_factory.mktemp("scripted")

    def of(architecture: str) -> Path:
        path = folder / f"{architecture}.gguf"
        return path if path.exists() else scripted_model(architecture, path)

    return of


@pytest.fixture(scope="session")
def thinking_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model whose answer depends on how far it thought (embedded/thoughts.py), written once a session."""
    return thinking_model(tmp_path_factory.mktemp("thinking") / "thinker.gguf")


@asynccontextmanager
async def embedded(
    gguf: Path,
    folder: Path,
    label: str = "scripted",
    context: int = 1024,
    slots: int = 2,
    kv_dtype: str = "f16",
) -> AsyncIterator[str]:
    """The model served inside this process; gives the base URL. Its log is `folder/<label>.log`."""
    engine = EmbeddedEngine(
        gguf,
        label=label,
        log=folder / f"{label}.log",
        context=context,
        slots=slots,
        kv_dtype=kv_dtype,
        threads=1,
    )
    try:
        yield await engine.start()
    finally:
        await engine.stop()


@dataclass(frozen=True, kw_only=True)
class ChatReply:
    """What a server answered, as it said it."""

    reasoning: str
    answer: str
    finish_reason: str
    completion_tokens: int


def chat(base_url: str, text: str, max_tokens: int = 64, **body: Any) -> ChatReply:
    """One message to a server, not streamed, at temperature 0."""
    body = {
        "messages": [{"role": "user", "content": text}],
        "temperature": 0,
        "max_tokens": max_tokens,
        **body,
    }
    request = urllib.request.Request(  # noqa: S310  (loopback)
        f"{base_url}/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  (loopback)
        reply = json.load(response)
    choice = reply["choices"][0]
    return ChatReply(
        reasoning=choice["message"].get("reasoning_content") or "",
        answer=choice["message"]["content"] or "",
        finish_reason=choice["finish_reason"],
        completion_tokens=reply["usage"]["completion_tokens"],
    )


def get_json(url: str) -> Any:
    """What a GET gives, as JSON."""
    with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310  (loopback)
        return json.load(response)
