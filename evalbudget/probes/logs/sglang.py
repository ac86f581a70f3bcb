"""SGLang's log. GB means GiB there.

`srt/mem_cache/memory_pool.py`, `srt/mem_cache/swa_memory_pool.py`, `srt/model_executor/model_runner.py`, and
the scheduler's lines of its batches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from evalbudget.probes.logs.figures import COUNT, GIB, NUMBER, count, half_digit, size
from evalbudget.probes.logs.settings import number, set_ones, settings, told
from evalbudget.records import CachePart, CachePool, JsonValue, Load, ServerFacts

_LINE = re.compile(
    r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d((?: [A-Z]{2,3}\d{1,4}){0,6})\] "
    r"(?:(?:DEBUG|INFO|WARNING|ERROR) [\w./-]{1,100}:\d{1,6}: )?(.*)"
)
"""The rank, then what it says."""
_ARGUMENTS = "server_args=ServerArgs("
_WEIGHTS = re.compile(r"Load weight end\. .{0,200}?type=(\w{1,100}), dtype=torch\.(\w{1,24})")
_POOL = re.compile(
    r"(?:\[[\w -]{1,60}\] )?(Post-capture KV sizing: KV cache|KV Cache is) allocated\."
    rf"(?: dtype: ([\w.]{{1,40}}),)?(?: #tokens: ({COUNT}),)? (.{{1,200}})"
)
_HEADS = re.compile(rf"K size: ({NUMBER}) GB, V size: ({NUMBER}) GB")
_LATENT = re.compile(rf"KV size: ({NUMBER}) GB")
_WINDOW = re.compile(rf"SWAKVPool mem usage: {NUMBER} GB, swa size: ({COUNT}), full size: ({COUNT})")
_STATE = re.compile(rf"Mamba Cache is allocated\. max_mamba_cache_size: ({COUNT}), (.{{1,400}})")
_STATE_SIZE = re.compile(rf"(\w{{1,40}}) size: ({NUMBER}) ?GB")
_POOL_END = "Memory pool end."
_LIMITS = re.compile(rf"(?:Post-capture KV sizing: )?max_total_num_tokens=({COUNT})")
_CONTEXT = re.compile(rf", context_len=({COUNT})")
_READY = "The server is fired up and ready to roll!"
_MOST_RANKS = 1024

_BATCH = re.compile(r"(Decode|Prefill) batch[.,] ")
_USAGE = re.compile(rf"(?:token|mamba) usage: ({NUMBER})")
_USED = re.compile(rf"#(?:full )?token: ({COUNT})")
_RUNNING = re.compile(r"#running-req: (\d{1,9})")
_NEW = re.compile(r"#new-seq: (\d{1,9})")
_WAITING = re.compile(r"#queue-req: (\d{1,9})")
_RETRACTED = re.compile(r".{0,200}#retracted_reqs: (\d{1,9})")
_ENGINE = re.compile(r" DP(\d{1,4})")


@dataclass(slots=True, kw_only=True)
class _Rank:
    """What one GPU tells."""

    parts: list[CachePart] = field(default_factory=list)
    target_is_done: bool = False
    """What follows is of a draft model."""
    tokens: int | None = None
    dtype: str | None = None


class SglangStart:
    """Implements `StartReader`. Of several ranks the one with the least room counts."""

    marks: ClassVar[tuple[str, ...]] = (
        _ARGUMENTS,
        "Load weight end.",
        " allocated.",
        "SWAKVPool mem usage: ",
        _POOL_END,
        "max_total_num_tokens=",
        _READY,
    )

    def __init__(self) -> None:
        self._seen = False
        self._clear()

    def _clear(self) -> None:
        self._ready = False
        self._printed = ""
        """The arguments as they stand in the log; only those of the last start are worth taking apart."""
        self._ranks: dict[str, _Rank] = {}
        self._context: int | None = None
        self._architecture: str | None = None
        self._weight_dtype: str | None = None

    def read(self, line: str) -> bool:
        """Whether a server begins its start here."""
        found = _LINE.match(line)
        if found is None:
            return False
        name, text = found[1].strip(), found[2]
        if text.startswith(_ARGUMENTS):
            self._clear()
            self._seen = True
            self._printed = text[len(_ARGUMENTS) :]
            return True
        if text.startswith(_READY):
            self._ready = True
        if not self._ready and (name in self._ranks or len(self._ranks) < _MOST_RANKS):
            self._read_on(name, text)
        return False

    def _read_on(self, name: str, text: str) -> None:
        if (pool := _POOL.match(text)) is not None:
            self._add_pool(self._rank(name), pool)
        elif (state := _STATE.match(text)) is not None:
            _add_state(self._rank(name), state)
        elif (window := _WINDOW.match(text)) is not None:
            _name_window(self._rank(name).parts, int(window[1]), int(window[2]))
        elif text.startswith(_POOL_END):
            self._rank(name).target_is_done = True
        elif (limits := _LIMITS.match(text)) is not None:
            self._rank(name).tokens = count(limits[1])
            context = _CONTEXT.search(text, 0, 1000)
            self._context = count(context[1]) if context else self._context
        elif (weights := _WEIGHTS.match(text)) is not None and self._architecture is None:
            self._seen, self._architecture, self._weight_dtype = True, weights[1], weights[2]

    def _rank(self, name: str) -> _Rank:
        self._seen = True
        return self._ranks.setdefault(name, _Rank())

    def _add_pool(self, rank: _Rank, pool: re.Match[str]) -> None:
        heads, latent = _HEADS.search(pool[4]), _LATENT.search(pool[4])
        printed = heads.groups() if heads else latent.groups() if latent else ()
        if not printed:
            return
        final = pool[1].startswith("Post")
        part = CachePart(
            kind="draft" if rank.target_is_done and not final else "attention",
            bytes=sum(size(each, GIB) for each in printed),
            rounding=sum(half_digit(each, GIB) for each in printed),
            tokens=count(pool[3]),
            key_bytes=size(printed[0], GIB) if heads else None,
            value_bytes=size(printed[1], GIB) if heads else None,
            keys=pool[2],
            values=pool[2] if heads else None,
        )
        if final:  # what was said before was an upper bound
            rank.parts = [each for each in rank.parts if each.kind != "attention"]
        rank.dtype = rank.dtype or (pool[2] or "").removeprefix("torch.") or None
        rank.parts.append(part)

    def facts(self) -> ServerFacts | None:
        """Of the last start."""
        if not self._seen:
            return None
        arguments = settings(self._printed)
        ranks = sorted(self._ranks.values(), key=_room)
        least = next((rank for rank in ranks if rank.parts), None)
        return ServerFacts(
            engine="sglang",
            served_model=told(arguments, "served_model_name"),
            model_path=told(arguments, "model_path"),
            architecture=self._architecture,
            quantization=told(arguments, "quantization"),
            weight_dtype=self._weight_dtype or told(arguments, "dtype"),
            kv_dtype=told(arguments, "kv_cache_dtype") or (least.dtype if least else None),
            max_model_len=self._context or number(arguments, "context_length"),
            ranks=_shared_by(arguments),
            flags=set_ones(arguments),
            pool=self._pool(least, number(arguments, "page_size")),
        )

    def _pool(self, rank: _Rank | None, page: int | None) -> CachePool | None:
        tokens = [each.tokens for each in self._ranks.values() if each.tokens is not None]
        if rank is None and not tokens:
            return None
        whole = (
            [part.tokens for part in rank.parts if part.kind == "attention" and part.tokens] if rank else []
        )
        return CachePool(
            source="log",
            parts=tuple(rank.parts) if rank else (),
            tokens=min(tokens, default=max(whole, default=None)),
            block_tokens=page,
        )


def _shared_by(arguments: Mapping[str, JsonValue]) -> int | None:
    """With data parallel attention, each group of GPUs has sequences of its own."""
    ranks = number(arguments, "tp_size")
    groups = number(arguments, "dp_size") if arguments.get("enable_dp_attention") is True else 1
    return max(1, ranks // (groups or 1)) if ranks else None


def _room(rank: _Rank) -> int:
    return sum(part.tokens or 0 for part in rank.parts if part.kind == "attention")


def _add_state(rank: _Rank, state: re.Match[str]) -> None:
    """The states of sequences, and what speculation keeps of each of them besides."""
    sizes = _STATE_SIZE.findall(state[2])
    for kind, wanted in (("state", True), ("draft", False)):
        printed = [text for name, text in sizes if (name in {"conv_state", "ssm_state"}) is wanted]
        whole = sum(size(text, GIB) for text in printed)
        if printed and (wanted or whole):
            rank.parts.append(
                CachePart(
                    kind="state" if kind == "state" else "draft",
                    bytes=whole,
                    rounding=sum(half_digit(text, GIB) for text in printed),
                    sequences=count(state[1]),
                )
            )


def _name_window(parts: list[CachePart], window: int, whole: int) -> None:
    """The two pools that were made last: the window's is made first, and is told by its size."""
    places = [place for place, part in enumerate(parts) if part.kind in {"attention", "draft"}][-2:]
    if len(places) < 2:
        return
    first, second = places
    place = second if window != whole and parts[second].tokens == window else first
    if parts[place].kind == "attention":
        parts[place] = replace(parts[place], kind="window")


