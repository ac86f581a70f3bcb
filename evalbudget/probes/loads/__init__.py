"""What a server's pages tell of how busy it is: pure readers, one for each kind of page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from evalbudget.probes.loads.iterations import read_iterations
from evalbudget.probes.loads.metrics import read_metrics_page
from evalbudget.probes.loads.slots import read_slots
from evalbudget.records import Load

Together: TypeAlias = tuple[str, ...]
"""Paths of pages that are asked for at the same moment, because each tells a part."""

METRICS, SLOTS = "/metrics", "/slots"
_PAGES: dict[str, tuple[Together, ...]] = {
    "llama.cpp": ((METRICS, SLOTS),),
    "tensorrt-llm": (("/prometheus/metrics",), (METRICS,)),
    "ollama": (),
    "transformers": (),
    "llama-cpp-python": (),
}
"""Engine → its pages. TensorRT-LLM's second, of JSON, empties itself when it is read, which would take its
figures from whoever else watches, so it is the last resort. The last three engines show nothing of use."""


def pages_of(engine: str | None) -> tuple[Together, ...]:
    """Which pages to ask for: the first whose server has one; any other engine shows Prometheus' /metrics."""
    return _PAGES.get(engine or "", ((METRICS,),))


def read_pages(texts: Mapping[str, str], served_model: str | None) -> Load | None:
    """One observation from the texts of pages that came together, by path; None where none tells anything."""
    loads = [load for path, text in texts.items() if (load := _read(path, text, served_model)) is not None]
    if not loads:
        return None
    first, *others = loads
    for other in others:
        first = _joined(first, other)
    return first


def _read(path: str, text: str, served_model: str | None) -> Load | None:
    if path == SLOTS:
        return read_slots(text)
    if text.lstrip()[:1] in {"[", "{"}:
        return read_iterations(text)
    return read_metrics_page(text, served_model)


def _joined(metrics: Load, slots: Load) -> Load:
    """The slots' own count of what runs, because it is of the same moment as their tokens."""
    running = metrics.running if slots.running is None else slots.running
    return replace(metrics, kv_used_tokens=slots.kv_used_tokens, running=running)
