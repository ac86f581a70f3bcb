"""LMDeploy's log: TurboMind's lines, `[TM][INFO] …`, and those of its Python part, at log level INFO.

`src/turbomind/models/llama/BlockManager.cc`, `src/turbomind/engine/engine.cc`.
"""

from __future__ import annotations

import re
from typing import ClassVar

from evalbudget.probes.logs.figures import COUNT, MIB, NUMBER, count, half_digit, size
from evalbudget.probes.logs.settings import number, set_ones, settings, told
from evalbudget.records import CachePart, CachePool, JsonValue, ServerFacts

_CORE = re.compile(r"\[TM\]\[(?:DEBUG|INFO|WARNING)\] (.*)")
_PYTHON = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - lmdeploy - [A-Z]{1,8} - (?:[\w.]{1,60}:\d{1,6} - )?(.*)"
)
_CONFIG = re.compile(r"input backend=(\w{1,24}), backend_config=(?:Turbomind|Pytorch)EngineConfig\(")
_BLOCK = re.compile(rf"\[BlockManager\] block_size = ({NUMBER}) MB")
_BLOCKS = re.compile(rf"\[BlockManager\] max_block_count = ({COUNT})")
_TOKENS = re.compile(rf"max cached tokens: ({COUNT})")
_CUT = re.compile(rf"(?:No enough blocks for .{{1,60}})?`session_len` truncated to ({COUNT})")
_CACHE_TYPES = {4: "int4", 8: "int8"}


class LmDeployStart:
    """Implements `StartReader`. Every GPU prints the same; the last line counts."""

    marks: ClassVar[tuple[str, ...]] = (
        "[BlockManager]",
        "max cached tokens: ",
        "`session_len` truncated",
        "EngineConfig(",
    )

    def __init__(self) -> None:
        self._seen = False
        self._clear()

    def _clear(self) -> None:
        self._config: dict[str, JsonValue] = {}
        self._block: str | None = None
        self._blocks: int | None = None
        self._tokens: int | None = None
        self._length: int | None = None

    def read(self, line: str) -> bool:
        """Whether a server begins its start here."""
        python = _PYTHON.match(line)
        config = _CONFIG.match(python[1]) if python else None
        if python is not None and config is not None:
            self._clear()
            self._seen = True
            self._config = settings(python[1][config.end() :])
            return True
        core = _CORE.match(line)
        if core is None:
            return False
        if (block := _BLOCK.match(core[1])) is not None:
            self._block = block[1]
        elif (blocks := _BLOCKS.match(core[1])) is not None:
            self._blocks = count(blocks[1])
        elif (tokens := _TOKENS.match(core[1])) is not None:
            self._tokens = count(tokens[1])
        elif (cut := _CUT.match(core[1])) is not None:
            self._length = count(cut[1])
        else:
            return False
        began, self._seen = not self._seen, True
        return began

    def facts(self) -> ServerFacts | None:
        """Of the last start."""
        if not self._seen:
            return None
        config = self._config
        return ServerFacts(
            engine="lmdeploy",
            weight_dtype=told(config, "dtype"),
            kv_dtype=_CACHE_TYPES.get(number(config, "quant_policy") or 0),
            max_model_len=self._length or number(config, "session_len"),
            ranks=number(config, "tp"),
            flags=set_ones(config),
            pool=self._pool(),
        )

    def _pool(self) -> CachePool | None:
        if self._tokens is None and self._blocks is None:
            return None
        length = number(self._config, "cache_block_seq_len")
        tokens = self._tokens or (self._blocks * length if self._blocks and length else None)
        parts: tuple[CachePart, ...] = ()
        if self._block is not None and self._blocks is not None:
            whole = "." not in self._block  # older versions cut the digits off
            rounding = MIB if whole else half_digit(self._block, MIB)
            parts = (
                CachePart(
                    bytes=size(self._block, MIB) * self._blocks,
                    rounding=rounding * self._blocks,
                    tokens=tokens,
                ),
            )
        return CachePool(source="log", parts=parts, tokens=tokens, block_tokens=length, blocks=self._blocks)
