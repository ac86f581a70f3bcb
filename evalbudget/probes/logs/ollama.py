"""Ollama's log: its own lines, with those of the llama.cpp that it runs among them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

from evalbudget.probes.logs.figures import GIB, KIB, MIB, NUMBER, count, half_digit, size
from evalbudget.probes.logs.llama_cpp import LlamaCppStart
from evalbudget.records import CachePart, CachePool, ServerFacts

_OWN = r"time=\S{1,40} level=[A-Z]{1,8} source=[\w.]{1,40}:\d{1,6} msg="
_VERSION = re.compile(_OWN + r'"Listening on \S{1,100} \(version ([\w.+-]{1,60})\)"')
_REQUEST = re.compile(_OWN + r'load request="\{Operation:(?:fit|alloc|commit) .{0,2000}? KvSize:(\d{1,12}) ')
_TYPE = re.compile(r" KvCacheType:(\w{1,24}) ")
_PARALLEL = re.compile(r" Parallel:(\d{1,5}) ")
_LOADING = re.compile(_OWN + r'"loading model" ')
_ARCHITECTURE = re.compile(_OWN + r'"" architecture=(\w{1,60}) file_type=(\w{1,24}) ')
_SIZE = re.compile(_OWN + rf'"kv cache" device=(\S{{1,60}}) size="({NUMBER}) (B|KiB|MiB|GiB)"')
_UNITS = {"B": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB}


class OllamaStart:
    """Implements `StartReader`. llama.cpp's own figures are believed before Ollama's, which are rounded more
    and of all devices together."""

    marks: ClassVar[tuple[str, ...]] = (
        *LlamaCppStart.marks,
        "(version ",
        'load request="',
        '"kv cache"',
        "architecture=",
        "loading model",
    )

    def __init__(self) -> None:
        self._inner = LlamaCppStart()
        self._seen = False
        self._version: str | None = None
        self._told = ServerFacts()
        self._tokens: int | None = None
        self._devices: dict[str, tuple[str, int]] = {}

    def read(self, line: str) -> bool:
        """Whether a model begins to be loaded here."""
        if not line.startswith("time="):
            return self._inner.read(line)
        if (version := _VERSION.match(line)) is not None:
            self._version, self._seen = version[1], True
        elif _LOADING.match(line):
            self._inner, self._seen, self._devices, self._tokens = LlamaCppStart(), True, {}, None
            self._told = ServerFacts()
            return True
        elif (request := _REQUEST.match(line)) is not None:
            self._read_request(line, request[1])
        elif (model := _ARCHITECTURE.match(line)) is not None:
            self._told = replace(self._told, architecture=model[1], quantization=model[2].lower())
        elif (memory := _SIZE.match(line)) is not None:
            self._seen = True
            self._devices[memory[1]] = (memory[2], _UNITS[memory[3]])
        return False

    def facts(self) -> ServerFacts | None:
        """Of the model that was loaded last."""
        if not self._seen:
            return None
        told = replace(self._told, pool=self._pool())
        inner = self._inner.facts()
        found = told if inner is None else inner.over(told)
        return replace(found, engine="ollama", engine_version=self._version)

    def _read_request(self, line: str, cells: str) -> None:
        self._seen, self._tokens = True, count(cells)
        kind, parallel = _TYPE.search(line), _PARALLEL.search(line)
        sequences = count(parallel[1]) if parallel else None
        length = self._tokens // sequences if self._tokens and sequences else None
        self._told = replace(self._told, kv_dtype=kind[1] if kind else None, max_model_len=length)

    def _pool(self) -> CachePool | None:
        """Layers lie on several devices: the whole is what one GPU would hold."""
        if not self._devices:
            return None
        part = CachePart(
            bytes=sum(size(text, unit) for text, unit in self._devices.values()),
            rounding=sum(half_digit(text, unit) for text, unit in self._devices.values()),
            tokens=self._tokens,
        )
        return CachePool(source="log", parts=(part,), tokens=self._tokens)
