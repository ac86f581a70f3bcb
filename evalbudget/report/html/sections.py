"""A run's figures as the sections of a page, in the words and the order of every report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from evalbudget.fingerprint import is_secret_name, without_places
from evalbudget.records import JsonValue, ServerRecord
from evalbudget.report import comparison, curve_words, memory, repeats, words
from evalbudget.report.card import card, how_measured
from evalbudget.report.comparison import Compared
from evalbudget.report.figures import RunFigures
from evalbudget.report.html import charts
from evalbudget.report.html.blocks import (
    Block,
    Code,
    Facts,
    Folded,
    Lines,
    Paragraph,
    Part,
    Section,
    Table,
)
from evalbudget.report.meanings import meanings
from evalbudget.report.task_figures import TaskFigures
from evalbudget.report.warnings import loop_lines, warnings
from evalbudget.store.memory import Use
from evalbudget.store.queries import Store

_POINTS: Final = 200
"""Of each model's use over time: more than a page is wide would not be seen."""
_LEFT_OUT: Final = "Paths, addresses and keys are left out, so that the page may be published."


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What the page shows of a run beside its figures."""

    models: tuple[str, ...]
    """In the run's order, by which colours go."""
    suite: str
    """Its YAML."""
    use: tuple[Use, ...]
    """How full the servers' caches were."""


def beside(db: Path, figures: RunFigures) -> Beside:
    """Raises `StoreBusyError` where the store cannot be read."""
    run_id = figures.run.run_id
    store = Store(db)
    with store.batch():
        recorded, use, suite = store.models(run_id), store.use_over_time(run_id, _POINTS), store.suite(run_id)
    asked = [cell.model for part in figures.tasks for cell in part.cells]
    return Beside(models=tuple(dict.fromkeys([*recorded, *asked])), suite=suite, use=use)


def opening(figures: RunFigures) -> tuple[Block, ...]:
    """What stands above all sections: what limits the figures, the small table, the verdicts."""
    found: list[Block] = []
    limits = tuple(note for note in (words.resume_hint(figures.run), *figures.notes) if note)
    if limits:
        found.append(Lines(lines=limits, looks="warning"))
    small = card(figures)
    if small is None:
        found.append(Paragraph(text="no attempt yet"))
    else:
        found.append(Table(caption=small.note, head=small.head, rows=small.rows, names=small.names))
    if figures.compared:
        found.append(Lines(lines=tuple(each.sentence for each in figures.compared), looks="verdict"))
    return tuple(found)


def sections(figures: RunFigures, more: Beside) -> tuple[Section, ...]:
    """All that there is something to say of."""
    drawing, columns = charts.Drawing(models=more.models), words.columns(figures.tasks)
    made = (
        Section(id="warnings", title="Warnings", blocks=_listed(warnings(figures), "warning")),
        *(_task(part, columns, drawing, place) for place, part in enumerate(figures.tasks, start=1)),
        Section(
            id="compared", title=comparison.TITLE.capitalize(), blocks=tuple(_compared(figures, drawing))
        ),
        Section(
            id="repeats", title=repeats.TITLE.capitalize(), blocks=_listed(repeats.sentences(figures.repeats))
        ),
        Section(id="effort", title="Effort words", blocks=_listed(map(words.effort, figures.efforts))),
        Section(id="loops", title="Loops", blocks=tuple(_loops(figures, drawing))),
        Section(id="memory", title=memory.TITLE, blocks=tuple(_memory(figures, more, drawing))),
        Section(id="servers", title="Servers", blocks=tuple(map(_server, figures.servers))),
        Section(id="failures", title="Failures", blocks=tuple(_failures(figures))),
        Section(id="meaning", title="What the figures mean", blocks=tuple(_meanings(figures))),
        Section(id="made", title="How it was made", blocks=tuple(_made(figures, more))),
    )
    return tuple(each for each in made if each.blocks)


def _listed(lines: Iterable[str], looks: str = "") -> tuple[Block, ...]:
    told = tuple(lines)
    return (Lines(lines=told, looks=looks),) if told else ()


def _task(
    part: TaskFigures, columns: tuple[words.Column, ...], drawing: charts.Drawing, place: int
) -> Section:
    found: list[Block] = [_cells(part, columns), *charts.of_task(part, drawing)]
    for curve in part.curves:
        rows = tuple(
            (words.budget(cell.budget), *(column.text(cell) for column in curve_words.COLUMNS))
            for cell in curve.cells
        )
        head = ("budget", *(column.title for column in curve_words.COLUMNS))
        told: tuple[Block, ...] = (Table(caption=curve_words.title(curve), head=head, rows=rows),)
        told += _listed(curve_words.summary(curve))
        found.append(Folded(title=f"Curve of {curve_words.title(curve)}", blocks=told))
    found += _measures(part)
    return Section(id=f"task-{place}", title=words.one_line(part.task), blocks=tuple(found))


def _cells(part: TaskFigures, columns: tuple[words.Column, ...]) -> Table:
    first = ("model", "budget") if part.has_budgets else ("model",)
    rows = []
    for cell in part.cells:
        named = [words.one_line(cell.model), *([words.budget(cell.budget)] if part.has_budgets else [])]
        rows.append((*named, *(column.text(cell) for column in columns)))
    return Table(
        caption=f"{words.one_line(part.task)}: every model" + (" and budget" if part.has_budgets else ""),
        head=(*first, *(column.title for column in columns)),
        rows=tuple(rows),
        names=len(first),
    )


