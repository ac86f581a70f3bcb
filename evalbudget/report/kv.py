"""A model's KV memory, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.table import Column as TableColumn
from rich.table import Table
from rich.text import Text

from evalbudget.kv import Heads, Indexer, KvBytes, KvVerdict, Latent, LayerGroup, State, attention
from evalbudget.kv.memory import GroupBytes
from evalbudget.kv.sheet import Column, KvSheet
from evalbudget.records import JsonValue
from evalbudget.report.words import UNKNOWN, one_line

_STATES: Final = {"conv": "short convolution", "linear": "linear attention", "ssm": "state space"}
_ATTENTION: Final = {
    "mha": "multi-head attention",
    "gqa": "grouped-query attention",
    "mqa": "multi-query attention",
    "mla": "latent attention",
    "sliding": "attention with sliding windows",
    "hybrid": "attention beside other layers",
}


def print_kv(sheet: KvSheet, verdict: KvVerdict | None = None, *, as_json: bool) -> None:
    """Print the sheet on standard output, and what a log shows beside it."""
    if as_json:
        told = _json(sheet)
        if verdict is not None:
            told["measured"] = _verdict_json(verdict)
        click.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
        return
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(Text(_headline(sheet)))
    console.print(_layers(sheet.right.kv))
    console.print()
    if sheet.wrong is not None and sheet.wrong.reading is not None:
        console.print(Text(f"read as {sheet.wrong.reading.name}: {sheet.wrong.reading.means}"))
        console.print(_layers(sheet.wrong.kv))
        console.print()
    console.print(_figures(sheet))
    if verdict is not None:
        console.print()
        console.print(Text(f"measured by its log: {verdict.name or 'not known'}", style="bold"))
        console.print(Text(" ".join(filter(None, (verdict.says, verdict.advice)))))
    lines = _lines(sheet)
    if lines:
        console.print()
    for line in lines:
        console.print(Text(line, style="dim"))


def size(number: int) -> str:
    """Bytes with three figures or more, such as 1.65 GiB."""
    for unit, bits in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        value = number / 2**bits
        if value >= 1:
            digits = 2 if value < 10 else 1 if value < 1000 else 0
            return f"{value:,.{digits}f} {unit}"
    return f"{number} B"


def _headline(sheet: KvSheet) -> str:
    word = sheet.model.attention
    what = "no attention" if word is None else f"{word} ({_ATTENTION[word]})"
    where = "" if sheet.asked.tp == 1 else f" · each of {sheet.asked.tp} GPUs"
    return f"{one_line(sheet.model.name)} · {what} · cache {_type(sheet)}{where}"


def _type(sheet: KvSheet) -> str:
    keys, values = sheet.keys.name, sheet.values.name
    return keys if keys == values else f"{keys}/{values}"


def _layers(kv: KvBytes) -> Table:
    table = Table(
        TableColumn("layers", justify="right", no_wrap=True),
        TableColumn("what each keeps", overflow="fold"),
        TableColumn("bytes of all", justify="right", no_wrap=True),
        box=None,
        pad_edge=False,
        header_style="dim",
    )
    for each in kv.groups:
        table.add_row(f"{each.group.layers}", _kept(each.group), _bytes(each))
    return table


def _kept(group: LayerGroup) -> str:
    match group:
        case Heads():
            dims = (
                f"{group.key_dim}"
                if group.key_dim == group.value_dim
                else f"{group.key_dim}+{group.value_dim}"
            )
            shared = "" if group.kv_heads == group.heads else f" (of {group.heads})"
            until = "" if group.window is None else f", the latest {group.window:,} tokens"
            return f"K and V of {group.kv_heads} heads{shared} × {dims}{until}"
        case Latent():
            return f"one latent of {group.rank} + {group.rope_dim} for all heads"
        case Indexer():
            return f"an indexer's key of {group.dim}{', FP8' if group.fp8 else ''}"
        case State():
            return f"{_STATES[group.kind]}: a state of {size(group.bytes_per_layer)}, no tokens"


def _bytes(each: GroupBytes) -> str:
    if each.fixed:
        return f"{each.fixed:,} a sequence"
    return f"{each.every or each.windowed:,} a token"


def _figures(sheet: KvSheet) -> Table:
    ways = [sheet.right] if sheet.wrong is None else [sheet.right, sheet.wrong]
    names = ["as it is", *(f"as {way.reading.name}" for way in ways if way.reading)]
    table = Table(
        TableColumn("", no_wrap=True),
        *(TableColumn(name, justify="right", no_wrap=True) for name in names),
        *([TableColumn("ratio", justify="right", no_wrap=True)] if sheet.wrong else []),
        box=None,
        pad_edge=False,
        header_style="dim",
        show_header=len(ways) > 1,
    )

    def row(
        name: str,
        value: Callable[[Column], int | None],
        show: Callable[[int], str],
        *,
        compared: bool = True,
    ) -> None:
        found = [value(way) for way in ways]
        shown = [UNKNOWN if each is None else show(each) for each in found]
        table.add_row(name, *shown, *([_ratio(found)] if len(ways) > 1 and compared else []))

    row("bytes per token", lambda way: way.kv.bytes_per_token, plain)
    for term in sheet.right.kv.windows:
        row(
            f"  more for the latest {term.window:,} tokens",
            lambda way, width=term.window: _windowed(way, width),  # type: ignore[misc]
            plain,
        )
    row("fixed bytes per sequence", lambda way: way.kv.fixed_bytes, plain)
    for at, total in enumerate(sheet.right.totals):
        most = " (its most)" if total.tokens == sheet.model.context else ""
        row(f"{total.tokens:,} tokens{most}", lambda way, at=at: way.totals[at].bytes, size)  # type: ignore[misc]
    if sheet.asked.memory is None:
        return table
    beside = f" beside {size(sheet.asked.weights)} of weights" if sheet.asked.weights else ""
    table.add_row(f"in {size(sheet.asked.memory)}{beside}")
    row("  tokens of one sequence", lambda way: way.fits, plain, compared=False)
    for at, total in enumerate(sheet.right.totals):
        row(
            f"  sequences of {total.tokens:,} tokens",
            lambda way, at=at: way.totals[at].sequences,  # type: ignore[misc]
            plain,
            compared=False,
        )
    return table


def plain(number: int) -> str:
    """With commas."""
    return f"{number:,}"


def _windowed(way: Column, width: int) -> int:
    return sum(term.bytes_per_token for term in way.kv.windows if term.window == width)


def _ratio(found: list[int | None]) -> str:
    right, wrong = found[0], found[1]
    return f"{wrong / right:.3g} ×" if right and wrong else ""


def _lines(sheet: KvSheet) -> list[str]:
    lines = []
    draft = sheet.draft.bytes_per_token
    if draft:
        number = max(each.group.layers for each in sheet.draft.groups)
        what = "draft layer" if number == 1 else f"{number} draft layers"
        lines.append(f"A server that uses the model's {what} keeps {draft:,} bytes per token more.")
    if sheet.native is not None and sheet.native.bytes_per_token:
        ratio = sheet.right.kv.bytes_per_token / sheet.native.bytes_per_token
        lines.append(
            f"The architecture needs {sheet.native.bytes_per_token:,} bytes per token: this file makes it "
            f"{ratio:.3g} times as much."
        )
    if sheet.asked.block > 1:
        lines.append(f"In blocks of {sheet.asked.block} tokens, one of them left empty (vLLM's null block).")
    if sheet.asked.memory is not None and sheet.right.fits is None:
        lines.append("A sequence may be of any length: what it takes does not grow.")
    return [*lines, *(f"{_opened(note)}." for note in sheet.model.notes)]


def _opened(note: str) -> str:
    """A sentence's beginning; names stay as they are written."""
    return note if note.startswith("llama.cpp") else f"{note[:1].upper()}{note[1:]}"


