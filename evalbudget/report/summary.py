"""The report of one run, printed in the form that was asked for."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from evalbudget.errors import EvalbudgetError, InputError
from evalbudget.report.chart import print_curves
from evalbudget.report.figures import RunFigures, gather
from evalbudget.report.json_text import json_text
from evalbudget.report.markdown import markdown
from evalbudget.report.terminal import print_terminal


def print_report(db: Path, run: str | None, form: str, out: Path | None = None) -> None:
    """Print the report of the run that `run` means (None: the newest) as terminal, markdown, html or json; or
    write it to the file `out` and say so.

    Raises `InputError` where the file cannot be written.
    """
    figures = gather(db, run)
    if form == "terminal":
        print_terminal(figures, _console())
        return
    text = _text(db, figures, form)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror or error}") from None
    click.echo(f"{out}  {len(text.encode()):,} bytes")


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
    if as_json:
        click.echo(json_text(figures), nl=False)
    else:
        print_terminal(figures, _console())


def _text(db: Path, figures: RunFigures, form: str) -> str:
    if form != "html":
        return markdown(figures) if form == "markdown" else json_text(figures)
    from evalbudget.report.html import beside, html_page  # noqa: PLC0415  (templates and charts, for it alone)

    return html_page(figures, beside(db, figures))


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False)
