"""The labelled traces: real replies of real models, read by people."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from evalbudget.reasoning.loops import RULES, LoopVerdict, Rules, loops_of_lines
from evalbudget.reasoning.loops.pieces import cut
from evalbudget.reasoning.loops.walk import Walk, walking


@dataclass(frozen=True, slots=True)
class Labelled:
    """A trace, its label, and our verdict."""

    id: str
    text: str
    label: str
    onset: int | None
    tolerance: int
    leaves: bool | None
    verdict: LoopVerdict

    @property
    def onset_is_right(self) -> bool:
        found = self.verdict.onset_char
        return found is not None and self.onset is not None and abs(found - self.onset) <= self.tolerance


@pytest.fixture(scope="module")
def traces(shared: Path) -> list[Labelled]:
    folder = shared / "verdicts" / "loops"
    if not folder.is_dir():
        pytest.skip("needs shared/verdicts/loops")
    labels = [json.loads(line) for line in (folder / "labels.jsonl").read_text("utf-8").splitlines()]
    lines = (folder / "traces.jsonl").read_text("utf-8")
    texts = {row["id"]: row["text"] for row in map(json.loads, lines.splitlines())}
    verdicts = {each.id: each.verdict for each in loops_of_lines(lines, "traces.jsonl")}
    return [
        Labelled(
            row["id"], texts[row["id"]], row["label"], row["onset"], row["onset_tol"] or 0,
            row["leaves_loop"], verdicts[row["id"]],
        )
        for row in labels
    ]  # fmt: skip


def test_every_loop_that_ends_its_trace_is_doom(traces: list[Labelled]) -> None:
    ending = [trace for trace in traces if trace.label == "loop" and trace.leaves is False]
    assert len(ending) == 9
    assert [trace.id for trace in ending if not trace.verdict.doom] == []


def test_what_is_labelled_as_no_loop_has_none(traces: list[Labelled]) -> None:
    without = [trace for trace in traces if trace.label == "no loop"]
    assert len(without) == 12
    assert [trace.id for trace in without if trace.verdict.kind != "none"] == []


def test_a_loop_that_is_left_is_recovered_from(traces: list[Labelled]) -> None:
    left = [trace for trace in traces if trace.leaves]
    missed = [trace.id for trace in left if not trace.verdict.recovered]
    # This one gives its answer, then ends in a run of the digit 2 until it is cut: doom after all.
    assert missed == ["dsr1q1.5b-smoothquant-w8a8kv8-AIME-90-3"]


def test_loops_begin_where_people_say_they_do(traces: list[Labelled]) -> None:
    loops = [trace for trace in traces if trace.label == "loop"]
    assert sum(trace.onset_is_right for trace in loops) >= 0.9 * len(loops)


def test_the_evidence_lies_far_between_loops_and_others(traces: list[Labelled]) -> None:
    """The threshold is not fitted to a trace: it could be half as high again, or a third lower."""
    heights: dict[str, list[int]] = {"loop": [], "no loop": [], "unclear": []}
    for trace in traces:
        heights[trace.label].append(peak(trace.text))
    assert 2 * max(heights["no loop"]) <= RULES.evidence <= min(heights["loop"]) / 1.6
    assert sorted(heights["loop"])[1] >= 15 * RULES.evidence


@pytest.mark.parametrize("change", [{"gram": 11}, {"gram": 14}, {"known_after": 2}, {"known_after": 4}])
def test_neighbouring_constants_tell_the_same(traces: list[Labelled], change: dict[str, int]) -> None:
    """Loops and others stay apart with a factor of two between them."""
    rules = replace(RULES, **change)
    loops = [peak(trace.text, rules) for trace in traces if trace.label == "loop"]
    others = [peak(trace.text, rules) for trace in traces if trace.label == "no loop"]
    assert min(loops) >= 2 * max(others)


def peak(text: str, rules: Rules = RULES) -> int:
    """The greatest evidence for a loop anywhere in a text."""
    seen: dict[str, int] = {}
    ids = [seen.setdefault(piece, len(seen)) for piece in cut(text)]
    walk = Walk([0] * rules.gram)
    running = walking(walk, rules, lambda start, end: True)
    next(running)
    running.send(ids)
    running.send(None)
    return walk.peak.height
