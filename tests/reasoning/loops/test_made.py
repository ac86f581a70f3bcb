"""Made replies: that loop and were cut, and that repeat for good reasons and finished."""

from __future__ import annotations

from collections import Counter
from functools import cache
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.reasoning.loops import LoopKind, LoopVerdict, Segment, TextDetector, detect_text
from tests.reasoning.loops.made_negatives import FAMILIES as HARD_FAMILIES
from tests.reasoning.loops.made_negatives import hard_negative
from tests.reasoning.loops.made_positives import EXACT_OR_TEMPLATE, Looping, looping
from tests.reasoning.loops.made_prose import prose

HARD_NEGATIVES = 1000
POSITIVES = {"length": 420, None: 210}


@cache
def hard_verdicts() -> list[tuple[str, LoopVerdict, bool]]:
    """Family, verdict, and whether the stream would have been stopped, of each hard negative."""
    found = []
    for seed in range(HARD_NEGATIVES):
        reply = hard_negative(seed)
        detector = TextDetector()
        detector.feed(reply.reasoning)
        detector.begin_answer()
        detector.feed(reply.answer)
        verdict = detector.verdict(finish_reason=reply.finish_reason, answered=True)
        found.append((reply.family, verdict, detector.certain_token is not None))
    return found


@cache
def loops(finish_reason: str | None) -> list[tuple[Looping, LoopVerdict]]:
    made = [looping(seed) for seed in range(POSITIVES[finish_reason])]
    return [(each, detect_text(each.text, finish_reason=finish_reason)) for each in made]


def test_no_reply_that_finishes_is_doomed_however_much_it_repeats() -> None:
    verdicts = hard_verdicts()
    assert {family for family, _, _ in verdicts} == {family.__name__ for family in HARD_FAMILIES}
    assert [family for family, verdict, _ in verdicts if verdict.doom] == []


def test_few_of_them_would_have_been_stopped() -> None:
    stopped = Counter(family for family, _, certain in hard_verdicts() if certain)
    assert stopped.total() <= HARD_NEGATIVES / 50, stopped


def test_most_of_them_hold_no_loop_at_all() -> None:
    kinds = Counter(verdict.kind for _, verdict, _ in hard_verdicts())
    assert kinds[LoopKind.NONE] >= 0.8 * HARD_NEGATIVES


def test_exact_and_template_loops_are_found_under_noise() -> None:
    found = [verdict.doom for made, verdict in loops("length") if made.family in EXACT_OR_TEMPLATE]
    assert sum(found) >= 0.98 * len(found)


def test_counters_are_found_one_kind_of_loop_by_itself() -> None:
    made = [each for each in map(looping, range(420, 1820)) if each.family == "counter"]
    found = [detect_text(each.text, finish_reason="length").doom for each in made]
    assert sum(found) >= 0.98 * len(found)


def test_a_unit_that_reaches_the_end_of_the_reply_is_looked_at_like_any_other() -> None:
    assert detect_text(looping(10_932).text, finish_reason="length").doom


def test_shuffled_sentences_are_found() -> None:
    found = [verdict.doom for made, verdict in loops("length") if made.family == "shuffled"]
    assert sum(found) >= 0.98 * len(found)


def test_without_a_finish_reason_words_that_repeat_are_still_found() -> None:
    """A counter that stops at the end of a line may have come to its end: that is in doubt."""
    found = [verdict.doom for made, verdict in loops(None) if made.family not in ("counter", "shuffled")]
    assert sum(found) >= 0.98 * len(found)


def test_a_made_loop_begins_where_it_was_begun() -> None:
    errors = [
        abs((verdict.onset_char or 0) - made.onset) for made, verdict in loops("length") if verdict.doom
    ]
    assert sum(error <= 200 for error in errors) >= 0.97 * len(errors)


def test_counters_are_templates_and_sentences_are_exact() -> None:
    kinds = Counter((made.family, verdict.kind) for made, verdict in loops("length") if verdict.doom)
    assert kinds["counter", LoopKind.TEMPLATE] >= 0.9 * POSITIVES["length"] / 7
    assert kinds["one_sentence", LoopKind.EXACT] >= 0.9 * POSITIVES["length"] / 7
    assert kinds["shuffled", LoopKind.RECURRENT] >= 0.9 * POSITIVES["length"] / 7


