"""The report of a run: what a user reads, in golden files, and what text from outside may not do to it."""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import asdict, replace
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from evalbudget.contracts import JournalRecord
from evalbudget.errors import InputError
from evalbudget.records import FailureKind
from evalbudget.report import words
from evalbudget.report.figures import RunFigures, gather
from evalbudget.report.json_text import json_text
from evalbudget.report.markdown import markdown
from evalbudget.report.summary import print_report, print_run
from evalbudget.report.terminal import print_terminal
from evalbudget.store.load import catch_up
from evalbudget.store.queries import Store
from tests.conftest import REPOSITORY
from tests.store.making import make_attempt, make_failed, make_run, make_server, make_store, write_journal

GOLDEN = REPOSITORY / "tests" / "golden"
EVIL = "[red]x[/red] | `a` **b** <img src=x> @you #1 \x1b[31m\u202e\nnext"


def terminal(figures: RunFigures, width: int = 80) -> str:
    """The report without colour, the store's path out of it."""
    page = io.StringIO()
    console = Console(file=page, width=width, color_system=None, highlight=False, markup=False, emoji=False)
    print_terminal(replace(figures, store="results/evalbudget.duckdb"), console)
    return page.getvalue()


def a_run() -> list[JournalRecord]:
    """Two models, a task without budgets and one with, failures, counts of every kind."""
    records: list[JournalRecord] = [make_run(), make_run(status="finished")]
    outcomes = ("correct", "wrong", "wrong", "no_answer", "truncated", "correct", "correct")
    solved = {0: 6, 2048: 14, None: 19}
    for place, model in enumerate(("flash-bf16-kv", "GLM-4.7-Flash-REAP-NVFP4")):
        records.append(make_server(model=model))
        for number in range(30):
            for repeat in range(4):
                outcome = outcomes[(number + number // 5 + repeat * number // 9) % (5 + 2 * place)]
                attempt = make_attempt(
                    number, model=model, repeat=repeat, outcome=outcome, tokens=5000 + 700 * number
                )
                records.append(replace(attempt, token_source="usage" if number % 3 else "estimate"))
            for budget, share in solved.items():
                outcome = "correct" if number < share + 4 * place else "wrong"
                records.append(
                    make_attempt(number, model=model, task="gpqa_diamond", budget=budget, outcome=outcome)
                )
    records += [make_failed(number, model="flash-bf16-kv") for number in range(30, 33)]
    records.append(make_failed(33, model="flash-bf16-kv", kind=FailureKind.SCORER, error=EVIL))
    return records


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of that run, to be read only."""
    return make_store(tmp_path_factory.mktemp("report") / "s.duckdb", a_run())


def compare(name: str, text: str) -> None:
    """With the golden file, or write it anew where EVALBUDGET_GOLDEN is set."""
    path = GOLDEN / name
    if os.environ.get("EVALBUDGET_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_terminal_shows_this_at_80_columns(db: Path) -> None:
    text = terminal(gather(db, None))
    compare("report.txt", text)
    assert max(map(len, text.splitlines())) <= 80


def test_markdown_for_a_model_card(db: Path) -> None:
    compare("report.md", markdown(gather(db, "last")))


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal(db: Path, width: int) -> None:
    assert max(map(len, terminal(gather(db, None), width).splitlines())) <= width


def test_a_wide_terminal_has_a_line_a_model(db: Path) -> None:
    assert re.search(r"^GLM-4.7-Flash-REAP-NVFP4 +120 ", terminal(gather(db, None), 120), re.MULTILINE)


def test_both_doors_show_the_same_figures(db: Path) -> None:
    figures = gather(db, None)
    seen = terminal(figures, 200)
    for line in markdown(figures).split("<summary>All figures")[1].splitlines():
        if line.startswith("| ") and "---" not in line:
            cells = [cell.replace("\\", "") for cell in line.strip("| ").split(" | ")]
            if not {"model", "budget"} & set(cells):
                assert " ".join(cells[-8:]) in re.sub(" +", " ", seen)


def test_json_has_the_cells_unrounded(db: Path) -> None:
    told = json.loads(json_text(gather(db, None)))
    assert told["cells"] == [asdict(cell) for cell in Store(db).cells("r1")]
    parts = {"cells", "compared", "curves", "efforts", "loops", "measures", "servers", "memory", "failures"}
    assert set(told) == {
        "run",
        "store",
        "token_sources",
        "repeats",
        "warnings",
        "differences",
        "notes",
        *parts,
    }
    assert told["run"]["status"] == "finished"
    assert told["failures"][1]["example"] == EVIL


def test_text_from_outside_is_shown_and_does_nothing(db: Path) -> None:
    for text in (terminal(gather(db, None)), markdown(gather(db, None))):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "[red]x[/red]" in terminal(gather(db, None))
    [line] = [line for line in markdown(gather(db, None)).splitlines() if "[red]" in line]
    assert re.search(r"; `` \[red\].*next ``$", line)


def test_names_are_escaped_in_markdown(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.duckdb", [make_run(), make_attempt(model="a|b*c*\n<b>", task="t_|")])
    text = markdown(gather(store, None))
    assert r"| a\|b\*c\* &lt;b> | 1 |" in text
    assert r"### t\_\|" in text


def test_a_report_to_be_published_names_no_path_and_no_host(db: Path) -> None:
    text = markdown(gather(db, None))
    assert str(db.parent) not in text
    assert "lab-1" not in text


def test_an_interrupted_run_says_how_to_go_on(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.duckdb", [make_run()])
    text = terminal(gather(store, None))
    assert "--resume r1" in text
    assert "no attempt yet" in text


def test_unknown_figures_are_no_zeros(tmp_path: Path) -> None:
    attempt = make_attempt(outcome="wrong", tokens=None)
    store = make_store(tmp_path / "s.duckdb", [make_run(), attempt, make_failed(1, task="sums")])
    text = re.sub(" +", " ", terminal(gather(store, None), 100))
    assert "\nm 1 0.0 % (0.0-100) 0 0 0 - - -\n" in text
    assert "\nm 0 - 0 0 1 - - -\n" in text
    assert "m: 0 % exact (not known 1)" in text


def test_doom_loops_get_a_column_where_there_are_any(tmp_path: Path) -> None:
    records: list[JournalRecord] = [make_run(), *(make_attempt(number, budget=512) for number in range(12))]
    store = make_store(tmp_path / "s.duckdb", [*records, make_attempt(99, budget=512, outcome="looped")])
    assert "| looped |" in markdown(gather(store, None))
    text = terminal(gather(store, None))
    assert "loop-" in text
    assert max(map(len, text.splitlines())) <= 80


def test_what_the_store_lacks_is_said(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.duckdb", [make_run("r1")])
    path = write_journal(store, "r2", [make_run("r2")])
    path.write_bytes(path.read_bytes() + b"nonsense\n")
    assert "1 lines of the journals could not be read" in terminal(gather(store, "r2")).replace("\n", " ")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "-"),
        (0, "0"),
        (0.4, "0"),
        (9999.4, "9,999"),
        (9999.6, "10.0k"),
        (123_456, "123.5k"),
        (3.2e6, "3.2M"),
    ],
)
def test_numbers_of_tokens_stay_short(number: float | None, text: str) -> None:
    assert words.tokens(number) == text


def test_every_kind_of_failure_has_its_words() -> None:
    assert set(words.FAILURES) == set(FailureKind)


def test_the_command_prints_each_form(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_report(db, "r1", "json")
    assert json.loads(capsys.readouterr().out)["run"]["run_id"] == "r1"
    print_report(db, None, "markdown")
    assert capsys.readouterr().out.startswith("## flash-kv")
    print_run(db, "r1", as_json=False)
    assert capsys.readouterr().out.startswith("flash-kv · run r1 · finished in 12 min")


def test_a_store_held_elsewhere_is_no_failure_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "s.duckdb"
    store.write_text("no database")
    print_run(store, "r1", as_json=False)
    told = capsys.readouterr()
    assert told.out == ""
    assert "the run is safe in" in told.err


def test_no_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no store at"):
        print_report(tmp_path / "s.duckdb", None, "terminal")


def test_a_report_leaves_the_store_free(db: Path) -> None:
    gather(db, None)
    assert catch_up(db).complete
    duckdb.connect(str(db)).close()
