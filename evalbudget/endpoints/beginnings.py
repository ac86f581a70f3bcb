"""The beginning of a continued reply, and the whole reply that it and the server's part make. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from evalbudget.reasoning.counting import count_tokens, ends_with_token, sum_known
from evalbudget.reasoning.split import MARKERS
from evalbudget.records import (
    Begun,
    Continued,
    ContinuedBy,
    ReasoningForm,
    Reply,
    TokenCounts,
    TokenSource,
)

_LEAD = 2
"""Tokens, blanks and the like, that may come before an opening marker at a reply's beginning."""
_TAIL = 4
"""Tokens that a template may put behind an opening marker at a prompt's end: a line end, as a rule."""
_SPECIAL = re.compile(r"<\|[^<>|]+\|>")
_BEST_FIRST = tuple(TokenSource)
_COUNTED = frozenset({TokenSource.TOKEN_IDS, TokenSource.TIMINGS, TokenSource.USAGE})
"""Sources that count an answer exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The thinking that a beginning keeps."""

    text: str
    ids: Sequence[int] | None
    """None where the server shows none."""
    tokens: int | None
    source: TokenSource


NOTHING = Kept(text="", ids=(), tokens=0, source=TokenSource.TOKEN_IDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a continued request begins with."""

    by: ContinuedBy
    kept: Kept
    closing: str
    closing_tokens: int | None
    opening_tokens: int | None
    """Of the marker before the thinking, where the prompt has none; 0 where it has."""
    prompt: Sequence[int] = ()
    """With `by` token ids: all that is sent."""
    message: str = ""
    """With `by` chat: the last message, left open."""
    prompt_ids: Sequence[int] | None = None
    """The prompt alone; None where unknown."""


def ending_of(begun: Begun) -> str:
    """The marker that ends a thinking of this kind."""
    special = _SPECIAL.search(begun.closing)
    return MARKERS.get(begun.opening) or (special[0] if special else "")


def thinking_ids(ids: Sequence[int], opening: Sequence[int], ending: Sequence[int]) -> Sequence[int]:
    """The ids of a reply's first thinking, without its markers; the reply may lack either."""
    opens = _find(ids, opening, range(_LEAD + 1))
    start = 0 if opens is None else opens + len(opening)
    ends = _find(ids, ending, range(start, len(ids)))
    return ids[start:] if ends is None else ids[start:ends]


def ends_inside(prompt: Sequence[int], opening: Sequence[int], ending: Sequence[int]) -> bool:
    """Whether a prompt ends in an opened thinking; a marker far from its end may be a quotation."""
    last = len(prompt) - len(opening)
    opens = _find(prompt, opening, range(last, max(last - _TAIL, 0) - 1, -1))
    if opens is None:
        return False
    return _find(prompt, ending, range(opens + len(opening), len(prompt))) is None


def shown_tail(prompt: str, opening: str) -> str | None:
    """What a rendered prompt has behind the opening marker at its end; None where it ends in none."""
    bare = prompt.rstrip()
    return prompt[len(bare) :] if bare.endswith(opening) else None


def in_proportion(begun: Begun, total: int | None) -> Kept:
    """The kept part of the thinking by its share of the characters."""
    total = begun.reasoning_tokens if total is None else total
    if begun.keep is None or (total is not None and begun.keep >= total):
        return Kept(text=begun.reasoning, ids=None, tokens=total, source=TokenSource.ESTIMATE)
    if total is None:
        total = max(-(-len(begun.reasoning) // _CHARS_A_TOKEN), 1)
    chars = min(len(begun.reasoning) * begun.keep // total, len(begun.reasoning))
    return Kept(
        text=begun.reasoning[:chars], ids=None, tokens=min(begun.keep, total), source=TokenSource.ESTIMATE
    )


_CHARS_A_TOKEN = 4
"""Where nothing tells how long a thinking is: English text, with the tokenizers of today."""


def whole(beginning: Beginning, reply: Reply) -> Reply:
    """The whole reply: the beginning, then what the server made of it."""
    if beginning.by is ContinuedBy.SWITCH:
        return replace(reply, continued=_continued(beginning, count_tokens(reply).completion))
    reply = _without_echo(beginning, reply)
    counts, kept = count_tokens(reply), beginning.kept
    reasoning = kept.text + reply.reasoning
    thought = bool(reasoning.strip())
    put = (kept.tokens, beginning.opening_tokens, beginning.closing_tokens)
    thinking = sum_known((kept.tokens, counts.reasoning))
    return replace(
        reply,
        reasoning=reasoning,
        reasoning_form=ReasoningForm.FIELD if thought else ReasoningForm.NONE,
        thinking_closed=reply.thinking_closed is not False if thought else None,
        continued=_continued(beginning, counts.completion),
        counts=TokenCounts(
            prompt=None if beginning.prompt_ids is None else len(beginning.prompt_ids),
            reasoning=thinking,
            answer=counts.answer,
            completion=sum_known((*put, counts.completion)),
            cached=counts.cached,
            source=None if thinking is None else _source(kept, counts.source),
        ),
        token_ids=None,
        answer_begins=None,
        prompt_token_ids=beginning.prompt_ids,
    )


def _continued(beginning: Beginning, generated: int | None) -> Continued:
    return Continued(
        by=beginning.by,
        kept=beginning.kept.tokens,
        closing=beginning.closing,
        closing_tokens=beginning.closing_tokens,
        generated=generated,
    )


def _without_echo(beginning: Beginning, reply: Reply) -> Reply:
    """Some servers repeat the message that they continue: llama.cpp and Mistral do.

    Thinking that is the beginning's, to the letter, is no new one: a model that thinks anew goes on beyond
    the place at which it was cut.
    """
    last, closing = beginning.kept.text.strip(), beginning.closing
    marker = next((each for each in MARKERS.values() if each in closing), "")
    before, _, behind = closing.partition(marker) if marker else ("", "", closing)
    said = (last + before).strip()
    if beginning.by is not ContinuedBy.CHAT or not said or reply.reasoning.strip() != said:
        return reply
    completion = count_tokens(reply).completion
    end = ends_with_token(reply.finish_reason)
    return replace(
        reply,
        reasoning="",
        reasoning_form=ReasoningForm.NONE,
        thinking_closed=None,
        answer=reply.answer.removeprefix(behind),
        counts=replace(
            count_tokens(reply),
            reasoning=0,
            answer=None if completion is None else max(completion - end, 0),
            source=TokenSource.USAGE,
        ),
    )


def _source(kept: Kept, answer: TokenSource | None) -> TokenSource:
    if answer is None or answer in _COUNTED:
        return kept.source
    return max(kept.source, answer, key=_BEST_FIRST.index)


def _find(ids: Sequence[int], part: Sequence[int], places: Iterable[int]) -> int | None:
    """The first of these places where `part` stands in `ids`."""
    wanted = list(part)
    if not wanted:
        return None
    last = len(ids) - len(wanted)
    fits = (at for at in places if 0 <= at <= last and ids[at] == wanted[0])
    return next((at for at in fits if list(ids[at : at + len(wanted)]) == wanted), None)