def test_prose_has_no_loop() -> None:
    for seed in range(40):
        verdict = detect_text(prose(Random(seed), 150), finish_reason="length")
        assert (verdict.kind, verdict.runaway) == (LoopKind.NONE, True)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60))
def test_prose_before_a_loop_changes_only_where_it_is(seed: int, sentences: int) -> None:
    made, before = looping(seed, noise=0), prose(Random(seed), sentences) + "\n\n"
    verdict = detect_text(made.text, finish_reason="length")
    later = detect_text(before + made.text, finish_reason="length")
    assert (later.kind, later.doom) == (verdict.kind, verdict.doom)
    if verdict.onset_char is not None and later.onset_char is not None:
        assert abs(later.onset_char - verdict.onset_char - len(before)) <= 200


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 40))
def test_a_loop_that_goes_on_is_the_same_loop(seed: int, repeats: int) -> None:
    """Cut anywhere behind the fourth repeat, a loop has its kind and its beginning."""
    random = Random(seed)
    before, unit = prose(random, 20) + "\n\n", prose(random, 2) + " "
    looped = unit * repeats
    text = before + looped[: random.randrange(len(unit) * 9 // 2, len(looped) + 1)]
    verdict = detect_text(text, finish_reason="length")
    assert (verdict.kind, verdict.doom) == (LoopKind.EXACT, True)
    assert abs((verdict.onset_char or 0) - len(before)) <= 20


def test_a_loop_that_is_left_is_recovered_from() -> None:
    made = looping(1, noise=0)
    text = f"{made.text}\n\n{prose(Random(7), 20)}"
    verdict = detect_text(text, finish_reason="stop")
    assert (verdict.kind, verdict.doom, verdict.recovered) == (LoopKind.INTERIOR, False, True)
    assert abs((verdict.onset_char or 0) - made.onset) <= 20
    assert verdict.segment == Segment.REASONING


def test_a_long_loop_just_before_the_cut_is_sustained() -> None:
    sentence = prose(Random(3), 1)
    text = f"{sentence} " * 120 + prose(Random(4), 25)
    verdict = detect_text(text, finish_reason="length")
    assert (verdict.kind, verdict.doom) == (LoopKind.SUSTAINED, True)


def test_a_loop_in_the_answer_is_the_answers() -> None:
    thinking, answer = prose(Random(5), 40), f"{prose(Random(6), 2)} " * 30
    verdict = detect_text(thinking + answer, answer_at=len(thinking), finish_reason="length", answered=True)
    assert (verdict.kind, verdict.segment) == (LoopKind.EXACT, Segment.ANSWER)
    assert verdict.onset_char is not None and abs(verdict.onset_char - len(thinking)) <= 2


def test_an_answer_that_repeats_the_thinking_is_no_loop() -> None:
    draft = prose(Random(8), 60)
    text = f"{draft}\n\n{draft}\n\n{draft}\n\n"
    for answer_at in (len(text), None):
        verdict = detect_text(text + draft, answer_at=answer_at, finish_reason="stop", answered=True)
        assert (verdict.kind != LoopKind.NONE) == (answer_at is None)


def test_the_same_sentence_with_figures_is_no_counter() -> None:
    text = prose(Random(9), 10) + "\n\nWait, 56.25 is 21/0.4, which is 12.25, which is not right." * 60
    assert detect_text(text, finish_reason="length").kind == LoopKind.EXACT


def test_figures_are_about_the_loop() -> None:
    unit = " Wait, that is not what we want."
    before = prose(Random(10), 30)
    verdict = detect_text(before + unit * 50, finish_reason="length")
    assert verdict.period_tokens == 9
    assert verdict.span_tokens is not None and abs(verdict.span_tokens - 450) <= 2
    assert verdict.repeats is not None and abs(verdict.repeats - 50) < 0.5
    assert abs(verdict.wasted_tokens - 441) <= 2
    assert verdict.unit is not None and sorted(verdict.unit) == sorted(unit)
    assert verdict.published.liquid and verdict.published.vllm and verdict.published.ngram30x20
