"""One server, looked at over HTTP."""

from __future__ import annotations

import asyncio
import difflib
import socket
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import aiohttp

from evalbudget.probes.http.engine import PAGE_S, Ask, Told
from evalbudget.probes.http.registry import facts_of_pages, wanted_pages
from evalbudget.probes.http.settings import without
from evalbudget.probes.pages import TROUBLES, Pages
from evalbudget.probes.recognise import ENGINE_PAGES, ROUTERS, ListedModel, engine_name, listed_models
from evalbudget.probes.values import Json
from evalbudget.records import Failure, FailureKind, ServerFacts
from evalbudget.urls import can_be_asked

_MODELS_S = 10.0
"""For the list of models: a server that is busy may take its time."""
_MOST_NAMES = 8
"""Names shown of a long list."""
_SHORTEST_SECRET = 6
"""A shorter key would blot out common words; placeholders such as `none` are no secrets."""
_ANY_NAME = frozenset({"transformers", "llama-cpp-python"})
"""Engines that take requests for models that they do not list."""


class ServerProbe:
    """Looks at one model's server from outside."""

    def __init__(self, base_url: str, api_key: str | None = None, wanted_model: str | None = None) -> None:
        self._pages = Pages(base_url, api_key)
        self._wanted = wanted_model

    async def identify(self) -> ServerFacts | Failure:
        """Who it is. A failure where nothing answers, it refuses us, or it serves another model.

        Takes 10 s at most for the list of models, 3 s for the pages that tell who it is and 10 s for those
        of its engine.
        """
        try:
            return await self._identify()
        finally:
            await self._pages.close()

    async def _identify(self) -> ServerFacts | Failure:
        if not can_be_asked(self._pages.base_url):
            what = "base_url is no URL: it begins with http:// or https:// and names a host"
            return Failure(kind=FailureKind.REQUEST, message=what)
        try:
            listing = await self._pages.get(f"{self._pages.shown}/models", _MODELS_S)
        except TROUBLES as error:
            return self._failure(FailureKind.CONNECTION, _why(error))
        if listing.status in {401, 403}:
            return self._refused(listing.status)
        if listing.status == 404 and (failure := await self._misplaced()):
            return failure
        models = listed_models(listing.json)
        pages = await self._fetched(Ask(path=path) for path in ENGINE_PAGES)
        engine = engine_name(models, pages)
        chosen = self._choose(models, engine, listing.status)
        if isinstance(chosen, Failure):
            return chosen
        served = next((model for model in models if _answers_to(model, chosen)), None)
        pages |= await self._fetched(ask for ask in wanted_pages(engine, chosen) if _is_open(ask, pages))
        told = Told(name=chosen, served=served, models=models, pages=pages)
        return _hiding(facts_of_pages(engine, told), self._pages.api_key)

    async def _fetched(self, asks: Iterable[Ask]) -> dict[str, Json]:
        """All at once, so that a server which hangs on each of them holds us up for one."""
        wanted = tuple(asks)
        found = await asyncio.gather(*(self._pages.told(ask.path, ask.seconds, ask.body) for ask in wanted))
        return {ask.key: page for ask, page in zip(wanted, found, strict=True)}

    def _choose(self, models: tuple[ListedModel, ...], engine: str | None, status: int) -> str | Failure:
        """The name that requests will carry."""
        names = [model.id for model in models]
        if self._wanted is None:
            if len(names) == 1:
                return names[0]
            what = f"it lists {len(names)} models, {_listed(names)}" if names else "it lists no model"
            if status >= 400:
                what = f"its list of models answers HTTP {status}"
            return self._failure(FailureKind.REQUEST, f"{what}: set `model` to the one that you mean")
        is_router = engine in ROUTERS or (engine is None and len(names) > 1)
        if not names or is_router or engine in _ANY_NAME:
            return self._wanted
        if any(_answers_to(model, self._wanted) for model in models):
            return self._wanted
        nearest = difflib.get_close_matches(self._wanted, names, n=1, cutoff=0.0)[0]
        return self._failure(
            FailureKind.REQUEST,
            f"it serves {_listed(names)}, not {self._wanted!r}: did you mean {nearest!r}?",
        )

    async def _misplaced(self) -> Failure | None:
        """Nothing at /models: the usual slip is a base URL without its /v1."""
        if self._pages.shown.endswith("/v1") or await self._pages.get_json("/v1/models", PAGE_S) is None:
            return None
        return self._failure(
            FailureKind.REQUEST, f"no models there, but below /v1: set base_url to {self._pages.shown}/v1"
        )

    def _refused(self, status: int) -> Failure:
        if self._pages.api_key is None:
            advice = "it wants an API key: name the variable that holds it in api_key_env"
        else:
            advice = "it refuses the API key: is the variable named in api_key_env the right one?"
        return self._failure(FailureKind.AUTH, f"{advice} (HTTP {status})", status)

    def _failure(self, kind: FailureKind, what: str, status: int | None = None) -> Failure:
        return Failure(kind=kind, message=f"{self._pages.shown}: {what}", status=status)


def _answers_to(model: ListedModel, name: str) -> bool:
    """Ollama takes a name without its tag for the latest."""
    return name in {model.id, *model.aliases} or f"{name}:latest" == model.id


def _is_open(ask: Ask, pages: Mapping[str, Json]) -> bool:
    """Whether the page has not been asked for, or only for less time than it may need."""
    return pages.get(ask.key) is None and (ask.key not in pages or ask.seconds > PAGE_S)


def _hiding(facts: ServerFacts, secret: str | None) -> ServerFacts:
    """The same facts where a server shows the key that it was sent; the name that requests carry stays."""
    if not secret or len(secret) < _SHORTEST_SECRET:
        return facts
    told = {each.name: getattr(facts, each.name) for each in fields(facts) if each.name != "served_model"}
    texts = {name: value for name, value in told.items() if isinstance(value, str | dict)}
    hidden: dict[str, Any] = {name: without(value, secret) for name, value in texts.items()}
    return replace(facts, **hidden)


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown}, …"


def _why(error: BaseException) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    match cause:
        case ConnectionRefusedError():
            return "connection refused: is the server running, and is base_url right?"
        case TimeoutError():
            return f"no answer within {_MODELS_S:g} s: is the server running, and is base_url right?"
        case aiohttp.ClientConnectorDNSError() | socket.gaierror():
            return "its host name cannot be resolved: is base_url right?"
    return f"no answer: {' '.join(str(error).split()) or type(error).__name__}"
