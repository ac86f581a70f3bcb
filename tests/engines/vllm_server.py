"""A real vLLM with one of the project's own models, for the tests of `make test-vllm`."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.engines.hf_folder import scripted_folder, thinking_folder

PYTHON = os.environ.get("EVALBUDGET_VLLM")
"""The Python of an environment that has vLLM for the CPU; None = these tests are not asked for."""
SERVERS: Mapping[str, tuple[str, ...]] = {
    "qwen3": ("--reasoning-parser", "qwen3"),
    "deepseek_r1": ("--reasoning-parser", "deepseek_r1", "--stream-interval", "4"),
    "none": (),
}
"""The scripted model's, each with what it is started with: a parser that counts right, one that counts 0 in
thinking that the template opened and sends four tokens at once, none."""
THINKER = "thinker"
"""The server whose model's answer depends on how far it thought."""
_FLAGS = {**SERVERS, THINKER: SERVERS["qwen3"]}
CONTEXT = 32768
"""Tokens: half a minute's work, so that a stream that we end is ended by nothing else."""
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_TARGET_DEVICE": "cpu",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
}
"""One thread for a tiny model: more would only wait, and take the cores that the server and we need."""
_READY_S = 300
_KV_BYTES = 256 * 1024**2
"""Room for eight replies as long as the context."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running vLLM."""

    url: str
    """Ends in /v1."""
    parses: bool
    """It takes the thinking apart itself."""

    def metric(self, name: str) -> float:
        """The value of one of its metrics, such as `num_requests_running`."""
        with urlopen(f"{self.url.removesuffix('/v1')}/metrics", timeout=30) as response:  # noqa: S310  (loopback)
            page = response.read().decode()
        found = re.search(rf"^vllm:{name}\{{[^}}]*\}} (\S+)$", page, re.MULTILINE)
        assert found, f"no metric {name}"
        return float(found[1])

    def idle_within(self, seconds: float) -> bool:
        """Whether no request runs any more, before so much time is over."""
        until = time.monotonic() + seconds
        while self.metric("num_requests_running"):
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Each started when it is first asked for, and left running to the end."""

    folder: Path
    stack: ExitStack
    running: dict[str, Server] = field(default_factory=dict)

    def of(self, name: str) -> Server:
        """One of `SERVERS`, or `THINKER`."""
        if name not in self.running:
            write = thinking_folder if name == THINKER else scripted_folder
            model, log = write(self.folder / f"{name}-model"), self.folder / f"{name}.log"
            url = self.stack.enter_context(serving(model, log, _FLAGS[name]))
            self.running[name] = Server(url=url, parses=bool(_FLAGS[name]))
        return self.running[name]


@contextmanager
def serving(folder: Path, log: Path, flags: tuple[str, ...]) -> Iterator[str]:
    """A vLLM with this model; gives its base URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder)]
    command += ["--served-model-name", "scripted", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--max-model-len", str(CONTEXT), "--max-num-seqs", "8", "--enforce-eager"]
    command += ["--kv-cache-memory-bytes", str(_KV_BYTES), *flags]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **QUIET},
            start_new_session=True,
        )
        try:
            _wait(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
            with suppress(ProcessLookupError):  # the engine is a process of its own
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(url, timeout=5):  # noqa: S310  (loopback)
                return
        except (URLError, OSError):
            time.sleep(0.5)
    pytest.fail(f"vLLM did not start:\n{log.read_text(errors='replace')[-3000:]}")
