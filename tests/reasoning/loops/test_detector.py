"""The detector while a reply streams: the same verdict, and certainty in time."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.reasoning.loops import RULES, Detector, LoopKind, Rules, TextDetector, detect, detect_text
from tests.reasoning.loops.made_positives import looping

SHORT = Rules(
    gram=3, evidence=6, certain=12, beyond_doubt=30, certain_span=10, certain_repeats=3, min_span=8,
    min_span_broken=12, min_span_wordless=16, slack=2, give_up=8, template_repeats=3, template_span=12,
    template_repeats_short=5, template_span_short=8, window=40, memory=50,
)  # fmt: skip
"""Thresholds so small that short streams reach them all."""

REASONS = st.sampled_from([None, "stop", "length", "repetition", "something new"])
ANSWERED = st.none() | st.booleans()


@st.composite
def streams(draw: st.DrawFn) -> list[int]:
    """Random tokens, and periods of all lengths with noise in them."""
    random, tokens = Random(draw(st.integers(0, 10**9))), list[int]()
    for _ in range(draw(st.integers(0, 4))):
        words = draw(st.sampled_from([2, 5, 50]))
        unit = [random.randrange(words) for _ in range(draw(st.integers(1, 30)))]
        stretch = unit * draw(st.integers(1, 12))
        noise = draw(st.sampled_from([0, 0, 0.05, 0.3]))
        tokens += [random.randrange(words) if random.random() < noise else token for token in stretch]
    return tokens


@st.composite
def chunked(draw: st.DrawFn, length: int) -> list[int]:
    """Places at which a stream is cut."""
    cuts = draw(st.lists(st.integers(0, length), max_size=12))
    return [0, *sorted(cuts), length]


TEXTS = ("a", " be", "c", "1", " 22", "\n", ".", " yes", "", "ab")


@settings(max_examples=250, deadline=None)
@given(st.data(), streams(), REASONS, ANSWERED, st.sampled_from([RULES, SHORT]))
def test_however_it_is_fed_the_verdict_is_the_same(
    data: st.DataObject, tokens: list[int], reason: str | None, answered: bool | None, rules: Rules
) -> None:
    answer_at = data.draw(st.none() | st.integers(0, len(tokens)))
    pieces = data.draw(st.sampled_from([None, [TEXTS[token % len(TEXTS)] for token in tokens]]))
    detector = Detector(rules)
    cuts = data.draw(chunked(len(tokens)))
    if answer_at is not None:
        cuts = sorted([*cuts, answer_at])
    for start, end in pairwise(cuts):
        if start == answer_at:
            detector.begin_answer()
        detector.feed(tokens[start:end], None if pieces is None else pieces[start:end])
        if data.draw(st.booleans()):
            detector.verdict(finish_reason=None)  # looking changes nothing
    if answer_at == len(tokens):
        detector.begin_answer()
    online = detector.verdict(finish_reason=reason, answered=answered)
    offline = detect(
        tokens, pieces=pieces, answer_at=answer_at, finish_reason=reason, answered=answered, rules=rules
    )
    assert online == offline
    if online.certain_token is not None:
        assert detector.certain_token is not None and detector.certain_token <= online.certain_token


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(0, 10**6), REASONS)
def test_text_in_any_chunks_has_the_verdict_of_the_whole(
    data: st.DataObject, seed: int, reason: str | None
) -> None:
    text = looping(seed).text[-3000:]
    answer_at = data.draw(st.none() | st.integers(0, len(text)))
    cuts = sorted([*data.draw(chunked(len(text))), *([] if answer_at is None else [answer_at])])
    detector = TextDetector()
    for start, end in pairwise(cuts):
        if start == answer_at:
            detector.begin_answer()
        detector.feed(text[start:end])
    if answer_at == len(text):
        detector.begin_answer()
    assert detector.verdict(finish_reason=reason) == detect_text(
        text, answer_at=answer_at, finish_reason=reason
    )


@pytest.mark.parametrize("period", [1, 5, 16, 40, 100])
def test_an_endless_loop_is_certain_after_16_repeats_and_512_tokens(period: int) -> None:
    before = [-1 - token for token in range(300)]
    detector = Detector()
    detector.feed(before)
    for fed in range(5000):
        detector.feed([fed % period])
        if detector.certain_token is not None:
            break
    needed = min(max(RULES.certain_span, RULES.certain_repeats * period), RULES.certain + 3 * period)
    assert abs(fed + 1 - needed) <= RULES.gram
    assert detector.certain_token == len(before) + fed


def test_a_loop_of_shuffled_sentences_becomes_certain() -> None:
    detector = TextDetector()
    detector.feed(looping(6, noise=0).text)
    assert detector.certain_token is not None


@pytest.mark.parametrize(("unit", "certain"), [(["0", ","], False), (["no", ","], True)])
def test_what_holds_no_word_needs_more_to_be_certain(unit: list[str], certain: bool) -> None:
    detector = Detector()
    detector.feed([1, 2] * 1000, unit * 1000)
    assert (detector.certain_token is not None) == certain
    detector.feed([1, 2] * 2000, unit * 2000)
    assert detector.certain_token is not None


def test_a_stream_that_does_not_repeat_is_never_certain() -> None:
    detector = Detector()
    random = Random(1)
    detector.feed([random.randrange(50_000) for _ in range(30_000)])
    assert detector.certain_token is None


def test_ids_without_texts_give_places_in_tokens_alone() -> None:
    verdict = detect([7, 8, 9] * 100, finish_reason="length")
    assert (verdict.kind, verdict.onset_token, verdict.period_tokens) == (LoopKind.EXACT, 0, 3)
    assert (verdict.onset_char, verdict.unit, verdict.published.liquid) == (None, None, None)


def test_ids_of_any_size_are_fine() -> None:
    verdict = detect([10**12, 2**40, 5] * 100, finish_reason="length")
    assert (verdict.kind, verdict.repeats) == (LoopKind.EXACT, 100)


def test_texts_that_are_not_one_for_each_token_are_refused() -> None:
    with pytest.raises(ValueError, match="2 tokens, 1 texts"):
        Detector().feed([1, 2], ["a"])


def test_an_empty_reply_has_no_loop() -> None:
    verdict = detect([], finish_reason="length")
    assert (verdict.kind, verdict.tokens, verdict.published.rho16_tail) == (LoopKind.NONE, 0, None)


def test_memory_is_bounded_and_a_loop_is_found_behind_much_text() -> None:
    random = Random(2)
    detector = Detector()
    detector.feed([random.randrange(100_000) for _ in range(300_000)])
    assert len(detector._walk.index) <= RULES.memory
    detector.feed([1, 2, 3, 4] * 400)
    verdict = detector.verdict(finish_reason="length")
    assert (verdict.kind, verdict.onset_token) == (LoopKind.EXACT, 300_000)
