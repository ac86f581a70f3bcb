"""The page Loops: rates, where loops begin, and the looping texts with the repeated part marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from evalbudget.records import Attempt
from tests.dashboards.test_answers import HOSTILE, html_of, told
from tests.store.making import make_attempt, make_failed, make_run, make_store

Page = Callable[[str], AppTest]


def looping(number: int = 1, *, model: str = "m", text: str | None = None) -> Attempt:
    """An attempt that thinks a little and then says one sentence without end."""
    unit = "And so it goes on. "
    return replace(
        make_attempt(number, model=model, outcome="looped"),
        reasoning=text if text is not None else "First a thought. " + unit * 400,
        answer="",
        finish_reason="length",
        loop_kind="exact",
        loop_doom=True,
        loop_onset_token=4,
        loop_period_tokens=6,
        loop_repeats=400.0,
        loop_wasted_tokens=2394,
        details={"loop": {"certain_token": 600}},
    )


def drawn(page: Page, db: Path, attempts: list[Attempt], **address: str) -> AppTest:
    """The page over a finished run of these attempts."""
    make_store(db, [make_run(status="finished"), *attempts])
    at = page("loops")
    for key, value in address.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception
    return at


def test_rates_kinds_costs_and_the_text_are_there(page: Page, db: Path) -> None:
    fine = replace(make_attempt(2), loop_kind="none", loop_doom=False)
    at = drawn(page, db, [looping(1), fine])
    cells = at.dataframe[0].value
    assert list(cells["loop rate"]) == [0.5]
    assert list(cells["kinds"]) == ["exact 1"]
    assert (list(cells["ended in it"]), list(cells["left it"])) == ([1], [0])
    assert any("1 stream would have been ended" in each.value for each in at.text)
    assert list(at.dataframe[1].value["wasted"]) == [2394]
    assert len(at.get("vega_lite_chart") or at.get("arrow_vega_lite_chart")) == 2
    shown = html_of(at)
    assert 'font-weight:700">. And so it goes on</mark>' in shown
    assert "First a thought<mark" in shown
    assert "characters …" in told(at)


def test_replies_that_nobody_looked_at_say_so(page: Page, db: Path) -> None:
    at = drawn(page, db, [make_attempt(1), make_failed(2)])
    assert "looked at for loops" in told(at)
    assert not at.dataframe


def test_a_run_without_loops_still_shows_its_rates(page: Page, db: Path) -> None:
    at = drawn(page, db, [replace(make_attempt(1), loop_kind="none", loop_doom=False)])
    assert list(at.dataframe[0].value["loop rate"]) == [0.0]
    assert "No attempt shown here looped" in told(at)


def test_the_address_chooses_figure_order_and_attempt(page: Page, db: Path) -> None:
    short = looping(2, text="Short. " + "Round and round we go. " * 300)
    at = drawn(
        page,
        db,
        [looping(1), replace(short, loop_wasted_tokens=10)],
        loops_figure="repeats",
        loops_order="earliest",
        loop='["m", "aime25", "s2", null, 0]',
    )
    assert "Round and round" in html_of(at)
    assert at.selectbox(key="loops_order").value == "earliest"


def test_a_text_of_five_megabytes_is_shown_in_excerpts(page: Page, db: Path) -> None:
    at = drawn(page, db, [looping(1, text="First a thought. " + "And so it goes on. " * 270_000)])
    assert len(html_of(at)) < 30_000
    assert "<mark" in html_of(at)


def test_a_private_loop_shows_figures_alone(page: Page, db: Path) -> None:
    at = drawn(page, db, [replace(looping(1), task="gpqa_diamond")])
    assert "stay closed" in told(at)
    assert "And so it goes on" not in html_of(at)
    assert list(at.dataframe[1].value["wasted"]) == [2394]


@pytest.mark.parametrize("text", [HOSTILE * 40, ""])
def test_hostile_loops_stay_text(page: Page, db: Path, text: str) -> None:
    hostile = replace(
        looping(1, model=HOSTILE, text=text), task=HOSTILE, sample_id=HOSTILE, loop_kind=HOSTILE
    )
    at = drawn(page, db, [hostile])
    for piece in ("<script", "<img", "\x1b", "\u202e"):
        assert piece not in html_of(at)
    for piece in ("script", "127.0.0.1", "evil"):
        assert piece not in told(at)
