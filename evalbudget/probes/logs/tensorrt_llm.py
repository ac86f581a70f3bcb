"""TensorRT-LLM's log: its C++ part, `[TensorRT-LLM][INFO] …`, and its Python part, `[TRT-LLM] [I] …`.

`cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp`.
"""

from __future__ import annotations

import re
from typing import ClassVar

from evalbudget.probes.logs.figures import COUNT, GIB, NUMBER, count, half_digit, size
from evalbudget.records import CachePart, CachePool, ServerFacts

_CORE = re.compile(r"\[TensorRT-LLM\](?:\[INFO\])? (.*)")
_PYTHON = re.compile(
    r"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[INFO\] |\[\d\d/\d\d/\d{4}-\d\d:\d\d:\d\d\] )"
    r"\[TRT-LLM\] (?:\[RANK \d{1,4}\] )?\[I\] (.*)"
)
_VERSION = re.compile(r"TensorRT[- ]LLM version: ([\w.+-]{1,60})")
_MEMORY = re.compile(
    rf"\[MemUsageChange\] Allocated ({NUMBER}) GiB for max tokens in paged KV cache \(({COUNT})\)"
)
_BYTES = re.compile(r"Allocate (\d{1,15}) bytes for k/v cache")
_TOKENS = re.compile(rf"Using ({COUNT}) tokens in paged KV cache")
_BLOCK = re.compile(rf"Number of tokens per block: ({COUNT})")
_BLOCKS = re.compile(rf"Number of blocks in KV cache primary pool: ({COUNT})")
_LENGTH = re.compile(rf"max_seq_len=({COUNT}), max_num_requests=")


class TensorRtLlmStart:
    """Implements `StartReader`. The PyTorch backend makes a small cache first, to see what fits: the last one
    counts."""

    marks: ClassVar[tuple[str, ...]] = ("[TensorRT-LLM]", "[TRT-LLM]")

    def __init__(self) -> None:
        self._seen = False
        self._clear(None)

    def _clear(self, version: str | None) -> None:
        self._version = version
        self._part: CachePart | None = None
        self._tokens: int | None = None
        self._block: int | None = None
        self._blocks: int | None = None
        self._length: int | None = None

    def read(self, line: str) -> bool:
        """Whether a server begins its start here."""
        found = _CORE.match(line) or _PYTHON.match(line)
        if found is None:
            return False
        text = found[1]
        if (version := _VERSION.match(text)) is not None:
            self._clear(version[1])
            self._seen = True
            return True
        began, self._seen = not self._seen, True
        if (memory := _MEMORY.match(text)) is not None:
            self._tokens = count(memory[2])
            self._part = CachePart(
                bytes=size(memory[1], GIB), rounding=half_digit(memory[1], GIB), tokens=self._tokens
            )
        elif (exact := _BYTES.match(text)) is not None:
            self._part = CachePart(bytes=int(exact[1]))
        elif (tokens := _TOKENS.match(text)) is not None:
            self._tokens = count(tokens[1])
        elif (block := _BLOCK.match(text)) is not None:
            self._block = count(block[1])
        elif (blocks := _BLOCKS.match(text)) is not None:
            self._blocks = count(blocks[1])
        elif (length := _LENGTH.match(text)) is not None:
            self._length = count(length[1])
        return began

    def facts(self) -> ServerFacts | None:
        """Of the last start."""
        if not self._seen:
            return None
        return ServerFacts(
            engine="tensorrt-llm",
            engine_version=self._version,
            max_model_len=self._length,
            pool=self._pool(),
        )

    def _pool(self) -> CachePool | None:
        if self._part is None and self._tokens is None and self._blocks is None:
            return None
        by_blocks = self._blocks * self._block if self._blocks and self._block else None
        return CachePool(
            source="log",
            parts=() if self._part is None else (self._part,),
            tokens=self._tokens or by_blocks,
            block_tokens=self._block,
            blocks=self._blocks,
        )
