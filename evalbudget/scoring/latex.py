"""Numbers as models write them: LaTeX, units, thousands, typographic signs → plain digits."""

from __future__ import annotations

import re

_SIGNS = str.maketrans(
    {
        **{chr(0xFF10 + digit): str(digit) for digit in range(10)},  # full-width digits
        **dict.fromkeys("\u2212\u2013\u2014\uff0d\ufe63", "-"),  # minus, dashes, full-width minus
        **dict.fromkeys("\u00a0\u2007\u2009\u200a\u202f\u2005\u3000", " "),  # thin and fixed blanks
        **dict.fromkeys("\u200b\u2060\ufeff\u00ad", ""),  # blanks without a width
        **dict.fromkeys("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e", ""),  # writing direction
        **dict.fromkeys("\u2066\u2067\u2068\u2069", ""),
        "\u066b": ".",  # Arabic decimal point and thousands
        "\u066c": ",",
        "\uff0c": ",",
        "\uff0e": ".",
        "\u2261": "=",
        "\u00b0": " ",
    }
)
_WRAPPED = re.compile(
    r"\\(?:text|textbf|textit|textrm|textsf|texttt|emph|mathrm|mathbf|mathit|mathsf|mathtt|boldsymbol|bm|mbox|hbox"
    r"|boxed|fbox|underline|operatorname)\s*\{([^{}]*)\}(\s*\^\s*\{?\d\}?)?"
)
_MODULUS = re.compile(r"\\p?mod\s*\{[^{}]*\}|\\bmod\s*\d+|\(\s*(?:\\?mod)\s*\d+\s*\)")
_DEGREES = re.compile(r"\^\s*\{?\s*\\circ\s*\}?|\\degree|\\circ|\\?%")
_NOTHING = re.compile(
    r"\\!|\\\(|\\\)|\\\[|\\\]|\\(?:left|right|bigl?|bigr|Bigl?|Bigr|displaystyle|limits)(?![a-zA-Z])"
)
_BLANK = re.compile(r"\\[,;: ]|\\(?:quad|qquad|enspace|thinspace|hspace\{[^{}]*\})|~")
_PICTOGRAMS = re.compile("[\u2600-\u27bf\u2b50\ufe0f\U0001f000-\U0001faff]")
_MEANS_SOMETHING = re.compile(r"\d|\b(?:not|no|or|and|to|through|between|than|except|none|neither|nor)\b")
"""In `\\text{…}`, what must not vanish."""
UNITS = (
    r"(?:(?:\s|-){1,3}(?:[^\W\d_]{2,30}|[mgshlVAWJNKCFTH])\.?(?:\^\{?-?\d\}?|[²³])?"
    r"(?:\s?[/·*]\s?[^\W\d_]{1,30}(?:\^\{?-?\d\}?|[²³])?){0,3}){0,6}"
)
"""A pattern for the units behind a number: words, single letters that are units, quotients of them."""
NO_UNITS = frozenset(
    {"pi", "sqrt", "mod", "or", "and", "plus", "minus", "times", "over", "to", "not", "divided"}
)
NO_UNITS |= {"half", "quarter", "third", "dozen", "hundred", "thousand", "million", "billion", "trillion"}
"""Words behind a number that make another number of it, or none."""
_TWO_VALUES = re.compile(r"=[^=()]*(?:,(?!\d{3})|;|\band\b|\bor\b)[^=()]*=")
_CURRENCY = re.compile(r"\\?[$]|[\u20ac\u00a3]")


def plain(text: str) -> str:
    """A short piece of LaTeX or Markdown without decoration; what is mathematics stays as it was written.

    Words in `\\text{…}` vanish unless they hold a digit or a word such as "not" or "or". Only for bounded
    input (`given.LONGEST`).
    """
    text = signs(text).replace("{,}", ",").replace(r"\equiv", "=")
    for _ in range(4):  # nested wrappers, innermost first
        text, found = _WRAPPED.subn(lambda box: box[1] if _MEANS_SOMETHING.search(box[1]) else " ", text)
        if not found:
            break
    for pattern, instead in (
        (_MODULUS, " "),
        (_DEGREES, " "),
        (_NOTHING, ""),
        (_BLANK, " "),
        (_CURRENCY, ""),
    ):
        text = pattern.sub(instead, text)
    return unwrapped(text)


def signs(text: str) -> str:
    """Full-width digits, typographic signs and blanks as ASCII, without pictures and what has no width."""
    return _PICTOGRAMS.sub("", text.translate(_SIGNS))


def spoken(text: str) -> str:
    """The same piece as words: what stands in `\\text{…}` stays."""
    return unwrapped(_NOTHING.sub("", _WRAPPED.sub(r"\1", signs(text))))


def names_two_values(words: str) -> bool:
    """Whether plain text gives values to two things: `a = 1, b = 3`, unlike `a = 1 + 2 = 3`."""
    return _TWO_VALUES.search(words) is not None


def unwrapped(text: str) -> str:
    """Without the marks and brackets around the whole, and without punctuation at its end."""
    before = None
    while before != text:
        before = text
        text = text.strip(" \t\r\n*_`").rstrip(".,;:\u3002")
        if text[:1] + text[-1:] in ("{}", "()"):
            text = text[1:-1]
    return text
