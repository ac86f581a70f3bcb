"""How much of a looping text is shown, and where it is marked."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from evalbudget.report.loop_text import gaps, loop_text, merged, span_of
from evalbudget.report.visible import visible
from evalbudget.store.queries import Store
from tests.store.making import make_attempt, make_run, make_store

UNIT = "And so it goes on. "


def varied(words: int) -> str:
    """So many made words, in an order that never comes again."""
    drawn = random.Random(7)
    return " ".join("".join(drawn.choices("abcdefghij", k=6)) for _ in range(words))


def looped_store(db: Path, text: str, *, onset: int, tokens: int) -> Store:
    """A store of one attempt that ends in a loop."""
    attempt = replace(
        make_attempt(0, outcome="looped", tokens=tokens, text=text),
        answer="",
        loop_kind="exact",
        loop_doom=True,
        loop_onset_token=onset,
    )
    return Store(make_store(db, [make_run(), attempt]))


def test_ranges_stay_within_the_text_and_become_one_where_they_nearly_touch() -> None:
    assert merged([(-50, 100), (500, 900), (5000, 9000)], 6000) == [(0, 900), (5000, 6000)]
    assert merged([(0, 100), (50, 200)], 80) == [(0, 80)]
    assert merged([(0, 100)], 0) == []


def test_a_long_text_comes_in_excerpts_with_the_loop_marked(tmp_path: Path) -> None:
    before = varied(4000) + ". "
    text = before + UNIT * 30_000
    store = looped_store(tmp_path / "s.duckdb", text, onset=7000, tokens=149_000)
    browse = store.browse
    read = browse.read("r1", make_attempt(0).job)
    assert read is not None
    shown = loop_text(browse, "r1", read)
    assert shown is not None
    assert shown.chars == len(text)
    assert shown.span is not None
    assert abs(shown.span.start - len(before)) < len(UNIT)
    assert shown.span.end == len(text)
    first, onset, last = shown.excerpts
    assert (first.start, first.unit, first.repeated) == (0, None, None)
    assert text[onset.start :].startswith(onset.text)
    assert onset.unit is not None
    assert len(onset.text[slice(*onset.unit)]) == len(UNIT)
    assert last.repeated == (0, len(last.text))
    total = sum(gaps(shown.excerpts, shown.chars)) + sum(len(each.text) for each in shown.excerpts)
    assert total == len(text)


def test_a_loop_that_the_text_does_not_show_is_shown_about_its_token(tmp_path: Path) -> None:
    text = varied(9000)
    store = looped_store(tmp_path / "s.duckdb", text, onset=500, tokens=1000)
    read = store.browse.read("r1", make_attempt(0).job)
    assert read is not None
    assert span_of(store.browse, "r1", read) is None
    shown = loop_text(store.browse, "r1", read)
    assert shown is not None
    middle = shown.excerpts[1]
    assert middle.start < len(text) // 2 < middle.start + len(middle.text)
    assert middle.repeated is None


def test_no_text_is_no_loop_text(tmp_path: Path) -> None:
    store = looped_store(tmp_path / "s.duckdb", "", onset=5, tokens=10)
    read = store.browse.read("r1", make_attempt(0).job)
    assert read is not None
    assert loop_text(store.browse, "r1", read) is None


def test_what_steers_becomes_a_sign_and_every_place_is_kept() -> None:
    text = "a\x00b\x1b[31m\u202ec\ud800d\x7f\x85\te\r\nf\rg\n"
    shown = visible(text)
    assert shown == "a␀b␛[31m\ufffdc\ufffdd␡\ufffd\te\r\nf␍g\n"
    assert len(shown) == len(text)
