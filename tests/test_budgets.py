"""Budgets and loops, from a suite on disk to rows in the store, with the scripted model on real llama.cpp."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from aiohttp import web

from embedded.scripted import SHIPPED
from embedded.scripts import THINK
from tests.command import evalbudget
from tests.loopback import event, serving

BUDGETS = "[0, 2, 4, 16]"
THOUGHT = len(THINK.reasoning)
RESULTS = Path("results")


def write(folder: Path, **keys: object) -> Path:
    """A suite of two small sums for the scripted model, with these keys."""
    task = {"task": "arithmetic", "limit": 2}
    model = {"name": "scripted", "gguf": str(SHIPPED), "context": 2048, "slots": 2, "family": "embedded"}
    suite = {"name": "budgets", "models": [model], "tasks": [task], "sampling": {"max_tokens": 120}} | keys
    path = folder / "suite.yaml"
    path.write_text(json.dumps(suite), encoding="utf-8")
    return path


def rows(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / RESULTS / "evalbudget.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def kept(folder: Path) -> list[tuple[object, ...]]:
    """Of each budget: its mode, thinking tokens, whether it was kept, answers."""
    return rows(
        folder,
        "SELECT budget, budget_mode, min(reasoning_tokens), max(reasoning_tokens), bool_and(budget_honoured),"
        " any_value(extracted), count(*) FROM attempts WHERE status = 'ok' GROUP BY ALL"
        " ORDER BY budget NULLS LAST",
    )


@pytest.mark.parametrize("mode", ["trace", "force", "server"])
def test_every_way_to_hold_a_budget_keeps_it_to_the_token(tmp_path: Path, mode: str) -> None:
    suite = write(tmp_path, budgets=[0, 2, 4, 16, "unlimited"], budget_mode=mode)
    done = evalbudget(tmp_path, "run", str(suite))
    assert done.returncode == 0, done.stderr
    limited = [(n, mode, min(n, THOUGHT), min(n, THOUGHT), True, "4", 2) for n in (0, 2, 4, 16)]
    assert kept(tmp_path) == [*limited, (None, None, THOUGHT, THOUGHT, None, "4", 2)]


def test_a_trace_is_asked_once_and_its_prefixes_cost_their_answers_alone(tmp_path: Path) -> None:
    suite = write(tmp_path, budgets=[0, 2, 4, 16], budget_mode="trace")
    done = evalbudget(tmp_path, "run", str(suite))
    assert done.returncode == 0, done.stderr
    assert "the unlimited answer is asked for as well" in done.stderr
    answered = len(THINK.answer)  # its line end stands in the closing string; the end token comes on top
    found = rows(
        tmp_path,
        "SELECT budget, tries, details->>'$.force.kept', details->>'$.force.why', details->>'$.force.family',"
        " (details->>'$.force.generated')::INT FROM attempts WHERE sample_id ="
        " (SELECT min(sample_id) FROM attempts) ORDER BY budget NULLS LAST",
    )
    family = found[0][4]
    assert family
    assert found == [
        (0, 1, "0", "budget", family, found[0][5]),
        (2, 1, "2", "budget", family, answered),
        (4, 1, "4", "budget", family, answered),
        (16, 0, None, None, None, None),
        (None, 1, None, None, None, None),
    ]


def test_a_resume_takes_up_the_traces_that_are_there(tmp_path: Path) -> None:
    """What a kill between a trace and its prefixes leaves."""
    suite = write(tmp_path, budgets=[2, 4, "unlimited"], budget_mode="trace")
    assert evalbudget(tmp_path, "run", str(suite)).returncode == 0
    before = kept(tmp_path)
    [journal] = (tmp_path / RESULTS).glob("*/journal.jsonl")
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    left = [line for line in lines if '"budget":2,' not in line and '"status":"finished"' not in line]
    assert len(left) == len(lines) - 3
    journal.write_text("".join(left), encoding="utf-8")
    (tmp_path / RESULTS / "evalbudget.duckdb").unlink()
    done = evalbudget(tmp_path, "run", str(suite), "--resume", "last")
    assert done.returncode == 0, done.stderr
    assert kept(tmp_path) == before
    again = journal.read_text(encoding="utf-8").splitlines()[len(left) :]
    sent = [json.loads(line) for line in again if '"kind":"attempt"' in line]
    assert [(row["budget"], row["tries"]) for row in sent] == [(2, 1), (2, 1)]


def looping(folder: Path, loops: str, max_tokens: int = 1500) -> dict[str, object]:
    """The one row of a model that thinks in circles."""
    suite = write(folder, loops=loops, sampling={"max_tokens": max_tokens})
    told = json.loads(suite.read_text(encoding="utf-8"))
    told["models"][0] |= {
        "extra_body": {"chat_template_kwargs": {"script": "loop-thinking"}},
        "context": 2048,
    }
    told["tasks"][0]["limit"] = 1
    suite.write_text(json.dumps(told), encoding="utf-8")
    done = evalbudget(folder, "run", str(suite))
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(folder / RESULTS / "evalbudget.duckdb"), read_only=True) as connection:
        [row] = connection.execute("SELECT * FROM attempts").fetchdf().to_dict("records")
    return {**row, "details": json.loads(row["details"])}


def test_a_loop_is_measured_stopped_or_rescued_as_the_suite_says(tmp_path: Path) -> None:
    seen = {}
    for loops in ("measure", "stop", "rescue"):
        (tmp_path / loops).mkdir()
        seen[loops] = looping(tmp_path / loops, loops)
    measured, stopped, rescued = seen.values()
    assert (measured["outcome"], measured["completion_tokens"]) == ("looped", 1500)
    assert "stopped" not in measured["details"]["loop"]  # type: ignore[index]
    certain = measured["details"]["loop"]["certain_token"]  # type: ignore[index]
    period = measured["loop_period_tokens"]
    assert (stopped["outcome"], stopped["finish_reason"], stopped["loop_doom"]) == (
        "looped",
        "repetition",
        True,
    )
    assert stopped["details"]["loop"]["stopped"] is True  # type: ignore[index]
    assert certain <= stopped["completion_tokens"] < 1400  # type: ignore[operator]
    print("certain at", certain, "ended at", stopped["completion_tokens"], "period", period)
    assert (rescued["outcome"], rescued["loop_doom"], rescued["loop_kind"]) != ("looped", True, "exact")
    assert rescued["extracted"] == "4"
    assert rescued["loop_doom"] is True
    assert rescued["details"]["loop"]["rescued"] is True  # type: ignore[index]
    assert rescued["details"]["force"]["why"] == "loop"  # type: ignore[index]


def test_a_server_that_ignores_the_budget_is_found_out_and_its_flag_is_named(tmp_path: Path) -> None:
    """It takes the parameter without a word, and thinks on."""

    async def think_on(request: web.Request, _body: dict[str, object]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        thought = [event({"reasoning_content": " so"})] * 200
        await response.write(b"".join([*thought, event({"content": "4"}), event({}, "stop")]))
        usage = {"prompt_tokens": 9, "completion_tokens": 203}
        usage |= {"completion_tokens_details": {"reasoning_tokens": 200}}
        told = json.dumps({"choices": [], "usage": usage}).encode()
        await response.write(b"data: " + told + b"\n\ndata: [DONE]\n\n")
        return response

    with serving(think_on) as server:
        suite = write(tmp_path, budgets=[64, "unlimited"], budget_mode="server")
        told = json.loads(suite.read_text(encoding="utf-8"))
        told["models"] = [{"name": "m", "base_url": server.base_url}]
        suite.write_text(json.dumps(told), encoding="utf-8")
        done = evalbudget(tmp_path, "run", str(suite))
    assert done.returncode == 0, done.stderr
    assert {row[0]: row[4] for row in kept(tmp_path)} == {64: False, None: None}
    assert "the budget of 64 thinking tokens was not kept" in done.stderr
    assert "--reasoning-parser" in done.stderr
    assert "--reasoning-parser" in done.stdout
