"""The models of one family compared in a report: what each line says, and in which order."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evalbudget.contracts import JournalRecord
from evalbudget.records import ServerRecord
from evalbudget.report.comparison import MEANING
from evalbudget.report.figures import gather
from evalbudget.report.json_text import json_text
from evalbudget.report.markdown import markdown
from evalbudget.stats import holm
from tests.report.test_report import EVIL, compare, terminal
from tests.store.making import make_attempt, make_run, make_server, make_store


def server(model: str, quantization: str, family: str | None = "tiny") -> ServerRecord:
    return replace(make_server(model=model), family=family, quantization=quantization)


def a_run_of_a_family() -> list[JournalRecord]:
    """Three precisions of one model, an early checkpoint as wide as the base, and a model of another family;
    two tasks, one of them under budgets alone."""
    models = {"tiny-q4": "Q4_0", "tiny-f16": "F16", "tiny-early": "f16", "tiny-q8": "Q8_0"}
    lost = {"tiny-f16": 0, "tiny-q8": 1, "tiny-q4": 9, "tiny-early": 40}
    records: list[JournalRecord] = [make_run(), server("alone", "Q4_0", "other")]
    records += [server(model, word) for model, word in models.items()]
    for model in [*models, "alone"]:
        for number in range(60):
            right = (number % 3 < 2 and number // 2 >= lost.get(model, 5)) or (
                model == "tiny-q4" and number == 59
            )
            for repeat in range(2):
                records.append(
                    make_attempt(
                        number,
                        model=model,
                        task="sums",
                        repeat=repeat,
                        outcome="correct" if right and (number % 7 or repeat) else "wrong",
                        tokens=100 + number + (lost.get(model, 0) * (number % 4)),
                    )
                )
            if number < 20:
                for budget in (8, 1024):
                    outcome = "correct" if right and budget == 1024 else "wrong"
                    records.append(
                        make_attempt(number, model=model, task="short", budget=budget, outcome=outcome)
                    )
    return [*records, make_run(status="finished")]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of that run, to be read only."""
    return make_store(tmp_path_factory.mktemp("paired") / "s.duckdb", a_run_of_a_family())


def block(text: str, title: str) -> str:
    """The part of a report under this title, up to the next empty line."""
    return text.split(f"\n{title}\n", 1)[1].lstrip("\n").split("\n\n", 1)[0]


def test_the_terminal_shows_them_like_this(db: Path) -> None:
    text = terminal(gather(db, None))
    compare("compared.txt", block(text, "compared") + "\n")
    assert max(map(len, text.splitlines())) <= 80
    assert " ".join(text.split()).count(MEANING) == 1


def test_markdown_has_them(db: Path) -> None:
    compare("compared.md", block(markdown(gather(db, None)), "**Compared**") + "\n")


@pytest.mark.parametrize("width", [40, 60, 120])
def test_no_line_is_wider_than_the_terminal(db: Path, width: int) -> None:
    assert max(map(len, terminal(gather(db, None), width).splitlines())) <= width


def test_each_model_is_beside_the_widest_and_none_of_the_same_precision(db: Path) -> None:
    found = gather(db, None).compared
    assert [(each.pair.candidate.model, each.pair.base.model, each.task, each.budget) for each in found] == [
        ("tiny-q4", "tiny-f16", "short", 1024),
        ("tiny-q4", "tiny-f16", "sums", None),
        ("tiny-q8", "tiny-f16", "short", 1024),
        ("tiny-q8", "tiny-f16", "sums", None),
    ]


def test_json_has_them_unrounded_and_corrected_as_one_family(db: Path) -> None:
    told = json.loads(json_text(gather(db, None)))["compared"]
    sums = told[1]
    assert (sums["base"]["family"], sums["base"]["quantization"]) == ("tiny", "F16")
    assert (sums["candidate"]["model"], sums["candidate"]["quantization"]) == ("tiny-q4", "Q4_0")
    found = sums["comparison"]
    assert (found["questions"], found["margin"]) == (60, 0.02)
    assert found["difference"] == pytest.approx(found["candidate"] - found["base"])
    assert set(found["judged"]) == {"benchmark", "questions"}
    assert set(found["tokens"]) == {"questions", "base", "candidate", "ratio", "low", "high"}
    assert [each["p_holm"] for each in told] == pytest.approx(holm([each["p"] for each in told]))
    assert {each["family_size"] for each in told} == {4}


@pytest.mark.parametrize(
    "servers",
    [
        [server("a", "F16"), server("b", "f16")],
        [server("a", "F16"), server("b", "unknown")],
        [server("a", "F16"), server("b", "Q4_0", "other")],
        [server("a", "F16", None), server("b", "Q4_0", None)],
    ],
    ids=["one precision", "a precision not known", "two families", "no family"],
)
def test_what_is_not_known_to_be_one_model_in_two_precisions_has_no_block(
    tmp_path: Path, servers: list[ServerRecord]
) -> None:
    attempts = [make_attempt(number, model=model) for model in "ab" for number in range(3)]
    figures = gather(make_store(tmp_path / "s.duckdb", [make_run(), *servers, *attempts]), None)
    assert figures.compared == ()
    for text in (terminal(figures), markdown(figures)):
        assert MEANING not in " ".join(text.split())
        assert "ompared\n" not in text
        assert "beside" not in text


def test_of_words_that_say_no_width_the_first_of_the_run_is_the_base(tmp_path: Path) -> None:
    servers = [server("z", "compressed-tensors"), server("a", "modelopt")]
    attempts = [make_attempt(number, model=model) for model in "az" for number in range(3)]
    figures = gather(make_store(tmp_path / "s.duckdb", [make_run(), *servers, *attempts]), None)
    assert [(each.pair.base.model, each.pair.candidate.model) for each in figures.compared] == [("z", "a")]


def test_names_from_outside_are_shown_and_do_nothing(tmp_path: Path) -> None:
    servers = [server("a|*", "F16"), server(EVIL, "Q4_0")]
    attempts = [make_attempt(number, model=each.model, task=EVIL) for each in servers for number in range(3)]
    figures = gather(make_store(tmp_path / "s.duckdb", [make_run(), *servers, *attempts]), None)
    assert len(figures.compared) == 1
    for text in (terminal(figures), markdown(figures)):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "<img" not in markdown(figures)
