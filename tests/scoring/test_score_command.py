"""`evalbudget score` on files of other tools and on a run's own attempts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from evalbudget.errors import InputError
from evalbudget.records import Attempt, RunRecord
from evalbudget.store.lines import encode_line
from evalbudget.tasks import TaskSettings
from evalbudget.wiring.recorded import score_file, shown_while_made, summary
from tests.command import evalbudget

TASK = """\
name: mine
title: Mine
data: {file: data.jsonl}
columns: {id: id, question: q, target: t}
prompt: "{question}"
scorer: {name: integer, low: 0, high: 999}
"""


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_task(folder: Path, targets: dict[str, str]) -> Path:
    write_lines(
        folder / "data.jsonl", [{"id": key, "q": "?", "t": target} for key, target in targets.items()]
    )
    (folder / "mine.yaml").write_text(TASK, encoding="utf-8")
    return folder / "mine.yaml"


def attempt(sample_id: str, answer: str, **keys: Any) -> Attempt:
    known = {"run_id": "r", "model": "m", "task": "mine", "budget": None, "repeat": 0, "status": "ok"}
    known |= {"prompt": "?"}
    return Attempt(**{**known, "started_at": "", "sample_id": sample_id, "answer": answer, **keys})


def test_the_file_that_another_harness_scored_zero_holds_twelve_right_answers(
    shared: Path, tmp_path: Path
) -> None:
    file = shared / "verdicts/aime/qwen3.5_9b_q4km_false_zero.jsonl"
    done = evalbudget(tmp_path, "score", "aime25", str(file), hub=shared / "hub")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(each["score"] for each in found) == 12
    assert sum(each["outcome"] == "no_answer" for each in found) == 18
    assert {each["id"] for each in found} == {str(number) for number in range(30)}
    assert "30 replies: 18 no_answer, 12 correct" in done.stderr


def test_forty_published_verdicts_come_out_of_the_command(shared: Path, tmp_path: Path) -> None:
    lines = (shared / "verdicts/aime/dsr1_1.5b_sample.jsonl").read_text(encoding="utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    write_task(tmp_path, {row["id"]: row["gold"] for row in rows})
    write_lines(tmp_path / "r.jsonl", [{"id": row["id"], "answer": row["response"]} for row in rows])
    done = evalbudget(tmp_path, "score", "mine.yaml", "r.jsonl", "--out", "verdicts.jsonl")
    assert done.returncode == 0, done.stderr
    found = (tmp_path / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["score"] for line in found] == [float(row["correct"]) for row in rows]


def test_a_journal_is_scored_again(tmp_path: Path) -> None:
    task = write_task(tmp_path, {"a": "4", "b": "5"})
    records = [
        RunRecord(
            run_id="r",
            name="n",
            status="running",
            started_at="",
            finished_at=None,
            suite="",
            version="0",
            host="h",
        ),
        attempt("a", "4", outcome="wrong", score=0.0),
        attempt("b", "4", model="other"),
        attempt("b", "", status="failed", error_kind="server", error="HTTP 500"),
        attempt("a", "4", task="another"),
    ]
    (tmp_path / "journal.jsonl").write_bytes(b"".join(map(encode_line, records)))
    verdicts = score_file(str(task), tmp_path / "journal.jsonl")
    assert [(each.id, each.score) for each in verdicts] == [("a", 1.0), ("b", 0.0), ("b", None)]
    assert summary(verdicts) == "3 replies: 1 correct, 1 wrong, 1 failed"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_exported_attempts_are_scored_again(tmp_path: Path, suffix: str) -> None:
    task = write_task(tmp_path, {"a": "4"})
    file = tmp_path / f"attempts.{suffix}"
    names = (
        "sample_id, task, status, error_kind, prompt, reasoning, answer, tool_calls, finish_reason, repeat"
    )
    rows = [
        ("a", "mine", "ok", None, "?", "four: 4", r"\boxed{4}", "[]", "stop", 1),
        ("a", "other", "ok", None, "?", "", "5", "[]", None, 0),
    ]
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE attempts ({names.replace(',', ' VARCHAR,')} INTEGER)")
        connection.executemany(f"INSERT INTO attempts VALUES ({', '.join('?' * 10)})", rows)  # noqa: S608
        table = connection.table("attempts")
        (table.write_csv if suffix == "csv" else table.write_parquet)(str(file))
    assert [each.score for each in score_file(str(task), file)] == [1.0]


def test_a_file_of_another_tasks_attempts_is_refused(tmp_path: Path) -> None:
    task = write_task(tmp_path, {"a": "4"})
    write_lines(tmp_path / "r.jsonl", [{"sample_id": "a", "task": "other", "answer": "4", "status": "ok"}])
    with pytest.raises(InputError, match=r"r\.jsonl: holds no attempt at the task mine"):
        score_file(str(task), tmp_path / "r.jsonl")


def test_an_empty_file_holds_no_replies(tmp_path: Path) -> None:
    task = write_task(tmp_path, {"a": "4"})
    (tmp_path / "r.jsonl").touch()
    verdicts = score_file(str(task), tmp_path / "r.jsonl")
    assert (len(verdicts), summary(verdicts), verdicts.measures()) == (0, "no replies in the file", ())


def test_each_verdict_is_made_once_however_often_they_are_looked_at(tmp_path: Path) -> None:
    judge = "calls = []\ndef score(sample, reply):\n    calls.append(1)\n    return len(calls) == 1\n"
    (tmp_path / "judge.py").write_text(judge, encoding="utf-8")
    task = write_task(tmp_path, {"a": "4"})
    task.write_text(TASK.replace("{name: integer, low: 0, high: 999}", "judge.py:score"), encoding="utf-8")
    write_lines(tmp_path / "r.jsonl", [{"id": "a", "answer": "x"}])
    verdicts = score_file(str(task), tmp_path / "r.jsonl")
    shown = list(shown_while_made(verdicts, to_file=True))
    assert shown == list(verdicts)
    assert [each.score for each in verdicts] == [1.0]


def test_what_a_users_scorer_prints_stays_out_of_the_verdicts(tmp_path: Path) -> None:
    judge = "print('loaded')\ndef score(sample, reply):\n    print('judging')\n    return True\n"
    (tmp_path / "judge.py").write_text(judge, encoding="utf-8")
    task = write_task(tmp_path, {"a": "4"})
    task.write_text(TASK.replace("{name: integer, low: 0, high: 999}", "judge.py:score"), encoding="utf-8")
    write_lines(tmp_path / "r.jsonl", [{"id": "a", "answer": "x"}])
    done = evalbudget(tmp_path, "score", "mine.yaml", "r.jsonl")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["score"] for line in done.stdout.splitlines()] == [1.0]
    assert "judging" in done.stderr


def test_a_mode_that_the_task_does_not_have_is_refused(tmp_path: Path) -> None:
    task = write_task(tmp_path, {"a": "4"})
    write_lines(tmp_path / "r.jsonl", [{"id": "a", "answer": "x"}])
    with pytest.raises(InputError, match='the task mine has no mode "fc"'):
        score_file(str(task), tmp_path / "r.jsonl", TaskSettings(mode="fc"))


def test_the_measures_of_a_task_are_those_of_its_scorer(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVALBUDGET_HUB", str(shared / "hub"))
    file = shared / "verdicts/ifeval/llama3_100/eval_results_strict.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
    write_lines(tmp_path / "all.jsonl", rows)
    with pytest.raises(InputError, match=r'all\.jsonl:6: .*"id": "2785" in the line would mean the nearest'):
        score_file("ifeval", tmp_path / "all.jsonl")  # one of the responses is to an older prompt
    write_lines(tmp_path / "some.jsonl", rows[6:26])
    verdicts = score_file("ifeval", tmp_path / "some.jsonl")
    measures = {measure.name: measure.value for measure in verdicts.measures()}
    right = [row["follow_all_instructions"] for row in rows[6:26]]
    assert [each.score for each in verdicts] == [float(each) for each in right]
    assert measures["prompt-strict"] == sum(right) / 20
