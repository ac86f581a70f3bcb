"""The published rules, against their plainest forms."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.reasoning.loops.published import antidoom_hit, published_rules, vllm_would_stop


@st.composite
def tokens(draw: st.DrawFn) -> list[int]:
    random = Random(draw(st.integers(0, 10**9)))
    words = draw(st.sampled_from([1, 2, 3, 40]))
    unit = [random.randrange(words) for _ in range(draw(st.integers(1, 40)))]
    before = [random.randrange(words) for _ in range(draw(st.integers(0, 60)))]
    return (
        before
        + unit * draw(st.integers(1, 40))
        + [random.randrange(words) for _ in range(draw(st.integers(0, 9)))]
    )


def as_vllm_tests(found: list[int], shortest: int, longest: int, count: int) -> bool:
    """After every token, every period."""
    for end in range(1, len(found) + 1):
        for period in range(shortest, longest + 1):
            if period * count > end:
                break
            tail = found[end - period * count : end]
            if tail == tail[:period] * count:
                return True
    return False


@settings(max_examples=60, deadline=None)
@given(tokens(), st.integers(1, 4), st.integers(4, 9), st.integers(2, 5))
def test_vllms_rule_is_as_vllm_tests_it(found: list[int], shortest: int, longest: int, count: int) -> None:
    ours = vllm_would_stop(np.array(found, dtype=np.int64), shortest=shortest, longest=longest, count=count)
    assert ours == as_vllm_tests(found, shortest, longest, count)


@settings(max_examples=60, deadline=None)
@given(tokens())
def test_grams_are_counted_as_they_stand(found: list[int]) -> None:
    grams = Counter(tuple(found[at : at + 30]) for at in range(len(found) - 29))
    rules = published_rules(found, None)
    assert rules.ngram30x20 == (max(grams.values(), default=0) >= 20)
    assert rules.liquid is None
    for size, share in ((16, rules.rho16_tail), (8, rules.rho8_tail)):
        seen, said = set[tuple[int, ...]](), []
        for end in range(len(found)):
            gram = tuple(found[end - size + 1 : end + 1]) if end >= size - 1 else ()
            said.append(bool(gram) and gram in seen)
            seen.add(gram)
        assert share == pytest.approx(sum(said[-1024:]) / len(found[-1024:]))


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("Wait, let me rethink this carefully. " * 8, True),
        ("x" * 50 + "Wait, let me rethink this carefully. " * 8, True),
        ("Wait, let me rethink this carefully. " * 3, False),
        ("This is a normal answer with no repetition at all. It goes on, but says something new.", False),
        ("=" * 64, True),
        ("=" * 59, False),
        ("", False),
    ],
)
def test_the_antidoom_rule_on_plain_cases(text: str, hit: bool) -> None:
    assert antidoom_hit(text) == hit


def test_the_antidoom_rule_takes_periods_up_to_1024_characters() -> None:
    random = Random(4)
    for size, hit in ((1024, True), (1025, False)):
        unit = "".join(chr(random.randrange(0x4E00, 0x9000)) for _ in range(size))
        assert antidoom_hit(unit * 6) == hit
