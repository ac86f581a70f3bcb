"""Verdicts against the official ones: recorded ones, and our own replies that the official code judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalbudget.datasets import load_samples
from evalbudget.datasets.bfcl import mode_unknown
from evalbudget.reasoning.split import split_content
from evalbudget.records import Reply, Sample
from evalbudget.scoring import SCORERS
from evalbudget.tasks import TaskSettings, load_task
from tests.bfcl_questions import called, question, right_reply, said

RECORDED = {"Qwen_Qwen3-8B": "prompt", "Qwen_Qwen3-8B-FC": "fc"}
"""Folder of recorded replies → how they were asked for."""
OURS = Path(__file__).parent / "official_verdicts.jsonl"
"""Ten questions, then replies to them, right ones changed at random, with the verdicts of bfcl-eval 2025.8.6
(v3) and 2026.3.23 (v4) on each."""
UNANSWERABLE = {
    *("live_simple_106-63-0", "live_simple_112-68-0"),
    *("live_multiple_862-181-3", "live_multiple_964-207-0"),
}
MISREAD = {"java_36", "java_65"}
"""Lists of mixed types, which the official converter takes for texts."""


def lines(path: Path) -> Iterator[Any]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip())


@pytest.fixture
def hub(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALBUDGET_HUB", str(shared / "hub"))


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("told", [True, False], ids=["mode-told", "mode-unknown"])
@pytest.mark.parametrize("model", RECORDED)
def test_every_recorded_reply_gets_its_official_verdict(model: str, told: bool, shared: Path) -> None:
    folder = shared / "verdicts" / "bfcl_v3" / model
    task = load_task("bfcl_v3", settings=TaskSettings(mode=RECORDED[model]))
    samples = load_samples(task, categories=["single_turn"])
    by_id = {sample.id: sample for sample in (samples if told else mode_unknown(samples))}
    listed = {row.get("id") for path in (folder / "score").iterdir() for row in lines(path)}
    verdicts = {
        row["id"]: said_apart(by_id[row["id"]], row["result"])
        for path in (folder / "result").iterdir()
        for row in lines(path)
    }
    assert len(verdicts) == 3641
    assert {each for each, passes in verdicts.items() if passes == (each in listed)} == set()


def said_apart(sample: Sample, text: str) -> bool:
    """Whether the text passes, its thinking taken off as in a run."""
    parts = split_content(text)
    return SCORERS["bfcl"](sample, Reply(reasoning=parts.reasoning, answer=parts.answer)).value == 1.0


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_changed_replies_get_the_verdict_of_the_official_code(version: str) -> None:
    rows = list(lines(OURS))
    questions = {row["question"]: row for row in rows if "question" in row}
    replies = [row for row in rows if "q" in row]
    differing = []
    for row in replies:
        asked = questions[row["q"]]
        sample = question(
            asked["category"], asked["functions"], asked["answers"], mode=row["mode"], version=version
        )
        score = called(sample, *map(tuple, row["calls"])) if "calls" in row else said(sample, row["text"])
        if (score.value == 1.0) != row[version]:
            differing.append((row, score.details))
    assert len(replies) > 500
    assert differing == []


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("mode", ["fc", "prompt"])
@pytest.mark.parametrize("name", ["bfcl_v3", "bfcl_v4"])
def test_the_possible_answers_pass_but_for_six_that_nothing_can_pass(name: str, mode: str) -> None:
    task = load_task(name, settings=TaskSettings(mode=mode))
    samples = load_samples(task, categories=["single_turn"])
    asked = [sample for sample in samples if "relevance" not in str(sample.category)]
    scores = {
        sample.id.removeprefix("simple_"): SCORERS["bfcl"](sample, right_reply(sample)) for sample in asked
    }
    failing = {each: score.details for each, score in scores.items() if score.value < 1}
    assert len(asked) == 2501
    assert failing.keys() == UNANSWERABLE | MISREAD
    assert all("unanswerable" in failing[each] for each in UNANSWERABLE)
    assert all("converter" in str(failing[each]["right_but_for"]) for each in MISREAD)
