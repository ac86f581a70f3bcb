"""Single attempts of a store: filtered, paged, searched, read in pieces, and what stays closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evalbudget.records import Attempt, Job
from evalbudget.store.browse import ONLY, ORDERS, OUTCOMES, PARTS, Browse, Wanted
from evalbudget.store.queries import Store
from tests.store.making import make_attempt, make_failed, make_reading, make_run, make_store

SECRET = "a question that nobody may see"


def browse_of(db: Path, attempts: Sequence[Attempt], **options: object) -> Browse:
    """A store of one run with these attempts."""
    return Store(make_store(db, [replace(make_run(), options=options), *attempts])).browse


def private_attempt(task: str, number: int = 0) -> Attempt:
    """An attempt that says `SECRET` wherever it can."""
    return replace(
        make_attempt(number, task=task, text=SECRET),
        prompt=SECRET,
        answer=SECRET,
        extracted=SECRET,
        target="B",
        details={"form": "boxed", "quoted": SECRET, "force": {"closing": SECRET}},
        request={"seed": 1, "messages": [SECRET]},
        error=SECRET,
    )


def test_a_page_holds_the_attempts_that_are_wanted_in_their_order(tmp_path: Path) -> None:
    attempts = [make_attempt(number, model=model) for number in range(3) for model in ("b", "A")]
    browse = browse_of(tmp_path / "s.duckdb", attempts)
    first = browse.page("r1", Wanted(), limit=4)
    assert first.total == 6
    assert [(line.sample_id, line.model) for line in first.lines] == [
        *(("s0", "A"), ("s0", "b"), ("s1", "A"), ("s1", "b")),
    ]
    rest = browse.page("r1", Wanted(), offset=4, limit=4)
    assert [line.sample_id for line in rest.lines] == ["s2", "s2"]
    assert browse.page("r1", Wanted(), offset=99).lines == ()
    assert browse.page("another", Wanted()).total == 0


def test_every_filter_narrows(tmp_path: Path) -> None:
    wrong = replace(make_attempt(1, outcome="wrong", budget=512), budget_honoured=False, category="algebra")
    looped = replace(make_attempt(2, outcome="looped"), loop_kind="exact", loop_doom=True)
    left = replace(make_attempt(3, model="n"), loop_kind="interior", loop_doom=False)
    traced = replace(looped, sample_id="s9", budget=512, budget_mode="trace")
    seen = replace(make_attempt(4, outcome="wrong"), details={"in_thinking": {"correct": True}})
    stopped = replace(looped, sample_id="s5", details={"loop": {"stopped": True}})
    every = [make_attempt(0), wrong, looped, left, traced, seen, stopped, make_failed(6, task="sums")]
    browse = browse_of(tmp_path / "s.duckdb", every)

    def found(wanted: Wanted) -> list[str]:
        return [line.sample_id for line in browse.page("r1", wanted).lines]

    assert found(Wanted(models=("n", "x"))) == ["s3"]
    assert found(Wanted(tasks=("sums",))) == found(Wanted(outcome="failed")) == ["s6"]
    assert found(Wanted(budget=512)) == ["s1", "s9"]
    assert "s1" not in found(Wanted(budget=None))
    assert found(Wanted(sample_id="s1")) == found(Wanted(category="algebra")) == ["s1"]
    assert found(Wanted(outcome="looped")) == ["s2", "s5", "s9"]
    assert found(Wanted(only="looping")) == ["s2", "s3", "s5"]
    assert found(Wanted(only="doom-loop")) == ["s2", "s5"]
    assert found(Wanted(only="recovered-loop")) == ["s3"]
    assert found(Wanted(only="stopped-for-a-loop")) == ["s5"]
    assert found(Wanted(only="over-budget")) == ["s1"]
    assert found(Wanted(only="right-in-thinking")) == ["s4"]


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_unknown_comes_last_in_every_order(tmp_path: Path, order: str) -> None:
    known = replace(
        make_attempt(1),
        loop_kind="exact",
        loop_onset_token=1,
        loop_period_tokens=1,
        loop_repeats=9.0,
        loop_wasted_tokens=8,
    )
    unknown = replace(make_attempt(2, tokens=None), latency_s=None)
    browse = browse_of(tmp_path / "s.duckdb", [unknown, known])
    assert [line.sample_id for line in browse.page("r1", Wanted(), order=order).lines] == ["s1", "s2"]


def test_a_word_that_is_none_of_ours_never_becomes_sql(tmp_path: Path) -> None:
    browse = browse_of(tmp_path / "s.duckdb", [make_attempt()])
    job = make_attempt().job
    for asked in (
        lambda: browse.page("r1", Wanted(), order="1; DROP TABLE attempts"),
        lambda: browse.page("r1", Wanted(outcome="x' OR 1")),
        lambda: browse.page("r1", Wanted(only="true")),
        lambda: browse.piece("r1", job, "error) FROM runs --"),
    ):
        with pytest.raises(KeyError):
            asked()
    assert set(OUTCOMES) & set(ONLY) == set()


@pytest.mark.parametrize(
    "hostile", ["' OR 1=1 --", '"; DROP TABLE attempts; --', "\ud800", "a\x00b", "%", "𝔘\u202e"]
)
def test_hostile_names_find_nothing_and_break_nothing(tmp_path: Path, hostile: str) -> None:
    browse = browse_of(tmp_path / "s.duckdb", [make_attempt()])
    job = Job(model=hostile, task=hostile, sample_id=hostile, budget=2**70, repeat=-(2**70))
    assert browse.read("r1", job) is None
    assert browse.load("r1", job) is None
    assert browse.piece(hostile, job, "answer") == ""
    assert browse.same_question("r1", job) == ()
    wanted = Wanted(models=(hostile,), tasks=(hostile,), sample_id=hostile, category=hostile, budget=2**70)
    assert browse.page("r1", wanted).total == 0
    assert browse.search("r1", Wanted(), hostile).lines == ()


@pytest.mark.parametrize(
    "text", ["50%", "a_b", "x.*y", "it's", 'say "no"', "\\boxed{7", "[ÄÖ", "a\x00b", "--;"]
)
def test_a_search_takes_every_character_as_itself_and_no_case(tmp_path: Path, text: str) -> None:
    said = [
        replace(make_attempt(0), prompt=f"… {text.upper()} …"),
        make_attempt(1, text=f"… {text} …"),
        replace(make_attempt(2), answer=f"… {text.lower()} …"),
        make_attempt(3, text="50 axb xy its ab"),
    ]
    found = browse_of(tmp_path / "s.duckdb", said).search("r1", Wanted(), text)
    assert [line.sample_id for line in found.lines] == ["s0", "s1", "s2"]
    assert (found.searched, found.total, found.private, found.after) == (4, 4, 0, None)


def test_a_search_stops_at_its_hits_and_goes_on_from_there(tmp_path: Path) -> None:
    browse = browse_of(tmp_path / "s.duckdb", [make_attempt(number) for number in range(10)])
    first = browse.search("r1", Wanted(), "the answer is", most=4)
    assert [line.sample_id for line in first.lines] == ["s0", "s1", "s2", "s3"]
    assert (first.searched, first.total) == (4, 10)
    assert first.after is not None
    rest = browse.search("r1", Wanted(), "the answer is", after=first.after)
    assert [line.sample_id for line in rest.lines] == [f"s{number}" for number in range(4, 10)]
    assert (rest.searched, rest.after) == (10, None)


def test_a_search_out_of_time_says_how_far_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browse = browse_of(tmp_path / "s.duckdb", [make_attempt(number) for number in range(10)])
    monkeypatch.setattr("evalbudget.store.browse._FIRST_ROWS", 3)
    found = browse.search("r1", Wanted(), "not there", patience_s=0)
    assert (found.lines, found.searched, found.total) == ((), 3, 10)
    assert browse.search("r1", Wanted(), "not there", after=found.after or 0).searched == 10


def test_a_search_keeps_to_the_run_and_to_the_filters(tmp_path: Path) -> None:
    other = make_attempt(1, model="n")
    browse = browse_of(tmp_path / "s.duckdb", [make_attempt(0), other, make_failed(2)])
    found = browse.search("r1", Wanted(models=("n",)), "answer")
    assert [(line.sample_id, found.total) for line in found.lines] == [("s1", 1)]
    assert browse.search("r2", Wanted(), "answer").total == 0


@pytest.mark.parametrize("task", ["gpqa_diamond", "lm_eval/GPQA_main", "mine"])
def test_the_texts_of_a_private_task_stay_closed(tmp_path: Path, task: str) -> None:
    db = tmp_path / "s.duckdb"
    browse = browse_of(db, [private_attempt(task), make_attempt(1)], private_tasks=["mine"])
    job = private_attempt(task).job
    read = browse.read("r1", job)
    assert read is not None
    assert read.private
    assert (read.line.extracted, read.line.target, read.forced) == (None, "B", None)
    assert {part: browse.piece("r1", job, part) for part in read.chars} == {
        "target": "B",
        "details": '{"form":"boxed"}',
        "request": '{"seed":1}',
    }
    assert all(SECRET not in browse.piece("r1", job, part) for part in PARTS)
    assert SECRET not in repr((read, browse.page("r1", Wanted()), browse.same_question("r1", job)))
    found = browse.search("r1", Wanted(), SECRET)
    assert (found.lines, found.searched, found.total, found.private) == ((), 1, 1, 1)


def test_a_task_that_any_run_calls_private_is_closed_in_all_of_them(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    browse_of(db, [private_attempt("mine")])
    later = replace(make_run("r2"), options={"private_tasks": ["mine"]})
    make_store(db, [later], run_id="r2")
    assert Store(db).browse.piece("r1", private_attempt("mine").job, "answer") == ""


def test_an_attempt_is_read_with_its_figures_and_its_texts_in_pieces(tmp_path: Path) -> None:
    long = "ä" * 50_000 + "end"
    attempt = replace(make_attempt(0, budget=512, text=long), budget_mode="force", details={"why": "x"})
    browse = browse_of(tmp_path / "s.duckdb", [attempt, make_failed(1, error="HTTP 500 \x1b[31m")])
    read = browse.read("r1", attempt.job)
    assert read is not None
    assert read.line.job == attempt.job
    assert (read.tokens_per_s, read.tries, read.budget_mode) == (400.0, 1, "force")
    assert (read.chars["reasoning"], read.chars["generated"]) == (50_003, 50_003 + len(attempt.answer))
    assert browse.piece("r1", attempt.job, "reasoning", 50_000, 20) == "end"
    assert browse.piece("r1", attempt.job, "reasoning") == long
    assert browse.piece("r1", attempt.job, "reasoning", 60_000, 20) == ""
    failed = browse.read("r1", make_failed(1).job)
    assert failed is not None
    assert (failed.line.outcome, failed.line.error_kind, failed.tries) == (None, "rate_limit", 5)
    assert browse.piece("r1", make_failed(1).job, "error") == "HTTP 500 \x1b[31m"
    assert failed.tokens_per_s is None


def test_what_a_rescue_cut_off_is_what_was_generated(tmp_path: Path) -> None:
    details = {"loop": {"rescued": True}, "rescue": {"thought": "again and again"}}
    attempt = replace(make_attempt(), details=details, loop_kind="exact", loop_doom=True)
    browse = browse_of(tmp_path / "s.duckdb", [attempt])
    read = browse.read("r1", attempt.job)
    assert read is not None
    assert read.is_rescued
    assert browse.piece("r1", attempt.job, "generated") == "again and again"


def test_the_load_of_one_attempt_is_that_of_the_view(tmp_path: Path) -> None:
    db = tmp_path / "s.duckdb"
    readings = [make_reading(number) for number in range(6)]
    make_store(db, [make_run(), make_attempt(0), make_attempt(1, model="n"), *readings])
    store = Store(db)
    load = store.browse.load("r1", make_attempt(0).job)
    seen = store._rows("SELECT * FROM attempt_load WHERE model = 'm'", [])[0]
    assert load is not None
    assert load.running_peak == 4
    assert {name: seen[name] for name in ("readings", "kv_usage_peak", "running_peak", "preemptions")} == {
        "readings": load.readings,
        "kv_usage_peak": load.kv_usage_peak,
        "running_peak": load.running_peak,
        "preemptions": load.preemptions,
    }
    assert store.browse.load("r1", make_attempt(1, model="n").job) is None


def test_the_same_question_brings_every_model_budget_and_repeat(tmp_path: Path) -> None:
    answers = [make_attempt(0, model=model, repeat=n) for n in (1, 0) for model in ("n", "m")]
    browse = browse_of(tmp_path / "s.duckdb", [*answers, make_attempt(1), make_attempt(0, task="sums")])
    same = browse.same_question("r1", answers[0].job)
    assert [(line.model, line.repeat) for line in same] == [("m", 0), ("m", 1), ("n", 0), ("n", 1)]
    assert len(browse.same_question("r1", answers[0].job, most=2)) == 2


def test_categories_come_by_name_without_those_that_have_none(tmp_path: Path) -> None:
    attempts = [replace(make_attempt(n), category=word) for n, word in enumerate(["b", None, "a", "b"])]
    assert browse_of(tmp_path / "s.duckdb", attempts).categories("r1") == ("a", "b")
