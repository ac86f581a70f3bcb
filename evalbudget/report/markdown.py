"""A run's figures in Markdown, to be pasted into a model card."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from evalbudget.report import curve_words, memory, paired_words, words
from evalbudget.report.curves import ModelCurve
from evalbudget.report.figures import RunFigures, TaskFigures
from evalbudget.report.warnings import loop_lines, warnings


def markdown(figures: RunFigures) -> str:
    """The report; names are escaped, and text from servers stands in code spans, so that nothing in it
    acts."""
    lines = [f"## {_escaped(words.headline(figures.run))}", "", _escaped(words.circumstances(figures.run))]
    for note in (words.resume_hint(figures.run), *figures.notes):
        if note:
            lines += ["", f"> {_escaped(words.one_line(note))}"]
    columns = words.columns(figures.tasks)
    for part in figures.tasks:
        lines += ["", f"### {_escaped(words.one_line(part.task))}", "", *_table(part, columns)]
        lines += _measures(part)
        for curve in part.curves:
            lines += _curve(curve)
    lines += _listed(paired_words.TITLE.capitalize(), paired_words.sentences(figures.compared))
    lines += _listed("Effort words", (words.effort(point) for point in figures.efforts))
    lines += _listed("Warnings", warnings(figures))
    lines += _listed("Loops", loop_lines(figures.loops))
    lines += _listed("Servers", (f"{record.model}: {words.server(record)}" for record in figures.servers))
    lines += _memory(figures)
    if figures.failures:
        lines += ["", "**Failures**", ""]
    for group in figures.failures:
        example = words.one_line(group.example, 200)
        lines.append(f"- {_escaped(words.failure(group))}" + (f"; {_code(example)}" if example else ""))
    lines += _listed("Counts of thinking tokens", words.token_counts(figures.token_sources))
    for meaning in _meanings(figures):
        lines += ["", _escaped(meaning)]
    return "\n".join(lines) + "\n"


def _meanings(figures: RunFigures) -> Iterator[str]:
    """What the intervals and bands of this report are."""
    if figures.tasks:
        yield words.INTERVAL
    if any(part.curves for part in figures.tasks):
        yield curve_words.BAND
    if figures.compared:
        yield paired_words.MEANING
    if memory.shown(figures.memory):
        yield memory.MEANING


def _table(part: TaskFigures, columns: tuple[words.Column, ...]) -> list[str]:
    first = ["model", "budget"] if part.has_budgets else ["model"]
    rows = [
        _row([*first, *(column.title for column in columns)]),
        _row(["---"] * len(first) + ["---:"] * len(columns)),
    ]
    for cell in part.cells:
        named = [_escaped(words.one_line(cell.model))]
        if part.has_budgets:
            named.append(words.budget(cell.budget))
        rows.append(_row([*named, *(column.text(cell) for column in columns)]))
    return rows


def _curve(curve: ModelCurve) -> list[str]:
    columns = curve_words.COLUMNS
    lines = ["", f"**{_escaped(curve_words.title(curve))}**", ""]
    lines.append(_row(["budget", *(column.title for column in columns)]))
    lines.append(_row(["---:"] * (1 + len(columns))))
    for cell in curve.cells:
        texts = (_escaped(column.text(cell)) for column in columns)
        lines.append(_row([words.budget(cell.budget), *texts]))
    listed = [f"- {_escaped(line)}" for line in curve_words.summary(curve)]
    return [*lines, "", *listed] if listed else lines


def _memory(figures: RunFigures) -> list[str]:
    """A line a model, then what does not agree."""
    told, notes = memory.shown(figures.memory), memory.notes(figures.memory)
    if not told:
        return _listed(memory.TITLE, notes)
    titles = [column.title for column in memory.COLUMNS]
    rows = [_row(["model", *titles]), _row(["---"] + ["---:"] * len(titles))]
    for each in told:
        texts = (_escaped(column.text(each)) for column in memory.COLUMNS)
        rows.append(_row([_escaped(words.one_line(each.model)), *texts]))
    listed = [f"- {_escaped(line)}" for line in notes]
    return ["", f"**{memory.TITLE}**", "", *rows, *(["", *listed] if listed else [])]


def _measures(part: TaskFigures) -> list[str]:
    lines = []
    for measured in part.measured:
        whose = _escaped(words.measured_of(measured, part))
        lines += ["", f"| {whose} | value | n | |", "| --- | ---: | ---: | --- |"]
        lines += [
            _row(
                [
                    _escaped(words.one_line(text))
                    for text in (each.name, words.measure(each), f"{each.n:,}", each.note)
                ]
            )
            for each in measured.measures
        ]
    return lines


def _row(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _listed(title: str, lines: Iterable[str]) -> list[str]:
    listed = [f"- {_escaped(words.one_line(line))}" for line in lines]
    return ["", f"**{title}**", "", *listed] if listed else []


def _escaped(text: str) -> str:
    """Text in which Markdown and HTML find nothing to act on."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|~#@])", r"\\\1", plain)


def _code(text: str) -> str:
    """A code span, its fence longer than any run of backticks inside."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"
