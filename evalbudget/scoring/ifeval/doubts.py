"""Where IFEval's official verdict is a matter of luck, or not what a careful reader of the prompt would say.

The official verdict stands all the same, since published numbers rest on it; these are sentences for the row.
Sources: scitix/sieval (pull request 104), mlcommons/mobile_app_open (issue 1060), google-research (issues
3103 and 3427, pull request 3361), EleutherAI/lm-evaluation-harness (issue 4213), and our own reading of
checker and data. Only what bears on the strict verdict on this very answer is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from evalbudget.records import JsonValue

WRONG_DATA: Mapping[tuple[str, str], str] = {
    ("30", "startend:quotation"): "the data name it twice, so that it counts twice",
    ("337", "length_constraints:number_words"): "the prompt asks for 400 words, the data for 336",
    ("1174", "keywords:letter_frequency"): 'the prompt asks for at least 6 "o", the data for fewer than 6',
    ("2078", "detectable_format:number_bullet_lists"): "the prompt asks for one bullet point and for a few",
    ("2180", "length_constraints:number_paragraphs"): "the prompt asks for at least 5 parts, the data for 5",
}
"""Key of google/IFEval and instruction → what is wrong with them."""

_OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_DEEP = 900
"""Levels of JSON; Python's own parser gives up at a thousand or later."""
_BOLD = re.compile(r"\*\*([^\n*]+)\*\*")
_ITALIC = re.compile(r"\*([^\n*]+)\*")
_BULLET = re.compile(r"^[ \t]*[*+-][ \t]", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One instruction with the answer to it and the strict verdict."""

    arguments: Mapping[str, JsonValue]
    answer: str
    followed: bool

    def number(self, name: str) -> int:
        """A whole number among the arguments; 0 where it is missing."""
        value = self.arguments.get(name)
        return value if isinstance(value, int) else 0

    def differs(self, count: int, name: str, relation: str = "at least") -> bool:
        """Whether `count`, held against the argument `name`, gives another verdict than the official one."""
        limit = self.number(name)
        holds = {"less than": count < limit, "at least": count >= limit, "exactly": count == limit}
        return holds[str(self.arguments.get("relation", relation))] is not self.followed


def luck(name: str, sight: Sighting) -> str | None:
    """What is random in the official verdict: the detector of languages, where it is asked and wavers."""
    wanted = sight.arguments.get("language") if name == "language:response_language" else "en"
    cased = {"change_case:english_capital": str.isupper, "change_case:english_lowercase": str.islower}
    if name != "language:response_language" and not (name in cased and cased[name](sight.answer)):
        return None
    found = _languages(sight.answer)
    if len(found) < 2 or wanted not in found:
        return None
    return f"the official language detector, which is not seeded, wavers between {' and '.join(found)}"


def defects(sample_id: str, name: str, sight: Sighting) -> Iterator[str]:
    """What is known to be wrong about the verdict or about the data."""
    if (sample_id, name) in WRONG_DATA:
        yield WRONG_DATA[sample_id, name]
    doubt = DOUBTS[name](sight) if name in DOUBTS else None
    if doubt is not None:
        yield doubt


@lru_cache(maxsize=4)
def _languages(text: str) -> tuple[str, ...]:
    """What langdetect takes the text for, likeliest first; none where it finds no letters."""
    import langdetect  # noqa: PLC0415 - only the worker needs it

    try:
        return tuple(each.lang for each in langdetect.detect_langs(text))
    except langdetect.LangDetectException:
        return ()


def _no_language(sight: Sighting) -> str | None:
    if sight.followed and not _languages(sight.answer):
        return "no language can be told from this text, which the checker counts as the right one"
    return None


def _capitals(sight: Sighting) -> str | None:
    if sight.followed or not sight.answer.isupper() or _languages(sight.answer.lower())[:1] != ("en",):
        return None
    return "all capitals and English; the checker's language detector does not know capitals"


def _bullets(sight: Sighting) -> str | None:
    """A ruler (`---`), a negative number or a dash is a bullet for the checker; `+` is not."""
    lines = [line.strip() for line in sight.answer.split("\n")]
    bullets = [
        line
        for line in lines
        if line[:1] in ("*", "-", "+") and line[1:2].isspace() and set(line) - set("*-+_ \t")
    ]
    if sight.differs(len(bullets), "num_bullets", "exactly"):
        return f"{len(bullets)} bullet points, lines such as `---` and `-5` left out, `+` included"
    return None


def _highlights(sight: Sighting) -> str | None:
    """The star of a bullet makes the checker count bold text behind it twice, or run two bullets together."""
    text = _BULLET.sub("", sight.answer)
    highlights = [*_BOLD.findall(text), *_ITALIC.findall(_BOLD.sub("", text))]
    count = sum(bool(highlight.strip()) for highlight in highlights)
    if sight.followed and sight.differs(count, "num_highlights"):
        return f"{count} highlighted sections; the checker counts bold text after a bullet's star twice"
    return None


def _options(sight: Sighting) -> str | None:
    found = [option for option in _OPTIONS if option in sight.answer]
    return f"the answer holds {' and '.join(found)}" if sight.followed and len(found) > 1 else None


def _json(sight: Sighting) -> str | None:
    steps = [1 if sign in "[{" else -1 for sign in sight.answer if sign in "[]{}"]
    if sight.followed and not steps:
        return "a bare value, which the checker takes for JSON"
    if not sight.followed and max(accumulate(steps), default=0) > _DEEP:
        return "nested deeper than the checker can read, which counts as no JSON"
    return None


def _keywords(sight: Sighting) -> str | None:
    """The checker also finds keywords inside longer words: "war" in "forward"."""
    words = sight.arguments.get("keywords") or [sight.arguments.get("keyword")]
    found = [_whole(str(word), sight.answer) for word in words] if isinstance(words, list) else []
    if "frequency" in sight.arguments and sight.differs(found[0], "frequency"):
        return f"{found[0]} times as a word of its own; the checker also counts it inside longer words"
    if "frequency" not in sight.arguments and sight.followed and not all(found):
        return "found inside longer words only"
    return None


def _whole(word: str, text: str) -> int:
    return len(re.findall(rf"(?<!\w){re.escape(word.strip())}(?!\w)", text, re.IGNORECASE))


def _blank_paragraphs(sight: Sighting) -> str | None:
    """The checker counts the paragraphs that are not blank, and then takes the n-th of all."""
    paragraphs = [each.split() for each in sight.answer.split("\n\n") if each.strip()]
    place = sight.number("nth_paragraph")
    if not 0 < place <= len(paragraphs) or len(paragraphs) != sight.number("num_paragraphs"):
        return None
    first = re.split(r"[.,?!'\"]", paragraphs[place - 1][0].lstrip("'").lstrip('"').lower(), maxsplit=1)[0]
    if (first == str(sight.arguments.get("first_word")).lower()) is not sight.followed:
        return f"paragraph {place}, blank ones left out, is not the one that the checker looked at"
    return None


def _words(sight: Sighting) -> str | None:
    count = len(sight.answer.split())
    if sight.differs(count, "num_words"):
        return f"{count} words between blanks; the checker counts the parts of `it's` and `well-known` each"
    return None


def _commas(sight: Sighting) -> str | None:
    found = [sign for sign in "،、，" if sign in sight.answer]
    return (
        f"the answer holds {' and '.join(found)}, commas of other scripts"
        if sight.followed and found
        else None
    )


def _quotation(sight: Sighting) -> str | None:
    text = sight.answer.strip()
    if not sight.followed and text[:1] in ("“", "„", "”", "«", "「") and text[-1:] in ("”", "“", "»", "」"):
        return "wrapped in quotation marks other than the straight ones"
    return None


DOUBTS: Mapping[str, Callable[[Sighting], str | None]] = {
    "change_case:english_capital": _capitals,
    "detectable_format:constrained_response": _options,
    "detectable_format:json_format": _json,
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_format:number_highlighted_sections": _highlights,
    "keywords:existence": _keywords,
    "keywords:frequency": _keywords,
    "language:response_language": _no_language,
    "length_constraints:nth_paragraph_first_word": _blank_paragraphs,
    "length_constraints:number_words": _words,
    "punctuation:no_comma": _commas,
    "startend:quotation": _quotation,
}
"""Name of an instruction → what may be wrong with the verdict on it. Each reads the answer in linear time."""
