"""The page Answers: any attempt is found and read; hostile text stays text, private text stays closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from evalbudget.records import Attempt
from tests.store.making import make_attempt, make_failed, make_run, make_store

Page = Callable[[str], AppTest]
HOSTILE = (
    "</pre><img src=x onerror=alert(1)><script>alert(2)</script> ![x](http://127.0.0.1:9/x.png) "
    "**bold** :red[x] $x^2$ \x1b[31mred\x1b[0m \u202eevil\u202c \x00 end"
)
SECRET = "the question that nobody may see"


def drawn(page: Page, db: Path, attempts: Iterable[Attempt], **address: str) -> AppTest:
    """The page over a finished run of these attempts, opened at an address."""
    make_store(db, [make_run(status="finished"), *attempts])
    at = page("answers")
    for key, value in address.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception
    return at


def html_of(at: AppTest) -> str:
    """All the HTML that the page sends."""
    return "\n".join(each.proto.body for each in at.get("html"))


def told(at: AppTest) -> str:
    """All that the page reads as Markdown."""
    return "\n".join(each.value for each in (*at.markdown, *at.caption, *at.header, *at.subheader, *at.info))


def test_an_attempt_is_shown_with_its_figures_and_its_texts(page: Page, db: Path) -> None:
    attempt = replace(
        make_attempt(1),
        prompt="What is 6 x 7?",
        extracted="42",
        ttft_s=0.5,
        details={"form": "boxed"},
        request={"seed": 7},
    )
    at = drawn(page, db, [attempt, make_attempt(2), make_failed(3)])
    assert "3 attempts" in told(at)
    assert list(at.dataframe[0].value["outcome"]) == ["correct", "correct", "failed: rate_limit"]
    shown = html_of(at)
    for text in ("What is 6 x 7?", "so the answer is 42", "\\boxed{42}", "400.0 tokens/s", "boxed", "seed"):
        assert text in shown
    assert any("Thinking: 750 tokens" in each.label for each in at.expander)


def test_filters_stand_in_the_address(page: Page, db: Path) -> None:
    attempts = [make_attempt(n, model=model, budget=b) for n in (1, 2) for model in "mn" for b in (None, 64)]
    at = drawn(page, db, attempts, answer_sample="s2", answer_model="n", answer_budget="64")
    assert list(at.dataframe[0].value["question"]) == ["s2"]
    at.selectbox(key="answer_budget").set_value("unlimited").run()
    assert list(at.dataframe[0].value["budget"]) == ["unlimited"]
    at.text_input(key="answer_sample").set_value("nothing like it").run()
    assert not at.exception
    assert "No attempt is like that" in told(at)


def test_the_address_names_an_attempt(page: Page, db: Path) -> None:
    texts = [make_attempt(number, text=f"thought {number}") for number in range(3)]
    at = drawn(page, db, texts, answer='["m", "aime25", "s2", null, 0]')
    assert "thought 2" in html_of(at)


@pytest.mark.parametrize(
    "named",
    ["[", "[[]]", '["m"]', '["m","aime25","s1",1e999,0]', "[" * 9000, '["<script>","","\\ud800",9,0]'],
)
def test_an_address_that_names_no_attempt_breaks_nothing(page: Page, db: Path, named: str) -> None:
    at = drawn(page, db, [make_attempt(1)], answer=named, answer_page="-5", answer_order="DROP TABLE")
    assert "<script>" not in html_of(at) + told(at)


def test_a_search_runs_over_the_texts_and_says_what_it_searched(page: Page, db: Path) -> None:
    attempts = [make_attempt(1, text="100% sure"), make_attempt(2, text="1000 sure")]
    at = drawn(page, db, attempts, answer_text="00% SURE")
    assert list(at.dataframe[0].value["question"]) == ["s1"]
    assert "1 attempt has it, all 2 searched" in told(at)
    at.text_input(key="answer_text").set_value("' OR 1=1 --").run()
    assert not at.exception
    assert "0 attempts have it" in told(at)


def test_a_failed_attempt_shows_its_error_and_its_tries(page: Page, db: Path) -> None:
    at = drawn(page, db, [make_failed(1, error="HTTP 429: slow down")])
    assert "HTTP 429: slow down" in html_of(at)
    assert "failed: rate_limit" in html_of(at)


def test_hostile_text_stays_text_wherever_it_stands(page: Page, db: Path) -> None:
    hostile = replace(
        make_attempt(1, model=HOSTILE, task=HOSTILE, text=HOSTILE),
        sample_id=HOSTILE,
        prompt=HOSTILE,
        answer=HOSTILE,
        extracted=HOSTILE,
        target=HOSTILE,
        category=HOSTILE,
        finish_reason=HOSTILE,
        token_source=HOSTILE,
        loop_kind=HOSTILE,
        details={"said": HOSTILE, "force": {"closing": HOSTILE}},
        request={HOSTILE: HOSTILE},
    )
    failed = replace(make_failed(2, model=HOSTILE, task=HOSTILE, error=HOSTILE), sample_id=HOSTILE, repeat=1)
    at = drawn(page, db, [hostile, failed])
    shown, markdown = html_of(at), told(at)
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in shown
    for piece in ("<script", "<img", "\x1b", "\u202e", "\x00"):
        assert piece not in shown
    labels = [each.label for each in (*at.expander, *at.button)]
    for piece in ("script", "127.0.0.1", "**bold**", "evil"):
        assert piece not in markdown
        assert all(piece not in label for label in labels)


def test_a_text_of_five_megabytes_is_sent_in_pieces(page: Page, db: Path) -> None:
    at = drawn(page, db, [replace(make_attempt(1), answer="a" * 5_000_000 + "the end")])
    assert len(html_of(at)) < 100_000
    assert "characters 1 to 20,000 of 5,000,007" in told(at)
    at.button(key="further-answer").click().run()
    assert not at.exception
    assert "characters 20,001 to 40,000 of 5,000,007" in told(at)


@pytest.mark.parametrize("task", ["gpqa_diamond", "mine"])
def test_the_texts_of_a_private_task_stay_closed(page: Page, db: Path, task: str) -> None:
    closed = replace(
        make_attempt(1, task=task, text=SECRET),
        prompt=SECRET,
        answer=SECRET,
        extracted=SECRET,
        target="C",
        details={"form": "stated", "quote": SECRET},
        request={"messages": [SECRET]},
    )
    again = replace(closed, repeat=1, status="failed", error_kind="server", error=SECRET)
    make_store(db, [replace(make_run(status="finished"), options={"private_tasks": ["mine"]}), closed, again])
    at = page("answers").run()
    assert not at.exception
    assert "stay closed" in told(at)
    assert "stated" in html_of(at)
    assert list(at.dataframe[0].value["target"]) == ["C", "C"]
    tables = " ".join(each.value.to_string() for each in at.dataframe)
    assert SECRET not in html_of(at) + told(at) + tables
    at.text_input(key="answer_text").set_value(SECRET).run()
    assert "2 attempts are not searched" in told(at)
    assert "0 attempts have it, all 0 searched" in told(at)


def test_a_loop_is_marked_in_the_thinking(page: Page, db: Path) -> None:
    text = "Let us begin. " + "I say this again and again. " * 60
    looped = replace(
        make_attempt(1, outcome="looped", text=text),
        answer="",
        finish_reason="length",
        loop_kind="exact",
        loop_doom=True,
        loop_onset_token=4,
        loop_period_tokens=7,
        loop_repeats=60.0,
        loop_wasted_tokens=413,
    )
    at = drawn(page, db, [looped])
    assert html_of(at).count("<mark") == 2
    assert any("loop marked" in each.label for each in at.expander)
    assert "a unit of 7 tokens 60.0 times" in html_of(at)


def test_other_answers_to_the_question_stand_beside_it(page: Page, db: Path) -> None:
    other = replace(make_attempt(1, model="n"), answer="I say 41")
    at = drawn(page, db, [make_attempt(1), other])
    assert "The same question" in told(at)
    assert "I say 41" in html_of(at)
    next(each for each in at.button if each.label == "Read this one").click().run()
    assert not at.exception
    assert at.query_params["answer"] == '["n", "aime25", "s1", null, 0]'
