"""The command `compare`: each verdict, the gate's exit codes, what words are taken for, what it prints."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from evalbudget.__main__ import main
from evalbudget.contracts import JournalRecord
from evalbudget.records import Attempt, ServerRecord
from evalbudget.store.load import catch_up
from tests.command import evalbudget
from tests.report.test_report import EVIL, compare
from tests.store.making import make_attempt, make_failed, make_run, make_server, make_store, write_journal

Right = Callable[[int, int], bool]
"""Question and repeat → whether the answer is right."""


def answers(
    model: str, task: str, right: Right, questions: int, repeats: int, **fields: Any
) -> Iterator[Attempt]:
    """Scored attempts of one model."""
    for number in range(questions):
        for repeat in range(repeats):
            outcome = "correct" if right(number, repeat) else "wrong"
            yield make_attempt(number, model=model, task=task, repeat=repeat, outcome=outcome, **fields)


def server(model: str, quantization: str, family: str | None = "glm", run_id: str = "r1") -> ServerRecord:
    return replace(make_server(run_id, model), family=family, quantization=quantization)


def half(number: int, repeat: int) -> bool:
    """Right in every other question, in each repeat alike."""
    return number % 2 == 0


def noisy(share: float, seed: int) -> Right:
    """`half`, with this share of the answers turned round, each by itself."""

    def right(number: int, repeat: int) -> bool:
        return half(number, repeat) != (random.Random(f"{number} {repeat} {seed}").random() < share)

    return right


def less(right: Right, questions: int) -> Right:
    """The same, with the first questions all wrong."""
    return lambda number, repeat: right(number, repeat) and number >= questions


TASKS: Mapping[str, tuple[Right, Right, int, int]] = {
    "lower": (half, less(half, 21), 60, 4),
    "slightly": (half, less(noisy(0.002, 1), 5), 250, 2),
    "higher": (less(half, 21), half, 60, 4),
    "alike": (noisy(0.01, 1), noisy(0.01, 2), 200, 4),
    "same": (half, half, 40, 2),
    "noise": (noisy(0.3, 1), noisy(0.3, 2), 30, 4),
    "once": (half, less(half, 4), 30, 1),
}
"""Task → base, candidate, questions, repeats."""


def two_models() -> list[JournalRecord]:
    """Two quantizations of one family on every task."""
    records: list[JournalRecord] = [make_run(), server("wide", "bf16"), server("narrow", "nvfp4")]
    for task, (base, candidate, questions, repeats) in TASKS.items():
        records += answers("wide", task, base, questions, repeats)
        records += answers("narrow", task, candidate, questions, repeats)
    return [*records, make_run(status="finished")]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of that run, to be read only."""
    return make_store(tmp_path_factory.mktemp("compare") / "s.duckdb", two_models())


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """`evalbudget compare` through the command's door, 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(db: Path, *words: str) -> Done:
        with pytest.raises(SystemExit) as ending:
            main(["compare", "--db", str(db), *words])
        said = capsys.readouterr()
        return Done(int(ending.value.code or 0), said.out, said.err)

    return run


Command = Callable[..., Done]


def told(done: Done) -> dict[str, Any]:
    assert done.code in (0, 1), done.err
    found = json.loads(done.out)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("task", "verdict", "words"),
    [
        ("lower", "lower beyond margin", "points lower than bf16"),
        ("slightly", "lower within margin", "shown lower, but by less than 2 points"),
        ("higher", "higher", "shown higher"),
        ("alike", "within margin", "shown to be within 2 points"),
        ("same", "identical", "nvfp4 scores as bf16 on every question"),
        ("noise", "undecided", "not shown to be within 2 points"),
        ("once", "too few questions", "too few to tell, only 2 questions differ: not shown"),
    ],
)
def test_each_verdict_has_its_words(command: Command, db: Path, task: str, verdict: str, words: str) -> None:
    found = told(command(db, "bf16", "nvfp4", "--task", task, "--json"))["comparisons"]
    assert [each["verdict"] for each in found] == [verdict], found[0]["sentence"]
    assert words in found[0]["sentence"]
    assert "no difference" not in found[0]["sentence"]


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store where the candidate thinks longer, loops more often and keeps half of the KV memory."""
    identity = {"quantization": "bf16", "kv_dtype": "auto", "engine": "vllm"}
    servers = [
        replace(server("wide", "bf16"), kv_bytes_per_token=54_272.0, identity=identity),
        replace(
            server("narrow", "nvfp4"),
            kv_bytes_per_token=27_136.0,
            identity={**identity, "quantization": "nvfp4", "kv_dtype": "fp8"},
        ),
    ]
    records: list[JournalRecord] = [make_run(), *servers]
    for model, tokens, loops in (("wide", 1000, 0.04), ("narrow", 1120, 0.16)):
        for each in answers(model, "aime25", noisy(0.3, tokens), 40, 6):
            number = int(each.sample_id[1:])
            doom = random.Random(f"{model} {number} {each.repeat}").random() < loops
            used = tokens + 5 * (number * 37 % 101) + each.repeat
            records.append(
                replace(each, loop_doom=doom, completion_tokens=used, reasoning_tokens=used * 3 // 4)
            )
    return make_store(tmp_path_factory.mktemp("rich") / "s.duckdb", [*records, make_run(status="finished")])


def test_the_sentence_says_what_it_costs_in_tokens_and_loops(command: Command, rich: Path) -> None:
    said = " ".join(command(rich, "bf16", "nvfp4", "--margin", "1").out.split())
    assert "not shown to be within 1 point" in said
    assert "more repeats would tell; it thinks 10 % longer and loops" in said
    assert re.search(r"loops \d(\.\d)? times as often", said)
    assert re.search(r"doom loops \d\.\d % 1\d\.\d %", said)
    assert "KV bytes per token 54,272 27,136 0.50 times" in said
    assert "besides the quantization: cache type differs: auto (wide), fp8 (narrow)" in said


def test_several_tasks_have_one_sentence_over_all_and_one_family(command: Command, db: Path) -> None:
    found = told(command(db, "bf16", "nvfp4", "--json"))
    assert [each["task"] for each in found["comparisons"]] == sorted(TASKS)
    assert {each["family_size"] for each in found["comparisons"]} == {len(TASKS)}
    assert all(each["p_holm"] >= each["p"] for each in found["comparisons"])
    assert found["sentence"].startswith(
        "nvfp4 beside bf16 on 7 tasks: shown lower by more than 2 points on 1 (lower)"
    )
    assert "shown higher on 1 (higher)" in found["sentence"]
    assert command(db, "bf16", "nvfp4").out.count("Holm") > len(TASKS)


def test_the_terminal_shows_this_at_80_columns(command: Command, rich: Path) -> None:
    done = command(rich, "bf16", "nvfp4")
    compare("compare.txt", done.out)
    assert max(map(len, done.out.splitlines())) <= 80


def test_markdown_for_a_pull_request(command: Command, rich: Path) -> None:
    compare("compare.md", command(rich, "bf16", "nvfp4", "--format", "markdown", "--gate").out)


def test_the_verdict_is_about_this_benchmark_for_quantizations_and_about_questions_for_models(
    command: Command, db: Path, tmp_path: Path
) -> None:
    family = told(command(db, "bf16", "nvfp4", "--task", "noise", "--json"))["comparisons"][0]
    asked = told(command(db, "bf16", "nvfp4", "--task", "noise", "--json", "--target", "questions"))
    apart = make_store(
        tmp_path / "s.duckdb",
        [
            make_run(),
            server("a", "bf16", "one"),
            server("b", "bf16", "other"),
            *answers("a", "noise", noisy(0.3, 1), 30, 4),
            *answers("b", "noise", noisy(0.3, 2), 30, 4),
        ],
    )
    models = told(command(apart, "a", "b", "--json"))["comparisons"][0]
    assert family["target"] == "benchmark"
    assert asked["comparisons"][0]["target"] == models["target"] == "questions"
    assert "on this benchmark" in family["sentence"]
    assert "on questions like these" in models["sentence"]
    assert models["sentence"].startswith("noise: b is ")
    assert set(family["comparison"]["judged"]) == {"benchmark", "questions"}
    titles = [row["title"] for row in family["rows"]]
    assert "* this benchmark" in titles
    assert "  questions like these" in titles


def test_one_answer_each_says_nothing_of_this_benchmark(command: Command, db: Path) -> None:
    found = told(command(db, "bf16", "nvfp4", "--task", "once", "--target", "benchmark", "--json"))
    only = found["comparisons"][0]
    assert only["target"] == "questions"
    assert "several answers to each question would say more" in only["sentence"]
    assert only["warnings"][0].startswith("of this benchmark nothing can be said")
    assert only["comparison"]["mcnemar_p"] == 0.5


@pytest.mark.parametrize(
    ("words", "code", "missed"),
    [
        (("--task", "alike", "--gate"), 0, ""),
        (("--task", "higher", "--gate"), 0, ""),
        (("--task", "slightly", "--gate"), 0, ""),
        (
            ("--task", "slightly", "--gate", "--margin", "1"),
            1,
            "nvfp4 on slightly: lower, and not enough answers",
        ),
        (("--task", "lower", "--gate"), 1, "nvfp4 on lower is lower by more than 2 points"),
        (("--task", "lower", "--gate", "--margin", "40"), 0, ""),
        (("--task", "noise", "--gate"), 1, "nvfp4 on noise: not enough answers to show it no worse"),
        (("--task", "lower"), 0, None),
        (("--gate",), 1, "nvfp4 on noise: not enough"),
    ],
)
def test_the_gate_passes_only_what_is_shown_no_worse(
    command: Command, db: Path, words: tuple[str, ...], code: int, missed: str | None
) -> None:
    done = command(db, "bf16", "nvfp4", *words)
    assert done.code == code
    said = " ".join(done.out.split())
    assert ("gate passed" in said) == (missed == "")
    assert ("gate missed" in said) == bool(missed)
    assert (missed or "") in said
    gate = told(command(db, "bf16", "nvfp4", *words, "--json"))["gate"]
    assert (gate is None) == (missed is None)
    assert gate is None or gate["passed"] == (code == 0)


def test_a_gate_is_missed_where_a_task_failed_entirely(command: Command, tmp_path: Path) -> None:
    """A candidate whose server broke must not pass for what is left."""
    records = [
        make_run(),
        server("wide", "bf16"),
        server("narrow", "nvfp4"),
        *answers("wide", "fine", half, 100, 4),
        *answers("narrow", "fine", half, 100, 4),
        *answers("wide", "broken", half, 20, 1),
        *(make_failed(number, model="narrow", task="broken") for number in range(20)),
        *answers("wide", "alone", half, 5, 1),
    ]
    done = command(make_store(tmp_path / "s.duckdb", records), "bf16", "nvfp4", "--gate", "--json")
    found = told(done)
    assert done.code == 1
    assert found["gate"]["missed"] == [
        "nvfp4 on broken: no question has a scored answer of both at one budget"
    ]
    assert [(each["task"], each["tried"]) for each in found["not_compared"]] == [
        ("alone", False),
        ("broken", True),
    ]


def two_runs(folder: Path) -> Path:
    """A store with the same labels in two runs, and one that each has alone."""
    db = folder / "s.duckdb"
    for run_id, day, alone in (("old-run", "20", "gone"), ("new-run", "21", "come")):
        records: list[JournalRecord] = [
            make_run(run_id, started_at=f"2026-11-{day}T09:00:00.000+00:00", status="finished")
        ]
        for model, quantization in (("wide", "bf16"), ("a:b", "nvfp4"), (alone, "fp8")):
            records.append(server(model, quantization, run_id=run_id))
            right = noisy(0.3, len(run_id + model) + int(day))
            records += (replace(each, run_id=run_id) for each in answers(model, "noise", right, 12, 2))
        write_journal(db, run_id, records)
    assert catch_up(db).complete
    return db


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_runs(tmp_path_factory.mktemp("runs"))


def test_two_runs_are_compared_label_by_label(command: Command, runs: Path) -> None:
    found = told(command(runs, "old-run", "last", "--json"))
    assert [
        (each["base"]["run_id"], each["candidate"]["run_id"], each["candidate"]["model"])
        for each in found["comparisons"]
    ] == [("old-run", "new-run", "wide"), ("old-run", "new-run", "a:b")]
    assert {each["target"] for each in found["comparisons"]} == {"benchmark"}
    assert {each["family_size"] for each in found["comparisons"]} == {2}
    assert found["taken"] == [
        "runs old-run (base) and new-run (candidate), each model with itself: wide, a:b",
        "only in run old-run, so not compared: gone",
        "only in run new-run, so not compared: come",
    ]
    assert "wide of run new-run" in found["comparisons"][0]["sentence"]
    assert "wide of run old-run" in found["comparisons"][0]["sentence"]


@pytest.mark.parametrize(
    ("words", "base", "candidate"),
    [
        (("wide", "a:b"), ("new-run", "wide"), ("new-run", "a:b")),
        (("WIDE", "NVFP4"), ("new-run", "wide"), ("new-run", "a:b")),
        (("bf16", "nvfp4", "--run", "old"), ("old-run", "wide"), ("old-run", "a:b")),
        (("old:wide", "new:wide"), ("old-run", "wide"), ("new-run", "wide")),
        (("old:a:b", "last:a:b"), ("old-run", "a:b"), ("new-run", "a:b")),
        (("old:bf16", "nvfp4"), ("old-run", "wide"), ("new-run", "a:b")),
        (("gone", "come"), ("old-run", "gone"), ("new-run", "come")),
        (("wide", "gone"), ("old-run", "wide"), ("old-run", "gone")),
        (("old", "wide"), ("old-run", "wide"), ("new-run", "wide")),
    ],
)
def test_words_name_models_in_many_ways(
    command: Command, runs: Path, words: tuple[str, ...], base: tuple[str, str], candidate: tuple[str, str]
) -> None:
    found = told(command(runs, *words, "--json"))
    only = found["comparisons"][0]
    assert len(found["comparisons"]) == 1
    assert (only["base"]["run_id"], only["base"]["model"]) == base
    assert (only["candidate"]["run_id"], only["candidate"]["model"]) == candidate
    assert found["taken"][0].startswith(f"base: {base[1]} (")
    assert found["taken"][1].endswith(f"of run {candidate[0]}")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("wode", "a:b"), 'no model and no run "wode" in {db}; did you mean "wide"?'),
        (("wide", "nvfp"), 'no model and no run "nvfp" in {db}; did you mean "nvfp4"?'),
        (
            ("wide", "gone", "--run", "new"),
            'no model and no run "gone" in run new-run; known: wide, a:b, come',
        ),
        (("wide", "wide"), '"wide" and "wide" are the same model, wide (bf16) of run new-run: name another'),
        (("wide", "bf16"), '"wide" and "bf16" are the same model'),
        (("last", "new-run"), "both words mean run new-run: name another run"),
        (("old:wode", "wide"), 'run old-run has no model "wode"; did you mean "wide"?'),
        (("run", "wide"), "'run' means several runs in {db}: new-run, old-run; give more of the id"),
        (("old", "come"), "run old-run has several models and none is called come: write RUN:MODEL"),
        (("wide", "a:b", "--task", "noisy"), 'no task "noisy" in what is compared; did you mean "noise"?'),
        (
            ("wide", "a:b", "--budget", "512"),
            "noise: not both have answers at budget 512; both have: unlimited",
        ),
        (("wide", "a:b", "--budget", "lots"), "--budget lots: it should be a number of tokens, or unlimited"),
        (("wide", "a:b", "--margin", "0"), "--margin 0: it should be a number of points above 0"),
        (("wide", "a:b", "--margin", "nan"), "--margin nan: it should be a number of points above 0"),
        (("wide", "a:b", "--margin", "-1"), "--margin -1: it should be a number of points above 0"),
        (("wide", "a:b", "--run", "none"), "no run 'none' in {db}; there are new-run, old-run"),
        (("wide", "\x1b[31mx"), 'no model and no run "[31mx" in {db}'),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_line(
    command: Command, runs: Path, words: tuple[str, ...], line: str
) -> None:
    done = command(runs, *words, "--gate")
    assert (done.code, done.out) == (2, "")
    assert line.format(db=runs) in done.err
    assert done.err.count("\n") == 1


