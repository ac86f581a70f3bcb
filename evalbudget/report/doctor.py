"""What the doctor found, as a page or as JSON, and the line that shows that it is at work."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.text import Text

from evalbudget.doctor import Examination, Finding, Verdict, budget_modes, tally
from evalbudget.report.words import one_line
from evalbudget.urls import shown_url

_STYLES: Final = {
    Verdict.WORKS: "green",
    Verdict.PARTLY: "yellow",
    Verdict.MISSING: "red",
    Verdict.UNKNOWN: "dim",
}
_VERDICT_WIDTH: Final = 9
_NAME_WIDTH: Final = 18
_INDENT: Final = _VERDICT_WIDTH + _NAME_WIDTH
_NARROWEST: Final = 20
_LONGEST: Final = 400
"""Characters of one piece of evidence."""


class DoctorView:
    """Shows examinations while they are made: text page by page, JSON all at the end."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._seen: list[Examination] = []
        self._line = False
        """A progress line stands on the terminal."""

    def say(self, line: str) -> None:
        """Something that takes a while begins."""
        self._clear()
        self._write(f"{one_line(line)}\n")

    def progress(self, model: str, done: int, of: int, name: str) -> None:
        """So many of a server's checks are done; on a terminal drawn anew, elsewhere said once."""
        if sys.stderr.isatty():
            shown = f"{one_line(model, 40)}: {done} of {of} checks, {name}"
            self._write(f"\r\x1b[K{shown[:78]}")
            self._line = True
        elif done == 0:
            self._write(f"{one_line(model, 40)}: asking short questions, for a minute at most\n")

    def seen(self, examination: Examination) -> None:
        """One server is done."""
        self._clear()
        if not self._as_json:
            print_examination(examination, first=not self._seen)
        self._seen.append(examination)

    def close(self) -> None:
        """All servers are done, or it was interrupted."""
        self._clear()
        if self._as_json and self._seen:
            click.echo(json_text(self._seen))

    def _clear(self) -> None:
        if self._line:
            self._write("\r\x1b[K")
            self._line = False

    def _write(self, text: str) -> None:
        """On what standard error is now: an embedded engine's log may have moved it."""
        sys.stderr.write(text)
        sys.stderr.flush()


def print_examination(examination: Examination, *, first: bool = True) -> None:
    """Print one server's page on standard output."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not first:
        console.print()
    console.print(Text(_title(examination), style="bold"))
    if examination.failure is not None:
        why = f"no question was answered: {one_line(examination.failure.message, 500)}"
        for words in _wrapped(why, console.width):
            console.print(Text(words, style="red"))
        return
    for group in dict.fromkeys(finding.group for finding in examination.findings):
        console.print(Text(f"\n{group}", style="dim"))
        for finding in (each for each in examination.findings if each.group == group):
            for line in _lines(finding, console.width):
                console.print(line)
    console.print()
    for last in _last_lines(examination):
        for words in _wrapped(last, console.width):
            console.print(Text(words))


def json_text(examinations: Sequence[Examination]) -> str:
    """A list of servers, each with its findings."""
    told = [
        {
            "model": each.model,
            "server": each.record,
            "failure": each.failure,
            "seconds": round(each.seconds, 1),
            "budget_modes": budget_modes(each.findings),
            "findings": each.findings,
        }
        for each in examinations
    ]
    return msgspec.json.format(msgspec.json.encode(told)).decode()


def _title(examination: Examination) -> str:
    """The label and the URL; of a URL that was asked for, the label is a part of it."""
    label, url = one_line(examination.model), shown_url(one_line(examination.record.base_url or ""))
    return url if label in url else " · ".join(filter(None, (label, url)))


def _lines(finding: Finding, width: int) -> Iterator[Text]:
    """Verdict and name, and beside them what was seen and what mends it."""
    beside = max(width - _INDENT, _NARROWEST)
    seen = _wrapped(finding.evidence, beside) or [""]
    head = Text(f"{finding.verdict.value:<{_VERDICT_WIDTH}}", style=_STYLES[finding.verdict])
    yield head.append(f"{finding.name:<{_NAME_WIDTH}}{seen[0]}", style="default")
    for words in seen[1:]:
        yield Text(f"{'':<{_INDENT}}{words}")
    if finding.mend:
        for words in _wrapped(f"→ {finding.mend}", beside):
            yield Text(f"{'':<{_INDENT}}{words}", style="cyan")


def _wrapped(text: str, width: int) -> list[str]:
    """At blanks alone: flags hold hyphens."""
    return textwrap.wrap(one_line(text, _LONGEST), width, break_on_hyphens=False)


def _last_lines(examination: Examination) -> list[str]:
    numbers = tally(examination.findings)
    counted = ", ".join(f"{verdict.value} {numbers[verdict]}" for verdict in Verdict if numbers[verdict])
    modes = budget_modes(examination.findings)
    words = {
        Verdict.WORKS: "Budget modes that work here",
        Verdict.PARTLY: "With reservations",
        Verdict.MISSING: "Not here",
        Verdict.UNKNOWN: "Not known",
    }
    told = [
        f"{words[verdict]}: {', '.join(mode for mode in modes if modes[mode] is verdict)}."
        for verdict in Verdict
        if verdict in modes.values()
    ]
    return [
        " ".join(told),
        f"Of {len(examination.findings)} checks: {counted}. Took {examination.seconds:.1f} s.",
    ]
