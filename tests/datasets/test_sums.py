"""Sums that are made from a seed: right, fresh, and never those of the training."""

from __future__ import annotations

from itertools import islice
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from evalbudget.datasets import load_samples
from evalbudget.datasets.sums import LEVELS, draw, fresh, sums_rows
from evalbudget.tasks import load_task


@given(st.integers(0, 10**6), st.sampled_from(LEVELS))
def test_a_sum_comes_to_its_answer_and_its_lines_lead_there(seed: int, level: int) -> None:
    made = draw(Random(seed), level)
    whole = int(made.first)
    for line, (sign, value) in zip(made.lines, made.steps, strict=True):
        after = whole + value if sign == "+" else whole - value
        assert line == f"{whole}{sign}{value}={after}\n"
        assert 0 <= after <= 299
        whole = after
    assert whole == made.answer
    assert made.text.count("+") + made.text.count("-") == level - 1


def test_a_seed_gives_the_same_sums_each_once_and_all_of_them_kept_out_of_training() -> None:
    for level in LEVELS:
        first, again = (list(islice(fresh(1, level), 50)) for _ in range(2))
        assert first == again
        assert len({made.text for made in first}) == 50
        assert all(made.is_kept_out for made in first)
        assert first != list(islice(fresh(2, level), 50))


def test_an_eighth_of_all_sums_is_kept_out() -> None:
    random = Random(0)
    kept = sum(draw(random, 5).is_kept_out for _ in range(4000))
    assert 400 < kept < 600


def test_a_level_that_runs_out_ends() -> None:
    texts = [made.text for made in islice(fresh(3, 2), 2000)]
    assert 300 < len(texts) == len(set(texts)) < 2000


def test_the_first_few_rows_are_of_all_levels() -> None:
    rows = sums_rows(1, LEVELS, 30)
    assert [row["level"] for row in rows[: len(LEVELS)]] == [f"{level} operands" for level in LEVELS]
    assert len(rows) == 30 * len(LEVELS)


def test_the_task_has_thirty_of_each_level_in_the_words_of_the_training() -> None:
    samples = load_samples(load_task("sums"))
    assert len(samples) == 210
    assert samples[0].prompt.startswith("Compute ")
    assert samples[0].prompt.endswith(".\nPut the final answer in \\boxed{}.")
    assert {sample.category for sample in samples} == {f"{level} operands" for level in LEVELS}
