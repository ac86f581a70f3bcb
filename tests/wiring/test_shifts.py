"""Servers that share a GPU take turns, in the plan and in a run of two real ones."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import pytest

from embedded.scripted import scripted_model
from evalbudget.suite import Model
from evalbudget.wiring.shifts import shifts
from tests.asking import write_suite
from tests.command import evalbudget

PORT = "http://127.0.0.1:{port}/v1"


def started(name: str, url: str = PORT, **env: str) -> Model:
    command = ["serve", *(["{port}"] if "{port}" in url else [])]
    return Model.model_validate({"name": name, "base_url": url, "serve": {"command": command, "env": env}})


def running(name: str) -> Model:
    return Model.model_validate({"name": name, "base_url": "http://localhost:8000/v1"})


def inside(name: str) -> Model:
    return Model.model_validate({"name": name, "gguf": "a.gguf"})


def names(models: list[Model], **environment: str) -> list[list[str]]:
    return [[model.name for model in group] for group in shifts(models, environment)]


def test_servers_that_may_use_every_gpu_take_turns_and_nothing_else_waits() -> None:
    assert names([started("a"), running("b"), started("c"), inside("d")]) == [["a", "b", "d"], ["c"]]


def test_servers_on_gpus_of_their_own_run_together() -> None:
    models = [
        started("a", CUDA_VISIBLE_DEVICES="0"),
        started("b", CUDA_VISIBLE_DEVICES="1,2"),
        started("c", CUDA_VISIBLE_DEVICES="2, 3"),
        started("d", HIP_VISIBLE_DEVICES="3"),
    ]
    assert names(models) == [["a", "b", "d"], ["c"]]


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_servers_without_a_gpu_run_beside_any(hidden: str) -> None:
    models = [started("a"), *(started(name, CUDA_VISIBLE_DEVICES=hidden) for name in "bc")]
    assert names(models) == [["a", "b", "c"]]


def test_what_our_own_environment_hides_is_hidden_from_the_servers_too() -> None:
    assert names([started("a"), started("b")], CUDA_VISIBLE_DEVICES="") == [["a", "b"]]
    assert names([started("a"), started("b")], CUDA_VISIBLE_DEVICES="1") == [["a"], ["b"]]


def test_two_servers_at_one_address_take_turns_also_without_a_gpu() -> None:
    models = [started(name, "http://localhost:9000/v1", CUDA_VISIBLE_DEVICES="") for name in "ab"]
    assert names(models) == [["a"], ["b"]]


def test_a_run_starts_the_second_server_when_the_first_has_ended(tmp_path: Path) -> None:
    gguf = scripted_model("qwen3", tmp_path / "m.gguf")
    command = [sys.executable, "-m", "evalbudget.engines.llamacpp_server", str(gguf)]
    command += ["--port", "{port}", "--threads", "1", "--alias", "m", "--context", "256"]
    models = [{"name": name, "base_url": PORT, "serve": {"command": command}} for name in ("one", "two")]
    questions = [(str(number), "[think] Q", "4") for number in range(3)]
    write_suite(tmp_path, models, questions, sampling={"max_tokens": 32})
    done = evalbudget(tmp_path, "run", "suite.yaml")
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(tmp_path / "results" / "evalbudget.duckdb"), read_only=True) as connection:
        times = dict(
            connection.execute(
                "SELECT model, (min(started_at), max(started_at + to_seconds(latency_s)), count(*))"
                " FROM attempts WHERE status = 'ok' GROUP BY model"
            ).fetchall()
        )
    assert {times["one"][2], times["two"][2]} == {3}
    assert times["one"][1] < times["two"][0]
