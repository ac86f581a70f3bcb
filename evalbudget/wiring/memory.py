"""A server's KV memory: the model's configuration, found wherever it is at hand, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from evalbudget.errors import InputError
from evalbudget.kv import KvModel, KvVerdict, attention, model_of_gguf
from evalbudget.records import ServerFacts, ServerRecord
from evalbudget.suite import Model, Suite
from evalbudget.wiring.kv import read_kv_model
from evalbudget.wiring.places import in_hub_cache, on_this_machine


def kv_model_of(model: Model, suite: Suite, facts: ServerFacts) -> KvModel | None:
    """What the model's weights keep of a sequence; None where no configuration is at hand.

    In this order: the suite's `config`; the GGUF; what the server itself shows of a GGUF; the folder or file
    that a server on this machine names; the Hub's cache on this machine. Raises InputError for a `config` of
    the suite that cannot be read.
    """
    if model.config is not None:
        return read_kv_model(suite.locate(model.config))
    if model.gguf is not None:
        return _read(suite.locate(model.gguf))
    if facts.metadata:
        with suppress(InputError):
            return model_of_gguf(facts.metadata, f"{model.name}'s metadata")
    found = (_read(path) for path in _places(model, facts))
    return next((each for each in found if each is not None), None)


def _places(model: Model, facts: ServerFacts) -> Iterator[Path]:
    """Where a configuration may lie: only what a server on this machine names is looked for on it."""
    if facts.model_path is None:
        return
    if (here := on_this_machine(model, facts.model_path)) is not None:
        yield here
    if (cached := in_hub_cache(facts.model_path)) is not None:
        yield cached


def _read(path: Path) -> KvModel | None:
    try:
        return read_kv_model(path) if path.exists() else None
    except (InputError, OSError):
        return None


def record_of(
    run_id: str, model: Model, base_url: str, facts: ServerFacts, kv: tuple[KvModel | None, KvVerdict]
) -> ServerRecord:
    """The row of `servers`: the suite's words before the server's."""
    known, verdict = kv
    return ServerRecord(
        run_id=run_id,
        model=model.name,
        family=model.family,
        quantization=model.quantization or facts.quantization or "unknown",
        base_url=base_url,
        served_model=facts.served_model,
        engine=facts.engine or "unknown",
        engine_version=facts.engine_version,
        architecture=facts.architecture or (known.name if known else None),
        attention=attention(known.native or known.groups) if known else None,
        weight_dtype=facts.weight_dtype,
        kv_dtype=facts.kv_dtype,
        max_model_len=facts.max_model_len,
        effort=model.effort,
        flags=facts.flags,
        patches=facts.patches,
        kv_capacity_tokens=verdict.capacity_tokens,
        kv_capacity_bytes=verdict.capacity_bytes,
        kv_block_tokens=verdict.block_tokens,
        kv_bytes_per_token=verdict.bytes_per_token,
        kv_bytes_per_token_expected=verdict.expected_bytes_per_token,
        kv_fixed_bytes=None if verdict.fixed_bytes is None else round(verdict.fixed_bytes),
        kv_ratio=verdict.ratio,
        kv_verdict=verdict.name,
        kv_advice=" ".join(filter(None, (verdict.says, verdict.advice))) or None,
        kv_source=verdict.source,
    )
