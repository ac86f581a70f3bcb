"""The letter that a box or a statement names, or the option whose words it gives."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

LONGEST = 200
"""Characters of a box or a statement that are read for a letter."""
_LONGEST_OPTION = 6000
"""Characters that are compared with the options' texts."""
_TELLING = 20
"""An option of at least so many characters is recognised with more words behind it."""

UNDECIDED = "?"
"""Instead of a letter: several were named, or one that the question does not have."""

_UNSEEN = dict.fromkeys(
    [0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFE0F, 0xFEFF]
)
_WRAPPED = re.compile(
    r"\\(?:text|textbf|textit|textrm|textsf|texttt|emph|mathrm|mathbf|mathit|mathsf|mathtt|boldsymbol|bm|mbox"
    r"|hbox|boxed|fbox|underline|operatorname)\s{0,4}\{([^{}]*)\}"
)
_OPENED = re.compile(r"\\(?:boxed|fbox|text(?:bf|rm|it)?|math(?:rm|bf))\s{0,4}\{")
_MARKS = re.compile(
    r"\\[()\[\]!,;: ]|\\(?:left|right|quad|displaystyle)(?![a-zA-Z])"
    r"|</?(?:[a-z]{1,12}|[A-Z]{2,12})>|[*_`#$~\\]"
)
_QUOTES = re.compile("[\"'\u2018-\u201f\u00ab\u00bb\u300c-\u300f\u3010\u3011]")

_BEFORE = r"""
    (?i: (?: the | it | this | that | they | is | are | indeed | simply | clearly | therefore | thus | then
           | likely | most | probably | definitely | still | actually | just | be | to | must | should | would
           | correct | right | best | final | only | answer | options? | choices? | letter | statement
           | candidate | alternative | number | both | either | i[ ]think | i[ ]believe )
         [\s:,]{1,3} ){0,8}
"""
_LETTER = re.compile(
    _BEFORE
    + r"""
    [(\[{<]? (?P<letter>[A-Z]) (?![A-Za-z0-9_])
    (?! [)\]]?\s{0,2} (?:is|are|was|were|would\sbe|seems|looks)\s (?:\w+\s){0,2}
        (?:not|wrong|incorrect|false|invalid|impossible|excluded|eliminated|out)\b )
    [)\]}>]?
    (?= \s{0,4}
        (?: $ | [).:,;!?\]}<\n(/|&+。、] | [–—→] | -{1,2}>?(?:\s|$)
          | [\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]
          | (?i: because | since | as | due | which | where | whose | and | but | rather | instead | not | or
               | no | wait | (?:is|seems|appears)\s(?:(?:the|most|clearly|indeed|therefore)\s){0,2}
                        (?:correct|right|best|answer) )\b
          | (?<!A\s) (?i: with | given | for | that | in | by | from | via | on )\b ) )
    """,
    re.VERBOSE,
)
_SMALL = re.compile(
    _BEFORE + r"(?: [(\[](?P<round>[a-z])[)\]] | (?P<half>[a-z])\) | (?P<alone>[a-z])[.:!]?\s{0,4}$ )",
    re.VERBOSE,
)
_MORE = re.compile(
    r"""
    \s{0,2} (?P<with> [,/|&+(] | \b(?:and|or)\b ) [\s,(]{0,3}
    (?i: (?: and | or | maybe | perhaps | possibly | either | option | choice ) [\s,(/]{1,3} ){0,3}
    [(\[]? (?P<letter>[A-Z]) (?!\w) [)\]]?
    """,
    re.VERBOSE,
)
_ENDS_A_LIST = re.compile(
    r"\s{0,2}(?:$|[,.;:!?/|&)]|\b(?:and|or)\b)|\s(?:are|seem|both|could|would|together)\b"
)
_INSTEAD = re.compile(
    r"(?i: (?:is\s)? not\s ) [(\[]?[A-Za-z][)\]]? [\s,;:.]{1,3} (?i: but | rather | instead ) [\s,:]{1,3}"
    r"(?i: (?: rather | it\sis ) \s )?",
    re.VERBOSE,
)
_JOINED = re.compile(r"(?P<letters>[A-Z]{2,10})(?=\s{0,2}(?:$|[.,;)]))")


def read_letter(words: str, letters: str) -> str | None:
    """The letter at the beginning of `words`, one of `letters`; `UNDECIDED`; None where there is none.

    Understood: `B`, `(b)`, `B) text`, `option B`, `**B**`, `\\text{B}`, full-width and circled letters, "not
    A but B". "B or C" is undecided; all letters together are a format restated. A lower-case letter counts
    alone or in brackets: "a" is a word, and so is "A" before words that an article can stand before.
    """
    plain = _INSTEAD.sub("", cleaned(words[:LONGEST]), count=1)
    found = _LETTER.match(plain)
    if found is not None and not plain.startswith("N/A"):
        return _decided(found["letter"], plain[found.end() :], letters)
    small = _SMALL.match(plain)
    if small is not None:
        letter = (small["round"] or small["half"] or small["alone"]).upper()
        return letter if letter in letters else None
    joined = _JOINED.match(plain)
    return UNDECIDED if joined is not None and set(joined["letters"]) < set(letters) else None


def _decided(first: str, behind: str, letters: str) -> str | None:
    """The first letter, unless more are named with it; a comma alone does not do that: "B, C is wrong"."""
    named = {first}
    place = 0
    while (more := _MORE.match(behind, place)) is not None:
        if more["with"] in ",(" and not _ENDS_A_LIST.match(behind, more.end()):
            break
        named.add(more["letter"])
        place = more.end()
    if named == set(letters):
        return None
    return first if named == {first} and first in letters else UNDECIDED


def read_option(words: str, options: Sequence[str]) -> int | None:
    """The place of the one option whose text `words` or their first line are, or begin with where it is long.

    None for no option, and for one whose text another option has too.
    """
    said = normal(words[:_LONGEST_OPTION])
    line = normal(words[:_LONGEST_OPTION].lstrip().split("\n", 1)[0])
    known = [normal(option[:_LONGEST_OPTION]) for option in options]
    fits = [option for option in known if option and (option in (said, line) or _begins(said, option))]
    longest = max(fits, key=len, default="")
    return known.index(longest) if longest and known.count(longest) == 1 else None


def _begins(said: str, option: str) -> bool:
    if len(option) < _TELLING or not said.startswith(option):
        return False
    return not said[len(option) : len(option) + 1].isalnum()


def cleaned(text: str) -> str:
    """A short text without the marks of LaTeX, Markdown and HTML, without quotes and unseen characters."""
    text = unicodedata.normalize("NFKC", text.translate(_UNSEEN))
    for _ in range(4):  # nested wrappers, innermost first
        text, found = _WRAPPED.subn(r"\1", text)
        if not found:
            break
    text = _QUOTES.sub("", _MARKS.sub(" ", _OPENED.sub("", text)))
    text = re.sub(r"[^\S\n]+", " ", text)
    return re.sub(r"\A[^\w(\[{<]+", "", text)


def normal(text: str) -> str:
    """A text to be compared: as `cleaned`, without case, brackets around it and punctuation at its end."""
    text = " ".join(cleaned(text).split()).casefold()
    before = None
    while before != text:
        before = text
        text = text.strip(" :").rstrip(" .,;!")
        if text[:1] + text[-1:] in ("()", "{}", "[]") and text.count(text[0]) == 1:
            text = text[1:-1]
    return text
