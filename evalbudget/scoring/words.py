"""Whole numbers in English words."""

from __future__ import annotations

_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_ONES += [
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: value for value, word in enumerate(_ONES)}
_VALUES |= {word: 10 * value for value, word in enumerate(_TENS, 2)}
_SCALES = {"hundred": 100, "thousand": 1000}
_LONGEST = 100
"""Characters: 777,777 takes 82."""


def number_in_words(text: str) -> int | None:
    """`minus two hundred and four` → -204, up to 999,999; None for all that is not one such number."""
    if len(text) > _LONGEST:
        return None
    words = [word for word in text.lower().replace("-", " ").split() if word != "and"]
    sign = -1 if words[:1] in (["minus"], ["negative"]) else 1
    words = words[1:] if sign < 0 else words
    if words[:1] == ["a"]:
        words = ["one", *words[1:]] if words[1:2] in (["hundred"], ["thousand"]) else []
    total = group = 0
    for word in words:
        if word == "thousand":
            total, group = group * 1000, 0
        elif word in _SCALES:
            group *= _SCALES[word]
        elif word in _VALUES:
            group += _VALUES[word]
        else:
            return None
    value = total + group
    return sign * value if words and value < 1_000_000 and words == in_words(value) else None


def in_words(value: int) -> list[str]:
    """204 → two, hundred, four; from 0 to 999,999."""
    if value >= 1000:
        rest = in_words(value % 1000) if value % 1000 else []
        return [*in_words(value // 1000), "thousand", *rest]
    if value >= 100:
        rest = in_words(value % 100) if value % 100 else []
        return [_ONES[value // 100], "hundred", *rest]
    if value >= 20:
        return [_TENS[value // 10 - 2], *([_ONES[value % 10]] if value % 10 else [])]
    return [_ONES[value]]
