"""A GGUF model served by llama.cpp inside this process."""

from __future__ import annotations

import re
import time
from pathlib import Path

from evalbudget.engines.gguf_header import GgufHeader, read_header
from evalbudget.engines.llamacpp import LlamaServer, LlamaSettings, facts, open_server
from evalbudget.engines.log_tail import last_lines, log_size
from evalbudget.engines.native_stderr import NATIVE_STDERR
from evalbudget.errors import EngineError
from evalbudget.records import ServerFacts

RUNNING_LOG = "llama.cpp.log"
"""Beside the models' own logs: what all embedded engines write after they were loaded, mixed as it comes."""

_ERROR = re.compile(r"^[\d.]+ E ")
_LAST_OF_LOAD, _LAST_OF_FAILURE, _LAST_OF_ALL = b"listening on", b"exiting due to", b"main loop exited"
"""In the last line that llama.cpp writes when it has loaded a model, could not load it, and has ended."""


class EmbeddedEngine:
    """llama.cpp in this process, so that the rest of the house talks to it as to any endpoint.

    `log` receives what llama.cpp writes while it loads the model, the sizes of the KV cache among it; what it
    writes later goes to `llama.cpp.log` beside it.
    """

    def __init__(
        self,
        gguf: Path,
        *,
        label: str,
        log: Path,
        context: int,
        slots: int,
        kv_dtype: str = "f16",
        threads: int | None = None,
    ) -> None:
        """For `context`, `slots`, `kv_dtype` and `threads` see `LlamaSettings`."""
        self._gguf = gguf
        self._log = self._running_log = log
        self._settings = LlamaSettings(
            label=label, context=context, slots=slots, kv_dtype=kv_dtype, threads=threads
        )
        self._facts: ServerFacts | None = None
        self._server: LlamaServer | None = None

    @property
    def facts(self) -> ServerFacts:
        """What was started; known once `start` has returned."""
        if self._facts is None:
            raise EngineError(f"{self._settings.label}: the engine was not started")
        return self._facts

    async def start(self) -> str:
        """Load the model and serve it; returns the base URL, or raises EngineError that says why not.

        The event loop stands still while the weights load, so load before requests are in flight.
        """
        header = read_header(self._gguf)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._running_log = NATIVE_STDERR.hold(self._log.with_name(RUNNING_LOG))
        try:
            self._server = self._load(header)
        except BaseException:
            NATIVE_STDERR.release()
            raise
        self._facts = facts(self._gguf, header, self._settings)
        return f"{self._server.listening_address}/v1"

    async def stop(self) -> None:
        """End the server and free its memory and its port; does nothing where none runs."""
        if self._server is not None:
            start = log_size(self._running_log)
            self._server = None  # its destructor waits for its threads
            _wait_for(_LAST_OF_ALL, self._running_log, start)
            NATIVE_STDERR.release()

    def _load(self, header: GgufHeader) -> LlamaServer:
        start = log_size(self._log)
        with NATIVE_STDERR.into(self._log):
            try:
                server = open_server(self._gguf, header, self._settings)
            except (RuntimeError, MemoryError) as error:
                _wait_for(_LAST_OF_FAILURE, self._log, start)
                raise self._failed(start, str(error)) from error
            _wait_for(_LAST_OF_LOAD, self._log, start)
        return server

    def _failed(self, start: int, error: str) -> EngineError:
        lines = last_lines(self._log, start, count=200)
        wrong = [line for line in lines if _ERROR.match(line)]
        reason = _ERROR.sub("", wrong[0]) if wrong else error  # what follows only says that loading failed
        return EngineError(f"llama.cpp cannot serve {self._gguf}: {reason} (whole log: {self._log})")


def _wait_for(last: bytes, log: Path, start: int) -> None:
    """Return when `log` holds `last` after byte `start`: a thread of llama.cpp writes it, some time later.

    After a second it returns anyway: another version may end in other words.
    """
    patience = time.monotonic() + 1
    while time.monotonic() < patience:
        with log.open("rb") as file:
            file.seek(start)
            if last in file.read():
                return
        time.sleep(0.005)
