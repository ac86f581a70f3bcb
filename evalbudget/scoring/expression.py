"""The mathematics in a box or a statement, as LaTeX for a parser."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from evalbudget.scoring.latex import NO_UNITS, UNITS, signs, spoken
from evalbudget.scoring.words import number_in_words

LONGEST = 2_000
"""Characters that are read; more is no answer to a question with an expression for its answer."""

_SPAN = re.compile(
    r"\$\$([^$]{1,2000})\$\$|\$([^$]{1,2000})\$|\\\[((?:[^\\]|\\(?!\])){1,2000}?)\\\]|\\\(((?:[^\\]|\\(?!\))){1,2000}?)\\\)"
)
"""Mathematics between its delimiters."""
_DELIMITER = re.compile(r"(?<!\\)(?:\$|\\[()\[\]])")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_LISTED = {"or", "and"}
_OTHER_MEANING = {
    "not",
    "no",
    "between",
    "to",
    "from",
    "except",
    "least",
    "most",
    "less",
    "more",
    "greater",
    "than",
}
_OTHER_MEANING |= {"under", "over", "above", "below", "unless", "if", "mod", "through", "neither", "nor"}
_FUNCTIONS = {
    "sqrt",
    "pi",
    "sin",
    "cos",
    "tan",
    "cot",
    "log",
    "ln",
    "exp",
    "arcsin",
    "arccos",
    "arctan",
    "infty",
}
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox|operatorname)\s?\{[^{}]{0,200}\}")
_CHOICE = re.compile(r"\A\s{0,4}\\(?:text|textbf|mathrm|mathbf)\s?\{\s?\([A-J]\)\s?\}(?=.*\d)")
"""The letter of a choice before its value."""
_BETWEEN = re.compile(r"\s{0,4},?\s{0,4}(?:or|and|,)?\s{0,4}", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s{0,4},?\s{1,4}(?:or|and)\s{1,4}", re.IGNORECASE)
_UNEQUAL = re.compile(r"[\s$]{0,4}(?:\\neq?(?![A-Za-z])|\\not(?![A-Za-z])|≠|!=)")
_COUNTED = re.compile(rf"(?P<number>[^A-Za-z\\]{{1,60}}?)(?P<unit>{UNITS})")
_LONGEST_WORDS = 100
_TEN_TO = re.compile(r"(?<=\d)[eE]([-+]?\d{1,4})(?![\d.])")
_ROOT = re.compile(r"(?<!\\)sqrt\s?\(([^()]{1,60})\)|√\s?(?:\(([^()]{1,60})\)|(\w{1,20}))")
_FUNCTION = re.compile(rf"(?<![\\A-Za-z])({'|'.join(sorted(_FUNCTIONS))})(?![A-Za-z])")
_RAISED = re.compile("([⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,9})")
_COMMANDS = str.maketrans(
    {
        "π": r"\pi ",
        "∞": r"\infty ",
        "×": r"\times ",
        "·": r"\cdot ",
        "÷": r"\div ",
        "≤": r"\le ",
        "≥": r"\ge ",
        "±": r"\pm ",
        "∅": r"\emptyset ",
    }
)


def expression(text: str) -> str | None:
    """`The roots are $1$ and $2$` → `1, 2`; `sqrt(2)/2` → `\\sqrt{2}/2`; `5 apples` → `5`.

    None for words, for what is said not to be equal, and where more than `LONGEST` characters stand.
    """
    if len(text) > LONGEST:
        return None
    text = _trimmed(_CHOICE.sub("", signs(text)))
    if _UNEQUAL.match(text):
        return None
    spans = list(_SPAN.finditer(text))
    if spans and not re.search(r"[\d^/*+\\-]", _SPAN.sub(" ", text)):
        around = set(_WORD.findall(_SPAN.sub(" ", text).lower()))
        between = [text[one.end() : other.start()] for one, other in pairwise(spans)]
        if around & _OTHER_MEANING or not all(map(_BETWEEN.fullmatch, between)):
            return None
        return ", ".join(_as_latex(next(filter(None, span.groups()), "")) for span in spans)
    return _undelimited(_DELIMITER.sub("", text))


def _undelimited(text: str) -> str | None:
    number = number_in_words(spoken(text)) if len(text) <= _LONGEST_WORDS else None
    if number is not None:
        return str(number)
    counted = _COUNTED.fullmatch(text)
    if counted and not (NO_UNITS | _OTHER_MEANING).intersection(
        re.findall(r"[a-z]+", counted["unit"].lower())
    ):
        return _as_latex(counted["number"])
    words = set(_WORD.findall(_TEXT.sub(" ", text).lower())) - _FUNCTIONS
    return _as_latex(_SEPARATOR.sub(", ", text)) or None if words <= _LISTED else None


def _as_latex(text: str) -> str:
    """Signs and functions that stand there as plain text, as LaTeX's commands."""
    text = "".join(str(int(each)) if each.isdecimal() else each for each in _trimmed(text))
    text = _ROOT.sub(lambda root: rf"\sqrt{{{root[1] or root[2] or root[3]}}}", text)
    text = _RAISED.sub(lambda power: f"^{{{signs(unicodedata.normalize('NFKC', power[1]))}}}", text)
    text = _FUNCTION.sub(r"\\\1 ", text).translate(_COMMANDS).replace("**", "^")
    return re.sub(r"(?<!\\)%", r"\\%", _TEN_TO.sub(r"\\times 10^{\1}", text))


def _trimmed(text: str) -> str:
    """Without Markdown's marks around it and the sentence's mark at its end."""
    before = None
    while before != text:
        before = text
        text = text.strip(" \t\r\n`_").removeprefix("**").removesuffix("**").rstrip(".,;:\u3002")
    return text
