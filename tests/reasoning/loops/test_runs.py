"""Periodic runs against the plainest way to find them."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.reasoning.loops.rules import RULES, Rules
from evalbudget.reasoning.loops.runs import Run, run_back, runs_ending
from evalbudget.reasoning.loops.trace import Trace, exact_run
from evalbudget.reasoning.loops.walk import Walk


def longest_back(text: str, end: int, period: int, floor: int) -> int:
    """Where the unbroken run with this period that ends here begins."""
    start = end
    while start - period > floor and text[start - 1] == text[start - 1 - period]:
        start -= 1
    return max(start - period, floor)


@given(st.text("ab", max_size=60), st.integers(1, 20), st.integers(0, 10))
def test_without_breaks_a_run_goes_back_as_far_as_its_period_holds(
    text: str, period: int, floor: int
) -> None:
    floor = min(floor, len(text))
    unbroken = Rules(slack=0)
    run = run_back(text, len(text), period, floor=floor, rules=unbroken)
    assert run == Run(longest_back(text, len(text), period, floor), len(text), period, broken=False)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 60), st.integers(0, 40))
def test_the_smallest_period_of_a_periodic_end_is_among_those_found(
    seed: int, period: int, before: int
) -> None:
    random = Random(seed)
    unit = "".join(random.choice("abcdef") for _ in range(period))
    smallest = next(size for size in range(1, period + 1) if (unit * 3)[size:].startswith(unit * 2))
    text = "".join(random.choice("xyz") for _ in range(before)) + unit * (4 + 64 // period)
    found = {run.period for run in runs_ending(text, len(text), floor=0, slack=0, rules=RULES)}
    assert smallest in found


@given(st.integers(0, 10**9), st.integers(6, 40), st.sampled_from(["cut", "changed", "longer", "shorter"]))
def test_a_run_goes_on_behind_a_break(seed: int, period: int, way: str) -> None:
    unit = "".join(map(chr, Random(seed).sample(range(0x4E00, 0x6000), period)))
    odd = {"cut": unit[:-1], "changed": "!" + unit[1:], "longer": "!?" + unit, "shorter": unit[2:]}[way]
    text = unit * 10 + odd + unit * 10
    run = run_back(text, len(text), period, floor=0, rules=RULES)
    assert (run.start, run.period, run.broken) == (0, period, True)


@given(st.integers(0, 10**9))
def test_a_run_ends_where_other_text_begins(seed: int) -> None:
    random = Random(seed)
    before = "".join(chr(random.randrange(0x4E00, 0x9000)) for _ in range(200))
    text = before + "abcdefghij" * 20
    assert run_back(text, len(text), 10, floor=0, rules=RULES).start == len(before)
    assert run_back(text, len(text), 10, floor=230, rules=RULES).start == 230


@given(st.integers(0, 33))
def test_a_unit_that_repeats_something_itself_keeps_its_period(cut: int) -> None:
    text = ("-" * 30 + "abc") * 8
    trace = Trace(text[: len(text) - cut], None, None, Walk([]), RULES)
    run = exact_run(trace, len(trace.line), slack=0)
    assert run == Run(0, len(trace.line), 33, broken=False)


def test_hostile_sequences_take_linear_time() -> None:
    """Bounded by the number of steps, so that the test does not depend on a clock: see `bench/loops.py`."""
    random = Random(1)
    text = "".join(random.choice("ab") for _ in range(50_000))
    runs = list(runs_ending(text, len(text), floor=0, slack=RULES.slack, rules=RULES))
    assert len(runs) <= 3 * (RULES.slack + 1)
    assert all(run.start >= len(text) - RULES.window for run in runs)
