"""A suite of one task with a few questions, as a user writes it, and what its store holds afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

Questions = Iterable[tuple[str, str, str]]
"""(id, question, answer); the answer is an integer."""


def write_suite(
    folder: Path,
    models: Sequence[Mapping[str, object]],
    questions: Questions,
    *,
    task: Mapping[str, object] | None = None,
    **suite: object,
) -> Path:
    """`folder`, made if need be, gets a suite.yaml; `task` and `suite` hold more keys of either file."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = ({"id": name, "question": text, "answer": answer} for name, text, answer in questions)
    lines = "".join(json.dumps(sample) + "\n" for sample in samples)
    (folder / "questions.jsonl").write_text(lines, encoding="utf-8")
    asked = {
        "name": "questions",
        "title": "a few questions",
        "data": {"file": "questions.jsonl"},
        "columns": {"id": "id", "question": "question", "target": "answer"},
        "prompt": "{question}",
        "scorer": "integer",
        **(task or {}),
    }
    name = f"{asked['name']}.yaml"
    (folder / name).write_text(json.dumps(asked), encoding="utf-8")
    whole = {"name": "asking", "models": list(models), "tasks": [name], **suite}
    path = folder / "suite.yaml"
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def rows(folder: Path, table: str, model: str | None = None) -> list[dict[str, Any]]:
    """A table of the store that a run in `folder` left; of one model where it is named."""
    with duckdb.connect(str(folder / "results" / "evalbudget.duckdb"), read_only=True) as connection:
        found = connection.execute(
            f"SELECT * FROM {table} WHERE $model IS NULL OR model = $model",  # noqa: S608 - our own words
            {"model": model},
        )
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
