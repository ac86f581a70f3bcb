"""What a curve over budgets costs: the longest answers alone, one trace with all its prefixes, separate runs.

    python -m bench.budgets [--thoughts 30]

A real llama.cpp engine serves the thinking model (embedded/thoughts.py), whose answer depends on how far it
thought. `evalbudget run` asks it for 30 answers without a budget; then for the same with a forced answer at
each octave from 16 to 4,096 tokens, in mode `trace`; then for each of these budgets by itself, in mode
`force`. Tokens are the server's own count of what it generated, so that nothing is left out, such as what it
had written when a stream was ended; tokens that it read anew instead of from its cache stand beside them.

The bars: the trace with its whole curve costs at most 1.25 times the unlimited run, and its forced curve lies
within its band of that of the separate runs, at every budget.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from embedded.thinker import thinking_model
from embedded.thoughts import THOUGHTS, Thought
from tests.command import evalbudget
from tests.engine_fixtures import embedded
from tests.engines.thinking_suite import (
    CONTEXT,
    OCTAVES,
    SLOTS,
    Point,
    curve_of,
    rows_of,
    tokens_of_one_trace,
    tokens_of_separate_runs,
    write_suite,
)

MOST_TIMES_UNLIMITED = 1.25
ENOUGH_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run made the server do."""

    generated: int
    """Tokens."""
    read: int
    """Tokens of prompts that were not in its cache."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run, and what its rows say."""

    cost: Cost
    curve: list[Point]
    by_rows: int
    """The same tokens as the rows tell of them."""


def counted(url: str, name: str) -> int:
    """A counter of the server's metrics."""
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/metrics", timeout=60) as page:  # noqa: S310
        found = re.search(rf"^llamacpp:{name} (\d+)", page.read().decode(), re.MULTILINE)
    if found is None:
        raise SystemExit(f"the server has no counter {name}")
    return int(found[1])


async def measured(
    url: str, folder: Path, mode: str, budgets: Sequence[int | str], asked: Sequence[Thought]
) -> Measured:
    """One run, to its end, of a suite that it writes into `folder`."""
    suite = write_suite(folder, url, mode=mode, budgets=budgets, thoughts=asked)
    names = ("tokens_predicted_total", "prompt_tokens_total")
    before, began = [counted(url, name) for name in names], time.perf_counter()
    done = await asyncio.to_thread(evalbudget, folder, "run", str(suite), enough_s=ENOUGH_S)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stderr)
    generated, read = (counted(url, name) - first for name, first in zip(names, before, strict=True))
    rows = rows_of(folder)
    return Measured(
        cost=Cost(generated=generated, read=read, seconds=seconds),
        curve=curve_of(folder),
        by_rows=tokens_of_one_trace(rows) if mode == "trace" else tokens_of_separate_runs(rows),
    )


async def all_three(folder: Path, thoughts: int) -> dict[str, Measured]:
    """The runs, by what they are, one after the other, each on a fresh server with an empty cache."""
    gguf = thinking_model(folder / "thinker.gguf")
    asked = list(THOUGHTS.values())[:: max(1, len(THOUGHTS) // thoughts)]
    ways: dict[str, tuple[str, Sequence[int | str]]] = {
        "unlimited": ("trace", ["unlimited"]),
        "one trace": ("trace", [*OCTAVES, "unlimited"]),
        "separate runs": ("force", [*OCTAVES, "unlimited"]),
    }
    found = {}
    for name, (mode, budgets) in ways.items():
        async with embedded(gguf, folder, "thinker", context=CONTEXT, slots=SLOTS) as url:
            found[name] = await measured(url, folder / name.replace(" ", "-"), mode, budgets, asked)
    return found


def report(found: dict[str, Measured]) -> bool:
    """Print the figures and the bars; whether both were met."""
    least = found["unlimited"].cost.generated
    print(f"{'tokens':16}{'generated':>11}{'ratio':>7}{'by the rows':>13}{'read anew':>11}{'seconds':>9}")
    for name, each in found.items():
        cost = each.cost
        print(
            f"{name:16}{cost.generated:11,}{cost.generated / least:7.2f}{each.by_rows:13,}"
            f"{cost.read:11,}{cost.seconds:9.1f}"
        )
    apart, outside = compare(found["one trace"].curve, found["separate runs"].curve)
    ratio = found["one trace"].cost.generated / least
    print(f"\none trace / unlimited  {ratio:5.2f}   (bar: at most {MOST_TIMES_UNLIMITED})")
    print(f"greatest difference    {apart:5.1f} points, {outside} outside the band   (bar: none outside)")
    return ratio <= MOST_TIMES_UNLIMITED and not outside


def compare(traced: Sequence[Point], separate: Sequence[Point]) -> tuple[float, int]:
    """Print both curves; the greatest difference in percentage points, and how many lie outside the band."""
    print(f"\n{'budget':>9}{'strict':>8}{'forced':>8}  {'band':14}{'separate runs':>14}{'difference':>12}")
    differences, outside = [], 0
    for one, other in zip(traced, separate, strict=True):
        differences.append(100 * abs(one.forced - other.forced))
        outside += not one.low <= other.forced <= one.high
        budget = "unlimited" if one.budget is None else f"{one.budget:,}"
        band = f"{100 * one.low:.1f} to {100 * one.high:.1f}"
        print(
            f"{budget:>9}{100 * one.strict:8.1f}{100 * one.forced:8.1f}  {band:14}"
            f"{100 * other.forced:14.1f}{differences[-1]:12.1f}"
        )
    return max(differences), outside


def main() -> int:
    """The command line; exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--thoughts", type=int, default=len(THOUGHTS), help="questions, evenly picked")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        return 0 if report(asyncio.run(all_three(Path(folder), options.thoughts))) else 1


if __name__ == "__main__":
    sys.exit(main())
