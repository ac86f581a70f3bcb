"""On one server, lm-eval and evalbudget ask the same and report the same figures, to the last digit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evalbudget.datasets import load_samples
from evalbudget.measures import MEASURES, ScoredRow
from evalbudget.tasks import TaskSettings, load_task
from evalbudget.wiring.recorded import score_file
from tests.command import evalbudget
from tests.lm_eval.making import handle, make_tasks, offline, reply_to
from tests.loopback import serving

ROWS = 24
SYSTEM = "Be brief."

LM_EVAL = """
import json, sys
import lm_eval

base_url, out, ways = sys.argv[1:]
found = [
    lm_eval.simple_evaluate(
        model="local-chat-completions",
        model_args={"base_url": base_url + "/chat/completions", "model": "loopback", "num_concurrent": 4},
        apply_chat_template=True,
        bootstrap_iters=0,
        **way,
    )["results"]
    for way in json.loads(ways)
]
json.dump(found, open(out, "w"), default=float)
"""
"""As `lm_eval --model local-chat-completions --apply_chat_template` does it, all else its own default."""


@dataclass(frozen=True, slots=True)
class Both:
    """What the two did."""

    folder: Path
    lm_eval: Mapping[str, Mapping[str, Any]]
    """lm-eval's results, by task."""
    ours: Mapping[str, Mapping[str, Any]]
    """The measures of our report, by task and name."""
    asked_by_lm_eval: Sequence[str]
    """Each request as `essence` writes it, in alphabetical order."""
    asked_by_us: Sequence[str]
    asked_in_one_message: Sequence[Any]
    """What lm-eval sent with a system message, and with examples that are no messages of their own."""


def essence(body: Mapping[str, Any]) -> str:
    """What decides the answer. The sampling seed is left out: ours is another one for each repeat."""
    keys = ("messages", "stop", "max_tokens", "temperature", "top_p")
    kept: dict[str, Any] = {key: body[key] for key in keys if body.get(key) not in (None, [])}
    return json.dumps(kept | {"temperature": float(kept["temperature"])}, sort_keys=True)


def run_lm_eval(base_url: str, folder: Path, ways: Sequence[Mapping[str, Any]]) -> list[Any]:
    out = folder / "lm_eval.json"
    done = subprocess.run(
        [sys.executable, "-c", LM_EVAL, base_url, str(out), json.dumps(ways)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[Any] = json.loads(out.read_text())
    return found


def run_ours(base_url: str, folder: Path, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    models = [{"name": "m", "base_url": base_url, "concurrency": 4}]
    (folder / "suite.yaml").write_text(json.dumps({"name": "both", "models": models, "tasks": entries}))
    done = evalbudget(folder, "run", "suite.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert "a task's Python may print" not in done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert [cell["failed"] for cell in report["cells"]] == [0] * len(entries)
    return {
        each["task"].removeprefix("lm_eval/"): {measure["name"]: measure for measure in each["measures"]}
        for each in report["measures"]
    }


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("both")
    paths = make_tasks(folder)
    ways = [
        {"tasks": [str(path) for path in paths.values()]},
        {
            "tasks": [str(paths["sums"]), str(paths["words"])],
            "system_instruction": SYSTEM,
            "fewshot_as_multiturn": False,
        },
    ]
    entries: list[dict[str, Any]] = [{"task": f"lm_eval/{path.name}"} for path in paths.values()]
    # lm-eval's client ends an answer after 256 tokens where the task says nothing, as `words` does.
    entries[1]["sampling"] = {"max_tokens": 256}
    with serving(handle) as server, pytest.MonkeyPatch.context() as patch:
        offline(patch, folder)
        theirs = run_lm_eval(server.base_url, folder, ways)
        asked, more = server.asked[: 5 * ROWS], server.asked[5 * ROWS :]
        server.asked.clear()
        ours = run_ours(server.base_url, folder, entries)
        return Both(
            folder,
            theirs[0],
            ours,
            sorted(map(essence, asked)),
            sorted(map(essence, server.asked)),
            [body["messages"] for body in more],
        )


def figures(results: Mapping[str, Any]) -> dict[str, float]:
    """lm-eval's figures by metric and filter, without the errors and the names."""
    return {
        name: value
        for name, value in results.items()
        if "," in name and "_stderr," not in name and isinstance(value, float | int)
    }


@pytest.mark.parametrize(("task", "count"), [("sums", 2), ("words", 1), ("graded", 12)])
def test_each_metric_under_each_filter_is_lm_evals_to_the_last_digit(
    both: Both, task: str, count: int
) -> None:
    expected = figures(both.lm_eval[task])
    assert len(expected) == count
    assert {name: each["value"] for name, each in both.ours[task].items()} == expected
    assert any(0 < value < 1 for value in expected.values())


def test_the_server_is_asked_the_same_with_the_same_stop_words_and_limits(both: Both) -> None:
    assert len(both.asked_by_us) == 5 * ROWS
    assert both.asked_by_us == both.asked_by_lm_eval


@pytest.mark.parametrize("task", ["sums", "words"])
def test_examples_in_one_message_and_a_system_message_are_lm_evals_too(
    both: Both, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline(monkeypatch, both.folder)
    settings = TaskSettings(system=SYSTEM, fewshot_as_multiturn=False)
    for sample in load_samples(load_task(f"lm_eval/{task}.yaml", both.folder, settings)):
        said = [{"role": message.role, "content": message.content} for message in sample.conversation]
        assert said in both.asked_in_one_message


def test_recorded_replies_give_the_same_figures(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    offline(monkeypatch, both.folder)
    monkeypatch.chdir(both.folder)
    requests = [json.loads(each) for each in both.asked_by_us]
    asked = {
        body["messages"][-1]["content"]: body["messages"] for body in requests if len(body["messages"]) == 7
    }
    lines = (both.folder / "test.jsonl").read_text().splitlines()
    replies = [
        {"id": number, "answer": reply_to(asked[f"Question: {json.loads(line)['question']}\nAnswer:"])}
        for number, line in enumerate(lines)
    ]
    Path("replies.jsonl").write_text("".join(json.dumps(reply) + "\n" for reply in replies))
    verdicts = score_file("lm_eval/sums.yaml", Path("replies.jsonl"))
    rows = [
        ScoredRow(
            sample_id=each.id,
            repeat=0,
            category=None,
            score=each.score or 0.0,
            target=None,
            extracted=each.extracted,
            details=each.details,
        )
        for each in verdicts
    ]
    measured = {each.name: each.value for each in MEASURES["lm_eval"](rows)}
    assert measured == figures(both.lm_eval["sums"])
