"""What one file of this package says about its engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from evalbudget.probes.recognise import ListedModel
from evalbudget.probes.values import Json
from evalbudget.records import JsonValue, ServerFacts

PAGE_S: Final = 3.0
"""For a page that only some servers have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One page to fetch."""

    path: str
    """Below the server's root."""
    name: str = ""
    """Under which its answer is given; the path, where this is empty."""
    body: Mapping[str, JsonValue] | None = None
    """Posted; None = the page is fetched with GET."""
    seconds: float = PAGE_S
    """Until it is given up."""

    @property
    def key(self) -> str:
        """The name of its answer."""
        return self.name or self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All that a server has told."""

    name: str | None
    """Of the model that is asked for; None where that is not settled."""
    served: ListedModel | None
    """Its entry in the list of models."""
    models: tuple[ListedModel, ...] = ()
    pages: Mapping[str, Json]
    """`Ask.key` → what came; a page of metrics is its text."""

    @property
    def entry(self) -> Mapping[str, Json]:
        """The model's entry in the list, as it came."""
        return self.served.entry if self.served else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One engine's pages."""

    wants: Callable[[str | None], tuple[Ask, ...]]
    """Name of the model that is asked for → this engine's pages, besides those that tell who it is."""
    read: Callable[[Told], ServerFacts]
    """What they tell; never raises. The engine's name and the model's are set by the caller."""


def pages(*paths: str) -> Callable[[str | None], tuple[Ask, ...]]:
    """Wants these, whatever the model."""
    asks = tuple(Ask(path=path) for path in paths)
    return lambda name: asks
