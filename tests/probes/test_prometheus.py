"""Prometheus' text format becomes numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.probes.prometheus import Metric, read_metrics


def test_values_labels_and_escapes_are_read() -> None:
    page = (
        "# HELP a help\n# TYPE a gauge\n"
        'a{x="1",y="q\\"u\\\\o\\nte, {}"} 2.5e1 1700000000\n'
        "a 3\nb{x=\"1\"} 4\na{x=\"2\"} NaN\na +Inf\na\na{broken 1\n"
    )  # fmt: skip
    assert list(read_metrics(page, {"a"})) == [
        Metric("a", {"x": "1", "y": 'q"u\\o\nte, {}'}, 25.0),
        Metric("a", {}, 3.0),
    ]


@given(st.text())
def test_no_page_makes_it_raise(page: str) -> None:
    list(read_metrics(page, {"a", ""}))


@pytest.mark.parametrize(
    "line",
    [
        'a{x="1"} 5 # {trace_id="b"} 7.0',
        'a{x="1"} 5 1700000000 # {trace_id="b"} 7.0 1.0',
        'a{ x = "1" , } 5',
        'a{x="1"}5',
        'a{x="1"} 5\r',
    ],
)
def test_other_ways_to_write_a_line_are_read(line: str) -> None:
    assert list(read_metrics(f"b 1\n{line}\nb 2", {"a"})) == [Metric("a", {"x": "1"}, 5.0)]


@pytest.mark.parametrize(
    "line", ['a{"quoted.name"="1"} 5', 'a{x="1} 5', "a{x=1} 5", "a{} five", "a 5 6 7", "a"]
)
def test_lines_of_another_form_are_left_out(line: str) -> None:
    assert list(read_metrics(line, {"a"})) == []


def test_separators_of_other_alphabets_end_no_line() -> None:
    assert list(read_metrics('a{x="1\u20282\x0b3"} 5', {"a"})) == [Metric("a", {"x": "1\u20282\x0b3"}, 5.0)]


@pytest.mark.parametrize("middle", ["a" * 10**6, 'a="' * 10**6, "} " * 10**6, 'a="\\' * 10**6, '",' * 10**6])
def test_a_line_of_any_length_is_read_once(middle: str) -> None:
    assert len(list(read_metrics("a{" + middle, {"a"}))) <= 1
