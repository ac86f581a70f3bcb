"""Counts beside the pieces of a stream."""

from __future__ import annotations

from evalbudget.reasoning.steps import Steps


def walked(*pieces: tuple[str, int], maps: bool = False) -> Steps:
    """Pieces `t` of thinking, `a` of answer, `.` without text, each with the count that came with it."""
    steps = Steps(maps=maps)
    for kind, total in pieces:
        steps.thinking = steps.thinking or "t" in kind
        steps.answer = steps.answer or "a" in kind
        steps.chars += kind.count("a")
        steps.count(total)
    return steps


def test_the_switch_lies_between_the_last_thinking_and_the_first_answer() -> None:
    steps = walked((".", 1), ("t", 2), ("t", 3), (".", 4), ("a", 5), ("a", 6))
    assert (steps.before_thinking, steps.thinking_until, steps.first_answer, steps.total) == (1, 3, 5, 6)
    assert steps.single
    assert not steps.muddled


def test_a_piece_without_a_count_belongs_to_the_next_one() -> None:
    steps = Steps(maps=False)
    steps.thinking = True
    steps.count(4)
    assert (steps.before_thinking, steps.thinking_until) == (0, 4)
    assert not steps.single


def test_what_cannot_be_told_apart_is_muddled() -> None:
    assert walked(("ta", 1)).muddled
    assert walked(("t", 1), ("a", 3), ("t", 4)).muddled
    assert walked(("t", 3), ("t", 2)).muddled


def test_the_count_at_a_place_in_the_content_is_known_where_a_piece_ends_there() -> None:
    steps = walked(("aaa", 1), ("aa", 2), (".", 3), ("aa", 4), maps=True)
    assert [steps.at(chars) for chars in (0, 3, 5, 6, 7, 9)] == [0, 1, 2, None, 4, None]
    assert steps.first_is_one_beyond(2)
    assert not steps.first_is_one_beyond(3)
