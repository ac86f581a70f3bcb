"""Where samples come from, and that broken data are named before anything is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalbudget.datasets import load_samples
from evalbudget.errors import DataError
from evalbudget.records import Reply
from evalbudget.tasks import Task, known_tasks, load_task, read_task

TASK = """\
name: mine
title: Mine
data: {file: FILE}
columns: {id: id, question: q, target: t, category: kind, extra: [hint]}
prompt: "{q} {question} ({category}, {hint})"
scorer: {name: integer, low: 0, high: 999}
"""

ROWS = (
    '{"id": 1, "q": "1+1", "t": 2, "kind": "sum", "hint": "h {question}"}\n'
    '{"id": 2, "q": "2*3", "t": "6", "kind": "product", "hint": [1, null]}\n'
    '{"id": 3, "q": "2+3", "t": 5.0, "kind": "sum", "hint": null}\n'
)


def task_on(folder: Path, rows: str, *, file: str = "mine.jsonl", task: str = TASK) -> Task:
    (folder / file).write_text(rows, encoding="utf-8")
    (folder / "mine.yaml").write_text(task.replace("FILE", file), encoding="utf-8")
    return read_task(folder / "mine.yaml")


def complaint(task: Task) -> str:
    with pytest.raises(DataError) as caught:
        load_samples(task)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_rows_become_samples(tmp_path: Path) -> None:
    first, second, third = load_samples(task_on(tmp_path, ROWS))
    assert first.prompt == "{q} 1+1 (sum, h {question})"
    assert (first.id, first.target, first.category) == ("1", "2", "sum")
    assert second.extra == {"hint": [1, None]}
    assert third.target == "5"


def test_the_limit_takes_the_first_of_what_the_categories_leave(tmp_path: Path) -> None:
    task = task_on(tmp_path, ROWS)
    assert [sample.id for sample in load_samples(task, 2)] == ["1", "2"]
    assert [sample.id for sample in load_samples(task, 2, categories=["sum"])] == ["1", "3"]
    with pytest.raises(DataError, match='no sample has the category "sums", did you mean "sum"'):
        load_samples(task, categories=["sums"])


def test_the_mirror_serves_all_three_aime_tasks(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALBUDGET_HUB", str(shared / "hub"))
    for name in ("aime24", "aime25", "aime26"):
        task = load_task(name)
        samples = load_samples(task)
        assert len(samples) == 30
        assert all(0 <= int(sample.target) <= 999 for sample in samples)
        assert all(
            sample.prompt.startswith("Put your final answer within \\boxed{}.\n") for sample in samples
        )
        for sample in samples:
            gold = Reply(reasoning="", answer=f"Thus \\(\\boxed{{{sample.target}}}\\).")
            assert task.scorer.function(sample, gold).value == 1.0
    assert load_samples(load_task("aime24"), 1)[0].id == "2024-I-1"


@pytest.mark.parametrize("name", [name for name in known_tasks() if load_task(name).data.file])
def test_each_shipped_task_with_data_of_its_own_loads(name: str) -> None:
    task = load_task(name)
    samples = load_samples(task)
    assert {sample.category for sample in samples} == set(task.categories)


def test_the_sums_are_right_and_some_come_to_four() -> None:
    samples = load_samples(load_task("arithmetic"))
    assert len(samples) == 24
    operations = {"+": "+", "-": "-", "times": "*", "divided by": "//"}
    for sample in samples:
        sum_ = sample.prompt.split("?")[0].removeprefix("What is ")
        for word, sign in operations.items():
            sum_ = sum_.replace(word, sign)
        assert str(eval(sum_)) == sample.target  # noqa: S307 - our own file
    assert sum(sample.target == "4" for sample in samples) == 8


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("", "mine.jsonl: holds no rows"),
        ("\n \n", "mine.jsonl: holds no rows"),
        (ROWS + "{", "mine.jsonl:4: not valid JSON"),
        (ROWS + "[1]", "mine.jsonl:4: a JSON object was expected"),
        (ROWS.replace('"id": 2', '"id": 1'), 'rows 0 and 1 have the same id "1"'),
        (ROWS.replace('"t": 2', '"tt": 2'), 'row 0: no column "t", did you mean "tt"?'),
        (
            ROWS.replace('"q": "2*3"', '"q": ""'),
            'row 1: column "q" should hold a text or a number, not an empty text',
        ),
        (
            ROWS.replace('"t": "6"', '"t": null'),
            'row 1: column "t" should hold a text or a number, not nothing',
        ),
        (ROWS.replace('"t": "6"', '"t": [6]'), "not a list"),
        (
            ROWS.replace('"t": "6"', '"t": "some"'),
            'the scorer integer does not accept the target "some" of sample "2"',
        ),
        (ROWS.replace('"t": "6"', '"t": 1006'), 'does not accept the target "1006"'),
    ],
)
def test_broken_rows_are_named(tmp_path: Path, rows: str, says: str) -> None:
    assert says in complaint(task_on(tmp_path, rows))


def test_a_target_of_private_data_is_not_shown(tmp_path: Path) -> None:
    task = task_on(tmp_path, ROWS.replace('"t": "6"', '"t": "geheim"'), task=TASK + "private: true\n")
    assert "geheim" not in complaint(task)


def test_a_category_that_the_task_does_not_declare_is_named(tmp_path: Path) -> None:
    task = task_on(tmp_path, ROWS, task=TASK + "categories: [sum, products]\n")
    assert 'unknown category "product", did you mean "products"?' in complaint(task)


def test_without_an_id_column_rows_are_numbered(tmp_path: Path) -> None:
    task = task_on(tmp_path, ROWS, task=TASK.replace("id: id, ", ""))
    assert [sample.id for sample in load_samples(task)] == ["0", "1", "2"]


def test_a_mirror_that_is_not_there_or_lacks_the_data_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = load_task("aime25")
    monkeypatch.setenv("EVALBUDGET_HUB", str(tmp_path / "nowhere"))
    assert "there is no such folder" in complaint(task)
    monkeypatch.setenv("EVALBUDGET_HUB", str(tmp_path))
    assert "no folder math-ai/aime25 in the mirror" in complaint(task)
    (tmp_path / "math-ai/aime25").mkdir(parents=True)
    assert "no file test.jsonl in" in complaint(task)


def test_the_only_data_file_of_a_mirrored_set_needs_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVALBUDGET_HUB", str(tmp_path))
    task = task_on(tmp_path, ROWS, task=TASK.replace("{file: FILE}", "{hub: me/mine}"))
    folder = tmp_path / "me/mine"
    folder.mkdir(parents=True)
    assert "should hold one data file" in complaint(task)
    (folder / "README.md").touch()
    (folder / "data.json").write_text(json.dumps([json.loads(row) for row in ROWS.split("\n") if row]))
    assert len(load_samples(task)) == 3
    (folder / "more.csv").touch()
    assert "found: data.json, more.csv" in complaint(task)
