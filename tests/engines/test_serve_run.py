"""The whole command with servers that misbehave: exit code, lines, rows, and nothing that stays running."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import ENOUGH_S, evalbudget
from tests.engines.processes import alive, wait_for, wait_until_gone
from tests.test_road import rows_of, write_suite

NASTY = str(Path(__file__).with_name("nasty_server.py"))

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="adopting orphans is Linux's")


def served(folder: Path, name: str, *words: str, ready_s: float = 60) -> dict[str, object]:
    """A model of a suite whose server misbehaves so; its process ids are in `folder/<name>.pids`."""
    return {
        "name": name,
        "base_url": "http://127.0.0.1:{port}/v1",
        "concurrency": 1,
        "serve": {
            "command": ["python", NASTY, "{port}", str(folder / f"{name}.pids"), *words],
            "ready_s": ready_s,
        },
    }


def test_each_server_in_trouble_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    models = [
        served(tmp_path, "never-ready", "health=503", "children", "talks", ready_s=2),
        served(tmp_path, "gone-mid-run", "dies-after=2", "talks"),
        served(tmp_path, "gone-at-once", "dies-when-listed"),
        served(tmp_path, "well", "health=missing", "children"),
    ]
    failing = {"name": "no-server", "base_url": "http://127.0.0.1:{port}/v1"}
    failing["serve"] = {"command": ["sh", "-c", "echo no GPU here; exit 7", "{port}"]}  # type: ignore[assignment]
    done = evalbudget(tmp_path, "run", str(write_suite(tmp_path, [*models, failing], rows=6)))
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    words = " ".join(done.stderr.split())  # lines are wrapped at 80 columns
    assert "was not ready after 2 s (serve.ready_s): http://127.0.0.1:" in words
    assert "ended with exit code 3 during the run; the end of" in words
    assert "CUDA error: out of memory" in words
    assert "asked for its models" in words
    assert "ended with exit code 7 before it was ready" in words
    assert "no GPU here" in words
    assert done.stderr.count("CUDA error: out of memory") == 1, "said once, not for each job"
    found = rows_of(tmp_path, "SELECT model, status, count(*) FROM attempts GROUP BY ALL ORDER BY ALL")
    assert found == [
        ("gone-at-once", "failed", 6),
        ("gone-mid-run", "failed", 4),
        ("gone-mid-run", "ok", 2),
        ("never-ready", "failed", 6),
        ("no-server", "failed", 6),
        ("well", "ok", 6),
    ]
    reasons = rows_of(
        tmp_path,
        "SELECT DISTINCT error_kind, error LIKE '%out of memory%' FROM attempts WHERE model LIKE '%mid%'",
    )
    assert ("connection", True) in reasons
    processes = [int(word) for path in tmp_path.glob("*.pids") for word in path.read_text().split()]
    assert len(processes) >= 8
    assert not any(map(alive, processes))


@pytest.mark.parametrize("during", ["start", "run"])
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGHUP, -1), (signal.SIGKILL, -9)],
)
def test_however_the_run_ends_its_servers_go_too(
    number: signal.Signals, code: int, during: str, tmp_path: Path
) -> None:
    words = ("children", *(("health=503",) if during == "start" else ("slow",)))
    suite = write_suite(tmp_path, [served(tmp_path, "m", *words)])
    with subprocess.Popen(
        [sys.executable, "-m", "evalbudget", "run", str(suite)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        processes = wait_for(tmp_path / "m.pids", 3 if during == "start" else 4)
        process.send_signal(number)
        _, errors = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    wait_until_gone(processes)


def test_an_impatient_user_leaves_nothing_running_either(tmp_path: Path) -> None:
    """The first Ctrl-C ends the run, the second the waiting for replies, the third the server's grace."""
    suite = write_suite(tmp_path, [served(tmp_path, "m", "family", "slow")])
    with subprocess.Popen(
        [sys.executable, "-m", "evalbudget", "run", str(suite)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        processes = wait_for(tmp_path / "m.pids", 4)
        for pause_s in (0.5, 0.5, 0):
            process.send_signal(signal.SIGINT)
            time.sleep(pause_s)
        _, errors = process.communicate(timeout=ENOUGH_S)
    assert process.returncode != 0, errors  # which code, depends on where the third one strikes
    wait_until_gone(processes)
