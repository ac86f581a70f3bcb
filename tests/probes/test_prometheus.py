"""Pages of metrics, recorded and made up, become numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.probes.load import read_load
from evalbudget.probes.prometheus import Metric, read_metrics
from evalbudget.records import Load


def load(page: str, served_model: str | None = None) -> Load | None:
    return read_load(page, served_model)


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
    assert load(page) is None or isinstance(load(page), Load)


def test_what_vllm_shows_is_read(shared: Path) -> None:
    page = (shared / "samples/vllm-cpu/mla.metrics.txt").read_text()
    reading = load(page, "tiny-mla")
    assert reading is not None
    assert (reading.running, reading.waiting, reading.kv_usage, reading.preemptions) == (0, 0, 0.0, 0)
    assert (reading.source, reading.kv_used_tokens) == ("metrics", None)


def test_what_llama_cpp_shows_is_read(shared: Path) -> None:
    page = (shared / "samples/llama-server/gqa.metrics.txt").read_text()
    reading = load(page)
    assert reading is not None
    assert (reading.running, reading.waiting, reading.kv_usage) == (0, 0, None)


def test_engines_are_added_up_and_the_fullest_cache_counts() -> None:
    reading = load(
        'vllm:num_requests_running{engine="0",model_name="a"} 3.0\n'
        'vllm:num_requests_running{engine="1",model_name="a"} 4.0\n'
        'vllm:num_requests_waiting{engine="0",model_name="a"} 2.0\n'
        'vllm:kv_cache_usage_perc{engine="0",model_name="a"} 0.25\n'
        'vllm:kv_cache_usage_perc{engine="1",model_name="a"} 0.5\n'
        'vllm:num_requests_running{engine="0",model_name="b"} 9.0\n',
        "a",
    )
    assert reading is not None
    assert (reading.running, reading.waiting, reading.kv_usage, reading.preemptions) == (7, 2, 0.5, None)


def test_what_sglang_shows_is_read() -> None:
    reading = load(
        'sglang:num_running_reqs{model_name="a"} 5\nsglang:num_queue_reqs{model_name="a"} 1\n'
        'sglang:token_usage{model_name="a"} 0.1\nsglang:num_used_tokens{model_name="a"} 4096\n'
    )
    assert reading is not None
    assert (reading.running, reading.waiting, reading.kv_usage, reading.kv_used_tokens) == (5, 1, 0.1, 4096)


@pytest.mark.parametrize(
    "page", ["", "<html></html>", "python_gc_collections_total 5\n", '{"detail":"Not Found"}']
)
def test_a_page_of_something_else_is_no_reading(page: str) -> None:
    assert load(page) is None
