"""A server from `serve:` is started, awaited and ended for certain, and its failures are explained."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from evalbudget.engines.command import CommandEngine, ServeCommand
from evalbudget.errors import EngineError, InputError
from tests.engine_fixtures import get_json
from tests.engines.processes import alive, wait_for, wait_until_gone

LOOPBACK = "http://127.0.0.1:{port}/v1"
TINY_SERVER = str(Path(__file__).with_name("tiny_server.py"))
FAMILY = str(Path(__file__).with_name("family.py"))

linux = pytest.mark.skipif(sys.platform != "linux", reason="adopting orphans is Linux's")


def engine(
    folder: Path, *command: str, base_url: str = LOOPBACK, ready_s: float = 30, grace_s: float = 5
) -> CommandEngine:
    serve = ServeCommand(command=command, ready_s=ready_s, grace_s=grace_s)
    return CommandEngine(serve, label="model", base_url=base_url, log=folder / "server.log")


def refusal(started: CommandEngine) -> str:
    """What start says, which does not start."""
    with pytest.raises(EngineError) as caught:
        asyncio.run(started.start())
    return str(caught.value)


@pytest.mark.parametrize(
    "words", [(), ("loading",), ("no-health",)], ids=lambda words: "-".join(words) or "plain"
)
def test_a_server_is_ready_when_it_says_so_and_gone_after_stop(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    async def run() -> str:
        started = engine(tmp_path, "python", TINY_SERVER, "{port}", *words)
        base_url = await started.start()
        with socket.create_connection(("127.0.0.1", int(base_url.split(":")[2].removesuffix("/v1")))):
            pass
        await started.stop()
        await started.stop()
        return base_url

    port = int(asyncio.run(run()).split(":")[2].removesuffix("/v1"))
    with pytest.raises(ConnectionRefusedError), socket.socket() as probe:
        probe.connect(("127.0.0.1", port))
    log = (tmp_path / "server.log").read_text(encoding="utf-8")
    assert ("answered 503" in log) == ("loading" in words)
    assert ("/v1/models" in log) == ("no-health" in words)


def test_the_command_sees_our_interpreter_first_and_the_variables_of_the_suite(tmp_path: Path) -> None:
    script = "import os, sys; print(sys.executable, os.environ['SUITE_SAYS']); sys.exit(3)"
    serve = ServeCommand(command=("python", "-c", script), env={"SUITE_SAYS": "hello"})
    message = refusal(CommandEngine(serve, label="model", base_url=LOOPBACK, log=tmp_path / "server.log"))
    assert f"{Path(sys.executable).parent}/python hello" in message


def test_a_command_that_ends_early_shows_the_end_of_its_log_only_of_this_start(tmp_path: Path) -> None:
    (tmp_path / "server.log").write_text("an earlier run\n", encoding="utf-8")
    script = "for n in range(40): print('line', n, chr(27) + '[2J')\nraise SystemExit(7)"
    message = refusal(engine(tmp_path, "python", "-c", script))
    assert "model: `python -c" in message
    assert "ended with exit code 7 before it was ready" in message
    assert "line 39" in message and "line 30" in message and "line 29" not in message
    assert "\x1b" not in message
    assert "an earlier run" not in message
    assert (tmp_path / "server.log").read_text(encoding="utf-8").startswith("an earlier run\nline 0")
    assert "an earlier run" not in refusal(engine(tmp_path, "false"))


def test_a_command_ended_by_a_signal_gives_128_and_its_number(tmp_path: Path) -> None:
    assert "exit code 137" in refusal(engine(tmp_path, "sh", "-c", "kill -9 $$"))


def test_keys_are_shown_nowhere(tmp_path: Path) -> None:
    serve = ServeCommand(
        command=(
            "sh",
            "-c",
            "echo $0 $1 $2 $SERVER_TOKEN; exit 1",
            "--api-key=first-secret",
            "--hf-token",
            "2nd-secret",
        ),
        env={"SERVER_TOKEN": "third-secret", "PLAIN": "value"},
    )
    started = CommandEngine(serve, label="model", base_url=LOOPBACK, log=tmp_path / "server.log")
    message = refusal(started)
    assert "*** --hf-token *** ***" in message
    for secret in ("first-secret", "2nd-secret", "third-secret"):
        assert secret not in message
        assert secret not in str(started.facts)
    assert started.facts.flags["env"] == ["PLAIN", "SERVER_TOKEN"]
    assert started.facts.flags["command"] == [*serve.command[:3], "--api-key=***", "--hf-token", "***"]


def test_an_unknown_command_is_named(tmp_path: Path) -> None:
    message = refusal(engine(tmp_path, "no-such-server", "--port", "{port}"))
    assert "no command `no-such-server`" in message
    assert "\n" not in message


def test_a_server_that_is_not_ready_in_time_is_ended(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    message = refusal(engine(tmp_path, "sh", "-c", f"echo $$ > {pids}; echo loading; sleep 600", ready_s=2.0))
    assert "not ready after 2 s (serve.ready_s)" in message
    assert message.endswith("loading")
    assert not any(map(alive, wait_for(pids, 1)))


def test_an_address_that_somebody_else_serves_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = engine(tmp_path, "python", TINY_SERVER, str(port), base_url=f"http://127.0.0.1:{port}/v1")
        assert f"something already answers at 127.0.0.1:{port}" in refusal(taken)
        assert not (tmp_path / "server.log").exists()


def test_a_fixed_address_works_and_a_port_in_the_command_alone_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    base_url = f"http://127.0.0.1:{port}/v1/"

    async def run() -> None:
        started = engine(tmp_path, "python", TINY_SERVER, str(port), base_url=base_url)
        assert await started.start() == base_url.rstrip("/")
        await started.stop()

    asyncio.run(run())
    with pytest.raises(InputError, match="must stand in base_url too"):
        engine(tmp_path, "python", TINY_SERVER, "{port}", base_url=base_url)


@linux
def test_stop_ends_children_orphans_and_processes_deaf_to_sigterm(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    async def run() -> list[int]:
        server = f"python {TINY_SERVER} $0 & python {FAMILY} {pids} & wait"
        started = engine(tmp_path, "sh", "-c", server, "{port}", grace_s=0.5)
        try:
            await started.start()
            processes = wait_for(pids, 4)
            assert all(map(alive, processes))
        finally:
            await started.stop()
        return processes

    assert not any(map(alive, asyncio.run(run())))


@linux
def test_a_command_that_ends_and_leaves_children_behind_leaves_none(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    leave = f'setsid sh -c "echo \\$\\$ >> {pids}; exec sleep 600" & sleep 0.3; exit 5'
    assert "exit code 5" in refusal(engine(tmp_path, "sh", "-c", leave))
    assert not any(map(alive, wait_for(pids, 1)))


@linux
def test_a_cancelled_start_leaves_nothing_running(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    async def run() -> None:
        started = engine(tmp_path, "python", FAMILY, str(pids), grace_s=0.2)
        starting = asyncio.create_task(started.start())
        try:
            await asyncio.to_thread(wait_for, pids, 4)
        finally:
            starting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await starting

    asyncio.run(run())
    assert not any(map(alive, wait_for(pids, 4)))


KILLED = """
import asyncio, sys
from pathlib import Path
from evalbudget.engines.command import CommandEngine, ServeCommand

