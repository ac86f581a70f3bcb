"""Mathematics compared in a worker process: hostile LaTeX ends in a verdict or a failure, never in a hang."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.errors import TimeLimitError
from evalbudget.reasoning.split import split_content
from evalbudget.records import Reply, Sample, Score
from evalbudget.scoring.expression import expression
from evalbudget.scoring.math_verify import check_math_verify, math_verify
from evalbudget.scoring.words import in_words, number_in_words


def score(answer: str, target: str = "5", *, time_limit_s: float = 10.0) -> Score:
    sample = Sample(id="1", prompt="", target=target)
    return math_verify(sample, Reply(reasoning=r"\boxed{5}", answer=answer), time_limit_s=time_limit_s)


NESTED = r"\frac{1}{1+" * 10_000 + "x" + "}" * 10_000
NEVER_ENDS = [
    "9^{9^{9^9}}",
    "((5!)!)!",
    r"\sum_{i=1}^{10^{9}} i^{i}",
    r"\binom{10^9}{10^8}",
    "(x+y+z+1)^{400}",
]


@pytest.mark.parametrize("latex", NEVER_ENDS)
def test_what_never_ends_is_a_failure_and_the_next_answer_is_judged(latex: str) -> None:
    with pytest.raises(TimeLimitError):
        score(rf"\boxed{{{latex}}}", time_limit_s=0.3)
    assert score(r"\boxed{\frac{10}{2}}").value == 1.0


@pytest.mark.parametrize("latex", [NESTED, "{" * 10_000 + "5" + "}" * 10_000, "(" * 100_000, "9" * 100_000])
def test_what_is_too_long_or_too_deep_is_no_answer(latex: str) -> None:
    verdict = score(rf"\boxed{{{latex}}}", time_limit_s=0.3)
    assert verdict.value == 0.0
    assert verdict.extracted is not None
    assert len(verdict.extracted) <= 200


def test_what_the_library_would_take_in_passing_stands_in_the_details() -> None:
    verdict = score("I refuse to say that it is 5")
    assert (verdict.value, verdict.extracted, verdict.details["library_correct"]) == (0.0, None, True)
    boxed = score(r"\boxed{\frac{10}{2}}")
    assert boxed.details == {"form": "boxed", "parsed": "5", "library_correct": True}


def test_an_empty_answer_gives_nothing() -> None:
    assert score("").extracted is None
    assert score(" \n").details["library_correct"] is False


def test_the_library_works_here() -> None:
    check_math_verify()


def test_every_published_verdict_on_long_responses_is_reproduced(shared: Path) -> None:
    lines = (shared / "verdicts/aime/dsr1_1.5b_sample.jsonl").read_text(encoding="utf-8").split("\n")
    for row in map(json.loads, filter(None, lines)):
        verdict = score(split_content(row["response"]).answer, row["gold"])
        assert bool(verdict.value) is row["correct"], row["id"]


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("sqrt(2)/2", r"\sqrt{2}/2"),
        ("The roots are $1$ and $2$", "1, 2"),
        ("$x$ where $x=5$", None),
        ("**$x^2$**", "x^2"),
        ("2 × 10⁻³", r"2 \times  10^{-3}"),
        ("5 apples", "5"),
        ("5%", r"5\%"),
        ("1e3", r"1\times 10^{3}"),
        ("٥", "5"),
        ("twenty-one", "21"),
        ("some words", None),
        ("not 5", None),
        ("$1$ to $5$", None),
        (r"\neq 5", None),
        ("x" * 3000, None),
    ],
)
def test_what_is_read_as_mathematics(text: str, latex: str | None) -> None:
    assert expression(text) == latex


@given(st.text(max_size=200) | st.text(alphabet="\\frac{}[]()$0123x^_%!& sqrtext", max_size=300))
def test_no_text_makes_the_reading_fail(text: str) -> None:
    expression(text)


@settings(max_examples=30, deadline=None)
@given(st.fractions(max_denominator=1000))
def test_a_fraction_equals_itself_however_it_is_written(number: object) -> None:
    top, _, bottom = str(number).partition("/")
    latex = rf"\frac{{{top}}}{{{bottom or 1}}}"
    assert score(rf"Hence \boxed{{{latex}}}.", str(number)).value == 1.0


@given(st.integers(min_value=0, max_value=999_999))
def test_a_number_in_words_is_read_back(number: int) -> None:
    words = " ".join(in_words(number))
    assert number_in_words(words) == number
    assert number_in_words("minus " + words.upper().replace(" ", "-")) == -number


@pytest.mark.parametrize(
    "text", ["two four", "hundred", "and", "", "twenty eleven", "one hundred two hundred", "a"]
)
def test_other_words_are_no_number(text: str) -> None:
    assert number_in_words(text) is None
