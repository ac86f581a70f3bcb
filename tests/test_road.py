"""The whole road, from a suite on disk to rows in the store, as a user walks it: the real command."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import duckdb
import pytest
from aiohttp import web

from evalbudget.errors import InputError
from evalbudget.store.load import catch_up
from evalbudget.store.queries import RunRow, Store
from evalbudget.store.replay import durable_jobs
from tests import asking
from tests.command import ENOUGH_S, evalbudget
from tests.loopback import answer, event, request_key, serving


def write_suite(folder: Path, models: list[dict[str, object]], *, rows: int = 3, repeats: int = 1) -> Path:
    """A suite with these models and a task of small sums, in `folder`."""
    questions = [(f"q{n}", f"{n} + 0?", str(n)) for n in range(rows)]
    return asking.write_suite(folder, models, questions, task={"name": "small"}, name="road", repeats=repeats)


def rows_of(folder: Path, sql: str) -> list[tuple[object, ...]]:
    """What the store in `folder` answers."""
    with duckdb.connect(str(folder / "results" / "evalbudget.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_run_scores_counts_and_stores_every_answer(tmp_path: Path) -> None:
    with serving(lambda request, body: answer(request)) as server:
        suite = write_suite(tmp_path, [{"name": "m", "base_url": server.base_url}], rows=6, repeats=2)
        done = evalbudget(tmp_path, "run", str(suite))
    assert done.returncode == 0, done.stderr
    assert "16.7 %" in done.stdout
    found = rows_of(
        tmp_path,
        "SELECT outcome, count(*), any_value(reasoning), min(reasoning_tokens), min(completion_tokens), "
        "any_value(token_source) FROM attempts GROUP BY outcome ORDER BY outcome",
    )
    assert found == [("correct", 2, "two more", 2, 7, "usage"), ("wrong", 10, "two more", 2, 7, "usage")]
    assert len(set(server.keys())) == 12, "each repeat has a seed of its own"


def test_one_model_in_trouble_costs_one_clear_line_and_the_others_go_on(tmp_path: Path) -> None:
    with serving(lambda request, body: answer(request)) as server:
        gone = {"name": "gone", "base_url": "http://127.0.0.1:9/v1"}
        suite = write_suite(tmp_path, [gone, {"name": "well", "base_url": server.base_url}])
        done = evalbudget(tmp_path, "run", str(suite))
    assert done.returncode == 1
    assert done.stderr.count("gone: ") >= 1
    assert "Traceback" not in done.stderr
    found = rows_of(
        tmp_path, "SELECT model, status, error_kind, count(*) FROM attempts GROUP BY ALL ORDER BY ALL"
    )
    assert found == [("gone", "failed", "connection", 3), ("well", "ok", None, 3)]


def test_a_wrong_key_is_a_typed_failure_and_stands_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "secret-" + "0123456789abcdef" * 2

    async def refuse(_request: web.Request, _body: dict[str, object]) -> web.StreamResponse:
        return web.json_response({"error": {"message": f"Incorrect API key provided: {secret}"}}, status=401)

    monkeypatch.setenv("ROAD_TEST_KEY", secret)
    with serving(refuse) as server:
        model = {"name": "m", "base_url": server.base_url, "api_key_env": "ROAD_TEST_KEY"}
        done = evalbudget(tmp_path, "run", str(write_suite(tmp_path, [model])))
    assert done.returncode == 1
    assert rows_of(tmp_path, "SELECT DISTINCT status, error_kind FROM attempts") == [("failed", "auth")]
    files = [path for path in (tmp_path / "results").rglob("*") if path.is_file()]
    assert len(files) >= 2
    for path in files:
        assert secret.encode() not in path.read_bytes(), path
    assert secret not in done.stdout + done.stderr


def test_wrong_input_gets_one_line_with_its_place_and_sends_nothing(tmp_path: Path) -> None:
    with serving(lambda request, body: answer(request)) as server:
        suite = write_suite(tmp_path, [{"name": "m", "base_url": server.base_url}])
        text = suite.read_text(encoding="utf-8")
        for wrong, hint in (
            (text.replace('"repeats"', '"repeat"'), 'did you mean "repeats"'),
            (text.replace('"small.yaml"', '"aime52"'), 'did you mean "aime2'),
        ):
            suite.write_text(wrong, encoding="utf-8")
            done = evalbudget(tmp_path, "run", str(suite))
            assert done.returncode == 2
            assert hint in done.stderr
            assert "suite.yaml:1" in done.stderr
            assert len(done.stderr.strip().splitlines()) == 1
    assert server.asked == []
    assert not (tmp_path / "results").exists()


def test_ctrl_c_ends_cleanly_says_how_to_go_on_and_the_resume_sends_the_rest(tmp_path: Path) -> None:
    async def slowly(request: web.Request, body: dict[str, object]) -> web.StreamResponse:
        return await answer(request, wait_s=0.05)

    with serving(slowly) as server:
        suite = write_suite(tmp_path, [{"name": "m", "base_url": server.base_url, "concurrency": 2}], rows=60)
        command = [sys.executable, "-m", "evalbudget", "run", str(suite)]
        with subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            wait_for(lambda: len(server.asked) >= 10)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=ENOUGH_S)
        assert process.returncode == 130, errors
        assert "--resume road-" in output
        assert "Traceback" not in errors
        first = rows_of(tmp_path, "SELECT count(*) FROM attempts")[0][0]
        assert rows_of(tmp_path, "SELECT status FROM runs") == [("interrupted",)]
        done = evalbudget(tmp_path, "run", str(suite), "--resume", "last")
        assert done.returncode == 0, done.stderr
    assert isinstance(first, int)
    assert 0 < first < 60
    assert rows_of(tmp_path, "SELECT count(*), count(DISTINCT sample_id) FROM attempts") == [(60, 60)]
    assert rows_of(tmp_path, "SELECT status FROM runs") == [("finished",)]


def wait_for(condition: object, limit_s: float = 30) -> None:
    """Until `condition()` holds."""
    assert callable(condition)
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.mark.slow
def test_killed_at_twenty_instants_and_resumed_every_job_is_stored_once_and_none_sent_again(
    tmp_path: Path,
) -> None:
    chance = random.Random(20)

    async def slowly(request: web.Request, body: dict[str, object]) -> web.StreamResponse:
        return await answer(request, wait_s=chance.uniform(0.005, 0.05))

    with serving(slowly) as server:
        model = {"name": "m", "base_url": server.base_url, "concurrency": 8}
        suite = write_suite(tmp_path, [model], rows=2400)
        durable: set[str] = set()
        for kill in range(20):
            before = len(server.asked)
            words = ["--resume", "last"] if kill else []
            command = [sys.executable, "-m", "evalbudget", "run", str(suite), *words]
            with subprocess.Popen(
                command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as process:
                wait_for(lambda before=before: len(server.asked) > before)
                time.sleep(chance.uniform(0.0, 0.4))
                assert process.poll() is None, "it ended before it could be killed: more rows are needed"
                process.kill()
            resent = {prompt for prompt, _ in map(request_key, server.asked[before:])} & durable
            assert resent == set()
            journal = next((tmp_path / "results").glob("road-*/journal.jsonl"))
            durable = {
                f"{job.sample_id[1:]} + 0?" for job, status, _ in durable_jobs(journal) if status == "ok"
            }
        assert durable, "nothing had become durable between the kills"
        done = evalbudget(tmp_path, "run", str(suite), "--resume", "last")
        assert done.returncode == 0, done.stderr
    assert rows_of(tmp_path, "SELECT count(*), count(DISTINCT sample_id) FROM attempts") == [(2400, 2400)]
    assert rows_of(tmp_path, "SELECT DISTINCT status FROM attempts") == [("ok",)]


def runs_of(folder: Path) -> tuple[RunRow, ...]:
    """As the report and the dashboard see them, from another process than the run's."""
    db = folder / "results" / "evalbudget.duckdb"
    catch_up(db)
    return Store(db).runs()


