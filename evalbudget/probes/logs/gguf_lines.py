"""The lines in which llama.cpp shows a GGUF's metadata → the metadata, where all that matters is shown."""

from __future__ import annotations

import json
import re

from evalbudget.probes.logs.figures import plain
from evalbudget.records import JsonValue

_LINE = re.compile(
    r"llama_model_loader: - kv {1,8}\d{1,6}: {1,120}(\S{1,120}) (\w{1,8}|arr\[[^\]]{1,20}\]) {1,60}= (.*)"
)
_CUT = "..."
"""llama.cpp shows some forty characters of a value."""
_MOST = 1000
"""Entries of one file."""


class GgufLines:
    """The entries of one file."""

    def __init__(self) -> None:
        self._found: dict[str, JsonValue] = {}
        self._complete = True

    def read(self, line: str) -> None:
        """Take the line, if it shows an entry."""
        entry = _LINE.match(line)
        if entry is None or entry[1].startswith("tokenizer.") or len(self._found) >= _MOST:
            return
        key, kind, text = plain(entry[1]), entry[2], entry[3].rstrip()
        if kind == "str":
            if not text.endswith(_CUT):
                self._found[key] = plain(text)
        elif (value := _value(text)) is not None:
            self._found[key] = value
        else:
            self._complete = False

    def metadata(self) -> dict[str, JsonValue]:
        """Empty unless each number and each list is shown whole: one that is missing changes the model."""
        return dict(self._found) if self._complete and "general.architecture" in self._found else {}


def _value(text: str) -> JsonValue:
    """A number, a truth value or a list of them; None for what is none, or is cut."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    parts = value if isinstance(value, list) else [value]
    whole = all(isinstance(part, int | float) and abs(part) < 1 << 63 for part in parts)
    return value if whole else None
