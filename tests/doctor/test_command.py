"""`evalbudget doctor` as a user runs it: on real llama.cpp, on imitations, on nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from evalbudget.doctor.examine import CHECKS
from tests.command import evalbudget
from tests.doctor.imitation import Imitation
from tests.endpoints.hostile import Call, serving


@contextmanager
def served(server: Imitation) -> Iterator[str]:
    """An imitation in a thread, with a list of models; gives its base URL."""

    async def handler(call: Call) -> None:
        if call.path == "/v1/models":
            return await call.reply({"object": "list", "data": [{"id": "imitation"}]})
        return await server(call)

    url: Future[str] = Future()
    ended = threading.Event()

    async def serve() -> None:
        async with serving(handler) as state:
            url.set_result(state.url)
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        yield url.result(10)
    finally:
        ended.set()
        thread.join(10)


def findings(page: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Check → verdict and evidence."""
    return {each["name"]: (each["verdict"], each["evidence"]) for each in page["findings"]}


def test_the_embedded_model_is_seen_as_it_is(tmp_path: Path) -> None:
    done = evalbudget(tmp_path, "doctor", "budgets-embedded", "--only", "model=scripted", "--json")
    assert done.returncode == 0, done.stderr
    (page,) = json.loads(done.stdout)
    seen = findings(page)
    assert list(seen) == [check.name for check in CHECKS]
    expected = {
        "max_tokens": ("works", "max_tokens 6 gave 6 tokens, finish_reason length"),
        "thinking": ("works", "in the field `reasoning_content`, 9 tokens"),
        "reasoning_tokens": ("missing", "not in the usage, although it thought"),
        "token counts": ("works", "9 thinking + 7 answer, by the server's running count, exact"),
        "continuation": ("works", "cut after 4 tokens, it answered: by token ids, the cut is exact"),
        "server's budget": (
            "works",
            "honoured: 2 tokens allowed, it thought 2; without a budget 9",
        ),
        "thinking off": ("works", "asked to, it answers at once"),
        "effort words": ("missing", "low and high gave the same text"),
        "temperature 0": ("works", "asked twice, the same 19 tokens"),
        "unknown fields": ("partly", "taken without a word"),
    }
    assert {name: seen[name] for name in expected} == expected
    assert {seen[name][0] for name in ("server", "chat", "usage", "context overflow", "prefix cache")} == {
        "works"
    }
    assert page["budget_modes"] == dict.fromkeys(("trace", "force", "server", "max_tokens"), "works")
    assert not list(tmp_path.iterdir()), "nothing is written into the user's folder"


def test_a_looping_model_can_be_left_and_the_server_notices(tmp_path: Path) -> None:
    model = {
        "name": "looping",
        "gguf": "embedded/scripted.gguf",
        "context": 16384,
        "extra_body": {"chat_template_kwargs": {"script": "loop-thinking"}},
    }
    suite = {"name": "looping", "models": [model], "tasks": ["arithmetic"]}
    (tmp_path / "suite.yaml").write_text(json.dumps(suite), encoding="utf-8")
    done = evalbudget(tmp_path, "doctor", "suite.yaml", "--json")
    seen = findings(json.loads(done.stdout)[0])
    assert seen["hang-up"][0] == "works"
    assert seen["server's budget"][0] == "works"
    assert seen["server's budget"][1].endswith("or more")


def test_a_url_is_enough(tmp_path: Path) -> None:
    with served(Imitation(budget="ignored")) as url:
        done = evalbudget(tmp_path, "doctor", url)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == url
    assert any(line.startswith("missing  server's budget   ignored: 16 tokens allowed") for line in lines)
    assert all(len(line) <= 80 and line == line.rstrip() for line in lines)
    assert "Not here: server." in " ".join(lines)
    host = url.removeprefix("http://").removesuffix("/v1")
    assert done.stderr == f"{host}: asking short questions, for a minute at most\n"


def test_a_server_that_refuses_everything_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with served(Imitation(refuses_after=0)) as url:
        done = evalbudget(tmp_path, "doctor", url)
    assert done.returncode == 1
    assert "no question was answered: HTTP 401" in done.stdout
    assert len(done.stdout.splitlines()) <= 3


def test_a_key_is_sent_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTORS_KEY", "sk-secret-0123456789")
    with served(Imitation(refuses_after=2)) as url:
        done = evalbudget(tmp_path, "doctor", url, "--api-key-env", "DOCTORS_KEY", "--json")
    assert done.returncode == 0
    assert "sk-secret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("http://127.0.0.1:1/v1/models",), "must be the root of the API"),
        (("ftp://host/v1",), "must be a URL"),
        (("http://[bad/v1",), "is no URL"),
        (("localhost:8000/v1",), "for a server, write http://localhost:8000/v1"),
        (("quickstar",), 'did you mean "quickstart"'),
        (("budgets-embedded", "--only", "model=scripte"), 'did you mean "scripted"'),
        (("quickstart", "--model", "m"), "--model and --api-key-env are for URLs"),
        (("http://127.0.0.1:1/v1", "--only", "model=m"), "--only is for suites"),
        (("http://127.0.0.1:1/v1", "--api-key-env", "NO_SUCH_VARIABLE"), "NO_SUCH_VARIABLE"),
        (("http://127.0.0.1:1/v1", "--api-key-env", "sk-abcdefgh12345678"), "takes the NAME"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = evalbudget(tmp_path, "doctor", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_server_that_the_suite_starts_is_examined_and_its_log_kept_only_where_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    model = {
        "name": "started",
        "base_url": "http://127.0.0.1:{port}/v1",
        "serve": {
            "command": [
                sys.executable, "-m", "evalbudget.engines.llamacpp_server", "embedded/scripted.gguf",
                "--port", "{port}", "--threads", "1",
            ]
        },
    }  # fmt: skip
    broken = {**model, "name": "broken", "serve": {"command": [sys.executable, "-c", "raise SystemExit(3)"]}}
    broken["base_url"] = "http://127.0.0.1:1/v1"
    suite = {"name": "started", "models": [model, broken], "tasks": ["arithmetic"]}
    (tmp_path / "suite.yaml").write_text(json.dumps(suite), encoding="utf-8")
    done = evalbudget(tmp_path, "doctor", "suite.yaml", "--json")
    assert done.returncode == 1, done.stderr
    started, failed = json.loads(done.stdout)
    assert findings(started)["thinking"][0] == "works"
    assert started["server"]["engine"] == "llama.cpp"
    assert failed["failure"]["kind"] == "connection"
    (kept,) = scratch.glob("evalbudget-doctor-*/broken.log")
    assert str(kept) in failed["failure"]["message"]
    done = evalbudget(tmp_path, "doctor", "suite.yaml", "--only", "model=started")
    assert done.returncode == 0
    assert [*scratch.iterdir()] == [kept.parent]


def test_ctrl_c_ends_it_with_130_and_without_a_traceback(tmp_path: Path) -> None:
    server = Imitation(hangs_after=3)
    with served(server) as url:
        process = subprocess.Popen(
            [sys.executable, "-m", "evalbudget", "doctor", url],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "80"},
        )
        while len(server.asked) < 4 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "evalbudget: interrupted"
    assert "Traceback" not in said