def test_a_store_without_attempts_and_no_store_are_told(command: Command, tmp_path: Path) -> None:
    done = command(tmp_path / "none.duckdb", "a", "b")
    assert (done.code, "no store at" in done.err) == (2, True)
    empty = make_store(tmp_path / "s.duckdb", [make_run()])
    assert "no attempt in" in command(empty, "a", "b").err


def test_a_quantization_of_two_families_is_that_of_the_other_models_family(
    command: Command, tmp_path: Path
) -> None:
    records: list[JournalRecord] = [make_run()]
    for model, word, family in (
        ("x16", "bf16", "x"),
        ("x4", "q4", "x"),
        ("y4", "q4", "y"),
        ("z4", "q4", "x"),
    ):
        records += [server(model, word, family), *answers(model, "t", half, 4, 1)]
    db = make_store(tmp_path / "s.duckdb", records)
    assert told(command(db, "y4", "x16", "--json"))["comparisons"][0]["base"]["model"] == "y4"
    assert '"q4" is the quantization of several models of run r1: x4, y4, z4' in command(db, "x16", "q4").err


def test_the_headline_is_at_the_largest_budget_and_the_others_stand_below(
    command: Command, tmp_path: Path
) -> None:
    records: list[JournalRecord] = [make_run(), server("wide", "bf16"), server("narrow", "nvfp4")]
    for budget, lost in ((512, 12), (2048, 6), (None, 0)):
        for model, missing in (("wide", 0), ("narrow", lost)):

            def right(number: int, _: int, missing: int = missing) -> bool:
                return number >= missing

            records += answers(model, "aime25", right, 30, 2, budget=budget)
    db = make_store(tmp_path / "s.duckdb", records)
    found = told(command(db, "bf16", "nvfp4", "--json"))["comparisons"][0]
    assert (found["budget"], found["comparison"]["difference"]) == (None, 0)
    assert [(each["budget"], each["comparison"]["difference"]) for each in found["budgets"]] == [
        (2048, pytest.approx(-0.2)),
        (512, pytest.approx(-0.4)),
    ]
    assert "at budget 512" in command(db, "bf16", "nvfp4").out
    small = told(command(db, "bf16", "nvfp4", "--budget", "512", "--json"))["comparisons"][0]
    assert (small["budget"], small["comparison"]["difference"]) == (512, pytest.approx(-0.4))
    assert small["sentence"].startswith("aime25 at budget 512: nvfp4 is 40 points lower")


