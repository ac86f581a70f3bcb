"""A pattern of the user's: which match counts, what is refused, and that no text makes it hang."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.errors import InputError
from evalbudget.records import Reply, Sample, Score
from evalbudget.scoring.regex import check_regex, regex


def score(answer: str, target: str = "", **options: object) -> Score:
    sample = Sample(id="1", prompt="", target=target)
    return regex(sample, Reply(reasoning="B", answer=answer), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "extracted"),
    [
        ({"pattern": r"[a-z]=\d"}, "c=3"),
        ({"pattern": r"[a-z]=\d", "match": "first"}, "a=1"),
        ({"pattern": r"([a-z])=(\d)"}, "c"),
        ({"pattern": r"([a-z])=(\d)", "group": 2}, "3"),
        ({"pattern": r"([a-z])=(\d)", "group": 0}, "c=3"),
        ({"pattern": r"(?P<name>[a-z])=(?P<value>\d)", "group": "value"}, "3"),
        ({"pattern": r"[A-Z]=\d"}, None),
        ({"pattern": r"[A-Z]=\d", "ignore_case": True}, "c=3"),
        ({"pattern": r"a=(\d)|d=(\d)"}, "1"),
        ({"pattern": r"c=\d(x?)"}, ""),
    ],
)
def test_the_options_say_what_is_compared(options: dict[str, object], extracted: str | None) -> None:
    assert score("a=1, b=2, c=3", **options).extracted == extracted


def test_a_match_is_compared_with_the_target_as_exact_does() -> None:
    assert score("is:  New   York ", "New York", pattern="is:(.*)").value == 1.0
    assert score("is: new york", "New York", pattern="is:(.*)").value == 0.0
    assert score("is: new york", "New York", pattern="is:(.*)", ignore_case=True).value == 1.0


def test_without_a_target_any_match_is_right_and_no_match_is_no_answer() -> None:
    assert score("done", pattern="done").value == 1.0
    missing = score("nothing", pattern="done")
    assert (missing.value, missing.extracted, missing.details) == (0.0, None, {"matches": 0})


def test_the_thinking_is_never_searched() -> None:
    assert score("A", pattern="B").value == 0.0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "needs a `pattern`"),
        ({"pattern": r"(?=x)"}, "lookaround and backreferences are left out"),
        ({"pattern": r"(a)\1"}, "lookaround and backreferences are left out"),
        ({"pattern": "("}, "RE2 cannot read the pattern: missing"),
        ({"pattern": "(x)", "group": 2}, "the pattern has 1 groups"),
        ({"pattern": "(x)", "group": "y"}, "no group of this name"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_sent(options: dict[str, object], says: str) -> None:
    with pytest.raises(InputError) as caught:
        check_regex(**options)  # type: ignore[arg-type]
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pattern_that_would_hang_python_is_searched_in_no_time() -> None:
    assert score("a" * 9_000 + "b", pattern="^(a+)+$").value == 0.0
    assert score("a" * 900_000 + "b", pattern="^(a+)+$").value == 0.0


def test_a_long_text_is_searched_apart_with_the_same_verdict() -> None:
    text = "x" * 20_000 + " Answer: 5"
    assert score(text, "5", pattern=r"Answer: (\d)").value == 1.0


@given(st.text(max_size=200))
def test_no_text_makes_it_fail(text: str) -> None:
    found = score(text, pattern=r"(?s)(.)\w?")
    assert (found.extracted is None) == (text == "")
