"""The frontier over tokens and accuracy."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from evalbudget.stats import Answer, dominated_for_sure, pareto
from tests.stats.made import answer

points = st.tuples(st.integers(0, 6).map(float), st.integers(0, 6).map(float))


def test_a_point_is_off_the_frontier_where_another_is_as_good_in_both_and_better_in_one() -> None:
    assert pareto([(100, 0.5), (200, 0.5), (200, 0.7), (300, 0.6), (50, 0.2)]) == [
        True,
        False,
        True,
        False,
        True,
    ]


def test_equal_points_are_on_it_together() -> None:
    assert pareto([(100, 0.5), (100, 0.5)]) == [True, True]
    assert pareto([]) == []


@given(found=st.lists(points, min_size=1, max_size=12))
def test_the_frontier_is_never_empty_and_rises(found: list[tuple[float, float]]) -> None:
    on = sorted({point for point, best in zip(found, pareto(found), strict=True) if best})
    assert on
    assert [accuracy for _, accuracy in on] == sorted({accuracy for _, accuracy in on})


def side(tokens: int, right: list[bool]) -> list[Answer]:
    return [answer(f"q{n}", None, float(each), thought=tokens + n % 3) for n, each in enumerate(right)]


def test_cheaper_and_clearly_better_is_sure() -> None:
    chance = random.Random(1)
    worse = side(2000, [chance.random() < 0.3 for _ in range(100)])
    better = side(1000, [chance.random() < 0.7 for _ in range(100)])
    assert dominated_for_sure(worse, better)
    assert not dominated_for_sure(better, worse)


def test_better_for_more_tokens_dominates_nothing() -> None:
    assert not dominated_for_sure(side(1000, [False] * 50), side(2000, [True] * 50))


def test_five_questions_are_never_sure_and_six_may_be() -> None:
    assert not dominated_for_sure(side(2000, [False] * 5), side(1000, [True] * 5))
    assert dominated_for_sure(side(2000, [False] * 6), side(1000, [True] * 6))


def test_without_common_questions_or_counts_nothing_is_sure() -> None:
    better = side(1000, [True] * 50)
    assert not dominated_for_sure([answer("other", None, 0)], better)
    assert not dominated_for_sure([answer(f"q{n}", None, 0, thought=None) for n in range(50)], better)
    assert not dominated_for_sure([], [])