def _measures(part: TaskFigures) -> Iterator[Block]:
    for measured in part.measured:
        rows = tuple(
            (words.one_line(each.name), words.measure(each), f"{each.n:,}", words.one_line(each.note))
            for each in measured.measures
        )
        whose = words.measured_of(measured, part)
        table = Table(caption=whose, head=("measure", "value", "n", ""), rows=rows, words=frozenset({3}))
        yield Folded(title=f"What the task's authors publish: {whose}", blocks=(table,))


def _compared(figures: RunFigures, drawing: charts.Drawing) -> Iterator[Block]:
    if not figures.compared:
        return
    yield from charts.of_comparisons(figures.compared, drawing)
    yield Lines(lines=tuple(each.line for each in figures.compared))
    for each in figures.compared:
        yield Folded(title=_whose(each), blocks=tuple(_in_full(each)))


def _whose(each: Compared) -> str:
    where = "" if each.budget is None else f" at budget {words.budget(each.budget)}"
    return f"{each.pair.title} on {words.one_line(each.task)}{where}"


def _in_full(each: Compared) -> Iterator[Block]:
    rows = tuple((row.title, row.base, row.candidate, row.difference, row.note) for row in each.rows)
    head = ("", each.pair.base.name, each.pair.candidate.name, "difference", "")
    yield Table(caption=_whose(each), head=head, rows=rows, words=frozenset({3, 4}))
    yield from _listed((*each.warnings, *each.pair.besides), "warning")


def _loops(figures: RunFigures, drawing: charts.Drawing) -> Iterator[Block]:
    yield from charts.of_loops(figures, drawing)
    yield from _listed(loop_lines(figures.loops))


def _memory(figures: RunFigures, more: Beside, drawing: charts.Drawing) -> Iterator[Block]:
    told, notes = memory.shown(figures.memory), memory.notes(figures.memory)
    if told:
        columns = memory.COLUMNS
        rows = tuple(
            (words.one_line(each.model), *(column.text(each) for column in columns)) for each in told
        )
        head = ("model", *(column.title for column in columns))
        yield Table(caption="Expected and measured, room and use", head=head, rows=rows)
        yield from charts.of_memory(figures.memory, more.use, drawing)
    yield from _listed(notes)


def _server(record: ServerRecord) -> Part:
    flags = without_places({name: _without_keys(value) for name, value in record.flags.items()})
    facts = [("served", words.server(record))]
    if isinstance(flags, dict):
        facts += [(words.one_line(name, 80), _value(value)) for name, value in flags.items()]
    patches = [
        (f"patch {words.one_line(name, 80)}", words.one_line(sha, 80)) for name, sha in record.patches.items()
    ]
    identity = without_places(record.identity)
    told = [("fingerprint", words.one_line(record.fingerprint))] if record.fingerprint else []
    blocks: list[Block] = [Facts(facts=(facts[0], *told, *patches))]
    if facts[1:]:
        blocks.append(Folded(title="Flags", blocks=(Facts(facts=tuple(facts[1:])),)))
    if isinstance(identity, dict) and identity:
        told = [(words.one_line(name, 80), _value(value)) for name, value in identity.items()]
        blocks.append(Folded(title="What the fingerprint is of", blocks=(Facts(facts=tuple(told)),)))
    return Part(title=words.one_line(record.model), blocks=tuple(blocks))


def _without_keys(value: JsonValue) -> JsonValue:
    """A command without what stands behind an option that takes a key."""
    if not isinstance(value, list):
        return value
    kept: list[JsonValue] = []
    follows_name = False
    for word in value:
        name, equals, _ = word.partition("=") if isinstance(word, str) else ("", "", "")
        is_name = name.startswith("-") and is_secret_name(name)
        kept.append("***" if follows_name else f"{name}=***" if is_name and equals else word)
        follows_name = is_name and not equals
    return kept


def _value(value: JsonValue) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return words.one_line(text, 400)


def _failures(figures: RunFigures) -> Iterator[Block]:
    if figures.failures:
        rows = tuple((words.failure(group), words.one_line(group.example, 200)) for group in figures.failures)
        yield Table(
            caption="Failed attempts, in no figure",
            head=("what", "an example of the message"),
            rows=rows,
            words=frozenset({1}),
        )


def _made(figures: RunFigures, more: Beside) -> Iterator[Block]:
    run = figures.run
    yield Facts(facts=(("run", run.run_id), ("evalbudget", words.one_line(run.version))))
    yield from _listed(how_measured(figures))
    counts = words.token_counts(figures.token_sources)
    if counts:
        yield Part(title="Counts of thinking tokens", blocks=_listed(counts))
    if more.suite.strip():
        yield Folded(title="The suite", blocks=(Paragraph(text=_LEFT_OUT), Code(text=_published(more.suite))))


def _meanings(figures: RunFigures) -> Iterator[Block]:
    for meaning in meanings(figures):
        yield Paragraph(text=meaning)


def _published(suite: str) -> str:
    """A suite's text without paths, addresses and keys, line by line."""
    return "\n".join(_published_line(line) for line in suite.splitlines())


def _published_line(line: str) -> str:
    indent = re.match(r"\s*", line)
    told = without_places(line)
    return (indent[0] if indent else "") + (told if isinstance(told, str) else "")
