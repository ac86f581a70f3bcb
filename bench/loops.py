"""What the loop detector costs per token: a bare loop, the detector, fed whole and one token at a time.

    python -m bench.loops [FILE] [--rounds 5]

FILE holds JSON lines with `text`, such as real traces; without it, 40 made replies of some 12,000 tokens are
used, half of which loop. Shown are microseconds of CPU per token, the least of the rounds, each with its
ratio to the bare loop: a `for` over the tokens that sums them up. The verdict is part of every way; the last
way cuts the text into pieces besides. The bar: at most 2 µs per token.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from evalbudget.reasoning.loops import Detector, TextDetector
from evalbudget.reasoning.loops.pieces import cut
from tests.reasoning.loops.made_positives import looping
from tests.reasoning.loops.made_prose import prose

MOST_US = 2.0


@dataclass(frozen=True, slots=True)
class Trace:
    """One reply, cut."""

    text: str
    ids: Sequence[int]
    pieces: Sequence[str]


def of_text(text: str) -> Trace:
    """The trace of one text; ids are numbers in order of appearance."""
    pieces, seen = cut(text), dict[str, int]()
    return Trace(text, [seen.setdefault(piece, len(seen)) for piece in pieces], pieces)


def made_texts() -> list[str]:
    """As many replies that loop as replies that do not."""
    return [
        prose(Random(seed), 300) + (looping(seed).text if seed % 2 else prose(Random(-seed), 100))
        for seed in range(40)
    ]


def bare_loop(trace: Trace) -> None:
    total = 0
    for token in trace.ids:
        total += token


def whole(trace: Trace) -> None:
    detector = Detector()
    detector.feed(trace.ids, trace.pieces)
    detector.verdict(finish_reason="length")


def one_at_a_time(trace: Trace) -> None:
    detector = Detector()
    for token, piece in zip(trace.ids, trace.pieces, strict=True):
        detector.feed((token,), (piece,))
        if detector.certain_token is None:
            continue
    detector.verdict(finish_reason="length")


def ids_alone(trace: Trace) -> None:
    detector = Detector()
    detector.feed(trace.ids)
    detector.verdict(finish_reason="length")


def as_text(trace: Trace) -> None:
    detector = TextDetector()
    detector.feed(trace.text)
    detector.verdict(finish_reason="length")


WAYS: dict[str, Callable[[Trace], None]] = {
    "bare loop": bare_loop,
    "ids and texts, whole": whole,
    "one at a time": one_at_a_time,
    "ids alone, whole": ids_alone,
    "text, cut too": as_text,
}


def us_per_token(way: Callable[[Trace], None], traces: Sequence[Trace]) -> float:
    """Microseconds of this process's CPU."""
    began = time.process_time()
    for trace in traces:
        way(trace)
    return (time.process_time() - began) / sum(len(trace.ids) for trace in traces) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    lines = options.file.read_text(encoding="utf-8").splitlines() if options.file else []
    traces = [of_text(text) for text in [json.loads(line)["text"] for line in lines] or made_texts()]
    whole(traces[0])  # imports numpy, once in a process
    costs: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(options.rounds):
        for name, way in WAYS.items():
            costs[name].append(us_per_token(way, traces))
    bare = min(costs["bare loop"])
    print(f"{len(traces)} replies, {sum(len(trace.ids) for trace in traces):,} tokens")
    for name, each in costs.items():
        cost = min(each)
        print(f"{name:22} {cost:6.3f} µs per token  {cost / bare:6.1f} × the bare loop")
    worst = max(min(each) for each in costs.values())
    print(f"bar: {MOST_US} µs per token: {'met' if worst <= MOST_US else 'MISSED'}")


if __name__ == "__main__":
    main()
