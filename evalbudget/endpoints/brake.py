"""Says of a reply that still streams whether to end it now, and why.

Two reasons: a doom loop is certain (`Request.stop_loops`), or its thinking has more tokens than wanted
(`Request.cut_thinking`), by the best running count there is: token ids cut at the markers' ids, the server's
count beside each piece (`reasoning.steps`), else the number of pieces, each of a token or more. Where these
err they count too little, so that thinking which closes within the budget is left alone.

Loops are looked for in the token ids, where they come with the pieces, else in the text: by the same detector
that `loops.of_reply.loop_of` uses on the whole reply, and in the same thinking and answer.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence

from evalbudget.endpoints.trail import Trail
from evalbudget.reasoning.follow import Follower
from evalbudget.reasoning.loops import RULES, Detector, TextDetector
from evalbudget.reasoning.steps import Steps
from evalbudget.reasoning.token_ids import LEAD
from evalbudget.records import Request, Stopped

_WORD = re.compile(r"[^\W\d_]{2}")
_TAIL = 512
"""Characters of the last text in which a word is looked for."""
_FEW = 64
"""Characters of one event within which a loop that became certain cannot have been left again."""
_PAUSE = 64
"""Tokens, or characters where there are no ids, until a loop that seems to have been left is looked at again;
then twice as many, and so on."""


class Brake:
    """Hears what each event brought, and answers in `why`."""

    __slots__ = (
        "_answered",
        "_content",
        "_cut_at",
        "_field",
        "_ids",
        "_loops",
        "_opened",
        "_pieces",
        "_visible",
        "why",
    )

    def __init__(self, *, stop_loops: bool, cut_thinking: int | None, opened: bool) -> None:
        """`opened`: content without markers is thinking, which the chat template opened."""
        self._opened = opened
        self._cut_at = cut_thinking
        self._loops = _Loops() if stop_loops else None
        self._ids = _ThinkingIds()
        self._content: Follower | None = None
        """Of content before any thinking in a field of its own."""
        self._field = False
        """Thinking comes in a field of its own."""
        self._pieces = 0
        """Of thinking in a field, before the answer."""
        self._visible = False
        """They held more than blanks."""
        self._answered = False
        """The answer has begun, behind thinking."""
        self.why: Stopped | None = None
        """Why the stream should end now; None as long as it should not."""

    @classmethod
    def of(cls, request: Request, *, opened: bool) -> Brake | None:
        """For this request; None where its reply is to run to its end."""
        if not request.stop_loops and request.cut_thinking is None:
            return None
        return cls(
            stop_loops=request.stop_loops,
            cut_thinking=request.cut_thinking,
            opened=opened and request.begun is None,
        )

    @property
    def sure(self) -> bool:
        """Whether the stream can be ended without looking at the whole reply first."""
        return self._loops is None or self.why is not Stopped.LOOP or self._loops.sure

    def hear(self, thought: Sequence[str], said: Sequence[str], trail: Trail, *, called: bool) -> None:
        """What one event brought: pieces of thinking, pieces of content, a piece of a tool call."""
        if thought or self._field:
            self._field = True
            before, after = thought, said
            self._hear_field(before, answered=called or any(not piece.isspace() for piece in after))
        else:
            before, after = self._hear_content(said, trail)
        self._ids.read(trail, field=self._field)
        if self._cut_at is not None:
            self._judge_budget(trail, self._cut_at)
        if self._loops is not None:
            self._loops.hear("".join(before), "".join(after), trail.ids, self._answer_at(trail))
            if self.why is None and self._loops.certain:
                self.why = Stopped.LOOP

    def carry_on(self) -> None:
        """The whole reply has no doom loop: it was left within the event in which it became certain."""
        self.why = None
        if self._loops is not None:
            self._loops.pause()

    def _hear_field(self, thought: Sequence[str], *, answered: bool) -> None:
        if not self._answered:
            self._pieces += len(thought)
            self._visible = self._visible or any(not piece.isspace() for piece in thought)
            self._answered = answered

    def _hear_content(self, said: Sequence[str], trail: Trail) -> tuple[list[str], list[str]]:
        """The pieces as thinking, or what may turn out to be, and as answer."""
        if self._content is None:
            if not said:
                return [], []
            shown = trail.prompt_opened(continues=False)
            self._content = Follower(opened=self._opened if shown is None else shown)
        told = [self._content.feed(piece) for piece in said]
        self._answered = self._content.ends is not None
        return [before for before, _ in told], [after for _, after in told]

    def _judge_budget(self, trail: Trail, most: int) -> None:
        visible = self._visible if self._field else self._content is not None and self._content.visible
        if visible and self._thinking(trail) > most:
            self.why = Stopped.BUDGET
        elif self._answered:
            self._cut_at = None

    def _thinking(self, trail: Trail) -> int:
        """Tokens of thinking, as far as they are known."""
        steps = trail.steps
        if self._ids.thinking is not None:
            return self._ids.thinking
        if self._field:
            return steps.thinking_at_least if steps.total else self._pieces
        content = self._content
        if content is None or content.begins is None:
            return 0
        if steps.total and steps.maps:
            return steps.up_to(content.until) - _before(steps, content.begins)
        return content.pieces

    def _answer_at(self, trail: Trail) -> int | None:
        """The token with which the answer begins, as far as is known; None where it has not begun."""
        if self._ids.closed_at is not None:
            return self._ids.closed_at + 1
        if not self._answered:
            return None
        steps = trail.steps
        if self._field:
            return (steps.thinking_until or 0) + 1
        ends = self._content.ends if self._content is not None else None
        return steps.reaching(ends) if ends is not None and steps.maps else steps.total


def _before(steps: Steps, begins: int) -> int:
    """Tokens before inline thinking: llama.cpp repeats the prompt's end in front of the first token."""
    return 0 if begins == 0 or steps.first_is_one_beyond(begins) else steps.reaching(begins)


