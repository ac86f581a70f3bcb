"""Where an answer to a multiple-choice question gives its letter: boxes, statements, conclusions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from evalbudget.scoring.boxed import boxes

LONGEST = 6000
"""Characters behind a statement that may belong to it: an option's text can be long."""

_LETTER = r"(?:\([*_]{0,3}[A-Z][*_]{0,3}\)|[*_]{0,3}\[?(?-i:[A-Z])[*_]{0,3}\]?)"

_STATED = re.compile(
    rf"""
    (?:
      # "Answer: …", "the final answer is …", "Answer (B)", and the same word in some other languages
      (?: (?<![^\W_]) (?:answer|ans|antwort|réponse|respuesta|risposta|resposta|ответ)
        | 答案 | 答え | 正解 | 正确选项 | 정답 | 답 )["']?
      (?:[ ](?:choice|option|letter|correct[aeo]))?
      [*_`)\] \t]{{0,6}}
      (?:(?:to|for|of)[ ](?:the|this)[ ](?:question|problem)[*_ ]{{0,3}})?
      (?:,?[ ]?(?:here|then|therefore|thus|(?:i|we)[ ](?:get|find)|that[ ]fits(?:[ ]best)?),?[ ])?
      (?: [:=|：是为為は은는→]
        | (?:is|equals|(?:should|must|would|will|has[ ]to|can[ ]only)[ ]be|es|est|ist|é|è)\b
        | [-–—](?=[ ])
        | (?=\([A-Z]\)\s{{0,2}}(?:[.,;!]|$)) )
    |
      # "the correct option is …", "Best choice: …", "The letter is …", a line "Response: …"
      (?<!\w)
      (?: (?:correct|right|best|final|chosen|selected|my)[ ](?:option|choice|letter|one|alternative)
        | the[ ]letter )
      [*_`]{{0,3}} (?: [:：] | [ ](?:is|(?:would|must|should)[ ]be)\b )
    | ^[\#>*_ \t]{{0,8}} (?:letter|choice|option|response|solution|selection) [*_]{{0,3}}[:：]
    |
      # a heading, an element, Chinese "choose"
      ^[\#>*_ \t]{{0,8}} (?:(?:final|my|correct)[ ])? answer [*_: \t]{{0,6}}$
    | <answer>
    | 选择?(?=[ ]?[A-Z(])
    |
      # what takes an earlier answer back: "no, it's …", "rather …", "not A but …"
      (?<!\w)
      (?: (?:wait|no|oops|sorry|hmm) [,.:;!…—–-]{{1,3}} \s?
        | (?:actually|correction|rather|i[ ]mean|(?:make|scratch)[ ]that|not[ ](?-i:[A-Z])[ ,]{{1,2}}but)
          [\s,:]{{1,3}} )
      (?: (?:wait|no|actually|sorry|i|meant|mean|rather) [\s,.:;—–-]{{1,4}} ){{0,4}}
      (?: (?:the|so|therefore|then|it|it['’]s|that['’]s|is|must|should|be|correct|right|answer|option|choice)
          [\s:,]{{1,3}} ){{0,6}}
      (?= {_LETTER} \s{{0,2}} (?:[.!)]|$) )
    )
    (?: [:*_`$\s：] | \\[\[(] ){{0,12}}
    """,
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
"""What stands right before an answer."""

_CONCLUDED = re.compile(
    rf"""
    (?:
      (?<!\w)
      (?: # "so (B).", "it must be B", "by elimination, B"
          (?: (?:so|therefore|thus|hence|finally|conclusion|elimination)[,:]?[ ] | it(?:['’]s|[ ]is)[ ]
            | must[ ]be[ ] | leav(?:es|ing)[ ](?:us[ ]with[ ])?(?:only[ ])? )
          (?:(?:clearly|definitely|option|choice|letter)[ ]){{0,3}}
        | # "this corresponds to option B"
          (?: corresponds?[ ]to | match(?:es)? | leads?[ ](?:us[ ])?to | points?[ ]to
            | (?:which|this|that)[ ]is | gives | means )[ ]
          (?:option|choice|letter|answer)[ ]
        | # "I would go with option B"
          (?:i|we)(?:['’]d|['’]ll|['’]m|[ ]will|[ ]would|[ ]am)?[ ] (?:(?:therefore|thus|would)[ ]){{0,2}}
          (?:choose|chose|pick|picked|select|selected|go|going|went|answer|say|think|believe|guess|lean)[ ]
          (?:that[ ])? (?:it(?:['’]s|[ ]is)[ ])? (?:(?:with|for|towards?)[ ])?
          (?:(?:option|choice|answer|letter)[ ])?
        | # "the option that fits is B"
          (?:option|choice|one)[ ](?:that|which)[ ] (?![^.\n]{{0,80}}\b(?:not|wrong|incorrect|false|least)\b)
          [^.\n]{{1,80}}?[ ]is[ ] (?:option[ ])?
      )
      (?P<last>{_LETTER}) (?= \s{{0,2}} (?: [.,;:!] | $ | \((?!or\b) | (?:because|since|as)\b ) )
    |
      # "option B is correct", "only (B) remains"; not "vitamin B is the answer"
      (?: ^[\s*_\#>-]{{0,6}} | [.,:;!?)][ ]{{1,2}}
        | \b(?:therefore|thus|so|hence|that|think|believe|only|conclude|means|and|but|option|choice|answer)
          [ ] )
      (?P<first>{_LETTER}) [ ]
      (?: (?:is|must[ ]be|would[ ]be|should[ ]be|seems|appears)[ ]
          (?:(?:therefore|thus|clearly|indeed|the|most|likely|to[ ]be|our|my)[ ]){{0,4}}
          (?:correct|right|best|appropriate|answer) (?:[ ](?:answer|option|choice|one))?
        | remains | is[ ]left )
      (?= [*_]{{0,3}} \s{{0,2}} (?: [.,;!] | $ | (?:because|since|as)\b ) )
    )
    """,
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
"""What concludes without the word "answer" before the letter."""

_DOUBTED = re.compile(
    r"""
    (?: \b(?:if|whether|unless|suppos(?:e|ing)|assum(?:e|ing)|imagine|why|doubt|otherwise|were)\s
        (?:that\s|\w+\s){0,2}
      | (?:n['’]t|\bnot|\bnever|\bcannot)\s (?:\w+\s){0,2}
        (?:think|believe|say|saying|mean|conclude|claim|write)\s (?:\w+\s){0,3}
      | (?:n['’]t|\bnot|\bnever|\bnor)\s (?:(?:that|the)\s){0,2}
      | \b(?:might|may|could|would)\s (?:\w+\s){0,2}
        (?:think|say|guess|expect|assume|conclude|argue|believe)\s (?:that\s|\w+\s){0,2}
    )
    (?:(?:the|my|your)\s)? (?:(?:final|correct|right|best)\s)? ['"(]? $
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words that, right before a statement, make a hypothesis or a denial of it."""
_BEFORE = 80
"""Characters before a statement within which these are looked for."""
_EDGE = 500
"""Characters at both ends of an answer within which a conclusion counts: in the middle it is a step."""
_SENTENCE_END = re.compile(r"[.!?;:\n]")
_WORD = re.compile(r"\w")


class Place(NamedTuple):
    """A part of an answer that may give the letter."""

    start: int
    end: int
    form: str
    """boxed, stated or concluded."""


def places(answer: str) -> Iterator[Place]:
    """All such parts, what counts most first.

    Boxes and statements count wherever they stand, the last one most; so does a conclusion that ends the
    answer. Other conclusions, near the beginning or the end, count where nothing else is found.
    """
    strong = [Place(start, min(end, start + LONGEST), "boxed") for start, end in boxes(answer)]
    strong += [
        Place(lead.end(), lead.end() + LONGEST, "stated")
        for lead in _STATED.finditer(answer)
        if not _doubted(answer, lead.start())
    ]
    weak: list[Place] = []
    tail = max(_EDGE, len(answer) - _EDGE)
    for lead in chain(_CONCLUDED.finditer(answer, 0, _EDGE), _CONCLUDED.finditer(answer, tail)):
        if not _doubted(answer, lead.start()):
            place = Place(*lead.span("last" if lead["last"] else "first"), "concluded")
            (weak if _WORD.search(answer, lead.end()) else strong).append(place)
    yield from sorted(strong, reverse=True)
    yield from sorted(weak, reverse=True)


def _doubted(answer: str, start: int) -> bool:
    before = _SENTENCE_END.split(answer[max(0, start - _BEFORE) : start])[-1]
    return _DOUBTED.search(before) is not None
