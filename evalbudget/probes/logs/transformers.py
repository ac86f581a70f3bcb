"""transformers serve's log. It shows the model's configuration, and nothing of its cache."""

from __future__ import annotations

import re
from typing import ClassVar

from evalbudget.probes.logs.figures import plain
from evalbudget.records import ServerFacts

_LOADING = re.compile(r"\[transformers\] Loading (\S{1,1000})@(\S{1,200})$")
_DTYPE = re.compile(r"\[transformers\] Will use dtype=torch\.(\w{1,24})")
_CONFIG = "[transformers] Model config "
_VERSION = re.compile(r' {2}"transformers_version": "([\w.+-]{1,60})"')
_ARCHITECTURE = re.compile(r' {4}"(\w{1,100}For\w{1,60})"')
_METHOD = re.compile(r' {4}"quant_method": "([\w.-]{1,60})"')
_READY = "Application startup complete."
_SHORT_TYPES = {"bfloat16": "bf16", "float16": "f16", "float32": "f32"}


class TransformersStart:
    """Implements `StartReader`."""

    marks: ClassVar[tuple[str, ...]] = (
        "[transformers] ",
        '"transformers_version"',
        "For",
        '"quant_method"',
        _READY,
    )

    def __init__(self) -> None:
        self._path: str | None = None
        self._clear()

    def _clear(self) -> None:
        self._in_config = False
        self._ready = False
        self._version: str | None = None
        self._architecture: str | None = None
        self._method: str | None = None
        self._dtype: str | None = None

    def read(self, line: str) -> bool:
        """Whether a model begins to be loaded here."""
        if (loading := _LOADING.match(line)) is not None:
            self._clear()
            self._path = plain(loading[1])
            return True
        if self._path is None or self._ready:
            return False
        if line.endswith(_READY):
            self._ready = True
        elif line.startswith("[transformers] "):
            self._in_config = line.startswith(_CONFIG)
            dtype = _DTYPE.match(line)
            self._dtype = dtype[1] if dtype else self._dtype
        elif self._in_config:
            version, architecture = _VERSION.match(line), _ARCHITECTURE.match(line)
            method = _METHOD.match(line)
            self._version = version[1] if version else self._version
            self._architecture = self._architecture or (architecture[1] if architecture else None)
            self._method = method[1] if method else self._method
        return False

    def facts(self) -> ServerFacts | None:
        """Of the model that was loaded last."""
        if self._path is None:
            return None
        return ServerFacts(
            engine="transformers",
            engine_version=self._version,
            model_path=self._path,
            architecture=self._architecture,
            quantization=self._method or _SHORT_TYPES.get(self._dtype or ""),
            weight_dtype=self._dtype,
        )
