"""IFEval's four measures and their mean, from rows whose verdicts are known."""

from __future__ import annotations

import pytest

from evalbudget.measures import MEASURES, Measure, ScoredRow


def row(strict: list[bool], loose: list[bool], repeat: int = 0) -> ScoredRow:
    return ScoredRow(
        sample_id="1000",
        repeat=repeat,
        category=None,
        score=float(all(strict)),
        target=None,
        extracted="some",
        details={"strict": list(strict), "loose": list(loose)},
    )


def measured(*rows: ScoredRow) -> dict[str, Measure]:
    return {measure.name: measure for measure in MEASURES["ifeval"](rows)}


def test_prompts_and_instructions_are_counted_apart_strict_and_loose() -> None:
    found = measured(
        row([True, True, True], [True, True, True]),
        row([False, True], [True, True]),
        row([False], [False]),
        row([False, False], [False, True], repeat=1),
    )
    assert {name: (each.value, each.n) for name, each in found.items()} == {
        "prompt-strict": (1 / 4, 4),
        "inst-strict": (4 / 8, 8),
        "prompt-loose": (2 / 4, 4),
        "inst-loose": (6 / 8, 8),
        "mean-of-four": (pytest.approx((1 / 4 + 4 / 8 + 2 / 4 + 6 / 8) / 4), 4),
    }


def test_each_measure_says_who_publishes_it_or_what_it_counts() -> None:
    found = measured(row([True], [True]))
    assert "Qwen" in found["prompt-strict"].note
    assert "Liquid" in found["mean-of-four"].note
    assert all(each.note and each.unit == "share" for each in found.values())


def test_without_rows_there_is_no_share_rather_than_zero() -> None:
    assert [(each.value, each.n) for each in measured().values()] == [(None, 0)] * 5


def test_prompt_strict_is_the_mean_score() -> None:
    rows = [row([True, False], [True, True]), row([True], [True]), row([True, True], [True, True])]
    assert measured(*rows)["prompt-strict"].value == sum(each.score for each in rows) / len(rows)
