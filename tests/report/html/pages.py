"""Runs for the HTML report, and the page of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evalbudget.contracts import JournalRecord
from evalbudget.report.figures import gather
from evalbudget.report.html import beside, html_page
from tests.store.making import make_attempt, make_failed, make_reading, make_run, make_server

EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "javascript:alert(1)",
    "</style></title><b>&lt;&#x27; #0072b2",
    "\u202eright to left\u2066\x1b[31m\ufffe]]>",
    "{{ 7 * 7 }}{% for x in y %}",
)
"""Labels that would like to be more."""


def page_of(db: Path, run: str | None = None) -> str:
    figures = gather(db, run)
    return html_page(figures, beside(db, figures))


def hostile_run() -> list[JournalRecord]:
    """Every text that comes from outside, hostile, in a run with budgets, loops, failures and memory."""
    run = replace(
        make_run(status="finished"),
        name=EVIL[0],
        suite=f"name: x\nmodels: [{{name: '{EVIL[1]}'}}]\n{EVIL[0]}\n",
    )
    records: list[JournalRecord] = [run]
    for place, text in enumerate(EVIL):
        records.append(
            replace(
                make_server(model=text),
                quantization=f"q{place}{text}",
                served_model=text,
                engine_version=text,
                flags={text: text, "nested": {text: [text]}},
                patches={text: text},
                kv_dtype=text,
                kv_bytes_per_token=100.0 + place,
                kv_bytes_per_token_expected=50.0,
                kv_verdict=text,
                kv_advice=text,
                identity={text: text},
                fingerprint=text,
            )
        )
        for number in range(3):
            for budget in (0, 512, None):
                outcome = "correct" if (number + place) % 3 else "looped"
                attempt = make_attempt(number, model=text, task=EVIL[1], budget=budget, outcome=outcome)
                records.append(replace(attempt, budget_mode=None if budget is None else text))
        records.append(make_failed(99, model=text, task=EVIL[1], error=text))
        records += [make_reading(second, model=text) for second in range(5)]
    return records