def test_two_runs_into_one_store_succeed_and_a_reader_sees_them_while_they_go_on(tmp_path: Path) -> None:
    async def slowly(request: web.Request, body: dict[str, object]) -> web.StreamResponse:
        return await answer(request, wait_s=0.1)

    with serving(slowly) as server, ExitStack() as stack:
        suite = write_suite(
            tmp_path, [{"name": "m", "base_url": server.base_url, "concurrency": 2}], rows=240
        )
        command = [sys.executable, "-m", "evalbudget", "run", str(suite)]
        started = [
            subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for _ in range(2)
        ]
        runs = [stack.enter_context(run) for run in started]
        seen: list[int] = []
        while any(run.poll() is None for run in runs):
            time.sleep(0.2)
            with suppress(InputError):  # no store yet
                seen += [run.attempts for run in runs_of(tmp_path)]
        errors = [run.communicate()[1] for run in runs]
        assert [run.returncode for run in runs] == [0, 0], errors
    assert any(0 < attempts < 240 for attempts in seen), seen
    assert (
        rows_of(tmp_path, "SELECT run_id, count(*) FROM attempts GROUP BY run_id HAVING count(*) <> 240")
        == []
    )
    assert rows_of(tmp_path, "SELECT count(DISTINCT run_id) FROM attempts") == [(2,)]


