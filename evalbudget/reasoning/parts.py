"""What splitting a reply's text gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalbudget.records import ReasoningForm, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Thinking and answer of one reply, apart."""

    reasoning: str
    """The thinking without its markers; empty where there was none."""
    answer: str
    """The rest, white space included."""
    form: ReasoningForm
    closed: bool | None
    """Whether the thinking came to its end; None where there was none."""
    answer_at: int | None
    """Where in the content the answer's first character that is no white space stands; None without one."""
    thinking_at: tuple[int, int, int] | None = None
    """Where in the content inline thinking begins, where it ends, and where its closing marker does, equal
    where it never closed; None where there is none, or more than one block."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Calls that were written into the content."""
    template_opened: bool = False
    """The thinking closes and never opened: the chat template did that, in the prompt."""

    @classmethod
    def of(
        cls,
        *,
        reasoning: str,
        answers: Sequence[tuple[int, str]],
        form: ReasoningForm,
        closed: bool | None,
        thinking_at: tuple[int, int, int] | None = None,
        tool_calls: tuple[ToolCall, ...] = (),
    ) -> Parts:
        """From the answer's pieces with their places in the content. Blank thinking counts as none."""
        if not reasoning.strip():
            reasoning, form, closed, thinking_at = "", ReasoningForm.NONE, None, None
        return cls(
            reasoning=reasoning,
            answer="".join(text for _, text in answers),
            form=form,
            closed=closed,
            answer_at=next((at + _blanks(text) for at, text in answers if text.strip()), None),
            thinking_at=thinking_at,
            tool_calls=tool_calls,
        )


def _blanks(text: str) -> int:
    return len(text) - len(text.lstrip())
