"""Thinking and answer of one reply, told apart by where they stand or by the markers between them.

The rules, first that fits:

1. A server that sends thinking in a field of its own has split it already: `split_field` only takes off
   markers that leaked. Special-token text before the thinking (`<|s0|>`, seen with transformers serve) is the
   prompt's, not the answer's; llama.cpp's `deepseek-legacy` repeats the thinking in the content.
2. Harmony's channels.
3. An opening marker at the start: thinking up to the first closing marker, or to the end where none comes.
4. A template that is known to open the thinking: the same, without the opening marker.
5. A closing marker that no opening marker precedes: the template opened the thinking, unknown to us.

After the thinking has closed, a further block counts only where its opening marker begins a line, or stands
right behind the last block, and its closing marker follows; any other marker is a quotation and stays in
the answer. Source: the servers' own parsers (vLLM, SGLang, llama.cpp) and the models' chat templates.
"""

from __future__ import annotations

import re
from dataclasses import replace

from evalbudget.reasoning.harmony import is_harmony, split_harmony
from evalbudget.reasoning.parts import Parts
from evalbudget.records import ReasoningForm

MARKERS = {
    "<think>": "</think>",  # DeepSeek-R1, Qwen3, GLM-4.5, LFM2.5, Nemotron, MiniMax, …
    "[THINK]": "[/THINK]",  # Magistral and later Mistral models
    "<seed:think>": "</seed:think>",  # Seed-OSS
    "◁think▷": "◁/think▷",  # Kimi-VL-Thinking
    "<|START_THINKING|>": "<|END_THINKING|>",  # Command A Reasoning
    "<mm:think>": "</mm:think>",  # MiniMax-M3
    "<thought>": "</thought>",  # EXAONE Deep
    "<|channel>thought": "<channel|>",  # Gemma 4; the line end behind it is the thinking's
}
"""Opening marker → closing marker. Adding a family means adding a line."""

_OPENING = re.compile("|".join(map(re.escape, MARKERS)))
_CLOSING = re.compile("|".join(map(re.escape, MARKERS.values())))
_MARKER = re.compile(f"{_OPENING.pattern}|{_CLOSING.pattern}")
_OPENING_AT_LINE_START = re.compile(rf"(?:\A|(?<=\n))[ \t]*(?:{_OPENING.pattern})")
_VISIBLE = re.compile(r"\S")
_LEAKED_PROMPT = re.compile(rf"\s*(?:<\|[^|<>]*\|>\s*|(?:{_OPENING.pattern})\s*)*")


def split_content(content: str, *, prompt_opens_thinking: bool = False) -> Parts:
    """Thinking and answer of a content that may hold both (rules 2 to 5 of this module)."""
    if is_harmony(content):
        return split_harmony(content)
    opened = _OPENING.match(content, _first_visible(content))
    if opened is not None:
        return _thinking_from(content, opened.end(), MARKERS[opened[0]])
    if prompt_opens_thinking:
        closing = _CLOSING.search(content)
        return _thinking_from(content, 0, closing[0] if closing else "</think>")
    closing = _unmatched_closing(content)
    if closing is not None:
        parts = _answer_from(content, (0, closing.start(), closing.end()))
        return replace(parts, template_opened=True)
    return _answer_from(content, None)


def split_field(reasoning: str, content: str, *, before_thinking: int = 0) -> Parts:
    """Thinking and answer from two fields; so many characters of content came before any thinking."""
    start = before_thinking if _LEAKED_PROMPT.fullmatch(content, 0, before_thinking) else 0
    opened = _OPENING.match(content, _first_visible(content, start))
    if opened is not None:
        closing_at = content.find(MARKERS[opened[0]], opened.end())
        start = closing_at + len(MARKERS[opened[0]]) if closing_at >= 0 else start
    else:
        closed = _CLOSING.match(content, _first_visible(content, start))
        start = closed.end() if closed else start
    answer = content[start:]
    return Parts.of(
        reasoning=_without_markers(reasoning),
        answers=[(start, answer)],
        form=ReasoningForm.FIELD,
        closed=bool(answer.strip()),
    )


def _thinking_from(content: str, start: int, closing: str) -> Parts:
    """Thinking from `start` up to the marker; the answer behind it may hold further blocks."""
    end = content.find(closing, start)
    if end < 0:
        return Parts.of(
            reasoning=content[start:],
            answers=[],
            form=ReasoningForm.INLINE,
            closed=False,
            thinking_at=(start, len(content), len(content)),
        )
    return _answer_from(content, (start, end, end + len(closing)))


def _answer_from(content: str, block: tuple[int, int, int] | None) -> Parts:
    """The answer behind a first block of thinking, without those that stand on lines of their own."""
    begins, ends, start = block or (0, 0, 0)
    thoughts = [] if block is None else [content[begins:ends]]
    closed = None if block is None else True
    answers: list[tuple[int, str]] = []
    while opened := _next_opening(content, start, right_here=bool(thoughts)):
        closing = MARKERS[opened[0].strip()]
        end = content.find(closing, opened.end())
        if end < 0:
            break
        answers.append((start, content[start : opened.start()]))
        thoughts.append(content[opened.end() : end])
        start, closed, block = end + len(closing), True, None
    answers.append((start, content[start:]))
    return Parts.of(
        reasoning="".join(thoughts),
        answers=answers,
        form=ReasoningForm.INLINE,
        closed=closed,
        thinking_at=block,
    )


def _next_opening(content: str, start: int, *, right_here: bool) -> re.Match[str] | None:
    """The next marker that opens a block: behind a closed one, or at the beginning of a line."""
    here = _OPENING.match(content, _first_visible(content, start)) if right_here else None
    return here or _OPENING_AT_LINE_START.search(content, start)


def _unmatched_closing(content: str) -> re.Match[str] | None:
    """The first closing marker that has no opening marker before it."""
    opened = 0
    for marker in _MARKER.finditer(content):
        if marker[0] in MARKERS:
            opened += 1
        elif opened:
            opened -= 1
        else:
            return marker
    return None


def _without_markers(reasoning: str) -> str:
    opened = _OPENING.match(reasoning, _first_visible(reasoning))
    start = opened.end() if opened else 0
    for closing in MARKERS.values():
        if reasoning.rstrip().endswith(closing):
            return reasoning[start : reasoning.rindex(closing)]
    return reasoning[start:]


def _first_visible(text: str, start: int = 0) -> int:
    """Where the first character from `start` stands that is no white space."""
    visible = _VISIBLE.search(text, start)
    return visible.start() if visible else len(text)
