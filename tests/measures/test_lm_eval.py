"""What lm-eval reports, from rows: its means, its errors, its votes, its other aggregations."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.harness.quiet import quiet
from evalbudget.harness.values import to_json
from evalbudget.measures import MEASURES, Measure, ScoredRow
from evalbudget.records import JsonValue

with quiet():
    import lm_eval.api.metrics as official


def row(number: int, metrics: dict[str, object], *, repeat: int = 0, **details: JsonValue) -> ScoredRow:
    said: dict[str, JsonValue] = {
        "metrics": {name: to_json(value) for name, value in metrics.items()},
        **details,
    }
    return ScoredRow(
        sample_id=str(number),
        repeat=repeat,
        category=None,
        score=0.0,
        target=None,
        extracted=None,
        details=said,
    )


def measured(rows: list[ScoredRow]) -> dict[str, Measure]:
    return {each.name: each for each in MEASURES["lm_eval"](rows)}


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.randoms())
def test_mean_and_error_are_lm_evals_whatever_the_order_of_the_rows(
    values: list[float], chance: random.Random
) -> None:
    rows = [row(number, {"acc,none": value}) for number, value in enumerate(values)]
    chance.shuffle(rows)
    (found,) = MEASURES["lm_eval"](rows)
    assert found.value == official.mean(values)
    assert found.note == f"lm-eval's mean ± {official.mean_stderr(values):.4f}, its standard error"
    assert (found.name, found.n, found.unit) == ("acc,none", len(values), "share")


def test_a_metric_that_some_documents_lack_is_taken_over_the_others() -> None:
    found = measured([row(0, {"a,f": 1, "b,f": True}), row(1, {"a,f": 0})])
    assert (found["a,f"].value, found["a,f"].n) == (0.5, 2)
    assert (found["b,f"].value, found["b,f"].n) == (1.0, 1)


def test_a_figure_beyond_one_is_no_share() -> None:
    found = measured([row(0, {"wer,none": 2.0, "bleu_max,none": 31.0})])
    assert found["wer,none"].unit == "on the task's own scale"
    assert found["bleu_max,none"].unit == "of 100"


def test_every_repeat_counts_unless_the_task_itself_takes_several() -> None:
    rows = [row(0, {"acc,none": repeat}, repeat=repeat) for repeat in (0, 1)]
    assert measured(rows)["acc,none"].value == 0.5
    rows = [row(0, {"acc,none": repeat}, repeat=repeat, repeats=2) for repeat in (1, 0)]
    assert measured(rows)["acc,none"].value == 0.0


def test_a_corpus_figure_is_taken_over_all_documents_at_once() -> None:
    pairs = [("the cat sat on the mat", "the cat sat on a mat"), ("a b c d e", "a b c d e")]
    rows = [
        row(number, {"bleu,none": pair}, aggregations={"bleu": "bleu"}) for number, pair in enumerate(pairs)
    ]
    found = measured(rows)["bleu,none"]
    assert found.value == official.bleu(pairs)
    assert (found.unit, found.note) == ("of 100", "lm-eval's bleu")


def test_an_aggregation_that_fails_is_told_and_the_others_stand(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "def worst(items):\n    return min(items)\ndef none(items):\n    raise ValueError('no')\n"
    )
    (tmp_path / "own.yaml").write_text(
        "metric_list:\n  - {metric: a, aggregation: !function own.worst}\n"
        "  - {metric: b, aggregation: !function own.none}\n"
    )
    details: dict[str, JsonValue] = {
        "aggregations": {"a": "own", "b": "own", "c": "own", "d": "nonsense"},
        "task": str(tmp_path / "own.yaml"),
    }
    rows = [row(number, {f"{name},f": number + 0.5 for name in "abcd"}, **details) for number in range(3)]
    found = measured(rows)
    assert found["a,f"].value == 0.5
    assert found["a,f"].note == "the task's own aggregation"
    assert (found["b,f"].value, found["b,f"].note) == (None, "ValueError: no")
    assert found["c,f"].note == "ValueError: own.yaml names no aggregation for c"
    assert found["d,f"].note == "ValueError: lm-eval has no aggregation nonsense"


def ballot(number: int, repeat: int, text: str | None, acc: float, takes: int) -> ScoredRow:
    votes: JsonValue = {"maj": {"takes": takes, "metrics": {"acc": acc}}}
    return row(number, {}, repeat=repeat, votes=votes, filtered={"maj": text}, repeats=3)


def test_a_vote_is_taken_over_a_documents_answers_and_the_first_of_equals_wins() -> None:
    rows = [ballot(0, 0, "7", 0.0, 3), ballot(0, 1, "8", 1.0, 3), ballot(0, 2, "8", 1.0, 3)]
    rows += [ballot(1, 0, "5", 0.25, 3), ballot(1, 1, "6", 1.0, 3), ballot(1, 2, "7", 1.0, 3)]
    rows += [ballot(2, 0, None, 0.0, 3), ballot(2, 1, None, 0.0, 3), ballot(2, 2, "9", 1.0, 3)]
    found = measured(rows[::-1])["acc,maj"]
    assert found.value == (1.0 + 0.25 + 0.0) / 3
    assert found.n == 3


def test_a_vote_over_the_first_answers_takes_no_more_and_no_fewer() -> None:
    rows = [ballot(0, 0, "7", 1.0, 2), ballot(0, 1, "8", 0.0, 2), ballot(0, 2, "8", 0.0, 2)]
    assert measured(rows)["acc,maj"].value == 1.0
    found = measured([*rows, ballot(1, 0, "7", 1.0, 2)])
    assert found["maj"].value is None
    assert found["maj"].note == "a vote over 2 answers to each document; one of them has 1"
    assert "acc,maj" not in found


def test_a_nan_stays_one() -> None:
    value = measured([row(0, {"acc,none": float("nan")})])["acc,none"].value
    assert value is not None and math.isnan(value)


@pytest.mark.parametrize("rows", [[], [row(0, {})]])
def test_no_metrics_no_measures(rows: list[ScoredRow]) -> None:
    assert MEASURES["lm_eval"](rows) == ()
