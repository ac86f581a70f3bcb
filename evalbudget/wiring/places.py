"""Where a model's files may lie on this machine, by what its server names."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from evalbudget.suite import Model
from evalbudget.urls import is_loopback


def on_this_machine(model: Model, named: str) -> Path | None:
    """The place that a server names, taken for one here only where the server runs here."""
    if model.base_url is None or not is_loopback(model.base_url) or "\0" in named:
        return None
    return Path(named)


def in_hub_cache(name: str) -> Path | None:
    """The folder of a model of the Hub that was downloaded to this machine."""
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - heavy, and seldom needed
    from huggingface_hub.errors import HFValidationError  # noqa: PLC0415

    with suppress(HFValidationError, OSError, ValueError):
        found = try_to_load_from_cache(name, "config.json")
        return Path(found).parent if isinstance(found, str) else None
    return None
