"""Finds out what a continued request has to begin with, by the most faithful way that the server offers.

1. By token ids, on `/completions`: the prompt's ids, the opening marker where the prompt lacks it, the kept
   ids of the thinking, the closing string's. vLLM, SGLang and llama.cpp take them. Nothing is tokenized
   anew but the closing string, and a prefix cache still holds the beginning.
2. By an open last message of a chat. Chat templates may strip thinking out of it or put a thinking of their
   own before it, so it is second; whether it worked shows in the reply, where new thinking counts as such.
3. A beginning without any thinking is the same as thinking switched off.
"""

from __future__ import annotations

from dataclasses import replace

from evalbudget.endpoints.beginnings import (
    NOTHING,
    Beginning,
    Kept,
    ending_of,
    ends_inside,
    in_proportion,
    shown_tail,
    thinking_ids,
)
from evalbudget.endpoints.dialect import Dialect
from evalbudget.endpoints.renderer import Prompt, Renderer
from evalbudget.endpoints.tokenizer import Tokenizer
from evalbudget.endpoints.transport import NoAnswerError
from evalbudget.records import Begun, ContinuedBy, Failure, FailureKind, Request, TokenSource


class Continuing:
    """Beginnings for one server."""

    def __init__(self, dialect: Dialect, renderer: Renderer, tokenizer: Tokenizer) -> None:
        self._dialect = dialect
        self._renderer = renderer
        self._tokenizer = tokenizer

    async def begin(self, request: Request, *, template_opens: bool = False) -> Beginning | Failure:
        """What this request begins with. `template_opens`: the template is known to open the thinking."""
        begun = request.begun
        if begun is None:
            raise ValueError("a request that was not begun")
        if begun.keep == 0 or not (begun.reasoning or begun.ids):
            begun = replace(begun, keep=0)
        try:
            beginning = await self._by_ids(request, begun)
        except NoAnswerError:
            return Failure(
                kind=FailureKind.SERVER,
                message="the server did not say the token ids of what the reply begins with",
                retryable=True,
            )
        if beginning is not None:
            return beginning
        if begun.keep == 0:
            return self._switched_off(request)
        if not self._dialect.thinking.continues:
            return Failure(kind=FailureKind.REQUEST, message=self.cannot)
        return await self._by_chat(begun, template_opens=template_opens)

    @property
    def cannot(self) -> str:
        """To say where a server does not continue a reply."""
        thinking = replace(self._dialect.thinking, continues=False)
        return f"{thinking.name} cannot continue a reply: use {thinking.modes(server=True)}"

    async def _by_ids(self, request: Request, begun: Begun) -> Beginning | None:
        """None where the server does not show the ids that are needed."""
        if not self._renderer.speaks_ids:
            return None
        prompt = await self._prompt(request, begun)
        closing = await self._renderer.markers(begun.closing)
        opening = await self._renderer.markers(begun.opening)
        ending = await self._renderer.markers(ending_of(begun))
        if prompt is None or closing is None or opening is None or ending is None:
            return None
        tail = None if prompt.text is None else shown_tail(prompt.text, begun.opening)
        opened = ends_inside(prompt.ids, opening, ending) if prompt.text is None else tail is not None
        kept = await self._kept(begun, opening, ending, tail or "")
        if kept is None or kept.ids is None:
            return None
        put = [] if opened else opening
        return Beginning(
            by=ContinuedBy.TOKEN_IDS,
            kept=kept,
            closing=begun.closing,
            closing_tokens=len(closing),
            opening_tokens=len(put),
            prompt=[*prompt.ids, *put, *kept.ids, *closing],
            prompt_ids=prompt.ids,
        )

    async def _prompt(self, request: Request, begun: Begun) -> Prompt | None:
        if begun.prompt_ids is not None:
            return Prompt(ids=begun.prompt_ids)
        natural = self._dialect.body(replace(request, thinking_budget=None))
        return await self._renderer.prompt(natural.fields)

    async def _kept(self, begun: Begun, opening: list[int], ending: list[int], tail: str) -> Kept | None:
        """`tail`: what the prompt has behind its opening marker; llama.cpp repeats it before the thinking."""
        if begun.keep == 0:
            return NOTHING
        if begun.ids is not None:
            ids = thinking_ids(begun.ids, opening, ending)
            if begun.keep is None:  # an end token may stand behind a thinking that never closed
                ids = ids[: begun.reasoning_tokens]
            source = TokenSource.TOKEN_IDS
        else:
            cut_anew = await self._renderer.said(begun.reasoning.removeprefix(tail))
            if cut_anew is None:
                return None
            ids, source = cut_anew, TokenSource.TOKENIZE
        total, ids = len(ids), ids[: begun.keep]
        text = await self._renderer.text(ids)
        if text is None:
            text = in_proportion(begun, total).text
        return Kept(text=text, ids=ids, tokens=len(ids), source=source)

    async def _by_chat(self, begun: Begun, *, template_opens: bool) -> Beginning:
        total = begun.reasoning_tokens
        if total is None:
            total = await self._tokenizer.count(begun.reasoning)
        kept = in_proportion(begun, total)
        put = "" if template_opens else begun.opening
        return Beginning(
            by=ContinuedBy.CHAT,
            kept=kept,
            closing=begun.closing,
            closing_tokens=await self._tokenizer.count(begun.closing),
            opening_tokens=await self._tokenizer.count(put) if put else 0,
            message=f"{put}{kept.text}{begun.closing}",
        )

    def _switched_off(self, request: Request) -> Beginning | Failure:
        reason = self._dialect.thinking.cannot(replace(request, thinking_budget=0))
        if reason is not None:
            return Failure(kind=FailureKind.REQUEST, message=reason)
        return Beginning(by=ContinuedBy.SWITCH, kept=NOTHING, closing="", closing_tokens=0, opening_tokens=0)
