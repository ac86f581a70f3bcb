"""Rows from a file inside a zip archive, decrypted in memory: nothing of it is ever written to a disk.

Authors who ask that their questions stay out of training data publish them in an archive whose password
stands beside it. Python's zipfile opens the old ZipCrypto; AES it does not.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from evalbudget.datasets.local import TEXT_SUFFIXES, Row, rows_of_text
from evalbudget.errors import DataError
from evalbudget.yaml_source import nearest

_MOST_BYTES = 2**30
"""Of one file once unpacked: what claims to be more is a mistake or an attack."""


def archive_rows(path: Path, member: str, password: str | None) -> list[Row]:
    """The rows of the file `member` in the archive, in order. Raises DataError that says what would work."""
    place = f"{path}:{member}"
    suffix = PurePosixPath(member).suffix.lower()
    if suffix not in TEXT_SUFFIXES:
        raise DataError(f"{place}: from an archive are read: {', '.join(TEXT_SUFFIXES)}")
    try:
        with zipfile.ZipFile(path) as archive:
            data = _unpacked(archive, member, password, place)
    except zipfile.BadZipFile:
        raise DataError(f"{path}: no zip archive, or a damaged one") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{place}: not UTF-8 text (byte {error.start})") from None
    return rows_of_text(text, suffix, place)


def _unpacked(archive: zipfile.ZipFile, member: str, password: str | None, place: str) -> bytes:
    try:
        entry = archive.getinfo(member)
    except KeyError:
        files = [name for name in archive.namelist() if not name.endswith("/")]
        raise DataError(f"{place}: not in the archive, {nearest(member, files)}") from None
    if entry.file_size > _MOST_BYTES:
        raise DataError(f"{place}: unpacks to {entry.file_size:,} bytes; at most {_MOST_BYTES:,} are read")
    encrypted = bool(entry.flag_bits & 1)
    if encrypted and password is None:
        raise DataError(f"{place}: encrypted; the task should give the published `password:`")
    try:
        with archive.open(entry, pwd=password.encode() if encrypted and password else None) as file:
            return file.read(_MOST_BYTES)
    except NotImplementedError:
        raise DataError(
            f"{place}: packed or encrypted in a way that Python cannot undo; pack it again"
        ) from None
    except (RuntimeError, zlib.error, zipfile.BadZipFile, EOFError):
        # A wrong password passes zipfile's own check once in 256 times, and then what comes out is noise.
        why = "the password is wrong, or the archive is damaged" if encrypted else "the archive is damaged"
        raise DataError(f"{place}: cannot be unpacked: {why}") from None
