"""Counts on a real vLLM equal the scripts' truth. Opt-in: `make test-vllm`.

`EVALBUDGET_VLLM` names the Python of an environment that has vLLM for the CPU.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from embedded.scripts import LOOP_THINKING, SCRIPTS, Script
from evalbudget.endpoints.openai_chat import OpenAIChat
from evalbudget.reasoning.counting import count_tokens
from evalbudget.records import JsonValue, Message, Reply, Request, Sampling, TokenSource
from tests.endpoints.hostile import Counter
from tests.engines.hf_folder import scripted_folder
from tests.engines.truth import figures, truth

PYTHON = os.environ.get("EVALBUDGET_VLLM")
if not PYTHON:
    pytest.skip("EVALBUDGET_VLLM names no Python with vLLM (make test-vllm)", allow_module_level=True)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SERVERS = {
    "qwen3": ("--reasoning-parser", "qwen3"),
    "deepseek_r1": ("--reasoning-parser", "deepseek_r1", "--stream-interval", "4"),
    "none": (),
}
"""Each with what it is started with: a parser that counts right, one that counts 0, none."""
_QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_TARGET_DEVICE": "cpu",
}
_READY_S = 300


@contextmanager
def serving(folder: Path, log: Path, flags: tuple[str, ...]) -> Iterator[str]:
    """A vLLM with the scripted model; gives its base URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder)]
    command += ["--served-model-name", "scripted", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--max-model-len", "2048", "--max-num-seqs", "8", "--enforce-eager", *flags]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **_QUIET}
        )
        try:
            _wait(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(60)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(url, timeout=5):  # noqa: S310  (loopback)
                return
        except (URLError, OSError):
            time.sleep(0.5)
    pytest.fail(f"vLLM did not start:\n{log.read_text(errors='replace')[-3000:]}")


@dataclass(frozen=True)
class Server:
    """A running vLLM."""

    url: str
    parses: bool
    """It takes the thinking apart itself."""


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, flags = tmp_path_factory.mktemp("vllm"), SERVERS[request.param]
    with serving(scripted_folder(folder / "model"), folder / "vllm.log", flags) as url:
        yield Server(url=url, parses=bool(flags))


def ask(url: str, prompt: str, *, max_tokens: int = 64, streams: bool = True, **extra: JsonValue) -> Reply:
    """One reply, through our endpoint as a run uses it."""

    async def go() -> Reply:
        chat = OpenAIChat(base_url=url, model="scripted", engine="vllm")
        chat._dialect.streams = streams
        request = Request(
            messages=(Message(role="user", content=prompt),),
            sampling=Sampling(temperature=0, max_tokens=max_tokens),
            extra_body=extra,
        )
        try:
            reply = await chat.ask(request, Counter())
        finally:
            await chat.close()
        assert isinstance(reply, Reply), reply
        return reply

    return asyncio.run(go())


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("max_tokens", [64, 12, 11, 5])
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_every_count_is_the_scripts(server: Server, script: Script, max_tokens: int, streams: bool) -> None:
    reply = ask(server.url, f"{script.mark} Q", max_tokens=max_tokens, streams=streams)
    counts = count_tokens(reply)
    assert figures(reply) == truth(script, max_tokens)
    assert counts.source is TokenSource.TOKEN_IDS
    assert bool(reply.reasoning) == bool(counts.reasoning)
    assert counts.answer or not reply.answer


def test_thinking_switched_off_counts_none(server: Server) -> None:
    reply = ask(server.url, "Q", chat_template_kwargs={"enable_thinking": False})
    counts = count_tokens(reply)
    assert (reply.reasoning, reply.answer.strip()) == ("", "The answer is \\boxed{4}")
    assert (counts.reasoning, counts.source) == (0, TokenSource.TOKEN_IDS)


@pytest.mark.parametrize("script", [SCRIPTS["think"], LOOP_THINKING], ids=lambda script: script.name)
def test_without_ids_a_zero_is_not_believed(server: Server, script: Script) -> None:
    if script is LOOP_THINKING and not server.parses:
        pytest.skip("without ids and parser nothing shows that the template opened the thinking")
    reply = ask(server.url, f"{script.mark} Q", return_token_ids=False)
    counts = count_tokens(reply)
    assert reply.token_ids is None
    assert counts.reasoning == truth(script, 64)[0]
    assert counts.source in {TokenSource.USAGE, TokenSource.TOKENIZE}