class _ThinkingIds:
    """The thinking in the ids of a reply while they come; `reasoning.token_ids` reads them all."""

    __slots__ = ("_begins", "_given_up", "_searched", "_widened", "closed_at")

    def __init__(self) -> None:
        self._begins: int | None = None
        self._searched = 0
        self._widened = False
        """The whole prompt was searched for an opening marker."""
        self._given_up = False
        """A marker stands where it is a quotation, or opens a later block."""
        self.closed_at: int | None = None
        """Index of the closing marker."""

    @property
    def thinking(self) -> int | None:
        """Tokens of thinking so far; None where the ids do not show where it begins."""
        if self._begins is None or self._given_up:
            return None
        return (self._searched if self.closed_at is None else self.closed_at) - self._begins

    def read(self, trail: Trail, *, field: bool) -> None:
        """The ids that have come since. `field`: the server takes some of them for thinking."""
        ids, closing = trail.ids, trail.markers
        if ids is None or not closing or self.closed_at is not None or self._given_up:
            return
        if self._begins is None and (not self._searched or (field and not self._widened)):
            self._widened = field
            self._begins = 0 if trail.prompt_opened(continues=field) else None
        closings = frozenset(closing.values())
        for at in range(self._searched, len(ids)):
            token = ids[at]
            if token in closings:
                self._begins, self.closed_at = self._begins or 0, at
                return
            if token in closing and self._begins is None:
                self._begins, self._given_up = at + 1, at > LEAD
        self._searched = len(ids)


class _Loops:
    """The online detector, on ids or on text."""

    __slots__ = (
        "_answering",
        "_fed",
        "_ids",
        "_looked_at",
        "_pause",
        "_tail",
        "_text",
        "sure",
    )

    def __init__(self) -> None:
        self._ids: Detector | None = None
        self._text: TextDetector | None = None
        self._answering = False
        self._fed = 0
        """Token ids; without such, characters."""
        self._tail = ""
        """The last text, beside ids."""
        self._looked_at = 0
        """Not to be looked at before so much was fed; 0 where no loop was ever left."""
        self._pause = _PAUSE
        self.sure = True
        """Where a loop is certain: so little came behind that token that the loop cannot have been left."""

    def hear(self, before: str, after: str, ids: array[int] | None, answer_at: int | None) -> None:
        """What one event brought of thinking and of answer; all ids so far, the answer's first among them."""
        if self._text is None and ids is not None:
            self._hear_ids(ids, answer_at)
            self._tail = (self._tail + before + after)[-_TAIL:]
        elif before or after or self._text is not None:
            self._hear_text(before, after, answers=answer_at is not None)

    @property
    def certain(self) -> bool:
        """Doom is certain, and its tokens hold words; a matrix of zeros comes to its end."""
        if self._fed < self._looked_at:
            return False
        if self._text is not None:
            return self._text.certain_token is not None
        at = self._ids.certain_token if self._ids is not None else None
        if at is None:
            return False
        return _WORD.search(self._tail) is not None or self._fed - at > RULES.beyond_doubt - RULES.certain

    def pause(self) -> None:
        """Look again after a while."""
        self._looked_at = self._fed + self._pause
        self._pause *= 2

    def _hear_ids(self, ids: array[int], answer_at: int | None) -> None:
        if self._ids is None:
            self._ids = Detector()
        fed = self._fed
        if answer_at is not None and not self._answering:
            self._answering = True
            self._ids.feed(ids[fed:answer_at])
            self._ids.begin_answer()
            fed = max(fed, answer_at)
        self._ids.feed(ids[fed:])
        self._fed = len(ids)
        self.sure = self._fed - (self._ids.certain_token or 0) <= RULES.slack

    def _hear_text(self, before: str, after: str, *, answers: bool) -> None:
        if self._text is None:
            self._text = TextDetector()
            self._ids = None
        self._text.feed(before)
        if answers and not self._answering:
            self._answering = True
            self._text.begin_answer()
        self._text.feed(after)
        self._fed += len(before) + len(after)
        self.sure = not self._looked_at and len(before) + len(after) <= _FEW
