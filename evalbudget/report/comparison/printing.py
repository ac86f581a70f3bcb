"""What `compare` prints: in the terminal, in Markdown, in JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from evalbudget.report.comparison.cautions import of_pair
from evalbudget.report.comparison.gate import Gate
from evalbudget.report.comparison.plain import comparisons_json
from evalbudget.report.comparison.records import AtBudget, Compared, Comparisons, Pair, Row
from evalbudget.report.comparison.words import TARGETS, ends, place, points, signed
from evalbudget.report.markdown_text import escaped, row
from evalbudget.report.words import budget as budget_words
from evalbudget.report.words import one_line

FOOT: Final = (
    "* what the verdict is about. This benchmark: these very questions, were they answered without end. "
    "Questions like these: of which these are a draw. In brackets and beside: 95 % intervals. p: how often "
    "models alike differ so much; Holm's p is corrected for all comparisons of this page. No worse: not "
    "lower by the margin; within: on both sides; each one-sided, 5 %. Can detect: found 4 times of 5. From "
    "truncated on: over all of a run's attempts."
)
_TITLE_WIDTH: Final = 22
_FIGURE_WIDTH: Final = 10


def print_comparisons(told: Comparisons, taken: Sequence[str], gate: Gate | None, console: Console) -> None:
    """The verdicts, then the tables; text from models and servers is shown as it is, never as markup."""
    for line in taken:
        _print(console, line, style="dim")
    several = len(told.compared) > 1
    if several:
        _print(console, f"\n{told.sentence}", style="bold")
    if gate is not None:
        _print(console, gate.line, style="green" if gate.passed else "red")
    for each in told.compared:
        console.print()
        if len(told.pairs) > 1:
            _print(console, each.pair.title, style="dim")
        _print(console, each.sentence, style="bold")
        console.print()
        _print_table(each, console)
        for line in each.warnings:
            _print(console, f"! {line}", indent=2, style="yellow")
    _print_listed(console, "not compared", _not_compared(told))
    _print_listed(console, "what else differs", _besides(told.pairs))
    console.print()
    _print(console, FOOT, style="dim")


def _print_table(each: Compared, console: Console) -> None:
    names = _heads(each.pair)
    head = "".join(name.rjust(_FIGURE_WIDTH) for name in names)
    _print(
        console, f"{' ' * _TITLE_WIDTH}{head}  difference, margin {points(each.found.margin)}", style="dim"
    )
    left = _TITLE_WIDTH + 2 * _FIGURE_WIDTH + 2
    for one in _table(each):
        start = one.title.ljust(_TITLE_WIDTH) + "".join(
            text.rjust(_FIGURE_WIDTH) for text in (one.base, one.candidate)
        )
        room = max(20, console.width - left)
        said = _said(one)
        parts = [said] if cell_len(said) <= room else [one.difference, one.note]
        lines = [piece for part in parts if part for piece in Text(part).wrap(console, room)]
        for number, piece in enumerate(lines or [Text()]):
            piece.rstrip()
            text = Text((start if number == 0 else "").ljust(left)) + piece
            text.rstrip()
            console.print(text, no_wrap=True, overflow="ellipsis")


def _said(one: Row) -> str:
    return "; ".join(part for part in (one.difference, one.note) if part)


def _heads(pair: Pair) -> tuple[str, str]:
    """Both names where there is room for them."""
    names = pair.base.name, pair.candidate.name
    return names if all(cell_len(name) < _FIGURE_WIDTH for name in names) else ("base", "candidate")


def _table(each: Compared) -> Iterator[Row]:
    yield from each.rows
    yield from (_at(each, other) for other in each.others)


def _at(each: Compared, other: AtBudget) -> Row:
    """The difference at another budget; without a p, for the budgets of a curve hang together."""
    target = each.target if each.target in other.found.judged else "questions"
    judged = other.found.judged[target]
    about = "" if target == each.target else f"on {TARGETS[target]}"
    return Row(
        title=f"at budget {budget_words(other.budget)}",
        base=f"{100 * other.found.base:.1f} %",
        candidate=f"{100 * other.found.candidate:.1f} %",
        difference=f"{signed(other.found.difference)} points ({ends(judged.low, judged.high)})",
        note=about,
    )


def markdown(told: Comparisons, taken: Sequence[str], gate: Gate | None) -> str:
    """The same for a model card or a pull request; nothing in names acts."""
    lines = [f"## {escaped(_headline(told))}", ""]
    lines += [f"> {escaped(line)}  " for line in taken]
    if len(told.compared) > 1:
        lines += ["", f"**{escaped(told.sentence)}**"]
    if gate is not None:
        lines += ["", f"**{escaped(gate.line)}**"]
    for each in told.compared:
        title = place(each.task, each.budget)
        title = title if len(told.pairs) == 1 else f"{each.pair.title}: {title}"
        lines += ["", f"### {escaped(title)}", "", escaped(each.sentence), ""]
        names = escaped(each.pair.base.name), escaped(each.pair.candidate.name)
        lines += [row(["", *names, f"difference, margin {points(each.found.margin)}"])]
        lines += [row(["---", "---:", "---:", "---"])]
        for one in _table(each):
            title = one.title.strip().replace("* ", "")
            marked = f"**{escaped(title)}**" if one.title.startswith("*") else escaped(title)
            lines += [row([marked, escaped(one.base), escaped(one.candidate), escaped(_said(one))])]
        lines += _bullets("", each.warnings)
    lines += _bullets("Not compared", _not_compared(told))
    lines += _bullets("What else differs", _besides(told.pairs))
    lines += ["", escaped(FOOT.replace("* what", "In bold: what"))]
    return "\n".join(lines) + "\n"


def json_text(told: Comparisons, taken: Sequence[str], gate: Gate | None) -> str:
    """One object: taken (what the words were taken for), gate (passed, missed; null where not asked for), and
    the keys of `plain.comparisons_json`."""
    passed = None if gate is None else {"passed": gate.passed, "missed": list(gate.missed)}
    found = {"taken": list(taken), "gate": passed, **comparisons_json(told)}
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"


def _headline(told: Comparisons) -> str:
    titles = list(dict.fromkeys(pair.title for pair in told.pairs))
    return titles[0] if len(titles) == 1 else f"{len(titles)} models of two runs compared"


def _not_compared(told: Comparisons) -> tuple[str, ...]:
    several = len(told.pairs) > 1
    return tuple(
        f"{each.pair.title}, {place(each.task, None)}: {each.why}"
        if several
        else f"{place(each.task, None)}: {each.why}"
        for each in told.not_compared
    )


def _besides(pairs: Sequence[Pair]) -> tuple[str, ...]:
    if len(pairs) == 1:
        return pairs[0].besides
    return tuple(dict.fromkeys(line for pair in pairs for line in of_pair(pair)))


def _bullets(title: str, lines: Iterable[str]) -> list[str]:
    listed = [f"- {escaped(one_line(line, 600))}" for line in lines]
    head = [f"**{title}**", ""] if title else []
    return ["", *head, *listed] if listed else []


def _print_listed(console: Console, title: str, lines: Sequence[str]) -> None:
    if lines:
        _print(console, f"\n{title}", style="bold")
    for line in lines:
        _print(console, line, indent=2, style="yellow")


def _print(console: Console, text: str, *, indent: int = 0, style: str = "") -> None:
    for line in Text(text, style=style).wrap(console, max(20, console.width - indent)) if text else ():
        line.rstrip()
        console.print(Text(" " * indent) + line)