def test_what_limits_the_comparison_is_said(command: Command, tmp_path: Path) -> None:
    records: list[JournalRecord] = [make_run(), server("wide", "bf16"), server("narrow", "nvfp4")]
    records += answers("wide", "t", half, 40, 2)
    for each in answers("narrow", "t", half, 36, 2):
        cut = int(each.sample_id[1:]) % 6 == 1
        records.append(replace(each, outcome="truncated" if cut else each.outcome, token_source="estimate"))
    records += [make_failed(number, model="narrow", task="t") for number in range(36, 40)]
    done = command(make_store(tmp_path / "s.duckdb", records), "bf16", "nvfp4")
    said = " ".join(done.out.split())
    assert "! 4 questions that one of them alone has answered left out" in said
    assert "! 4 of 76 attempts of nvfp4 failed and are in no figure" in said
    assert "! 16.7 % of the answers of nvfp4 were cut by the limit of tokens" in said
    assert "! tokens were counted in different ways: usage (bf16), estimate (nvfp4)" in said
    assert "nothing recorded of wide, narrow: whether anything else differs is not known" in said


def test_names_from_outside_are_shown_and_do_nothing(command: Command, tmp_path: Path) -> None:
    hostile = f"{EVIL}:2"
    records = [make_run(), server(EVIL, EVIL), server(hostile, "|q4|`<script>`")]
    records += [
        make_attempt(number, model=model, task=EVIL) for model in (EVIL, hostile) for number in range(3)
    ]
    db = make_store(tmp_path / "s.duckdb", records)
    for form in ("terminal", "markdown", "json"):
        done = command(db, EVIL, hostile, "--format", form, "--gate")
        assert done.code == 1
        assert "\x1b" not in done.out
        assert "\u202e" not in done.out or form == "json"  # there labels are data
        if form == "markdown":
            assert "<img" not in done.out
            assert "<script" not in done.out
            assert "@you" not in done.out.replace("\\@you", "")


