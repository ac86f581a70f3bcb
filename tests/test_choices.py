"""Multiple choice: which order the options of a question have, and that every road to it gives the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.choices import arranged, asked, option_order
from evalbudget.datasets import load_samples
from evalbudget.errors import DataError, InputError
from evalbudget.jobs import opener, plan_jobs, task_part
from evalbudget.records import Choices, Reply, Sample
from evalbudget.scoring.recorded import RecordedVerdict, score_recorded
from evalbudget.suite import parse_suite
from evalbudget.tasks import Task, read_task

TASK = """\
name: quiz
title: Quiz
data: {file: quiz.jsonl}
columns: {id: id, question: q, choices: [right, wrong 1, wrong 2, wrong 3]}
prompt: |-
  {question}

  {choices}
scorer: choice
"""
ROW = {"id": "1", "q": "Which {choices}?", "right": "{A}", "wrong 1": "w1", "wrong 2": "w2", "wrong 3": "w3"}
QUESTIONS = st.text(max_size=40)
COUNTS = st.integers(min_value=2, max_value=26)


def quiz(folder: Path, *, task: str = TASK, rows: int = 3) -> Task:
    (folder / "quiz.yaml").write_text(task, encoding="utf-8")
    lines = [json.dumps(ROW | {"id": str(n), "q": f"{ROW['q']} {n}"}) + "\n" for n in range(rows)]
    (folder / "quiz.jsonl").write_text("".join(lines), encoding="utf-8")
    return read_task(folder / "quiz.yaml")


@given(QUESTIONS, COUNTS, st.integers(min_value=0, max_value=10_000))
def test_an_order_holds_each_option_once_and_is_the_same_each_time(
    question: str, count: int, repeat: int
) -> None:
    order = option_order(question, count, repeat)
    assert sorted(order) == list(range(count))
    assert order == option_order(f"  {question}\n", count, repeat)


@given(QUESTIONS, COUNTS, st.integers(min_value=0, max_value=50))
def test_over_as_many_repeats_as_options_the_right_one_stands_in_each_place_once(
    question: str, count: int, turn: int
) -> None:
    repeats = range(turn * count, (turn + 1) * count)
    assert {option_order(question, count, repeat).index(0) for repeat in repeats} == set(range(count))


def test_every_order_of_four_options_comes_about_equally_often() -> None:
    orders = Counter(option_order(f"question {number}", 4, 0) for number in range(4800))
    assert len(orders) == 24
    assert 140 < min(orders.values()) <= max(orders.values()) < 260  # 200, and over four standard deviations


def test_the_wrong_options_move_too_and_each_round_has_places_of_its_own() -> None:
    orders = [option_order("question", 4, repeat) for repeat in range(200)]
    assert len(set(orders)) == 24
    rounds = {tuple(order.index(0) for order in orders[turn : turn + 4]) for turn in range(0, 200, 4)}
    assert len(rounds) > 10


ORDERS = [(2, 0, 1, 3), (3, 2, 1, 0), (3, 1, 0, 2), (0, 2, 3, 1), (3, 1, 0, 2)]


def test_an_order_never_changes_between_versions_machines_and_processes() -> None:
    assert [option_order("What is 1 + 1?", 4, repeat) for repeat in range(5)] == ORDERS
    program = (
        "from evalbudget.choices import *; print([option_order('What is 1 + 1?', 4, r) for r in range(5)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7"},
    )
    assert done.stdout.strip() == str(ORDERS)


def test_a_repeat_shows_the_options_in_its_order_and_its_target_is_the_right_ones_letter(
    tmp_path: Path,
) -> None:
    sample = load_samples(quiz(tmp_path))[0]
    texts = [str(ROW[column]) for column in ("right", "wrong 1", "wrong 2", "wrong 3")]
    for repeat in range(8):
        shown = arranged(sample, repeat)
        order = option_order("Which {choices}? 0", 4, repeat)
        lines = [f"{letter}) {texts[place]}" for letter, place in zip("ABCD", order, strict=True)]
        assert shown.prompt == "\n".join(["Which {choices}? 0", "", *lines])
        assert shown.target == "ABCD"[order.index(0)]
        assert shown.extra["option_order"] == "".join("ABCD"[place] for place in order)
        assert shown.extra["option_position"] == order.index(0) + 1
        assert shown.extra["options"] == [texts[place] for place in order]
        assert arranged(shown, 0) == sample


def test_options_can_stand_apart_in_the_prompt(tmp_path: Path) -> None:
    apart = TASK.replace("{choices}\n", "{D}; {C}; {B}; {A}\n")
    sample = load_samples(quiz(tmp_path, task=apart))[0]
    texts = [str(ROW[column]) for column in ("right", "wrong 1", "wrong 2", "wrong 3")]
    order = option_order("Which {choices}? 0", 4, 0)
    assert sample.prompt.split("\n\n")[1] == "; ".join(texts[place] for place in reversed(order))


def test_each_job_asks_its_repeats_order_and_is_scored_by_it(tmp_path: Path) -> None:
    task = quiz(tmp_path)
    suite = parse_suite(
        "name: s\nmodels: [{name: m, base_url: 'http://x/v1'}]\ntasks: [{task: quiz.yaml, repeats: 4}]\n",
        tmp_path / "suite.yaml",
    )
    parts = [task_part(suite, suite.tasks[0], task, load_samples(task))]
    open_job = opener(suite, parts)
    targets: dict[str, set[str]] = {}
    for job in plan_jobs(suite, parts)["m"]:
        opened = open_job(job)
        expected = arranged(parts[0].samples[int(job.sample_id)], job.repeat)
        assert opened.sample == expected
        assert opened.request.messages[0].content == expected.prompt
        reply = Reply(reasoning="", answer=f"Answer: {expected.target}")
        verdict = opened.scorer(opened.sample, reply)
        assert (verdict.value, verdict.details["option_order"]) == (1.0, expected.extra["option_order"])
        targets.setdefault(job.sample_id, set()).add(expected.target)
    assert targets == {str(number): set("ABCD") for number in range(3)}


def test_a_sample_without_choices_stays_as_it_is() -> None:
    sample = Sample(id="1", prompt="2 + 2 = ?", target="4")
    assert arranged(sample, 3) is sample
    assert asked(sample, repeat="third", target=4) is sample


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("choices: [right, wrong 1, wrong 2, wrong 3]", "choices: [right]", "needs two columns or more"),
        ("wrong 1, wrong 2", "wrong 1, wrong 1", "each named once"),
        ("q, choices", "q, target: t, choices", "leave `target` out"),
        ("{choices}", "{A} {B} {C}", "the prompt must hold {choices}, or {A}, {B}, {C}, {D}"),
        ("{choices}", "{choices} {right}", "would give the answer away"),
        ("{choices}", "{chioces}", "the prompt must hold {choices}"),
    ],
)
def test_a_mistake_about_choices_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        quiz(tmp_path, task=TASK.replace(old, new))
    assert says in str(caught.value)


def test_an_option_that_is_missing_is_named(tmp_path: Path) -> None:
    task = quiz(tmp_path)
    for row, says in (
        ({**ROW, "wrong 2": ""}, "not an empty text"),
        ({**ROW, "wrong 2": None}, "not nothing"),
    ):
        (tmp_path / "quiz.jsonl").write_text(json.dumps(row))
        with pytest.raises(DataError, match=says):
            load_samples(task)
    (tmp_path / "quiz.jsonl").write_text(json.dumps({key: ROW[key] for key in ROW if key != "wrong 3"}))
    with pytest.raises(DataError, match='row 0: no column "wrong 3", did you mean "wrong 2"'):
        load_samples(task)


def test_a_whole_number_as_an_option_is_text(tmp_path: Path) -> None:
    task = quiz(tmp_path)
    (tmp_path / "quiz.jsonl").write_text(json.dumps({**ROW, "wrong 1": 3, "wrong 2": 4.0}))
    options = load_samples(task)[0].extra["options"]
    assert isinstance(options, list)
    assert {"3", "4"} <= set(map(str, options))


SAMPLE = arranged(
    Sample(
        id="q",
        prompt="",
        target="",
        choices=Choices(question="q", options=("r", "x", "y", "z"), pieces=("", "choices", "")),
    ),
    0,
)


def scored(*lines: dict[str, object]) -> list[RecordedVerdict]:
    text = "\n".join(json.dumps({"id": "q", **line}) for line in lines)

    def as_it_is(answer: str) -> tuple[str, str]:
        return "", answer

    task = Task.model_validate(
        {"name": "q", "title": "q", "data": {"file": "x.csv"}, "prompt": "{question}", "scorer": "choice"}
    )
    return list(score_recorded(text, "r.jsonl", samples=[SAMPLE], scorer=task.score, split=as_it_is))


def test_recorded_replies_are_scored_in_the_order_of_their_repeat_or_by_another_tools_letter() -> None:
    letters = [arranged(SAMPLE, repeat).target for repeat in range(4)]
    right = scored(*({"answer": f"Answer: {letter}", "repeat": n} for n, letter in enumerate(letters)))
    assert [verdict.score for verdict in right] == [1.0] * 4
    default = scored({"answer": f"Answer: {letters[0]}"}, {"answer": f"Answer: {letters[0]}", "repeat": None})
    assert [verdict.score for verdict in default] == [1.0, 1.0]
    other = scored(
        {"answer": "Answer: C", "target": "(c)"}, {"answer": "Answer: r", "target": "C", "repeat": 1}
    )
    assert [verdict.score for verdict in other] == [1.0, 0.0]
    assert "option_order" not in other[0].details


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"repeat": -1}, "r.jsonl:1: `repeat` should be a whole number from 0"),
        ({"repeat": "1"}, "`repeat` should be a whole number from 0"),
        ({"target": "E"}, "r.jsonl:1: `target` should be the right option's letter, one of ABCD"),
        ({"target": 2}, "`target` should be the right option's letter"),
    ],
)
def test_a_repeat_or_a_target_that_means_nothing_is_named(line: dict[str, object], says: str) -> None:
    with pytest.raises(InputError) as caught:
        scored({"answer": "B", **line})
    assert says in str(caught.value)


@given(st.lists(st.text(max_size=20), min_size=2, max_size=6), st.integers(0, 20))
def test_what_is_shown_is_what_the_data_hold(options: list[str], repeat: int) -> None:
    choices = Choices(question="q", options=tuple(options), pieces=("a ", "A", " b ", "choices", ""))
    shown = arranged(replace(SAMPLE, choices=choices), repeat)
    assert sorted(shown.extra["options"]) == sorted(options)  # type: ignore[arg-type, type-var]
    place = "ABCDEF".index(shown.target)
    assert shown.extra["options"][place] == options[0]  # type: ignore[index, call-overload]
    assert shown.prompt.startswith(f"a {shown.extra['options'][0]} b A) ")  # type: ignore[index, call-overload]
