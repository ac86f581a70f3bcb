"""What a run says its tasks were asked under: every change that moves figures changes its name alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evalbudget.fingerprint import differences
from evalbudget.records import JsonValue
from evalbudget.suite import load_suite
from evalbudget.wiring.conditions import conditions_of
from evalbudget.wiring.prepare import Options, prepare

CANARY = "kanarienvogel"
ROWS = [
    {
        "id": f"{CANARY}{number}",
        "q": f"{CANARY}frage {number}?",
        "right": f"{CANARY} r",
        "wrong": f"{CANARY} w",
    }
    for number in range(4)
]
TASK: dict[str, Any] = {
    "name": "t",
    "title": "t",
    "data": {"file": "d.jsonl"},
    "columns": {"id": "id", "question": "q", "choices": ["right", "wrong"]},
    "system": f"{CANARY} system",
    "prompt": f"{CANARY} {{question}}\n{{choices}}",
    "scorer": "choice",
    "private": True,
}


def told(
    folder: Path,
    task: Mapping[str, object] = TASK,
    rows: list[dict[str, str]] = ROWS,
    options: Options = Options(),  # noqa: B008 - frozen
    entry: Mapping[str, object] | None = None,
    **suite: object,
) -> dict[str, JsonValue]:
    """The conditions of one task."""
    (folder / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "t.yaml").write_text(json.dumps(task), encoding="utf-8")
    models = [{"name": "m", "base_url": "http://127.0.0.1:9/v1"}]
    content = {"name": "s", "models": models, "tasks": [{"task": "t.yaml", **(entry or {})}], **suite}
    (folder / "s.yaml").write_text(json.dumps(content), encoding="utf-8")
    found = conditions_of(prepare(load_suite(folder / "s.yaml"), options))["t"]
    assert isinstance(found, dict)
    return found


def test_nothing_of_a_private_tasks_texts_stands_in_its_conditions(tmp_path: Path) -> None:
    found = json.dumps(told(tmp_path))
    assert CANARY not in found
    assert str(tmp_path) not in found


CHANGED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"task": TASK | {"prompt": "{question} {choices}"}}, ["prompts"]),
    ({"task": TASK | {"system": "other"}}, ["prompts"]),
    ({"task": TASK | {"version": 2}}, ["task_version"]),
    ({"rows": [*ROWS[:3], ROWS[3] | {"q": "another?"}]}, ["prompts"]),
    ({"entry": {"repeats": 3}}, ["repeats"]),
    ({"entry": {"sampling": {"top_p": 0.9}}}, ["sampling.top_p"]),
    ({"sampling": {"temperature": 0.6, "max_tokens": 9}}, ["sampling.max_tokens", "sampling.temperature"]),
    ({"seed": 1}, ["seed"]),
    ({"loops": "stop"}, ["loops"]),
    ({"budgets": [0, "unlimited"]}, ["budgets", "budget_mode", "answer_tokens"]),
    ({"options": Options(limit=2)}, ["samples", "limit"]),
    ({"options": Options(limit=2), "entry": {"limit": 2}}, ["samples", "limit"]),
]


@pytest.mark.parametrize(("change", "names"), CHANGED)
def test_a_change_is_told_by_its_name(tmp_path: Path, change: dict[str, Any], names: list[str]) -> None:
    found = differences(told(tmp_path), told(tmp_path, **change))
    names_found = [each.name for each in found]
    if "prompts" in names:
        names_found = [name for name in names_found if name != "targets"]
    assert names_found == names
    assert all(each.known for each in found)


def test_a_corrected_target_is_another_version_of_the_data(tmp_path: Path) -> None:
    task = {key: value for key, value in TASK.items() if key != "private"} | {
        "columns": {"id": "id", "question": "q", "target": "right"},
        "prompt": "{question}",
        "scorer": "exact",
    }
    rows = [*ROWS[:3], ROWS[3] | {"right": "corrected"}]
    assert [each.name for each in differences(told(tmp_path, task), told(tmp_path, task, rows))] == [
        "targets"
    ]


def test_a_scorer_is_known_by_its_options_and_by_its_source(tmp_path: Path) -> None:
    task = TASK | {
        "columns": {"id": "id", "question": "q", "target": "right"},
        "prompt": "{question}",
        "scorer": "mine.py:judge",
    }
    found = []
    for body in ("return True", "return False"):
        (tmp_path / "mine.py").write_text(f"def judge(sample, reply, x=1):\n    {body}\n", encoding="utf-8")
        found.append(told(tmp_path, task))
    found.append(told(tmp_path, task | {"scorer": {"name": "mine.py:judge", "x": 2}}))
    versions = {str(each["scorer_version"]) for each in found}
    assert len(versions) == 3
    assert found[0]["scorer"] == "mine.py:judge"


def test_text_that_no_utf8_holds_is_hashed_as_well(tmp_path: Path) -> None:
    rows = [ROWS[0] | {"q": "\ud800?"}, *ROWS[1:]]
    assert told(tmp_path, rows=rows)["prompts"] != told(tmp_path)["prompts"]