def test_a_private_task_is_compared_without_a_word_of_it(command: Command, tmp_path: Path) -> None:
    canary = "kanarienvogel"
    records = [
        make_run(),
        server("wide", "bf16"),
        server("narrow", "nvfp4"),
        *(
            replace(each, prompt=canary, answer=canary, extracted=canary, target=canary)
            for model in ("wide", "narrow")
            for each in answers(model, "gpqa_diamond", half, 10, 2, text=canary)
        ),
    ]
    db = make_store(tmp_path / "s.duckdb", records)
    for form in ("terminal", "markdown", "json"):
        done = command(db, "bf16", "nvfp4", "--format", form)
        assert "gpqa" in done.out
        assert canary not in done.out


def test_a_score_that_averages_categories_is_compared_as_its_authors_do(
    command: Command, tmp_path: Path
) -> None:
    """BFCL v3 is the mean of its groups: a category of few questions weighs as much as one of many."""
    records: list[JournalRecord] = [make_run(), server("wide", "bf16"), server("narrow", "nvfp4")]
    for model, lost in (("wide", 0), ("narrow", 5)):
        for number in range(50):
            category = "multiple" if number < 10 else "live_simple"
            outcome = "wrong" if number < lost else "correct"
            each = make_attempt(number, model=model, task="bfcl_v3", outcome=outcome)
            records.append(replace(each, category=category))
    done = command(make_store(tmp_path / "s.duckdb", records), "bf16", "nvfp4", "--json")
    found = told(done)["comparisons"][0]["comparison"]
    assert found["strata"] == {"multiple": 0.5, "live_simple": 0.5}
    assert found["candidate"] == pytest.approx(0.75)
    assert "overall, weighted as BFCL does" in done.out


