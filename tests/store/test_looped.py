"""Loops of a run, counted in the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evalbudget.records import Attempt
from evalbudget.store.looped import LoopBin, LoopCount
from evalbudget.store.queries import Store
from tests.store.making import make_attempt, make_failed, make_run, make_store


def looping(number: int, *, doom: bool = True, kind: str = "exact", onset: int = 100) -> Attempt:
    """An attempt with a loop of 40 repeats of 5 tokens."""
    return replace(
        make_attempt(number, outcome="looped" if doom else "correct"),
        loop_kind=kind,
        loop_doom=doom,
        loop_onset_token=onset,
        loop_period_tokens=5,
        loop_repeats=40.0,
        loop_wasted_tokens=195,
    )


def test_loops_are_counted_by_kind_and_by_how_they_ended(tmp_path: Path) -> None:
    none = replace(make_attempt(8), loop_kind="none", loop_doom=False)
    unknown = replace(looping(9, kind="sustained"), loop_doom=None, loop_wasted_tokens=None)
    traced = replace(looping(7), budget=64, budget_mode="trace")
    forced = replace(looping(7), budget=64, budget_mode="force")
    left = looping(3, doom=False, kind="interior")
    every = [looping(1), looping(2), left, traced, replace(forced, model="n"), none, unknown, make_failed(5)]
    db = make_store(tmp_path / "s.duckdb", [make_run(), *every])

    def count(kind: str, doom: int, recovered: int, wasted: int, **at: object) -> LoopCount:
        where = {"model": "m", "task": "aime25", "budget": None} | at
        return LoopCount(kind=kind, doom=doom, recovered=recovered, wasted_tokens=wasted, **where)  # type: ignore[arg-type]

    assert Store(db).looped.counts("r1") == (
        count("exact", 2, 0, 390),
        count("interior", 0, 1, 195),
        count("sustained", 0, 0, 0),
        count("exact", 1, 0, 195, model="n", budget=64),
    )
    assert Store(db).looped.counts("r2") == ()


def test_figures_fall_into_octaves_and_what_is_unknown_into_none(tmp_path: Path) -> None:
    onsets = [looping(number, onset=onset) for number, onset in enumerate((0, 1, 2, 3, 4, 127, 128))]
    unknown = replace(looping(8), loop_onset_token=None)
    other = replace(looping(9, doom=False, onset=128), model="n", task="sums")
    db = make_store(tmp_path / "s.duckdb", [make_run(), *onsets, unknown, other])
    bins = Store(db).looped.bins("r1")
    onset = [
        (each.model, each.low, each.high, each.attempts, each.doom) for each in bins if each.figure == "onset"
    ]
    assert onset == [
        ("m", 1, 2, 2, 2),
        ("m", 2, 4, 2, 2),
        ("m", 4, 8, 1, 1),
        ("m", 64, 128, 1, 1),
        ("m", 128, 256, 1, 1),
        ("n", 128, 256, 1, 0),
    ]
    assert LoopBin(figure="repeats", model="m", low=32, attempts=8, doom=8) in bins
    assert {each.model for each in Store(db).looped.bins("r1", models=("n",))} == {"n"}
    assert {each.model for each in Store(db).looped.bins("r1", tasks=("aime25",))} == {"m"}
    assert Store(db).looped.bins("r1", models=("' OR 1=1 --",)) == ()
