"""KV memory as the words that a reader sees, for every kind of report alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from evalbudget.report.kv import size
from evalbudget.report.words import UNKNOWN, one_line, share, tokens
from evalbudget.store.cells import Cell
from evalbudget.store.memory import ModelMemory

AGREES: Final = "agrees"
"""The verdict where measured is expected (`kv.verdict`)."""
TITLE: Final = "KV memory"
MEANING: Final = (
    "KV memory is that of one GPU. Most in use: of all requests at once, as often as the server was looked "
    "at. Per correct: what the answers' sequences took at their ends, by correct answers."
)


@dataclass(frozen=True, slots=True)
class MemoryColumn:
    """One figure of a model's memory."""

    title: str
    short: str
    """The title where there is little room; may break into lines."""
    text: Callable[[ModelMemory], str]


def _per_token(number: float | None) -> str:
    return UNKNOWN if number is None else f"{number:,.0f}"


def _bytes(number: float | None) -> str:
    return UNKNOWN if number is None else size(round(number))


def _beside(each: ModelMemory) -> str:
    """agrees, or how many times the expected."""
    if each.verdict == AGREES:
        return AGREES
    if each.ratio is None:
        return UNKNOWN
    return f"{each.ratio:.2f} ×" if each.ratio < 10 else f"{each.ratio:.1f} ×"


def _cache(each: ModelMemory) -> str:
    return UNKNOWN if not each.kv_dtype else one_line(each.kv_dtype.removeprefix("torch."), 12)


COLUMNS: Final = (
    MemoryColumn("bytes per token", "bytes per\ntoken", lambda each: _per_token(each.bytes_per_token)),
    MemoryColumn("expected", "ex-\npected", lambda each: _per_token(each.bytes_per_token_expected)),
    MemoryColumn("measured by expected", "", _beside),
    MemoryColumn("cache type", "cache", _cache),
    MemoryColumn("room in tokens", "room\ntokens", lambda each: tokens(each.capacity_tokens)),
    MemoryColumn("room in bytes", "room\nbytes", lambda each: _bytes(each.capacity_bytes)),
    MemoryColumn("most in use", "most\nin use", lambda each: _bytes(each.used_bytes_peak)),
    MemoryColumn("share in use", "share", lambda each: share(each.usage_peak)),
    MemoryColumn("per correct answer", "per\ncorrect", lambda each: _bytes(each.kv_bytes_per_correct)),
)
"""A line a model."""

SPARE: Final = ("room in bytes", "share in use", "per correct answer", "expected")
"""Columns that a narrow terminal does without, in this order."""

_SHOWS_USE: Final[Mapping[str, str]] = {
    "vllm": "start vLLM without `--disable-log-stats`",
    "sglang": "start SGLang with `--enable-metrics`",
    "llama.cpp": "start llama-server with `--metrics`",
    "lmdeploy": "let its /metrics be reached",
    "tensorrt-llm": "let its /prometheus/metrics be reached",
}
"""Engine → what makes it show how full its cache is."""


def shown(memory: Iterable[ModelMemory]) -> tuple[ModelMemory, ...]:
    """The models of which a line of figures says anything."""
    return tuple(each for each in memory if any(column.text(each) != UNKNOWN for column in COLUMNS))


def notes(memory: Iterable[ModelMemory]) -> tuple[str, ...]:
    """A line for what does not agree and what mends it, and for what would make more of it known; models of
    which the same is true share one."""
    models: dict[str, list[str]] = {}
    for each in memory:
        for line in (_verdict(each), _unmeasured(each), _unseen(each)):
            if line:
                models.setdefault(line, []).append(one_line(each.model))
    return tuple(f"{', '.join(names)}: {line}" for line, names in models.items())


def _verdict(each: ModelMemory) -> str:
    """What was found, and its advice; nothing where all is well."""
    if each.verdict == AGREES or not each.advice:
        return ""
    return one_line(each.advice, 600)


def _unmeasured(each: ModelMemory) -> str:
    """What would make measured and expected known, where nothing said so yet."""
    ways = []
    if each.bytes_per_token is None and "log" not in (each.advice or "").lower():
        ways.append("give its server's log as `log:` in the suite")
    if each.bytes_per_token_expected is None:
        ways.append("give the model's config.json as `config:` in the suite")
    if not ways:
        return ""
    what = "what its cache takes" if each.bytes_per_token is None else "what its cache should take"
    return f"to know {what}, {' and '.join(ways)}"


def _unseen(each: ModelMemory) -> str:
    """What would make its use known, where it was never read."""
    if each.readings or each.engine not in _SHOWS_USE:
        return ""
    return f"to see how full its cache is, {_SHOWS_USE[each.engine]}"


def preempted(memory: Iterable[ModelMemory]) -> Iterator[str]:
    """A warning a model: its server ran out of KV memory, and latencies are not the model's own."""
    for each in memory:
        if each.preemptions:
            yield _recomputed(each.model, _times(each.preemptions))


def preempted_in(cells: Iterable[Cell]) -> Iterator[str]:
    """The same from cells, which may have run at the same time: at least as often as in one of them."""
    most: dict[str, int] = {}
    for cell in cells:
        most[cell.model] = max(most.get(cell.model, 0), cell.preemptions or 0)
    for model, number in most.items():
        if number:
            yield _recomputed(model, f"at least {_times(number)}")


def _recomputed(model: str, times: str) -> str:
    return (
        f"latencies of model {one_line(model)} include recomputation: its server's KV cache was "
        f"full and took a request's memory away {times}; a lower `concurrency` avoids it"
    )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"
