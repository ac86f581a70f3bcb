"""Thinking and answer of one reply, told apart in its token ids.

What the text cannot show stands in the ids: where in a piece of several tokens the closing marker was, and,
with the prompt's ids, whether the chat template had opened the thinking. A marker is looked for only where
the model's vocabulary has it as one token, as the families with such markers do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_TAIL = 4
"""Tokens at a prompt's end among which a marker is the template's: it may put a line end behind `<think>`."""
LEAD = 2
"""Tokens, blanks and the like, that may come before an opening marker at a reply's beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmonyIds:
    """Ids of harmony's tokens (openai/harmony, docs/format.md)."""

    start: int
    channel: int
    message: int
    ends: frozenset[int]
    """`<|end|>`, `<|return|>`, `<|call|>`."""
    analysis: int
    """The word behind `<|channel|>` that makes a message thinking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Ids of the markers of thinking that one model has as single tokens."""

    closing: Mapping[int, int] = field(default_factory=dict)
    """Id of an opening marker → id of its closing marker."""
    harmony: HarmonyIds | None = None

    def __bool__(self) -> bool:
        return bool(self.closing) or self.harmony is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """What the ids of one reply hold. Markers and the end token are neither thinking nor answer."""

    thinking: int
    answer: int
    answer_at: int | None
    """Index of the first id of the answer; None where the thinking never closed."""
    thought: bool
    """Whether the model was thinking at all: the prompt opened it, or a marker in the reply shows it."""
    prompt_opened: bool | None
    """Whether the prompt had opened the thinking; None where the prompt's ids are unknown."""


def read_spans(
    ids: Sequence[int],
    prompt: Sequence[int] | None,
    vocabulary: Vocabulary,
    *,
    has_end: bool,
    continues: bool = False,
) -> Spans:
    """`has_end`: the last id is the end token. `continues`: the server took the reply's beginning for
    thinking, so that a marker anywhere in the prompt may have opened it (a prompt that breaks off there)."""
    said = ids[:-1] if has_end else ids
    harmony = vocabulary.harmony
    if harmony is not None and (not vocabulary.closing or harmony.message in said):
        return _read_harmony(said, harmony)
    opened = None if prompt is None else _opened(prompt, vocabulary.closing, continues=continues)
    return _read_markers(said, vocabulary.closing, opened)


def _opened(prompt: Sequence[int], closing: Mapping[int, int], *, continues: bool) -> bool:
    """Whether the prompt ends inside thinking; a marker far from its end may be a quotation of the user's."""
    closings = frozenset(closing.values())
    for from_end, token in enumerate(reversed(prompt)):
        if token in closings or (from_end >= _TAIL and not continues):
            return False
        if token in closing:
            return True
    return False


def _read_markers(said: Sequence[int], closing: Mapping[int, int], opened: bool | None) -> Spans:
    closings = frozenset(closing.values())
    markers = [(at, token) for at, token in enumerate(said) if token in closing or token in closings]
    first_closes = bool(markers) and markers[0][1] in closings
    since = 0 if opened or first_closes else None
    """Where the thinking that is open now began."""
    thinking, spent, answer_at, pending = 0, 0, None, None
    for at, token in markers:
        if since is not None:
            if token in closings:
                thinking, spent, since = thinking + at - since, spent + 1, None
                answer_at = answer_at or at + 1
        elif token in closing:
            if answer_at is None and at <= LEAD:
                since, spent = at + 1, spent + 1
            elif pending is None:
                pending = at
        elif pending is not None:  # a later block, and no quotation: it closes
            thinking, spent, pending = thinking + at - pending - 1, spent + 2, None
            answer_at = answer_at or at + 1
    if since is not None:
        thinking += len(said) - since
    thought = since is not None or spent > 0
    return Spans(
        thinking=thinking,
        answer=len(said) - thinking - spent,
        answer_at=answer_at if thought else 0,
        thought=thought,
        prompt_opened=opened,
    )


def _read_harmony(said: Sequence[int], ids: HarmonyIds) -> Spans:
    """Bodies of messages on `analysis` without a recipient are thinking, all other bodies the answer."""
    thinking, answer, answer_at = 0, 0, None
    thought, thinks, to_someone = False, False, False
    header: list[int] | None = None
    for at, token in enumerate(said):
        if token in {ids.start, ids.channel}:
            to_someone = token == ids.channel and header is not None and len(header) > 1
            header = []
        elif token == ids.message:
            thinks, header = header == [ids.analysis] and not to_someone, None
            thought = thought or thinks
        elif token in ids.ends:
            thinks, to_someone, header = False, False, None
        elif header is not None:
            header.append(token)
        elif thinks:
            thinking += 1
        else:
            answer += 1
            answer_at = at if answer_at is None else answer_at
    return Spans(thinking=thinking, answer=answer, answer_at=answer_at, thought=thought, prompt_opened=None)