def test_a_user_runs_it_in_a_process_of_its_own(db: Path) -> None:
    done = evalbudget(db.parent, "compare", "bf16", "nvfp4", "--db", db.name, "--task", "lower", "--gate")
    assert (done.returncode, done.stderr) == (1, "")
    assert "shown lower, by more than 2 points" in " ".join(done.stdout.split())


STUDY = {
    "MATH-500": {"bf16": 85.0, "kvquant_star-kv4": 84.2, "awq-w4g128": 83.4, "awq-w3g128": 52.6},
    "AIME-90": {"bf16": 25.6, "kvquant_star-kv4": 20.0, "awq-w4g128": 20.0, "awq-w3g128": 6.7},
}
"""Accuracy in percent as github.com/junsu0306/Quantized-Reasoning-Models publishes it."""


@pytest.fixture(scope="module")
def study(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """The study's rows in a store, and as they are."""
    path = shared / "verdicts" / "paired" / "dsr1_1.5b_quantization.jsonl"
    if not path.is_file():
        pytest.skip("needs the paired verdicts of the folder `shared`")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    records: list[JournalRecord] = [make_run(status="finished")]
    records += [server(word, word) for word in STUDY["AIME-90"]]
    for row in rows:
        if row["quantization"] in STUDY["AIME-90"]:
            outcome = "correct" if row["correct"] else "wrong"
            records.append(
                make_attempt(row["question"], model=row["quantization"], task=row["dataset"], outcome=outcome)
            )
    return make_store(tmp_path_factory.mktemp("study") / "s.duckdb", records), rows


@pytest.mark.parametrize("candidate", ["kvquant_star-kv4", "awq-w4g128", "awq-w3g128"])
def test_a_published_study_comes_out_of_the_command(
    command: Command, study: tuple[Path, list[dict[str, Any]]], candidate: str
) -> None:
    db, rows = study
    for each in told(command(db, "bf16", candidate, "--json"))["comparisons"]:
        published = STUDY[each["task"]]
        found = each["comparison"]
        assert round(100 * found["base"], 1) == published["bf16"]
        assert round(100 * found["candidate"], 1) == published[candidate]
        right = {
            word: {
                row["question"]
                for row in rows
                if (row["quantization"], row["dataset"]) == (word, each["task"]) and row["correct"]
            }
            for word in ("bf16", candidate)
        }
        assert found["lost"] == len(right["bf16"] - right[candidate])
        assert found["won"] == len(right[candidate] - right["bf16"])
        assert found["flips"]["lost"] == pytest.approx(found["lost"] / found["questions"])
        assert each["verdict"] == ("lower beyond margin" if candidate == "awq-w3g128" else "undecided")
