"""A server that a suite's `serve:` starts: any command that ends up answering at an OpenAI-compatible URL."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from evalbudget.engines import child_guard
from evalbudget.engines.log_tail import last_lines, log_size
from evalbudget.engines.redaction import secret_values, without_secrets
from evalbudget.engines.strays import end_marked, new_mark
from evalbudget.errors import EngineError, InputError
from evalbudget.records import ServerFacts

_PORT = "{port}"
_UP = frozenset({200, 204, 401, 403})
"""A server that asks for a key is up; that the key is wrong, the endpoint says better."""
_NO_HEALTH = frozenset({404, 405, 501})
_ANSWER_S = 5.0
"""A server that is asked for its health and says nothing for so long is not up."""
_LONGEST_PAUSE_S = 1.0
_SIGN_OF_LIFE_S = 10.0
"""While we wait, the user hears of it so often."""
_LOWEST_PORT = 20_000
_DEFAULT_PORTS = {"http": 80, "https": 443}
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

    def __init__(
        self,
        serve: ServeCommand,
        *,
        label: str,
        base_url: str,
        log: Path,
        say: Callable[[str], None] | None = None,
        say_every_s: float = _SIGN_OF_LIFE_S,
    ) -> None:
        """`{port}` in `base_url` is the same port as in the command. `log` receives all that it writes.

        `say` hears a line every `say_every_s` seconds of a start that takes long: how long already, and the
        last line of the log. Raises InputError for a patch that cannot be read, and for a port in the command
        alone.
        """
        if any(_PORT in word for word in serve.command) and _PORT not in base_url:
            raise InputError(f"{label}: {_PORT} stands in serve.command, so it must stand in base_url too")
        self._serve, self._label, self._log = serve, label, log
        self._base_url = base_url.rstrip("/")
        self._say, self._say_every_s = say, say_every_s
        self._mark = new_mark()
        self._env = _environment(serve.env)
        self._secrets = secret_values(serve.command, self._env)
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

        Raises EngineError, with the last lines of the log, where it cannot be started, ends, or does not get
        ready in time; then, and when the wait is cancelled, nothing is left running.
        """
        port = str(free_port())
        base_url = self._base_url.replace(_PORT, port)
        self._check(base_url)
        self._log_start = log_size(self._log)
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            self._guard = self._launch([word.replace(_PORT, port) for word in self._serve.command])
        except (OSError, ValueError) as error:  # ValueError: a NUL in a word, a `=` in a variable's name
            raise EngineError(f"{self._label}: the server cannot be started: {error}") from error
        try:
            await self._until_ready(self._guard, base_url)
        except BaseException:
            await self.stop()
            raise
        return base_url

    def ended(self) -> str | None:
        """How the server ended that nobody stopped, with the last lines of its log; None while it runs.

        Also None before `start` and after `stop`. A server's children may outlive it for the grace that they
        are given: until then it counts as running.
        """
        code = None if self._guard is None else self._guard.poll()
        return None if code is None else str(self._failed(f"{_ending(code)} during the run"))

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
            _bury(guard, limit, self._mark)

    def _launch(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  (the user's own command)
                [sys.executable, "-I", "-S", child_guard.__file__, str(self._serve.grace_s), *command],
                stdin=subprocess.PIPE,  # its end tells the guard that we are gone
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env | self._mark,
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
        if _PORT not in self._base_url and _listens(
            url.hostname or "", url.port or _DEFAULT_PORTS.get(url.scheme, 80)
        ):
            raise EngineError(
                f"{self._label}: something already answers at {url.netloc}, which is not this run's server;"
                f" end it, or write {_PORT} in serve.command and in base_url to get a free port"
            )

    async def _until_ready(self, guard: subprocess.Popen[bytes], base_url: str) -> None:
        begin = time.monotonic()
        limit, told_at, pause = begin + self._serve.ready_s, begin, 0.05
        async with aiohttp.ClientSession() as session:
            while True:
                answer = await _missing(session, base_url, min(_ANSWER_S, max(0.1, limit - time.monotonic())))
                if (code := guard.poll()) is not None:  # also where somebody else answers at its port
                    advice = "" if code else "; `serve.command` must stay in the foreground"
                    raise self._failed(f"{_ending(code)} before it was ready{advice}")
                if answer is None:
                    return
                now = time.monotonic()
                if now > limit:
                    raise self._failed(
                        f"was not ready after {self._serve.ready_s:g} s (serve.ready_s): {answer}"
                    )
                if self._say is not None and now - told_at >= self._say_every_s:
                    told_at = now
                    self._say(self._sign_of_life(now - begin))
                await asyncio.sleep(pause)
                pause = min(pause * 1.2, _LONGEST_PAUSE_S)

    def _sign_of_life(self, waited_s: float) -> str:
        last = last_lines(self._log, self._log_start, 1, secrets=self._secrets)
        says = f"its log: {last[0][:200].strip()}" if last else "it has written nothing yet"
        return f"{self._label}: not ready after {waited_s:.0f} s of {self._serve.ready_s:g}; {says}"

    def _failed(self, what: str) -> EngineError:
        lines = last_lines(self._log, self._log_start, secrets=self._secrets) or ["(it wrote nothing)"]
        command = shlex.join(without_secrets(self._serve.command))
        tail = "\n  ".join(lines)
        return EngineError(f"{self._label}: `{command}` {what}; the end of {self._log}:\n  {tail}")


def free_port() -> int:
    """A port on which nothing listens now, and which the system gives to nobody by itself.

    A server may take minutes until it listens; from the range of ephemeral ports
    (`net.ipv4.ip_local_port_range`) any connection of this machine could take it meanwhile.
    """
    candidates = range(_LOWEST_PORT, _first_ephemeral_port())
    for port in random.sample(candidates, k=min(64, len(candidates))):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        given: int = probe.getsockname()[1]
        return given


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    """Ours, with the folder of our interpreter first in PATH: `python` and `vllm` are those beside it."""
    env = {**os.environ, **added}
    env["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), env.get("PATH", os.defpath)))
    return env


def _first_ephemeral_port() -> int:
    try:
        low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):  # not Linux; RFC 6335 leaves 49152 and up to the system
        return 49_152
    return low


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


async def _missing(session: aiohttp.ClientSession, base_url: str, within_s: float) -> str | None:
    """What is missing until it is ready, in words; None where nothing is.

    By `/health` where there is one: llama.cpp lists a model before it is loaded.
    """
    url = urlsplit(base_url)
    place = f"{url.scheme}://{url.netloc}/health"
    status = await _status(session, place, within_s)
    if status in _NO_HEALTH:
        place = f"{base_url}/models"
        status = await _status(session, place, within_s)
    if status in _UP:
        return None
    return f"{place} {status}" if isinstance(status, str) else f"{place} answers with HTTP {status}"


async def _status(session: aiohttp.ClientSession, url: str, within_s: float) -> int | str:
    """The HTTP status of a GET, or why there is none."""
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=within_s)) as response:
            return response.status
    except TimeoutError:
        return "is connected and does not answer"
    except aiohttp.ClientConnectorDNSError:
        return "names a host that is not known"
    except aiohttp.ClientSSLError:
        return "fails in TLS"
    except aiohttp.ClientConnectorError:
        return "does not listen yet"
    except (aiohttp.ClientError, OSError, ValueError):
        return "does not answer in HTTP"


def _ending(code: int) -> str:
    """An exit code of the guard, in words."""
    if code < 0:
        return f"was killed together with what watches over it ({_signal_name(-code)})"
    if code > 128:
        return f"ended with exit code {code} ({_signal_name(code - 128)})"
    return f"ended with exit code {code}"


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name}: memory may have run out" if name == "SIGKILL" else name


def _bury(guard: subprocess.Popen[bytes], limit: float, mark: dict[str, str]) -> None:
    """Wait for the guard until `limit`, then kill it, its group and all that carries the mark.

    Ctrl-C while we wait, the third of a run, means that the user waits no longer: we kill at once.
    """
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        guard.wait(max(0.0, limit - time.monotonic()))
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(guard.pid, signal.SIGKILL)
    guard.wait()
    if guard.returncode < 0:  # killed, by us or by others: it could end nothing more
        end_marked(mark)


def _sha256(patch: Path) -> str:
    try:
        return hashlib.sha256(patch.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"the patch {patch} cannot be read: {error.strerror}") from error
