"""Rows from a file: JSON lines, JSON, CSV or Parquet, told apart by the file's suffix."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from evalbudget.errors import DataError

Row: TypeAlias = Mapping[str, object]

_LONGEST_CELL = 2**24
"""Characters in one cell of a CSV file; the library's own limit, 131,072, is less than a long document."""

TEXT_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv")
SUFFIXES = (*TEXT_SUFFIXES, ".parquet")


def read_rows(path: Path) -> list[Row]:
    """The rows of a file, in order. Raises DataError that names file and line."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path}: data with an unknown suffix; known: {', '.join(SUFFIXES)}")
    if suffix == ".parquet":
        return _parquet(path)
    return rows_of_text(read_text(path), suffix, path)


def rows_of_text(text: str, suffix: str, place: Path | str) -> list[Row]:
    """The rows of a text in the form that a file's suffix, one of `TEXT_SUFFIXES`, says."""
    if suffix == ".csv":
        return _csv(text, place)
    if suffix == ".json" and text.lstrip()[:1] == "[":
        return _json(text, place)
    return json_lines(text, place)


def json_lines(text: str, place: Path | str) -> list[Row]:
    """One JSON object a line. Lines end in "\\n" alone: text may hold U+2028, where `splitlines` cuts."""
    return [_object(line, f"{place}:{number}") for number, line in numbered_lines(text)]


def numbered_lines(text: str) -> list[tuple[int, str]]:
    """The lines of JSON-lines text that are not blank, with their numbers from 1."""
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def read_text(path: Path) -> str:
    """A file as UTF-8 text, without a byte-order mark. Raises DataError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def _object(text: str, place: str) -> Row:
    try:
        row = json.loads(text)
    except ValueError as error:
        raise DataError(f"{place}: not valid JSON: {error}") from None
    if not isinstance(row, dict):
        raise DataError(f'{place}: a JSON object was expected, such as {{"question": …, "target": …}}')
    return row


def _json(text: str, place: Path | str) -> list[Row]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise DataError(f"{place}: not valid JSON: {error}") from None
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise DataError(f"{place}: entry {number} is no JSON object")
    return list(rows)


def _csv(text: str, place: Path | str) -> list[Row]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    try:
        for row in reader:
            if None in row or None in row.values():
                raise DataError(f"{place}:{reader.line_num}: not as many fields as the header has")
            rows.append(row)
    except csv.Error as error:
        raise DataError(f"{place}:{reader.line_num}: not valid CSV: {error}") from None
    return rows


def _parquet(path: Path) -> list[Row]:
    import duckdb  # noqa: PLC0415 - needed for Parquet alone

    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        with duckdb.connect() as connection:
            found = connection.execute("select * from read_parquet(?)", [str(path)])
            names = [str(column[0]) for column in found.description or ()]
            return [dict(zip(names, values, strict=True)) for values in found.fetchall()]
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: cannot be read as Parquet: {reason}") from None
