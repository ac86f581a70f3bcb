"""What the server's tokenizer tells: the ids of the markers, the length of a text, the end of a prompt.

Asked rarely: for the markers once, after the first reply that brings token ids; for a text only where nothing
in the reply told its length; for a prompt once for each kind of request. Nothing is asked before a server's
first reply, and what it refuses it is not asked again.

Sources: vLLM entrypoints/serve/tokenize, SGLang's and llama.cpp's `/tokenize`, LMDeploy's `/v1/encode`,
llama.cpp's `/apply-template`.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from evalbudget.endpoints.transport import Client, NoAnswerError
from evalbudget.reasoning.split import MARKERS
from evalbudget.reasoning.token_ids import HarmonyIds, Vocabulary
from evalbudget.records import JsonValue

_PATIENCE_S = 30.0
"""For one answer; a server under load tokenizes between two batches."""
_MOST_GAPS = 3
"""Answers that may stay out before the server is not asked any more."""
_AT_ONCE = 4
"""Texts that are being counted at the same time."""
_MOST_CHARS = 4_000_000
"""Of a text to count."""
_MOST_KINDS = 64
"""Kinds of requests whose prompt's end is remembered."""

Json: TypeAlias = "dict[str, JsonValue]"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How one engine is asked for the ids of a text."""

    path: str
    """Below the server's root, not below `/v1`."""
    body: Callable[[str, str], Json]
    """Text and model → what is sent."""
    ids: str
    """Field of the answer that holds the ids."""


def _as_vllm(text: str, model: str) -> Json:
    return {"model": model, "prompt": text, "add_special_tokens": False}


_WAYS: Mapping[str, _Way] = {
    "vllm": _Way(path="/tokenize", body=_as_vllm, ids="tokens"),
    "sglang": _Way(path="/tokenize", body=_as_vllm, ids="tokens"),
    "llama.cpp": _Way(
        path="/tokenize",
        body=lambda text, _model: {"content": text, "add_special": False},
        ids="tokens",
    ),
    "lmdeploy": _Way(
        path="/v1/encode",
        body=lambda text, _model: {"input": text, "add_bos": False},
        ids="input_ids",
    ),
}
_SHOWS_PROMPT = frozenset({"llama.cpp"})
"""Engines that render a prompt for us."""
_OF_THE_KIND = ("chat_template_kwargs", "reasoning_effort", "tools", "reasoning_format", "enable_thinking")
"""Fields of a request on which its chat template's end depends, as a rule."""


class Tokenizer:
    """The tokenizer of one server; None as an answer where it shows none."""

    def __init__(self, client: Client, engine: str | None, model: str) -> None:
        self._client = client
        self._model = model
        self._way = _WAYS.get(engine or "")
        self._shows_prompt = engine in _SHOWS_PROMPT
        self._gaps = 0
        self.vocabulary: Vocabulary | None = None
        """The markers' ids, once a reply has brought ids and the server was asked."""
        self._first = asyncio.Lock()
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._opens: dict[str, bool] = {}

    async def ask_vocabulary(self) -> Vocabulary | None:
        """The markers' ids, asked for once; empty where the model has none."""
        async with self._first:
            if self.vocabulary is None and self._way is not None:
                self.vocabulary = await self._ask_vocabulary()
        return self.vocabulary

    async def count(self, text: str) -> int | None:
        """Tokens of a text, without any that the tokenizer would put around it."""
        if not text or len(text) > _MOST_CHARS:
            return None
        async with self._at_once:
            ids = await self._ids(text)
        return None if ids is None else len(ids)

    async def opens_thinking(self, request: Mapping[str, JsonValue], *, its_kind: bool) -> bool | None:
        """Whether the chat template ends this request's prompt with an opening marker of thinking.

        `its_kind`: an earlier request's prompt will do, if it asked for the same tools, effort and the like.
        """
        kind = json.dumps([request.get(name) for name in _OF_THE_KIND], sort_keys=True)
        if its_kind and kind in self._opens:
            return self._opens[kind]
        if not self._shows_prompt:
            return None
        answer = await self._call("/apply-template", {**request, "stream": False})
        prompt = answer.get("prompt") if answer is not None else None
        if not isinstance(prompt, str):
            self._shows_prompt = self._gaps < _MOST_GAPS and answer is None
            return None
        opens = prompt.rstrip().endswith(tuple(MARKERS))
        if len(self._opens) < _MOST_KINDS:
            self._opens[kind] = opens
        return opens

    async def _ask_vocabulary(self) -> Vocabulary | None:
        pairs: list[tuple[int, int]] = []
        gaps = self._gaps
        for opening, ends in MARKERS.items():
            first, last = await self._one_id(opening), await self._one_id(ends)
            if self._way is None or self._gaps > gaps:
                return None
            if first is not None and last is not None:
                pairs.append((first, last))
        often = Tally(chain.from_iterable(pairs))
        # An id that stands for several is the one for all that the vocabulary lacks.
        closing = {first: last for first, last in pairs if often[first] == often[last] == 1}
        harmony = None if closing else await self._harmony()
        return Vocabulary(closing=closing, harmony=harmony) if self._gaps == gaps else None

    async def _harmony(self) -> HarmonyIds | None:
        names = ("<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|return|>", "<|call|>", "analysis")
        found: list[int] = []
        for name in names:
            one = await self._one_id(name)
            if one is None:
                return None
            found.append(one)
        if len(set(found)) < len(found):
            return None
        start, channel, message, end, returned, call, analysis = found
        return HarmonyIds(
            start=start,
            channel=channel,
            message=message,
            ends=frozenset({end, returned, call}),
            analysis=analysis,
        )

    async def _one_id(self, text: str) -> int | None:
        ids = await self._ids(text)
        return ids[0] if ids is not None and len(ids) == 1 else None

    async def _ids(self, text: str) -> list[int] | None:
        way = self._way
        if way is None:
            return None
        answer = await self._call(way.path, way.body(text, self._model))
        ids = answer.get(way.ids) if answer is not None else None
        if isinstance(ids, list) and all(type(each) is int for each in ids):
            return ids  # type: ignore[return-value]  # just looked at
        if answer is not None or self._gaps >= _MOST_GAPS:
            self._way = None
        return None

    async def _call(self, path: str, body: Json) -> Json | None:
        """The server's answer; an empty one where it refuses, None where none came."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                answer = await self._client.call(path, body)
        except (NoAnswerError, TimeoutError):
            self._gaps += 1
            return None
        return answer if isinstance(answer, dict) else {}