def _json(sheet: KvSheet) -> dict[str, object]:
    wrong = sheet.wrong
    return {
        "file": sheet.file,
        "architecture": sheet.model.name,
        "context": sheet.model.context,
        "kv_dtype": _type(sheet),
        "tp": sheet.asked.tp,
        "block": sheet.asked.block,
        "memory": sheet.asked.memory,
        "weights": sheet.asked.weights if sheet.asked.memory is not None else None,
        **_column_json(sheet.right),
        "draft_bytes_per_token": sheet.draft.bytes_per_token,
        "native_bytes_per_token": None if sheet.native is None else sheet.native.bytes_per_token,
        "as": None
        if wrong is None or wrong.reading is None
        else {"name": wrong.reading.name, "ratio": sheet.ratio, **_column_json(wrong)},
        "notes": sheet.model.notes,
    }


def _verdict_json(verdict: KvVerdict) -> dict[str, object]:
    return {
        "verdict": verdict.name,
        "others": verdict.others,
        "ratio": verdict.ratio,
        "bytes_per_token": verdict.bytes_per_token,
        "expected_bytes_per_token": verdict.expected_bytes_per_token,
        "window_bytes_per_token": verdict.window_bytes_per_token,
        "fixed_bytes": verdict.fixed_bytes,
        "draft_bytes_per_token": verdict.draft_bytes_per_token,
        "capacity_tokens": verdict.capacity_tokens,
        "capacity_bytes": verdict.capacity_bytes,
        "block_tokens": verdict.block_tokens,
        "says": verdict.says,
        "advice": verdict.advice,
    }


def _column_json(way: Column) -> dict[str, object]:
    windows = way.kv.windows
    one = windows[0] if len(windows) == 1 else None
    return {
        "attention": attention(each.group for each in way.kv.groups),
        "bytes_per_token": way.kv.bytes_per_token,
        "fixed_bytes": way.kv.fixed_bytes,
        "window": one.window if one else None,
        "window_bytes_per_token": one.bytes_per_token if one else None,
        "windows": windows,
        "groups": [_group_json(each) for each in way.kv.groups],
        "totals": way.totals,
        "tokens_that_fit": way.fits,
    }


def _group_json(each: GroupBytes) -> dict[str, JsonValue]:
    return {
        "kind": type(each.group).__name__.lower(),
        **msgspec.to_builtins(each.group),
        "bytes_per_token": each.every,
        "window_bytes_per_token": each.windowed,
        "fixed_bytes": each.fixed,
    }