class SglangUse:
    """Implements `UseReader`. Of several pools the fullest counts, as in SGLang's own `token_usage`."""

    marks: ClassVar[tuple[str, ...]] = ("Decode batch", "Prefill batch", "#retracted_reqs: ")

    def __init__(self) -> None:
        self._engines: dict[str, Load] = {}
        self._preempted: int | None = None

    def read(self, line: str) -> Load | None:
        """The figures as of this line; a prefill's requests are those that run and those that are new."""
        found = _LINE.match(line[:2000])
        if found is None:
            return None
        text = found[2]
        if (retracted := _RETRACTED.match(text)) is not None:
            self._preempted = (self._preempted or 0) + int(retracted[1])
            return self._load()
        batch = _BATCH.match(text)
        if batch is None:
            return None
        running, new = _RUNNING.search(text), _NEW.search(text)
        used, waiting = _USED.search(text), _WAITING.search(text)
        usages = [min(float(each), 1.0) for each in _USAGE.findall(text)]
        decodes = batch[1] == "Decode"
        engine = _ENGINE.search(found[1])
        name = engine[1] if engine else ""
        if name in self._engines or len(self._engines) < _MOST_RANKS:
            self._engines[name] = Load(
                kv_usage=max(usages, default=None),
                kv_used_tokens=int(used[1]) if used and decodes else None,
                running=int(running[1]) + (int(new[1]) if new else 0) if running else None,
                waiting=int(waiting[1]) if waiting else None,
            )
        return self._load()

    def _load(self) -> Load | None:
        loads = tuple(self._engines.values())
        tokens = [each.kv_used_tokens for each in loads]
        return Load(
            kv_usage=max((each.kv_usage for each in loads if each.kv_usage is not None), default=None),
            kv_used_tokens=None if None in tokens else _total(tokens),
            running=_total([each.running for each in loads]),
            waiting=_total([each.waiting for each in loads]),
            preemptions=self._preempted,
            source="log",
        )


def _total(figures: list[int | None]) -> int | None:
    known = [each for each in figures if each is not None]
    return sum(known) if known else None
