"""Decimals, fractions and powers of ten."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.records import Reply, Sample
from evalbudget.scoring.number import number, read_number


def verdict(answer: str, target: str, tolerance: float = 1e-6) -> float:
    return number(
        Sample(id="1", prompt="", target=target), Reply(reasoning="", answer=answer), tolerance=tolerance
    ).value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
        ("1/2", Fraction(1, 2)),
        (r"\frac{1}{2}", Fraction(1, 2)),
        (r"-\dfrac{3}{4}", Fraction(-3, 4)),
        (r"\frac{-3}{4}", Fraction(-3, 4)),
        ("1,024.5", Fraction(2049, 2)),
        ("1.5e3", Fraction(1500)),
        ("2E-2", Fraction(1, 50)),
        (r"1.5 \times 10^{3}", Fraction(1500)),
        (r"1.5 \cdot 10^3", Fraction(1500)),
        ("x = 7", Fraction(7)),
        ("−7", Fraction(-7)),
        ("12 km", Fraction(12)),
        (r"12\text{ km}", Fraction(12)),
        ("5/0", None),
        ("1, 2", None),
        ("two", Fraction(2)),
        ("3x", None),
        (r"\sqrt{2}", None),
        ("", None),
    ],
)
def test_a_number_is_read_as_it_is_written(text: str, value: Fraction | None) -> None:
    assert read_number(text) == value


@pytest.mark.parametrize(
    ("answer", "target", "value"),
    [
        (r"\boxed{0.5}", "1/2", 1.0),
        ("The answer is 0.50.", "1/2", 1.0),
        ("0.3333333", "1/3", 1.0),
        ("0.33", "1/3", 0.0),
        ("-0.5", "0.5", 0.0),
        (r"\boxed{1} then \boxed{2}", "1", 0.0),
        ("0.5 is a guess", "0.7", 0.0),
        ("", "1", 0.0),
        ("0", "0", 1.0),
        ("0.0000001", "0", 0.0),
    ],
)
def test_the_given_number_is_compared_within_the_tolerance(answer: str, target: str, value: float) -> None:
    assert verdict(answer, target) == value


def test_the_tolerance_is_relative_to_the_target() -> None:
    assert verdict("101", "100", tolerance=0.01) == 1.0
    assert verdict("102", "100", tolerance=0.01) == 0.0


@given(st.fractions(max_denominator=10**6))
def test_a_fraction_is_read_back_exactly(value: Fraction) -> None:
    assert read_number(f"{value.numerator}/{value.denominator}") == value


@given(st.text(alphabet="0123456789.,/eE+-^{}\\frac times10x= ", max_size=220))
def test_no_text_makes_it_fail(text: str) -> None:
    read_number(text)
