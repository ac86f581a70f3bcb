"""Whether a reply came to its own end.

A reply has finished when its server says so (`stop`, tool calls) and there is an answer. It has not when it
was cut (`length`, `repetition`, an abort), or when its thinking never closed and no answer came: proxies turn
reasons that they do not know into `stop`.

Recorded text often comes without a reason. Then the text of a loop decides, in favour of finished:

- thinking that never closed has not finished;
- a text that breaks off has not finished. It breaks off where it ends neither with a sign that ends something
  (`.`, `)`, `|`, …) nor with a line that is like an earlier one but for its numbers, as the rows of a table;
- a text that still repeats itself at its very last character, for so long that doom is certain, has not
  finished wherever it ends. The last piece may be the beginning of the piece that was to come.
"""

from __future__ import annotations

import re

CUT = frozenset({"length", "max_tokens", "repetition", "abort", "aborted", "cancelled", "timeout", "error"})
"""Reasons with which a reply has not finished."""
ENDED = frozenset({"stop", "eos", "end_turn", "stop_sequence", "tool_calls", "tool_use", "function_call"})
"""Reasons with which it has, if there is an answer."""

_ENDS_SOMETHING = re.compile(r"""[.!?…。！？)\]}>"'”’»`|$*;][ \t\r\n]{0,4}\Z""")
_NUMBER = re.compile(r"\d+")
_MOST_BLANKS = 4
_SHORTEST_RULE = 3


def said_to_finish(finish_reason: str | None, answered: bool | None) -> bool | None:
    """Whether the reply finished, by what is known besides its text; None where nothing is."""
    if answered is False or finish_reason in CUT:
        return False
    return True if finish_reason in ENDED else None


def breaks_off(text: str) -> bool:
    """Whether the text ends in the middle of something."""
    if _ENDS_SOMETHING.search(text, max(len(text) - 8, 0)):
        return False
    if len(text) - len(text.rstrip()) > _MOST_BLANKS:
        return True
    *earlier, last = (_NUMBER.sub("0", line.strip()) for line in text.rstrip().split("\n"))
    is_rule = len(last) >= _SHORTEST_RULE and not any(character.isalnum() for character in last)
    return not (not last or is_rule or last in earlier)
