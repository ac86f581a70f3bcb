"""Keys of a configuration, read with care: the file is somebody else's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from evalbudget.errors import InputError
from evalbudget.records import JsonValue

_MOST: Final = 2**40
"""No size of a layer is so large; what would be is a mistake in the file."""


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping of a file. Where several keys are given, models call the same by several names."""

    data: Mapping[str, JsonValue]
    file: str
    """As the user knows it; it opens every error."""
    prefix: str = ""
    """What stands before every key, such as `deepseek2.`."""

    def number(self, *keys: str) -> int | None:
        """The first that is there; None where none is."""
        for key in keys:
            value = self.data.get(self.prefix + key)
            if value is not None and not isinstance(value, list):
                return self._whole(key, value)
        return None

    def need(self, *keys: str) -> int:
        """The first that is there and more than 0."""
        value = self.number(*keys)
        if not value:
            raise InputError(
                f"{self.file}: {self.prefix}{keys[0]} is missing or 0, so its layers are not known"
            )
        return value

    def numbers(self, key: str, count: int) -> list[int] | None:
        """A list with one number for each layer; None where the key holds no list."""
        value = self.data.get(self.prefix + key)
        if not isinstance(value, list):
            return None
        if len(value) < count:
            raise InputError(f"{self.file}: {self.prefix}{key} has {len(value)} entries for {count} layers")
        return [self._whole(key, each) for each in value[:count]]

    def words(self, key: str) -> list[str] | None:
        """A list of words; None where the key holds no list."""
        value = self.data.get(self.prefix + key)
        return [str(each) for each in value] if isinstance(value, list) else None

    def text(self, key: str) -> str | None:
        """A word; None where there is none."""
        value = self.data.get(self.prefix + key)
        return value if isinstance(value, str) else None

    def flag(self, key: str) -> bool | None:
        """Yes or no; None where neither is said."""
        value = self.data.get(self.prefix + key)
        return value if isinstance(value, bool) else None

    def part(self, key: str) -> Fields | None:
        """A mapping inside."""
        value = self.data.get(self.prefix + key)
        return Fields(value, self.file) if isinstance(value, dict) else None

    def _whole(self, key: str, value: JsonValue) -> int:
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or not 0 <= value <= _MOST:
            raise InputError(f"{self.file}: {self.prefix}{key}: {str(value)[:40]!r} is no number of anything")
        return value
