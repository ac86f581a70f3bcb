"""The scorer of lm-eval's tasks: its filters and metrics on one answer, stop words, scales, hostile text."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evalbudget.datasets import load_samples
from evalbudget.errors import InputError, TimeLimitError
from evalbudget.records import Outcome, ReasoningForm, Reply, Sample, Sampling, Score
from evalbudget.scoring.lm_eval import lm_eval
from evalbudget.scoring.outcome import decide_outcome
from evalbudget.suite import hints, parse_suite
from evalbudget.tasks import SamplingChoice, Task, load_task
from evalbudget.wiring.prepare import Options, prepare
from tests.lm_eval.making import make_tasks, offline

Made = Callable[[str], tuple[Task, Sample]]

OWN = r"""
task: own
dataset_path: json
dataset_kwargs: {data_files: {test: FOLDER/own.jsonl}}
test_split: test
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
process_results: !function own.judged
metric_list:
  - {metric: METRIC, aggregation: AGGREGATION, higher_is_better: BETTER}
generation_kwargs: {until: []}
"""
"""Its metric is the number that the answer is."""

PYTHON = """
def judged(doc, results):
    said = results[0]
    return {"METRIC": (doc["answer"], said) if "AGGREGATION" == "bleu" else float(said)}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A made task by name, with its first sample."""
    folder = tmp_path_factory.mktemp("made")
    make_tasks(folder)

    def of(name: str) -> tuple[Task, Sample]:
        with pytest.MonkeyPatch.context() as patch:
            offline(patch, folder)
            task = load_task(f"lm_eval/{name}.yaml", folder)
            return task, load_samples(task, 1)[0]

    return of


def judged(made: tuple[Task, Sample], answer: str, **fields: object) -> Score:
    task, sample = made
    return task.score(sample, replace(Reply(reasoning="", answer=answer), **fields))  # type: ignore[arg-type]


# ── verdicts ──


def right(sample: Sample) -> int:
    document = sample.extra["doc"]
    assert isinstance(document, dict)
    return int(str(document["a"])) * int(str(document["b"]))


def test_each_filter_gives_its_own_verdict_and_the_first_one_is_the_score(made: Made) -> None:
    task, sample = made("sums")
    score = judged((task, sample), f"I say 77.\n#### {right(sample):,}\nor 78")
    assert score.value == 1.0
    assert score.extracted == f"{right(sample):,}"
    assert score.details == {
        "metrics": {"exact_match,strict-match": 1.0, "exact_match,flexible-extract": 0.0},
        "scored_by": "exact_match,strict-match",
        "filtered": {"strict-match": f"{right(sample):,}", "flexible-extract": "78"},
    }


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("#### RIGHT", Outcome.CORRECT),
        ("####RIGHT", Outcome.NO_ANSWER),
        ("The answer is RIGHT.", Outcome.NO_ANSWER),
        ("#### 7", Outcome.WRONG),
        ("#### RIGHT and then #### 7", Outcome.CORRECT),
        ("#### 7 and then #### RIGHT", Outcome.WRONG),
        ("", Outcome.NO_ANSWER),
        ("\n\n", Outcome.NO_ANSWER),
        ("#### \u0663", Outcome.NO_ANSWER),
        ("[invalid]", Outcome.NO_ANSWER),
        ("#### -RIGHT", Outcome.WRONG),
        ("#### RIGHT.", Outcome.CORRECT),
        ("#### ...", Outcome.WRONG),
        ("{{doc['a']}} #### RIGHT", Outcome.CORRECT),
        ("\x00#### RIGHT\ud800", Outcome.CORRECT),
    ],
)
def test_an_answer_gets_the_verdict_that_the_tasks_own_filter_gives(
    made: Made, answer: str, outcome: Outcome
) -> None:
    task, sample = made("sums")
    reply = Reply(reasoning="", answer=answer.replace("RIGHT", f"{right(sample):,}"))
    assert decide_outcome(task.score(sample, reply), reply) == outcome


@pytest.mark.parametrize("name", ["sums", "words", "graded"])
def test_the_right_answer_passes(made: Made, name: str) -> None:
    task, sample = made(name)
    answers = json.loads(sample.target) if name == "words" else [sample.target]
    assert [judged((task, sample), answer).value for answer in answers] == [1.0] * len(answers)


def test_an_answer_that_stands_only_in_the_thinking_is_none(made: Made) -> None:
    task, sample = made("sums")
    score = judged((task, sample), "Done.", reasoning=f"#### {right(sample):,}")
    assert (score.value, score.extracted) == (0.0, None)


def test_a_vote_is_left_to_the_measures_with_what_it_needs(made: Made) -> None:
    task, sample = made("graded")
    score = judged((task, sample), f"so\n{right(sample)}")
    assert score.value == 1.0
    assert score.details["scored_by"] == "close,first"
    assert score.details["repeats"] == 3
    votes = score.details["votes"]
    assert isinstance(votes, dict)
    assert {name: ballot["takes"] for name, ballot in votes.items()} == {"maj@3": 3, "maj@2": 2}  # type: ignore[index,call-overload]
    assert score.details["aggregations"] == {"bleu": "bleu", "spread": "own", "digits": "median"}


# ── stop words ──


def test_stop_words_that_were_sent_do_not_cut_because_lm_eval_does_not(made: Made) -> None:
    score = judged(made("words"), "7!")
    assert score.extracted == "7!"
    assert score.details["stop_words_left"] == ["!"]


@pytest.mark.parametrize(
    ("answer", "extracted", "cut_at"),
    [
        ("7! Q: 8", "7", "!"),
        ("7 Q: 8! 9", "7", "Q:"),
        ("7\n\n8", "7", "\n\n"),
        ("7", "7", None),
        ("!7", None, "!"),
        ("7 <|im_end|>", "7", "<|im_end|>"),
    ],
)
def test_stop_words_that_were_not_sent_end_the_answer_at_the_first_of_them_all(
    made: Made, answer: str, extracted: str | None, cut_at: str | None
) -> None:
    task, sample = made("words")
    kept = task.defaults.sampling.over(Sampling())
    assert task.score_under(kept) == task.score
    without = SamplingChoice(stop=None).over(kept)  # type: ignore[arg-type]
    reply = Reply(reasoning="", answer=answer)
    score = task.score_under(without)(sample, reply)
    assert (score.extracted, score.details.get("cut_at")) == (extracted, cut_at)
    refused = task.score(sample, replace(reply, dropped_fields=("stop",)))
    assert refused == score


def test_blanks_behind_thinking_are_no_end_of_the_answer(made: Made) -> None:
    _, sample = made("words")
    inline = Reply(reasoning="hm", answer="\n\n7", reasoning_form=ReasoningForm.INLINE)
    assert lm_eval(sample, inline, cut=True).extracted == "7"
    field = replace(inline, reasoning_form=ReasoningForm.FIELD)
    assert lm_eval(sample, field, cut=True).extracted == "7"
    assert lm_eval(sample, replace(field, reasoning=""), cut=True).extracted is None


# ── scales ──


def own_task(folder: Path, metric: str, aggregation: str, better: str) -> tuple[Task, Sample]:
    pieces = {"METRIC": metric, "AGGREGATION": aggregation, "BETTER": better, "FOLDER": str(folder)}
    yaml, python = OWN, PYTHON
    for word, piece in pieces.items():
        yaml, python = yaml.replace(word, piece), python.replace(word, piece)
    (folder / "own.yaml").write_text(yaml)
    (folder / "own.py").write_text(python)
    (folder / "own.jsonl").write_text('{"question": "?", "answer": "a b c d e"}\n')
    task = load_task("lm_eval/own.yaml", folder)
    return task, load_samples(task)[0]


@pytest.mark.parametrize(
    ("metric", "aggregation", "better", "answer", "value"),
    [
        ("acc", "mean", "true", "0.25", 0.25),
        ("wer", "mean", "false", "0.25", 0.75),
        ("wer", "mean", "false", "7", 0.0),
        ("acc", "mean", "true", "-3", 0.0),
        ("acc", "mean", "true", "nan", 0.0),
        ("eqbench", "mean", "true", "55", 0.55),
        ("bleu", "bleu", "true", "a b c d e", 1.0),
        ("bleu", "bleu", "true", "z", 0.0),
    ],
)
def test_a_score_is_a_share_whatever_the_metrics_scale(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    metric: str,
    aggregation: str,
    better: str,
    answer: str,
    value: float,
) -> None:
    offline(monkeypatch, tmp_path)
    task = own_task(tmp_path, metric, aggregation, better)
    assert judged(task, answer).value == pytest.approx(value)


def test_python_that_fails_on_an_answer_is_raised_and_no_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline(monkeypatch, tmp_path)
    task = own_task(tmp_path, "acc", "mean", "true")
    with pytest.raises(ValueError, match="could not convert string to float"):
        judged(task, "no number")


def test_an_endless_regular_expression_of_a_task_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline(monkeypatch, tmp_path)
    task = own_task(tmp_path, "acc", "mean", "true")
    body = 'return {"acc": float(bool(re.match("(a+)+$", results[0])))}'
    (tmp_path / "own.py").write_text(f"import re\ndef judged(doc, results):\n    {body}\n")
    assert judged(task, "a").value == 1.0
    monkeypatch.setattr(importlib.import_module("evalbudget.scoring.lm_eval"), "SECONDS", 0.5)
    with pytest.raises(TimeLimitError, match="did not end within"):
        judged(task, "a" * 60 + "b")
    monkeypatch.undo()
    assert judged(task, "b").value == 0.0


def test_a_sample_of_another_kind_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="the scorer lm_eval is for tasks named lm_eval/"):
        lm_eval(Sample(id="1", prompt="", target=""), Reply(reasoning="", answer=""))


def test_a_suite_that_sends_no_stop_words_has_the_answers_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline(monkeypatch, tmp_path)
    make_tasks(tmp_path)
    model = {"name": "m", "base_url": "http://127.0.0.1:9/v1"}
    for stop, extracted in ((["\n\n", "</s>", "Q:", "<|im_end|>"], "7!"), ([], "7"), (None, "7")):
        entry = {"task": "lm_eval/words.yaml", "sampling": {"stop": stop}}
        suite = parse_suite(
            json.dumps({"name": "s", "models": [model], "tasks": [entry]}), tmp_path / "s.yaml"
        )
        prepared = prepare(suite, Options(limit=1))
        assignment = prepared.open(prepared.jobs["m"][0])
        assert assignment.request.sampling.stop == tuple(stop or ())
        assert assignment.scorer(assignment.sample, Reply(reasoning="", answer="7!")).extracted == extracted


def test_a_plan_says_what_of_a_task_ends_the_thinking_until_the_suite_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline(monkeypatch, tmp_path)
    make_tasks(tmp_path)
    model = {"name": "m", "base_url": "http://127.0.0.1:9/v1"}
    for sampling, end in (
        ({}, "`stop: null` and `max_tokens: 32768` under `sampling:`"),
        ({"stop": None}, "where it thinks, set `max_tokens: 32768` under `sampling:`"),
        ({"stop": [], "max_tokens": 100}, None),
    ):
        entry = {"task": "lm_eval/sums.yaml", "sampling": sampling}
        suite = parse_suite(
            json.dumps({"name": "s", "models": [model], "tasks": [entry]}), tmp_path / "s.yaml"
        )
        said = hints(suite)
        assert len(said) == (end is not None)
        assert all("tasks[0]: lm_eval/sums brings" in line and line.endswith(str(end)) for line in said)
