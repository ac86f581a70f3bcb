"""`number`: a decimal, a fraction or a power of ten."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from evalbudget.records import Reply, Sample, Score
from evalbudget.scoring.given import LONGEST, given_answer
from evalbudget.scoring.latex import NO_UNITS, UNITS, names_two_values, plain, spoken, unwrapped
from evalbudget.scoring.words import number_in_words

_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
"""Word behind a number → power of ten."""
_DECIMAL = r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d{0,40})?|\d{1,60}(?:[.,]\d{1,40}|\.)?|\.\d{1,40}"
_NUMBER = re.compile(
    rf"\+?(?P<minus>-?)\s?(?:(?P<whole>\d{{1,60}})\s(?=\d{{1,60}}\s?/))?(?P<top>{_DECIMAL})"
    rf"(?:[eE](?P<e>[-+]?\d{{1,3}})|\s?(?:\\times|\\cdot|×|·|x|\*)\s?10\^\{{?(?P<power>-?\d{{1,3}})\}}?"
    rf"|\s?/\s?(?P<bottom>{_DECIMAL}))?"
    rf"[*_`)]*(?:\s(?P<scale>{'|'.join(_SCALES)})\b)?(?P<unit>{UNITS})"
)
_FRAC = re.compile(r"\\[dt]?frac\s*(?:\{\s*(-?[\d.]{1,60})\s*\}\s*\{\s*([\d.]{1,60})\s*\}|(\d)\s*(\d))")
_VULGAR = re.compile("([\u00bc-\u00be\u2150-\u215e])")
_RAISED = re.compile("10([⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})")
_ROUGHLY = re.compile(r"^(?:~|about|approximately|approx\.?|roughly|around|nearly)\s{0,4}", re.IGNORECASE)
_EQUAL = re.compile(r"=|≈|≃|\\approx|\\simeq")
_PERCENT = re.compile(r"%|\bper ?cent\b", re.IGNORECASE)


def number(sample: Sample, reply: Reply, *, tolerance: float = 1e-6) -> Score:
    """1 where the number that the answer gives is the target within `tolerance`, relative to the target.

    Given as for `integer`: the last box, else the last statement, else a bare number. `50%` is right for a
    target of 50 and for one of 0.5. details: `form`.
    """
    target = read_number(sample.target)
    given = given_answer(reply.answer, read_number)
    correct = False
    if given.value is not None and target is not None:
        percent = given.text is not None and _PERCENT.search(given.text)
        meant = (given.value, given.value / 100) if percent else (given.value,)
        correct = any(abs(value - target) <= Fraction(tolerance) * abs(target) for value in meant)
    return Score(value=float(correct), extracted=given.text, details={"form": given.form})


def read_number(text: str) -> Fraction | None:
    """The number that a box or a statement holds; None for all else.

    Understood: `0.5`, `0,5`, `1/2`, `\\frac{1}{2}`, `1 1/2`, `½`, `1,024.5`, `1.5e3`, `1.5 \\times 10^3`,
    `1.5 million`, `x ≈ 0.5`, `about 0.5`, digits of other scripts, each with units.
    """
    if len(text) > LONGEST:
        return None
    words = _VULGAR.sub(
        lambda sign: " " + unicodedata.normalize("NFKC", sign[1]).replace("\u2044", "/"), text
    )
    words = _RAISED.sub(lambda raised: f"10^{unicodedata.normalize('NFKC', raised[1])}", words)
    words = _FRAC.sub(_slashed, plain(words))
    if names_two_values(words):
        return None
    for side in reversed(_EQUAL.split(words)):
        found = _NUMBER.fullmatch(_ROUGHLY.sub("", unwrapped(side)))
        if found and not NO_UNITS.intersection(re.findall(r"[a-z]+", found["unit"].lower())):
            return _value(found)
    whole = number_in_words(spoken(text))
    return None if whole is None else Fraction(whole)


def _value(found: re.Match[str]) -> Fraction | None:
    bottom = _fraction(found["bottom"] or "1")
    if not bottom:
        return None
    value = _fraction(found["top"]) / bottom
    if found["whole"]:
        value += int(found["whole"])
    power = int(found["e"] or found["power"] or 0) + _SCALES.get(found["scale"] or "", 0)
    return (-1 if found["minus"] else 1) * value * Fraction(10) ** power


def _slashed(frac: re.Match[str]) -> str:
    """`\\frac{1}{2}` → `1/2`, apart from a whole number before it."""
    return f" {frac[1]}/{frac[2]}" if frac[1] else f" {frac[3]}/{frac[4]}"


def _fraction(digits: str) -> Fraction:
    """Of a comma, three digits follow in thousands; else it is a decimal point."""
    if re.fullmatch(r"\d{1,60},\d{1,40}", digits) and not re.fullmatch(r"[1-9]\d{0,2},\d{3}", digits):
        return Fraction(digits.replace(",", "."))
    return Fraction(digits.replace(",", ""))
