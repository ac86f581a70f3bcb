"""A run's figures in Markdown, to be pasted into a model card: the small table first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from evalbudget.report import comparison, curve_words, memory, repeats, words
from evalbudget.report.card import card, how_measured
from evalbudget.report.curves import ModelCurve
from evalbudget.report.figures import RunFigures, TaskFigures
from evalbudget.report.markdown_text import code_span, escaped, row
from evalbudget.report.meanings import meanings
from evalbudget.report.warnings import loop_lines, warnings


def markdown(figures: RunFigures) -> str:
    """The report: what a model card needs, then everything else, folded. Names are escaped, and text from
    servers stands in code spans, so that nothing in it acts."""
    lines = [f"## {escaped(words.headline(figures.run))}", "", escaped(words.circumstances(figures.run))]
    for note in (words.resume_hint(figures.run), *figures.notes):
        if note:
            lines += ["", f"> {escaped(words.one_line(note))}"]
    lines += _card(figures)
    lines += _listed(comparison.TITLE.capitalize(), [each.line for each in figures.compared])
    lines += _listed("Warnings", warnings(figures))
    lines += _listed("How it was measured", how_measured(figures))
    lines += _folded("All figures", _tasks(figures))
    lines += _folded("Servers, memory, failures, counts", _around(figures))
    lines += _folded("What the figures mean", _meanings(figures))
    return "\n".join(lines) + "\n"


def _card(figures: RunFigures) -> list[str]:
    small = card(figures)
    if small is None:
        return []
    rows = [
        row(map(escaped, small.head)),
        row(["---"] * small.names + ["---:"] * (len(small.head) - small.names)),
        *(row(map(escaped, texts)) for texts in small.rows),
    ]
    return ["", *rows, "", small.note]


def _tasks(figures: RunFigures) -> Iterator[str]:
    """Every task's table and curves."""
    columns = words.columns(figures.tasks)
    for part in figures.tasks:
        yield from ("", f"### {escaped(words.one_line(part.task))}", "", *_table(part, columns))
        yield from _measures(part)
        for curve in part.curves:
            yield from _curve(curve)
    yield from _listed(repeats.TITLE.capitalize(), repeats.sentences(figures.repeats))
    yield from _listed("Effort words", (words.effort(point) for point in figures.efforts))
    yield from _listed("Loops", loop_lines(figures.loops))


def _around(figures: RunFigures) -> Iterator[str]:
    """What surrounds the tables."""
    servers = (f"{record.model}: {words.server(record)}" for record in figures.servers)
    yield from _listed("Servers", servers)
    yield from _memory(figures)
    if figures.failures:
        yield from ("", "**Failures**", "")
    for group in figures.failures:
        example = words.one_line(group.example, 200)
        yield f"- {escaped(words.failure(group))}" + (f"; {code_span(example)}" if example else "")
    yield from _listed("Counts of thinking tokens", words.token_counts(figures.token_sources))


def _meanings(figures: RunFigures) -> Iterator[str]:
    for meaning in meanings(figures):
        yield from ("", escaped(meaning))


def _folded(title: str, lines: Iterable[str]) -> list[str]:
    """What a reader of the card opens: GitHub and Hugging Face both show it so. Nothing for no lines."""
    told = list(lines)
    return ["", f"<details><summary>{title}</summary>", *told, "", "</details>"] if told else []


def _table(part: TaskFigures, columns: tuple[words.Column, ...]) -> list[str]:
    first = ["model", "budget"] if part.has_budgets else ["model"]
    rows = [
        row([*first, *(column.title for column in columns)]),
        row(["---"] * len(first) + ["---:"] * len(columns)),
    ]
    for cell in part.cells:
        named = [escaped(words.one_line(cell.model))]
        if part.has_budgets:
            named.append(words.budget(cell.budget))
        rows.append(row([*named, *(column.text(cell) for column in columns)]))
    return rows


def _curve(curve: ModelCurve) -> list[str]:
    columns = curve_words.COLUMNS
    lines = ["", f"**{escaped(curve_words.title(curve))}**", ""]
    lines.append(row(["budget", *(column.title for column in columns)]))
    lines.append(row(["---:"] * (1 + len(columns))))
    for cell in curve.cells:
        texts = (escaped(column.text(cell)) for column in columns)
        lines.append(row([words.budget(cell.budget), *texts]))
    listed = [f"- {escaped(line)}" for line in curve_words.summary(curve)]
    return [*lines, "", *listed] if listed else lines


def _memory(figures: RunFigures) -> list[str]:
    """A line a model, then what does not agree."""
    told, notes = memory.shown(figures.memory), memory.notes(figures.memory)
    if not told:
        return _listed(memory.TITLE, notes)
    titles = [column.title for column in memory.COLUMNS]
    rows = [row(["model", *titles]), row(["---"] + ["---:"] * len(titles))]
    for each in told:
        texts = (escaped(column.text(each)) for column in memory.COLUMNS)
        rows.append(row([escaped(words.one_line(each.model)), *texts]))
    listed = [f"- {escaped(line)}" for line in notes]
    return ["", f"**{memory.TITLE}**", "", *rows, *(["", *listed] if listed else [])]


def _measures(part: TaskFigures) -> list[str]:
    lines = []
    for measured in part.measured:
        whose = escaped(words.measured_of(measured, part))
        lines += ["", f"| {whose} | value | n | |", "| --- | ---: | ---: | --- |"]
        lines += [
            row(
                [
                    escaped(words.one_line(text))
                    for text in (each.name, words.measure(each), f"{each.n:,}", each.note)
                ]
            )
            for each in measured.measures
        ]
    return lines


def _listed(title: str, lines: Iterable[str]) -> list[str]:
    listed = [f"- {escaped(words.one_line(line))}" for line in lines]
    return ["", f"**{title}**", "", *listed] if listed else []
