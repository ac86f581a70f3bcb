"""The report of one run, printed in the form that was asked for."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from evalbudget.errors import EvalbudgetError
from evalbudget.report.chart import print_curves
from evalbudget.report.figures import RunFigures, gather
from evalbudget.report.json_text import json_text
from evalbudget.report.markdown import markdown
from evalbudget.report.terminal import print_terminal


def print_report(db: Path, run: str | None, form: str) -> None:
    """Print the report of the run that `run` means (None: the newest) as terminal, markdown or json."""
    _print(gather(db, run), form)


def print_curve(db: Path, run: str | None) -> None:
    """Draw the curves of the run that `run` means: accuracy over the budget of thinking."""
    print_curves(gather(db, run), _console())


def print_run(db: Path, run_id: str, *, as_json: bool) -> None:
    """Print the table at the end of a run. A store that cannot be read is no failure of the run."""
    try:
        figures = gather(db, run_id)
    except EvalbudgetError as error:
        click.echo(
            f"{error}; the run is safe in {db.parent / run_id}, see `evalbudget report` later", err=True
        )
        return
    _print(figures, "json" if as_json else "terminal")


def _print(figures: RunFigures, form: str) -> None:
    if form == "terminal":
        print_terminal(figures, _console())
    else:
        click.echo(markdown(figures) if form == "markdown" else json_text(figures), nl=False)


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False)