async def run(server, pids, log):
    command = ("sh", "-c", f"echo $$ > {pids}; exec python {server} $0", "{port}")
    serve = ServeCommand(command=command, grace_s=1)
    await CommandEngine(serve, label="m", base_url="http://127.0.0.1:{port}/v1", log=Path(log)).start()
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(run(*sys.argv[1:]))
"""


@linux
def test_when_we_are_killed_the_server_goes_too(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, TINY_SERVER, str(pids), str(tmp_path / "server.log")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        server = wait_for(pids, 1)
        assert alive(server[0])
        parent.send_signal(signal.SIGKILL)
    wait_until_gone(server)


def test_patches_are_recorded_by_name_and_digest(tmp_path: Path) -> None:
    patch = tmp_path / "fix.diff"
    patch.write_bytes(b"--- a\n+++ b\n")
    serve = ServeCommand(command=("true",), patches=(patch,))
    facts = CommandEngine(serve, label="m", base_url=LOOPBACK, log=tmp_path / "x.log").facts
    assert facts.patches == {"fix.diff": hashlib.sha256(patch.read_bytes()).hexdigest()}
    missing = ServeCommand(command=("true",), patches=(tmp_path / "missing.diff",))
    with pytest.raises(InputError, match=r"missing\.diff cannot be read"):
        CommandEngine(missing, label="m", base_url=LOOPBACK, log=tmp_path / "x.log")


@pytest.mark.engine
def test_llama_cpp_serves_in_a_process_of_its_own(tmp_path: Path) -> None:
    module = ("python", "-m", "evalbudget.engines.llamacpp_server")

    async def run() -> None:
        started = engine(tmp_path, *module, "embedded/scripted.gguf", "--port", "{port}", "--alias", "other")
        base_url = await started.start()
        assert get_json(f"{base_url}/models")["data"][0]["id"] == "other"
        await started.stop()

    asyncio.run(run())
    assert "llama_kv_cache: size" in (tmp_path / "server.log").read_text(encoding="utf-8")
    missing = refusal(engine(tmp_path, *module, str(tmp_path / "missing.gguf"), "--port", "{port}"))
    assert "missing.gguf cannot be read" in missing
