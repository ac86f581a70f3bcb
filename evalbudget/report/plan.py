"""What a suite would ask, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from evalbudget.jobs import PlanRow
from evalbudget.report.words import tokens
from evalbudget.stats import assumed_variance, detectable_effect

_NOTES = (
    "Prompt tokens are estimated from characters. The bound is what all replies can be together: max_tokens"
    " each, and what a way to hold budgets adds to it or takes off.",
    "Detectable: the smallest difference in accuracy, in points, that a paired comparison of two models on"
    " these questions finds with 80 % power at a two-sided error of 5 %, with the variance within questions"
    " that reasoning models of 1.5 to 8 B showed.",
)


def print_plan(rows: Sequence[PlanRow], hints: Sequence[str], *, as_json: bool) -> None:
    """Print the plan on standard output; `hints` are lines about what is allowed and seldom meant."""
    if as_json:
        plan = [{**msgspec.to_builtins(row), "detectable_effect": detectable(row)} for row in rows]
        click.echo(msgspec.json.format(msgspec.json.encode({"rows": plan, "hints": list(hints)})).decode())
        return
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(_table(rows))
    total = sum(row.jobs for row in rows)
    bounds = [row.completion_tokens_bound for row in rows]
    bound = None if None in bounds else sum(each or 0 for each in bounds)
    console.print(f"\n{total:,} jobs, at most {tokens(bound)} completion tokens. No request was sent.")
    for note in (*_NOTES, *hints):
        console.print(Text(note, style="dim"))


def detectable(row: PlanRow) -> float:
    """The smallest detectable difference in accuracy, 0 to 1, of one of a row's budgets."""
    return detectable_effect(row.samples, row.repeats, assumed_variance(row.task))


def _table(rows: Sequence[PlanRow]) -> Table:
    right = ("jobs", "prompt\ntokens", "at most\ntokens", "detectable\npoints")
    table = Table(
        Column("model", overflow="ellipsis", max_width=18),
        Column("task", overflow="ellipsis", max_width=16),
        Column("design", no_wrap=True),
        *(Column(name, justify="right", no_wrap=True) for name in right),
        box=None,
        pad_edge=False,
        header_style="dim",
    )
    for row in rows:
        how = "budgets" if row.budget_mode is None else f"({row.budget_mode})"
        budgets = f" × {row.budgets} {how}" if row.budgets > 1 or row.budget_mode else ""
        table.add_row(
            Text(row.model),
            Text(row.task),
            f"{row.samples} × {row.repeats}{budgets}",
            f"{row.jobs:,}",
            tokens(row.prompt_tokens_estimate),
            tokens(row.completion_tokens_bound),
            f"{100 * detectable(row):.1f}",
        )
    return table
