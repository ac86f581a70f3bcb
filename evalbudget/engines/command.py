"""A server that a suite's `serve:` starts: any command that ends up answering at an OpenAI-compatible URL."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from evalbudget.engines import child_guard
from evalbudget.engines.log_tail import last_lines, log_size
from evalbudget.engines.redaction import hide, secret_values, without_secrets
from evalbudget.errors import EngineError, InputError
from evalbudget.records import ServerFacts

_PORT = "{port}"
_UP = frozenset({200, 401, 403})
"""A server that asks for a key is up; that the key is wrong, the endpoint says better."""
_NO_HEALTH = frozenset({404, 405, 501})
_LONGEST_PAUSE_S = 1.0
_KILLING_S = 12.0
"""The guard needs so long at most, after the grace, to kill what is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeCommand:
    """`serve:` of a suite."""

    command: tuple[str, ...]
    """The words of the command; `{port}` stands for a free port of 127.0.0.1."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to our own environment."""
    patches: tuple[Path, ...] = ()
    """What was changed in the server's code: recorded, not applied."""
    ready_s: float = 600.0
    """Seconds within which it must be ready."""
    grace_s: float = 10.0
    """Seconds that it has to end by itself."""


class CommandEngine:
    """A server run by a command, in a process group of its own, guarded so that nothing of it survives us."""

    def __init__(self, serve: ServeCommand, *, label: str, base_url: str, log: Path) -> None:
        """`{port}` in `base_url` is the same port as in the command. `log` receives all that it writes.

        Raises InputError for a patch that cannot be read, and for a port in the command alone.
        """
        if any(_PORT in word for word in serve.command) and _PORT not in base_url:
            raise InputError(f"{label}: {_PORT} stands in serve.command, so it must stand in base_url too")
        self._serve, self._label, self._log = serve, label, log
        self._base_url = base_url.rstrip("/")
        self._env = _environment(serve.env)
        self._guard: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self.facts = ServerFacts(
            flags={"command": [*without_secrets(serve.command)], "env": [*sorted(serve.env)]},
            patches={patch.name: _sha256(patch) for patch in serve.patches},
        )
        """What is started, `{port}` left as it is, so that two runs agree; of `env` only the names, because a
        value may be a secret."""

    async def start(self) -> str:
        """Start the server and wait until it answers; returns the base URL.

        Raises EngineError, with the last lines of the log, where it ends or does not get ready in time;
        then, and when the wait is cancelled, nothing is left running.
        """
        port = str(free_port())
        base_url = self._base_url.replace(_PORT, port)
        self._check(base_url)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._log_start = log_size(self._log)
        self._guard = self._launch([word.replace(_PORT, port) for word in self._serve.command])
        try:
            await self._until_ready(self._guard, base_url)
        except BaseException:
            await self.stop()
            raise
        return base_url

    async def stop(self) -> None:
        """End the server with all its descendants and wait for it; does nothing where none runs."""
        guard, self._guard = self._guard, None
        if guard is None:
            return
        if guard.stdin is not None:
            guard.stdin.close()
        limit = time.monotonic() + self._serve.grace_s + _KILLING_S
        try:
            while guard.poll() is None and time.monotonic() < limit:  # noqa: ASYNC110  (a process, no event)
                await asyncio.sleep(0.02)
        finally:
            _bury(guard, limit)

    def _launch(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  (the user's own command)
                [sys.executable, "-I", "-S", child_guard.__file__, str(self._serve.grace_s), *command],
                stdin=subprocess.PIPE,  # its end tells the guard that we are gone
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                start_new_session=True,
            )

    def _check(self, base_url: str) -> None:
        program = self._serve.command[0]
        if shutil.which(program, path=self._env["PATH"]) is None:
            raise EngineError(
                f"{self._label}: there is no command `{program}`, neither in PATH nor beside"
                f" {sys.executable}; install the server, or write the command's path"
            )
        url = urlsplit(base_url)
        if _PORT not in self._base_url and _listens(url.hostname or "", url.port or 80):
            raise EngineError(
                f"{self._label}: something already answers at {url.netloc}, which is not this run's server;"
                f" end it, or write {_PORT} in serve.command and in base_url to get a free port"
            )

    async def _until_ready(self, guard: subprocess.Popen[bytes], base_url: str) -> None:
        limit = time.monotonic() + self._serve.ready_s
        pause = 0.05
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while True:
                if (code := guard.poll()) is not None:
                    raise self._failed(f"ended with exit code {code} before it was ready")
                if await _answers(session, base_url):
                    return
                if time.monotonic() > limit:
                    raise self._failed(f"was not ready after {self._serve.ready_s:g} s (serve.ready_s)")
                await asyncio.sleep(pause)
                pause = min(pause * 1.2, _LONGEST_PAUSE_S)

    def _failed(self, what: str) -> EngineError:
        lines = last_lines(self._log, self._log_start) or ["(it wrote nothing)"]
        command = shlex.join(without_secrets(self._serve.command))
        secrets = secret_values(self._serve.command, self._env)
        tail = "\n  ".join(hide(line, secrets) for line in lines)
        return EngineError(f"{self._label}: `{command}` {what}; the end of {self._log}:\n  {tail}")


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    """Ours, with the folder of our interpreter first in PATH: `python` and `vllm` are those beside it."""
    env = {**os.environ, **added}
    env["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), env.get("PATH", os.defpath)))
    return env


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


async def _answers(session: aiohttp.ClientSession, base_url: str) -> bool:
    """Whether it is ready; by `/health` where there is one: llama.cpp lists a model before it is loaded."""
    url = urlsplit(base_url)
    health = await _status(session, f"{url.scheme}://{url.netloc}/health")
    if health in _NO_HEALTH:
        return await _status(session, f"{base_url}/models") in _UP
    return health in _UP


async def _status(session: aiohttp.ClientSession, url: str) -> int | None:
    """The HTTP status of a GET; None where nothing answers."""
    try:
        async with session.get(url) as response:
            return response.status
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None


def _bury(guard: subprocess.Popen[bytes], limit: float) -> None:
    """Wait for the guard until `limit`, then kill its whole process group."""
    try:
        guard.wait(max(0.0, limit - time.monotonic()))
    except subprocess.TimeoutExpired:
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(guard.pid, signal.SIGKILL)
        guard.wait()


def _sha256(patch: Path) -> str:
    try:
        return hashlib.sha256(patch.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"the patch {patch} cannot be read: {error.strerror}") from error