def test_a_server_that_stops_mid_stream_is_a_failure_that_keeps_what_had_come(tmp_path: Path) -> None:
    async def break_off(request: web.Request, body: dict[str, object]) -> web.StreamResponse:
        prompt, _ = request_key(body)
        if prompt != "1 + 0?":
            return await answer(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(event({"reasoning_content": "half a thought"}))
        assert request.transport is not None
        request.transport.close()
        return response

    with serving(break_off) as server:
        suite = write_suite(tmp_path, [{"name": "m", "base_url": server.base_url}])
        done = evalbudget(tmp_path, "run", str(suite))
    assert done.returncode == 1
    failed = rows_of(
        tmp_path, "SELECT sample_id, reasoning, outcome, score, tries FROM attempts WHERE status = 'failed'"
    )
    assert failed == [("q1", "half a thought", None, None, 5)]
    assert rows_of(tmp_path, "SELECT failed, attempts FROM cells") == [(1, 3)]


def test_recorded_replies_are_scored_their_inline_thinking_left_out(tmp_path: Path) -> None:
    write_suite(tmp_path, [], rows=3)
    replies = [
        {"id": "q1", "answer": "<think>perhaps 7</think>It is \\boxed{1}.", "finish_reason": "stop"},
        {"id": "q2", "answer": "\\boxed{9}"},
        {"id": "q0", "reasoning": "so 0", "answer": "", "finish_reason": "length"},
    ]
    lines = "".join(json.dumps(reply) + "\n" for reply in replies)
    (tmp_path / "replies.jsonl").write_text(lines, encoding="utf-8")
    done = evalbudget(tmp_path, "score", "small.yaml", "replies.jsonl")
    assert done.returncode == 0, done.stderr
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    found = [(each["id"], each["score"], each["outcome"], each["extracted"]) for each in verdicts]
    assert found == [
        ("q1", 1.0, "correct", "1"),
        ("q2", 0.0, "wrong", "9"),
        ("q0", 0.0, "truncated", None),
    ]
    (tmp_path / "replies.jsonl").write_text(lines + '{"id": "q7", "answer": "1"}\n', encoding="utf-8")
    done = evalbudget(tmp_path, "score", "small.yaml", "replies.jsonl")
    assert done.returncode == 2
    assert "replies.jsonl:4" in done.stderr
