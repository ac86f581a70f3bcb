"""`choice`: one letter of a multiple-choice question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from evalbudget.choices import LETTERS, OPTIONS, ORDER, POSITION
from evalbudget.records import JsonValue, Reply, Sample, Score
from evalbudget.scoring.conclusions import places
from evalbudget.scoring.letters import LONGEST, UNDECIDED, cleaned, read_letter, read_option

_WORD = re.compile(r"\w")
_CONCLUSION = 20_000
"""The last so many characters of a thinking are searched for what it concludes."""
_TRIED = 1000
"""Places that are read, what counts most first; who repeats a statement so often has said nothing in it."""
_COMPARED = 40
"""The last so many places are compared with the options' texts."""
_ALONE = re.compile(r"(?:(?:option|choice|answer)\s)?[(\[]?([A-Za-z])[)\].:!\s]{0,6}", re.IGNORECASE)
_LISTED = re.compile(
    r"[#>*_\s-]{0,6}(?:(?i:option|choice)\s)?[(*_]{0,3}[A-Z][*_]{0,3}"
    r"(?:[).:,]|\s(?:because|since|[-\u2013\u2014])\s)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLetter:
    """What an answer gives."""

    form: str | None
    """boxed, stated, concluded, text (an option's own words), bare, or None: nothing was found."""
    letter: str | None
    """None where none was found, and where several were given."""
    words: str | None
    """What holds it."""


def choice(sample: Sample, reply: Reply, *, letters: str = "ABCD") -> Score:
    """1 where the letter that the answer gives is the target; `letters` is for tasks without `choices`.

    Given by the last of these that holds a letter or an option's own words: a box; a statement ("Answer: B",
    "**Answer:** B", "The answer is (B)", "Correct option: B", a heading "Final answer", "no, it's B", …); a
    conclusion that ends the answer ("So option B is correct."). Without any: the last conclusion near either
    end; then a first or last line that is only a letter, or a lone "B) …"; then an answer that is an option's
    text. Hypotheses and denials ("if the answer is A", "not A") count for nothing, two letters at once for no
    letter, and the thinking never counts.

    details: `form` (boxed, stated, concluded, text, bare, null); `first_match` and `first_match_correct`, the
    letter and verdict of the rule that published figures use, on the same answer (openai/simple-evals,
    common.py, ANSWER_PATTERN_MULTICHOICE); `option_order`, `option_position` (evalbudget/choices.py); and,
    where the verdict is 0, `seen_in_thinking`: concluded (by these rules it gives the target) or null.
    """
    options = _texts(sample.extra.get(OPTIONS))
    letters = LETTERS[: len(options)] if options else letters
    target = sample.target.strip().upper()
    given = given_letter(reply.answer, letters, options)
    first = _first_match(reply.answer, letters)
    details: dict[str, JsonValue] = {
        "form": given.form,
        "first_match": first,
        "first_match_correct": first == target,
    }
    details |= {key: sample.extra[key] for key in (ORDER, POSITION) if key in sample.extra}
    if given.letter != target:
        thought = given_letter(reply.reasoning[-_CONCLUSION:], letters, options).letter
        details["seen_in_thinking"] = "concluded" if thought == target else None
    return Score(value=float(given.letter == target), extracted=given.letter or given.words, details=details)


def given_letter(answer: str, letters: str, options: Sequence[str] = ()) -> GivenLetter:
    """What the answer gives, by the rules of `choice`; `options` in the order of `letters`."""
    unread: str | None = None
    for tries, place in enumerate(islice(places(answer), _TRIED)):
        words = answer[place.start : place.end].lstrip()
        line = words[:LONGEST].split("\n", 1)[0].strip()
        letter = read_letter(line, letters)
        if letter in (None, UNDECIDED) and tries < _COMPARED:
            option = read_option(words, options)
            if option is not None:
                return GivenLetter(form="text", letter=letters[option], words=line)
            option = read_option(
                words, [f"{name} {text}" for name, text in zip(letters, options, strict=False)]
            )
            letter = letters[option] if option is not None else letter
        if letter == UNDECIDED and place.form == "concluded":
            continue
        if letter is not None:
            return GivenLetter(form=place.form, letter=letter if letter != UNDECIDED else None, words=line)
        if place.form == "boxed":
            unread = unread or line
    letter = _bare(answer, letters)
    if letter is not None:
        return GivenLetter(form="bare", letter=letter, words=letter)
    option = read_option(answer, options)
    if option is not None:
        return GivenLetter(form="text", letter=letters[option], words=letters[option])
    return GivenLetter(form="boxed" if unread else None, letter=None, words=unread)


def _bare(answer: str, letters: str) -> str | None:
    """The letter of a first or last line that is only a letter, or of the only line that a letter begins."""
    lines = [line for line in answer.split("\n") if _WORD.search(line)]
    for line in lines[-1:] + lines[:1]:
        alone = _ALONE.fullmatch(cleaned(line)) if len(line) <= LONGEST else None
        if alone is not None and alone[1].upper() in letters:
            return alone[1].upper()
    listed = [line for line in lines if _LISTED.match(line)]
    if len(listed) == 1 and listed[0] in (lines[0], lines[-1]):
        letter = read_letter(listed[0], letters)
        return letter if letter != UNDECIDED else None
    return None


def _first_match(answer: str, letters: str) -> str | None:
    """As it is written: the rule ignores case when it looks for a letter, but not when it compares."""
    found = re.search(rf"(?i)Answer[ \t]*:[ \t]*\$?([{re.escape(letters)}])\$?", answer)
    return found[1] if found else None


def _texts(value: JsonValue) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list) else []
