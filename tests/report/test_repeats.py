"""What the reports say of several answers to a question."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evalbudget.report import repeats, words
from evalbudget.report.figures import gather
from evalbudget.report.json_text import json_text
from evalbudget.report.markdown import markdown
from tests.report.test_report import terminal
from tests.store.making import make_attempt, make_run, make_store


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 questions answered 4 times: as often right as the number says, the wrong texts alike in pairs."""
    attempts = [
        replace(
            make_attempt(number, repeat=repeat, outcome="correct" if repeat < number % 5 else "wrong"),
            extracted="42" if repeat < number % 5 else str(repeat // 2),
        )
        for number in range(12)
        for repeat in range(4)
    ]
    return make_store(tmp_path_factory.mktemp("repeats") / "s.duckdb", [make_run(), *attempts])


def test_one_sentence_has_them_all(db: Path) -> None:
    (line,) = repeats.sentences(gather(db, None).repeats)
    assert line.startswith("m on aime25: avg@4 43.8 % (")
    assert " for this benchmark), pass@2 " in line
    assert "pass@4 75.0 % (" in line
    assert "maj@4 " in line
    assert "maj@2" not in line


def test_the_terminal_and_markdown_show_it_and_say_what_it_means(db: Path) -> None:
    figures = gather(db, None)
    for text in (terminal(figures), markdown(figures)):
        assert repeats.TITLE in text.lower()
        assert "avg@4" in text.replace("\\", "")
        assert "were they answered without" in " ".join(text.split())
    assert max(map(len, terminal(figures).splitlines())) <= 80


def test_json_has_every_k_unrounded(db: Path) -> None:
    (told,) = json.loads(json_text(gather(db, None)))["repeats"]
    assert [each["k"] for each in told["pass_at"]] == [each["k"] for each in told["maj_at"]] == [1, 2, 4]
    assert told["pass_at"][0]["value"] == pytest.approx(told["accuracy"])
    assert told["pass_at"][2]["value"] == pytest.approx(9 / 12)
    assert told["benchmark_low"] < told["accuracy"] < told["benchmark_high"]


def test_single_answers_have_no_such_block(tmp_path: Path) -> None:
    attempts = [make_attempt(number, outcome="correct" if number % 2 else "wrong") for number in range(12)]
    figures = gather(make_store(tmp_path / "s.duckdb", [make_run(), *attempts]), None)
    assert figures.repeats == ()
    assert repeats.TITLE not in terminal(figures)
    assert "pass@" not in markdown(figures)


def test_where_few_questions_differ_the_report_says_that_the_interval_is_wider(tmp_path: Path) -> None:
    few = [make_attempt(number, outcome="correct" if number else "wrong") for number in range(30)]
    figures = gather(make_store(tmp_path / "s.duckdb", [make_run(), *few]), None)
    assert words.FEW_DIFFER in markdown(figures)
    assert " ".join(words.FEW_DIFFER.split()) in " ".join(terminal(figures).split())
