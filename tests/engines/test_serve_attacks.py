"""Commands of `serve:` that misbehave: what went wrong is said, and nothing of them stays running."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from evalbudget.engines.command import CommandEngine, ServeCommand, free_port
from evalbudget.engines.log_tail import last_lines
from evalbudget.errors import EngineError
from tests.engines.processes import alive, wait_for, wait_until_gone

LOOPBACK = "http://127.0.0.1:{port}/v1"
NASTY = str(Path(__file__).with_name("nasty_server.py"))

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="adopting orphans is Linux's")


def nasty(folder: Path, *words: str, ready_s: float = 30, say: list[str] | None = None) -> CommandEngine:
    """A server that misbehaves in these ways; its process ids are in `folder/pids`."""
    command = ("python", NASTY, "{port}", str(folder / "pids"), *words)
    return CommandEngine(
        ServeCommand(command=command, ready_s=ready_s, grace_s=0.3),
        label="model",
        base_url=LOOPBACK,
        log=folder / "server.log",
        say=None if say is None else say.append,
        say_every_s=0.2,
    )


def refusal(started: CommandEngine) -> str:
    """What start says, which does not start."""
    with pytest.raises(EngineError) as caught:
        asyncio.run(started.start())
    return str(caught.value)


async def end_of(started: CommandEngine) -> str:
    """What it says of its end, as soon as it has ended."""
    for _ in range(3000):
        if (message := started.ended()) is not None:
            return message
        await asyncio.sleep(0.02)
    raise AssertionError("it never ended")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("health=503", "/health answers with HTTP 503"),
        ("health=500", "/health answers with HTTP 500"),
        ("health=garbage", "/health does not answer in HTTP"),
        ("health=endless", "/health does not answer in HTTP"),
        ("health=hang", "/health is connected and does not answer"),
        ("never-listens", "/health does not listen yet"),
    ],
)
def test_what_is_missing_until_it_is_ready_is_said(word: str, says: str, tmp_path: Path) -> None:
    message = refusal(nasty(tmp_path, word, "family", ready_s=2))
    assert "was not ready after 2 s (serve.ready_s): http://127.0.0.1:" in message
    assert says in message
    assert not any(map(alive, wait_for(tmp_path / "pids", 3)))


def test_a_command_that_goes_into_the_background_is_ended_and_told_to_stay(tmp_path: Path) -> None:
    message = refusal(nasty(tmp_path, "daemon", "family", "health=503"))
    assert (
        "ended with exit code 0 before it was ready; `serve.command` must stay in the foreground" in message
    )
    written = tmp_path / "pids"  # it may have been ended before it wrote anything
    assert not any(alive(int(word)) for word in (written.read_text() if written.exists() else "").split())


def test_a_server_that_ends_during_the_run_says_how_with_the_end_of_its_log(tmp_path: Path) -> None:
    async def run() -> tuple[str, list[int]]:
        started = nasty(tmp_path, "family", "talks")
        assert started.ended() is None
        await started.start()
        assert started.ended() is None
        processes = wait_for(tmp_path / "pids", 3)
        os.kill(processes[0], signal.SIGKILL)
        message = await end_of(started)
        assert not any(map(alive, processes)), "its children go before it counts as ended"
        await started.stop()
        assert started.ended() is None, "stopped, and nobody asks any more"
        return message, processes

    message, _ = asyncio.run(run())
    assert message.startswith("model: `python ")
    assert "ended with exit code 137 (SIGKILL: memory may have run out) during the run" in message
    assert "loading shard" in message and "\x1b" not in message


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_signals_to_its_whole_group_leave_nothing_running(number: signal.Signals, tmp_path: Path) -> None:
    async def run() -> list[int]:
        started = nasty(tmp_path, "family")
        await started.start()
        processes = wait_for(tmp_path / "pids", 3)
        os.killpg(os.getpgid(processes[0]), number)
        await asyncio.sleep(0.2)
        await started.stop()
        return processes

    assert not any(map(alive, asyncio.run(run())))


def test_a_server_that_kills_its_guard_is_ended_with_children_in_sessions_of_their_own(
    tmp_path: Path,
) -> None:
    message = refusal(nasty(tmp_path, "kills-guard", "health=503"))
    assert "was killed together with what watches over it (SIGKILL: memory may have run out)" in message
    wait_until_gone(wait_for(tmp_path / "pids", 3))


def test_a_guard_killed_during_the_run_takes_nothing_out_of_sight(tmp_path: Path) -> None:
    async def run() -> list[int]:
        started = nasty(tmp_path, "family")
        await started.start()
        processes = wait_for(tmp_path / "pids", 3)
        os.kill(os.getpgid(processes[0]), signal.SIGKILL)  # the guard leads the group
        await end_of(started)
        await started.stop()
        return processes

    wait_until_gone(asyncio.run(run()))


def test_a_start_that_takes_long_shows_signs_of_life(tmp_path: Path) -> None:
    said: list[str] = []
    refusal(nasty(tmp_path, "talks", "health=503", ready_s=2, say=said))
    assert len(said) >= 2
    assert said[0].startswith("model: not ready after ") and " s of 2; its log: " in said[-1]
    assert "loading shard" in said[-1] and "\x1b" not in "".join(said)
    said.clear()
    refusal(nasty(tmp_path, "never-listens", ready_s=2, say=said))
    assert said[0].endswith("it has written nothing yet")


def test_a_flood_in_the_log_is_read_only_at_its_end(tmp_path: Path) -> None:
    message = refusal(nasty(tmp_path, "floods", "health=503", ready_s=5))
    assert message.endswith("\n  ready or not")
    assert len(message) < 2000
    assert (tmp_path / "server.log").stat().st_size > 40_000_000


def test_a_secret_is_hidden_before_lines_are_cut(tmp_path: Path) -> None:
    secret = "key-0123456789-abcdefghij"
    log = tmp_path / "log"
    log.write_text("a" * 390 + secret + "\n" + "b" * 65_500 + "\n" + secret, encoding="utf-8")
    for offset in range(40):  # each time the window of the tail begins elsewhere in the first secret
        with log.open("a", encoding="utf-8") as file:
            file.write("c" if offset else "\nend")
        shown = "\n".join(last_lines(log, secrets=(secret, secret[:10])))
        assert not any(secret[place : place + 5] in shown for place in range(len(secret) - 5)), shown[:80]
    assert last_lines(tmp_path / "missing") == []


def test_a_key_within_the_line_of_a_shell_is_shown_nowhere(tmp_path: Path) -> None:
    line = "HF_TOKEN=first-secret echo --api-key second-secret --other-key='third-secret'; exit 1"
    serve = ServeCommand(command=("sh", "-c", line), ready_s=20)
    started = CommandEngine(serve, label="m", base_url="http://127.0.0.1:9/v1", log=tmp_path / "x.log")
    message = refusal(started)
    assert "--api-key ***" in message
    for secret in ("first-secret", "second-secret", "third-secret"):
        assert secret not in message + str(started.facts)


@pytest.mark.parametrize(
    ("command", "env"), [(("true", "a\0b"), {}), (("true",), {"A=B": "c"}), (("true",), {"A": "b\0"})]
)
def test_what_the_system_cannot_start_is_one_line(
    command: tuple[str, ...], env: dict[str, str], tmp_path: Path
) -> None:
    serve = ServeCommand(command=command, env=env)
    message = refusal(CommandEngine(serve, label="m", base_url=LOOPBACK, log=tmp_path / "x.log"))
    assert message.startswith("m: the server cannot be started: ")
    assert "\n" not in message


def test_a_log_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file", encoding="utf-8")
    serve = ServeCommand(command=("true",))
    log = tmp_path / "folder" / "server.log"
    assert "cannot be started" in refusal(CommandEngine(serve, label="m", base_url=LOOPBACK, log=log))


def test_free_ports_are_free_and_not_those_that_connections_take() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    for _ in range(20):
        port = free_port()
        assert lowest <= 20_000 or port < lowest
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))


STARTED = """
import asyncio, sys
from pathlib import Path
from evalbudget.engines.command import CommandEngine, ServeCommand

async def run(command, log):
    serve = ServeCommand(command=command, grace_s=0.3)
    started = CommandEngine(serve, label="m", base_url="http://127.0.0.1:{port}/v1", log=log)
    try:
        await started.start()
        print("ready", flush=True)
        await asyncio.sleep(600)
    finally:
        await started.stop()

asyncio.run(run(tuple(sys.argv[2:]), Path(sys.argv[1])))
"""


@pytest.mark.parametrize("during", ["start", "run"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_however_we_end_the_server_goes_too(number: signal.Signals, during: str, tmp_path: Path) -> None:
    words = ["family", *(["health=503"] if during == "start" else [])]
    command = ["python", NASTY, "{port}", str(tmp_path / "pids"), *words]
    with subprocess.Popen(
        [sys.executable, "-c", STARTED, str(tmp_path / "server.log"), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
    ) as parent:
        assert parent.stdout is not None
        if during == "run":
            assert parent.stdout.readline() == b"ready\n"
        processes = wait_for(tmp_path / "pids", 3)
        parent.send_signal(number)
    wait_until_gone(processes)
