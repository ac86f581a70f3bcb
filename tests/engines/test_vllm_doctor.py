"""What `doctor` says of a real vLLM, with and without a reasoning parser. Opt-in: `make test-vllm`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import evalbudget
from tests.engines.vllm_server import PYTHON, Server, Servers

if not PYTHON:
    pytest.skip("EVALBUDGET_VLLM names no Python with vLLM (make test-vllm)", allow_module_level=True)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def verdicts(folder: Path, url: str) -> dict[str, str]:
    """Name of each check → its verdict."""
    done = evalbudget(folder, "doctor", url, "--json")
    assert done.returncode == 0, done.stderr
    (server,) = json.loads(done.stdout)
    return {each["name"]: each["verdict"] for each in server["findings"]}


WORK = ("chat", "max_tokens", "usage", "token counts", "continuation", "thinking off", "metrics")
WORK += ("temperature 0", "context overflow", "KV capacity")


def test_with_a_parser_thinking_counts_and_budgets_work(parsing: Server, tmp_path: Path) -> None:
    found = verdicts(tmp_path, parsing.url)
    expected = dict.fromkeys((*WORK, "thinking", "reasoning_tokens", "server's budget"), "works")
    assert {name: found[name] for name in expected} == expected


def test_without_a_parser_it_names_what_is_missing(vllms: Servers, tmp_path: Path) -> None:
    found = verdicts(tmp_path, vllms.of("none").url)
    assert {name: found[name] for name in WORK} == dict.fromkeys(WORK, "works")
    assert (found["thinking"], found["server's budget"]) == ("partly", "missing")
