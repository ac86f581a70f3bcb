"""Prompts and texts as a server's own token ids, and back.

What a continued reply begins with must be the very tokens that the server itself would see. So nothing is
asked of a tokenizer of ours: vLLM renders a chat at `/tokenize` (entrypoints/serve/tokenize/protocol.py),
llama.cpp at `/apply-template`; SGLang only gives the ids of a prompt beside a reply.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from evalbudget.endpoints.transport import Client, NoAnswerError
from evalbudget.records import JsonValue

_PATIENCE_S = 30.0
"""For one answer: a server under load tokenizes between two batches, and the request has to wait for it."""
_MOST_PROMPTS = 128
"""Prompts that are remembered: a trace is continued many times, beside those of other requests in flight."""
_MOST_MARKERS = 64
"""Texts of markers and closing strings whose ids are remembered."""
_TEXT_FIELDS: Mapping[str, str] = {"vllm": "prompt", "sglang": "text", "llama.cpp": "content"}
"""Engine → field of `/detokenize`'s answer that holds the text."""

Json: TypeAlias = "dict[str, JsonValue]"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A rendered prompt."""

    ids: Sequence[int]
    text: str | None = None
    """As llama.cpp shows it; None where the server gives only ids."""


class Renderer:
    """Of one server. None as an answer where it has no such page; raises NoAnswerError where none came."""

    def __init__(self, client: Client, engine: str | None, model: str) -> None:
        self._client = client
        self._engine = engine if engine in _TEXT_FIELDS else None
        self._model = model
        self._prompts: OrderedDict[str, Prompt] = OrderedDict()
        self._markers: OrderedDict[str, list[int]] = OrderedDict()

    @property
    def speaks_ids(self) -> bool:
        """Whether prompts of token ids are known to be taken there."""
        return self._engine is not None

    async def prompt(self, chat: Mapping[str, JsonValue]) -> Prompt | None:
        """The prompt that the server would make of the body of a chat request."""
        key = json.dumps({name: value for name, value in chat.items() if name != "stream"}, sort_keys=True)
        known = self._prompts.get(key)
        if known is not None:
            self._prompts.move_to_end(key)
            return known
        found = None
        if self._engine == "vllm":
            ids = _ids(await self._call("/tokenize", _chat_for_vllm(chat)))
            found = None if ids is None else Prompt(ids=ids)
        elif self._engine == "llama.cpp":
            found = await self._from_template(chat)
        if found is not None:
            _remember(self._prompts, key, found, _MOST_PROMPTS)
        return found

    async def markers(self, text: str) -> list[int] | None:
        """The ids of a text of ours, its special tokens read as such."""
        if not text:
            return []
        known = self._markers.get(text)
        if known is None:
            known = await self._tokenized(text, special=True)
            if known is not None:
                _remember(self._markers, text, known, _MOST_MARKERS)
        return known

    async def said(self, text: str) -> list[int] | None:
        """The ids of a text of the model's."""
        return await self._tokenized(text, special=False) if text else []

    async def text(self, ids: Sequence[int]) -> str | None:
        """The text of ids; half a character at its end is left out."""
        if not ids or self._engine is None:
            return "" if not ids else None
        answer = await self._call("/detokenize", {"model": self._model, "tokens": list(ids)})
        text = answer.get(_TEXT_FIELDS[self._engine])
        return text.rstrip("\N{REPLACEMENT CHARACTER}") if isinstance(text, str) else None

    async def _from_template(self, chat: Mapping[str, JsonValue]) -> Prompt | None:
        answer = await self._call("/apply-template", {**chat, "stream": False})
        text = answer.get("prompt")
        if not isinstance(text, str):
            return None
        ids = await self._tokenized(text, special=True, begins=True)
        return None if ids is None else Prompt(ids=ids, text=text)

    async def _tokenized(self, text: str, *, special: bool, begins: bool = False) -> list[int] | None:
        """`begins`: with what the tokenizer puts before a prompt."""
        if self._engine is None:
            return None
        if self._engine == "llama.cpp":
            body: Json = {"content": text, "add_special": begins, "parse_special": special}
        else:
            body = {"model": self._model, "prompt": text, "add_special_tokens": begins}
        return _ids(await self._call("/tokenize", body))

    async def _call(self, path: str, body: Json) -> Json:
        """The answer; empty where the server has no such page or refuses."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                answer = await self._client.call(path, body)
        except TimeoutError as error:
            raise NoAnswerError from error
        return answer if isinstance(answer, dict) else {}


def _chat_for_vllm(chat: Mapping[str, JsonValue]) -> Json:
    """What its chat reads into the template's variables has to be said here (chat_completion/protocol.py)."""
    said = chat.get("chat_template_kwargs")
    variables: Json = dict(said) if isinstance(said, dict) else {}
    effort = chat.get("reasoning_effort")
    if effort is not None:
        variables.setdefault("enable_thinking", effort != "none")
        variables["reasoning_effort"] = effort
    body: Json = {
        name: chat[name] for name in ("model", "messages", "tools", "chat_template") if name in chat
    }
    body["add_generation_prompt"] = True
    if variables:
        body["chat_template_kwargs"] = variables
    return body


def _ids(answer: Json) -> list[int] | None:
    ids = answer.get("tokens")
    if isinstance(ids, list) and all(type(each) is int for each in ids):
        return ids  # type: ignore[return-value]  # just looked at
    return None


def _remember(known: OrderedDict[str, _T], key: str, value: _T, most: int) -> None:
    known[key] = value
    while len(known) > most:
        known.popitem(last=False)
