"""vLLM's log, of the V0 and the V1 engine.

`v1/core/kv_cache_utils.py`, `v1/worker/gpu_worker.py`, `v1/worker/cpu_worker.py` and `v1/metrics/loggers.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from evalbudget.probes.logs.figures import COUNT, GIB, GROUPED, NUMBER, count, half_digit, size
from evalbudget.probes.logs.settings import number, set_ones, settings, told
from evalbudget.records import CachePart, CachePool, JsonValue, Load, ServerFacts

_LINE = re.compile(
    r"(?:\(([\w.]{1,40})[^()]{0,80}\) )?(?:DEBUG|INFO|WARNING|ERROR) (?:\d{4}-)?\d\d-\d\d \d\d:\d\d:\d\d "
    r"\[?[\w./-]{1,120}:\d{1,6}\] (.*)"
)
"""The process, then what it says. A new line within a message begins with all of this again."""
_ARGUMENTS = "non-default args: {"
_ENGINE = re.compile(r"Initializing (?:a V\d LLM engine|an LLM engine) \(v([\w.+-]{1,60})\) with config: ")
_ARCHITECTURE = re.compile(r"Resolved architecture: (\w{1,100})")
_TYPE = re.compile(r"Using (\w{1,40}) data type to store kv cache")
_MEMORY = (
    re.compile(rf"Available KV cache memory: ({NUMBER}) GiB"),
    re.compile(rf"(?:Explicitly|Auto) set \(({NUMBER})/{NUMBER}\) GiB for KV cache"),
    re.compile(rf"Initial free memory {NUMBER} GiB, reserved ({NUMBER}) GiB memory for KV Cache"),
    re.compile(rf".{{0,400}}the rest of the memory reserved for KV Cache is ({NUMBER})GiB"),
)
_TOKENS = re.compile(rf"[A-Z]{{2,8}}(?: \+ host)? KV cache size: ({GROUPED}) tokens")
_CONCURRENCY = re.compile(rf"Maximum concurrency for ({GROUPED}) tokens per request: ({NUMBER})x")
_BLOCKS = re.compile(
    rf"# \w{{1,8}} blocks: ({COUNT}), # CPU blocks: {COUNT}"
    rf"|(?:Engine )?\d{{1,4}}(?: Engines)?: vllm cache_config_info with initialization after num_gpu_blocks "
    rf"is: ({COUNT})"
)
_OVERRIDE = re.compile(rf"Overriding num_gpu_blocks=({COUNT}) with num_gpu_blocks_override=({COUNT})")
_BLOCK = re.compile(rf"Setting (?:attention|kv cache) block size to ({COUNT}) ")
_GROUPS = re.compile(r"kv cache group sizes \(([\d, ]{1,400})\)")
_READY = "Application startup complete."
_SHORT_TYPES = {"bfloat16": "bf16", "float16": "f16", "float32": "f32"}

_USE = re.compile(r"(?:Engine (\d{1,4}): )?Avg prompt throughput: ")
_ALL_ENGINES = re.compile(r"(\d{1,4}) Engines Aggregated: Avg prompt throughput: ")
_RUNNING = re.compile(r", Running: (\d{1,9}) reqs")
_WAITING = re.compile(r", (?:Waiting|Pending): (\d{1,9}) reqs")
_USAGE = re.compile(rf", (?:[A-Z]{{2,8}}(?: \+ host)?) KV cache usage: ({NUMBER})%")
_PREEMPTED = re.compile(r", Preemptions: (\d{1,9})")
_V0_PREEMPTED = re.compile(
    r"Sequence group .{1,200} is preempted by .{1,400} total_num_cumulative_preemption=(\d{1,9})"
)


class VllmStart:
    """Implements `StartReader`. Of several ranks the one with the least room counts."""

    marks: ClassVar[tuple[str, ...]] = (
        _ARGUMENTS,
        "LLM engine (v",
        "Resolved architecture: ",
        "data type to store kv cache",
        "KV cache",
        "KV Cache",
        "Maximum concurrency for ",
        " blocks: ",
        "num_gpu_blocks",
        "block size to ",
        "kv cache group sizes",
        _READY,
    )

    def __init__(self) -> None:
        self._seen = False
        self._clear()

    def _clear(self) -> None:
        self._began: set[str] = set()
        self._ready = False
        self._version: str | None = None
        self._arguments = self._config = ""
        """As they stand in the log; only those of the last start are worth taking apart."""
        self._architecture: str | None = None
        self._type: str | None = None
        self._memory: list[str] = []
        self._tokens: list[int] = []
        self._concurrency: list[tuple[int, float]] = []
        self._blocks: list[int] = []
        self._override: tuple[int, int] | None = None
        self._block_tokens: int | None = None

    def read(self, line: str) -> bool:
        """Whether a server, or an engine without one, begins its start here."""
        if line.endswith(_READY):
            self._ready = True
            return False
        found = _LINE.match(line)
        if found is None:
            return False
        process, text = found[1] or "", found[2]
        if text.startswith(_ARGUMENTS):
            self._clear()
            self._seen = True
            self._arguments = text[len(_ARGUMENTS) :]
            return True
        engine = _ENGINE.match(text)
        if engine is None:
            if not self._ready:
                self._read_on(text)
            return False
        again = process in self._began or self._ready
        if again:
            self._clear()
        self._seen = True
        self._began.add(process)
        self._version, self._config = engine[1], text[engine.end() :]
        return again or len(self._began) == 1

    def _read_on(self, text: str) -> None:
        if not self._read_room(text) and not self._read_blocks(text):
            if (architecture := _ARCHITECTURE.match(text)) is not None:
                self._architecture = self._architecture or architecture[1]  # a draft model's comes later
            elif (kind := _TYPE.match(text)) is not None:
                self._type = kind[1]

    def _read_room(self, text: str) -> bool:
        """Whether the line tells bytes, tokens or sequences; older versions take two lines for the latter."""
        memory = next((found for pattern in _MEMORY if (found := pattern.match(text))), None)
        if memory is not None:
            self._memory.append(memory[1])
        tokens = _TOKENS.match(text)
        if tokens is not None and (whole := count(tokens[1])):
            self._tokens.append(whole)
        concurrency = _CONCURRENCY.search(text, 0, 200)
        length = count(concurrency[1]) if concurrency else None
        if concurrency and length and (tokens or concurrency.start() == 0):
            self._concurrency.append((length, float(concurrency[2])))
        return bool(memory or tokens or concurrency)

    def _read_blocks(self, text: str) -> bool:
        if (blocks := _BLOCKS.match(text)) is not None:
            if (whole := count(blocks[1] or blocks[2])) is not None:
                self._blocks.append(whole)
        elif (override := _OVERRIDE.match(text)) is not None:
            self._override = (int(override[1]), int(override[2]))
        elif (block := _BLOCK.match(text)) is not None:
            self._block_tokens = count(block[1])
        elif (groups := _GROUPS.match(text)) is not None:
            sizes = {each.strip() for each in groups[1].split(",")} - {""}
            alone = count(sizes.pop()) if len(sizes) == 1 else None
            self._block_tokens = self._block_tokens or alone
        else:
            return False
        return True

    def facts(self) -> ServerFacts | None:
        """Of the last start."""
        if not self._seen:
            return None
        config, arguments = settings(self._config), set_ones(settings(self._arguments, ":"))
        dtype = (told(config, "dtype") or "").removeprefix("torch.") or None
        weights = told(config, "quantization")
        return ServerFacts(
            engine="vllm",
            engine_version=self._version,
            served_model=told(config, "served_model_name"),
            model_path=told(config, "model") or told(arguments, "model"),
            architecture=self._architecture,
            quantization=weights or (_SHORT_TYPES.get(dtype or "") if "quantization" in config else None),
            weight_dtype=dtype,
            kv_dtype=told(config, "kv_cache_dtype") or self._type or told(arguments, "kv_cache_dtype"),
            max_model_len=(self._concurrency[-1][0] if self._concurrency else None)
            or number(config, "max_seq_len"),
            ranks=number(config, "tensor_parallel_size"),
            flags=arguments,
            pool=self._pool(arguments),
        )

    def _pool(self, arguments: Mapping[str, JsonValue]) -> CachePool | None:
        parts = self._parts(number(arguments, "kv_cache_memory_bytes"))
        if not parts and not self._tokens and not self._blocks:
            return None
        length, concurrency = min(self._concurrency, key=lambda each: each[1], default=(None, None))
        return CachePool(
            source="log",
            parts=parts,
            tokens=min(self._tokens, default=None),
            block_tokens=self._block_tokens or number(arguments, "block_size"),
            blocks=self._override[1] if self._override else min(self._blocks, default=None),
            max_model_len=length,
            concurrency=concurrency,
            overridden=self._override is None and "num_gpu_blocks_override" in arguments,
        )

    def _parts(self, exact: int | None) -> tuple[CachePart, ...]:
        """Exact where the size was given in bytes. Two digits of GiB are printed, the last left out where
        it is zero: `round(bytes / GiB, 2)`. With a number of blocks set by hand, the bytes of those: the
        engine tells how many would have fitted."""
        smallest = min(self._memory, key=float, default=None)
        if exact is None and smallest is None:
            return ()
        whole = exact if exact is not None else size(smallest or "0", GIB)
        rounding = 0 if exact is not None else half_digit("0.00", GIB)
        if self._override and self._override[0] > 0:
            fitted, used = self._override
            rounding = round((rounding + whole / fitted) * used / fitted)
            whole = round(whole * used / fitted)
        return (CachePart(bytes=whole, rounding=rounding),) if whole > 0 else ()


class VllmUse:
    """Implements `UseReader`. Of several engines, requests are added up and the fullest cache counts."""

    marks: ClassVar[tuple[str, ...]] = ("Avg prompt throughput: ", "total_num_cumulative_preemption=")

    def __init__(self) -> None:
        self._engines: dict[str, Load] = {}
        self._preempted: int | None = None

    def read(self, line: str) -> Load | None:
        """The figures as of this line: a share of the whole cache, requests, preemptions since the start."""
        found = _LINE.match(line)
        if found is None:
            return None
        text = found[2]
        if (preempted := _V0_PREEMPTED.match(text)) is not None:
            self._preempted = int(preempted[1])
            return self._load()
        use, together = _USE.match(text), _ALL_ENGINES.match(text)
        usage = _USAGE.search(text, 0, 2000)
        if (use is None and together is None) or usage is None:
            return None
        name = (use[1] or "") if use is not None else ""
        if together is not None or len(self._engines) >= _MOST_ENGINES:
            self._engines.clear()
        running, waiting = _RUNNING.search(text, 0, 2000), _WAITING.search(text, 0, 2000)
        if (more := _PREEMPTED.search(text, 0, 2000)) is not None:
            self._preempted = (self._preempted or 0) + int(more[1])  # of the time since the last such line
        self._engines[name] = Load(
            kv_usage=min(float(usage[1]) / 100, 1.0),
            running=int(running[1]) if running else None,
            waiting=int(waiting[1]) if waiting else None,
        )
        return self._load()

    def _load(self) -> Load | None:
        loads = tuple(self._engines.values())
        if not loads and self._preempted is None:
            return None
        return Load(
            kv_usage=max((each.kv_usage for each in loads if each.kv_usage is not None), default=None),
            running=_total([each.running for each in loads]),
            waiting=_total([each.waiting for each in loads]),
            preemptions=self._preempted,
            source="log",
        )


_MOST_ENGINES = 1024


def _total(figures: list[int | None]) -> int | None:
    known = [each for each in figures if each is not None]
    return sum(known) if known else None
