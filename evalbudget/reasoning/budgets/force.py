"""The strings with which the thinking of each model family is closed.

Two things belong to a family: its markers, with the line ends that it writes around them, and a sentence that
prepares the model for the end of its thinking. Official sentences are kept to the letter:

- Qwen3: the early-stopping text of its technical report (arXiv:2505.09388, 4.3) and of its quickstart,
  "Thinking Budget" (QwenLM/Qwen3, docs/source/getting_started/quickstart.md).
- Nemotron: `ThinkingBudgetClient` of its model cards (nvidia/NVIDIA-Nemotron-Nano-9B-v2): a full stop ends
  the sentence that was cut.

For all others the second half of Qwen3's sentence, which names no user: `generic`. Markers, line ends and the
empty thinking come from the families' chat templates, named at each entry. The wording moves results, so it
is kept in every row (`details.force`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalbudget.reasoning.split import MARKERS

_OPENING_WORDS = "Considering the limited time by the user, "
_SENTENCE = "I have to give the solution based on the thinking directly now."
_QWEN_SENTENCE = _OPENING_WORDS + _SENTENCE
_HARMONY_OPENING = "<|channel|>analysis<|message|>"
_HARMONY_CLOSING = "<|end|><|start|>assistant<|channel|>final<|message|>"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceString:
    """How the thinking of one family is opened, and closed from outside."""

    family: str
    """The family that it is for, `generic`, or `custom` for a user's own string; kept in the row."""
    opening: str
    """Marker before the thinking, where the prompt does not open it."""
    closing: str
    """What is put behind thinking that was cut, the closing marker included."""
    empty: str
    """What is put behind the opening marker where nothing is thought (budget 0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    names: re.Pattern[str]
    """Found in a name of a model of this family, in small letters."""
    force: ForceString


def _entry(
    family: str,
    names: str,
    *,
    opening: str = "<think>",
    before: str = "\n",
    after: str = "\n\n",
    empty: str | None = None,
    sentence: str = f"\n\n{_SENTENCE}",
) -> _Entry:
    """`before` and `after`: what the family writes around its closing marker. `empty`: as its template writes
    it where thinking is switched off; None: like any other thinking, without text."""
    marker = MARKERS[opening]
    closing = f"{sentence}{before}{marker}{after}"
    if empty is None:
        empty = f"{before}{marker}{after}"
    return _Entry(
        names=re.compile(names),
        force=ForceString(family=family, opening=opening, closing=closing, empty=empty),
    )


_FAMILIES: tuple[_Entry, ...] = (
    # embedded/README.md: the project's own models follow fixed chains, and read no sentence.
    _entry("scripted", r"\bscripted|(?:^|/)(?:tiny|thinker)(?![a-z])|^embedded$", sentence=""),
    # openai/harmony, docs/format.md.
    _Entry(
        names=re.compile(r"gpt[-_. ]?oss|(?<![a-z])harmony(?![a-z])"),
        force=ForceString(
            family="gpt-oss",
            opening=_HARMONY_OPENING,
            closing=f"\n\n{_SENTENCE}{_HARMONY_CLOSING}",
            empty=_HARMONY_CLOSING,
        ),
    ),
    # The distilled models are Qwen and Llama underneath, so this stands before it. deepseek-ai/DeepSeek-R1:
    # the template opens with "<think>\n".
    _entry("deepseek-r1", r"deepseek[-_ ]?r1|r1[-_ ]distill|(?<![a-z0-9])r1[-_ ]0528"),
    # deepseek-ai/DeepSeek-V3.1, model card: no line ends around the marker. Its architecture's name is also
    # that of Kimi-K2 and, in llama.cpp, of GLM-4.7-Flash: only names with a full version are its own.
    _entry("deepseek-v3", r"deepseek[-_ ]?v(?:3\.[12]|4)", before="", after=""),
    # Official, see above. nvidia/NVIDIA-Nemotron-Nano-9B-v2, chat template: "<think></think>" for /no_think.
    _entry("nemotron", r"nemotron", sentence=".", empty="</think>"),
    # zai-org/GLM-4.5 and 4.7, chat templates: "</think>", behind it a line end in 4.5 and none in 4.7, which
    # the model is left to write.
    _entry("glm", r"(?<![a-z])(?:chat)?glm(?![a-z])", after="", empty="</think>"),
    # LiquidAI/LFM2.5-1.2B-Thinking.
    _entry("lfm2", r"(?<![a-z])lfm[-_ ]?2"),
    # MiniMaxAI/MiniMax-M3, MiniMaxAI/MiniMax-M2: the template opens with the marker and a line end.
    _entry("minimax-m3", r"minimax[-_ ]?m3", opening="<mm:think>"),
    _entry("minimax", r"minimax"),
    # ByteDance-Seed/Seed-OSS-36B-Instruct, chat template at thinking_budget 0.
    _entry(
        "seed-oss",
        r"seed[-_ ]?oss",
        opening="<seed:think>",
        after="",
        empty="\n<seed:cot_budget_reflect>The current thinking budget is 0, so I will directly start"
        " answering the question.</seed:cot_budget_reflect>\n</seed:think>",
    ),
    # moonshotai/Kimi-VL-A3B-Thinking; moonshotai/Kimi-K2-Thinking, chat template: "<think></think>".
    _entry("kimi-vl", r"kimi[-_ ]?vl", opening="◁think▷", before="", after="", empty="◁/think▷"),
    _entry("kimi-k2", r"kimi[-_ ]?k2", before="", after="", empty="</think>"),
    # mistralai/Magistral-Small-2507, SYSTEM_PROMPT.txt: the answer follows the marker at once.
    _entry(
        "magistral",
        r"magistral|ministral.*reasoning",
        opening="[THINK]",
        before="",
        after="",
        empty="[/THINK]",
    ),
    # CohereLabs/command-a-reasoning-08-2025, chat template.
    _entry(
        "command-a-reasoning",
        r"command[-_ ]a[-_ ]reasoning|command[-_ ]r7b",
        opening="<|START_THINKING|>",
        before="",
        after="<|START_RESPONSE|>",
    ),
    # microsoft/Phi-4-reasoning.
    _entry("phi-4-reasoning", r"phi[-_ ]?4.*reasoning"),
    # allenai/Olmo-3-7B-Think: the template opens with "<think>".
    _entry("olmo-3-think", r"olmo[-_ ]?3"),
    # HuggingFaceTB/SmolLM3-3B, chat template: "<think>\n\n</think>\n\n" with /no_think.
    _entry("smollm3", r"smol[-_ ]?lm[-_ ]?3", empty="\n\n</think>\n\n"),
    # LGAI-EXAONE/EXAONE-Deep-7.8B: the template opens with "<thought>\n". EXAONE 4.0 writes <think>.
    _entry("exaone-deep", r"exaone[-_ ]?deep", opening="<thought>"),
    _entry("exaone", r"exaone", empty="\n\n</think>\n\n"),
    # google/gemma-4, ai.google.dev/gemma/docs/core/prompt-formatting-gemma4: "<|channel>thought\n<channel|>".
    _entry("gemma-4", r"gemma[-_ ]?4", opening="<|channel>thought", after="", empty="\n<channel|>"),
    # ibm-granite/granite-3.3-8b-instruct: "<response>" follows, which the model is left to write.
    _entry("granite", r"granite", after="", empty="</think>"),
    # Official, see above. The template writes "<think>\n\n</think>\n\n" for enable_thinking=false.
    _entry("qwen3", r"qwen[-_ ]?3", sentence=f"\n\n{_QWEN_SENTENCE}", empty="\n\n</think>\n\n"),
)
"""Most specific first: what names a fine-tune stands before the name of its base."""

_GENERIC = _entry("generic", r"").force

SENTENCES = (_QWEN_SENTENCE, _SENTENCE)
"""What a server may write at the end of thinking that it cut, where it was told one of our strings."""


def force_string(*names: str | None) -> ForceString:
    """That of the family that one of these names tells of: label, served model, family, architecture.

    `generic`, which closes with `</think>`, where none does.
    """
    told = [name.lower() for name in names if name]
    for entry in _FAMILIES:
        if any(entry.names.search(name) for name in told):
            return entry.force
    return _GENERIC


def custom(text: str, base: ForceString) -> ForceString:
    """A user's own string in place of the closing one of `base`. Raises ValueError, in one line.

    It must hold a closing marker; where that is another family's, so is what opens the thinking. A marker
    alone also closes an empty thinking: the model wants nothing around it.
    """
    pairs = list(_pairs())
    held = [(opening, closing) for opening, closing in pairs if closing in text]
    if not held:
        known = ", ".join(closing for _, closing in pairs)
        raise ValueError(f"force_string holds no marker that closes a thinking, one of: {known}")
    opening, closing = next((pair for pair in held if pair[1] in base.closing), held[0])
    if text == closing:
        opening = base.opening if closing in base.closing else opening
        return ForceString(family="custom", opening=opening, closing=text, empty=text)
    if closing in base.closing:
        return ForceString(family="custom", opening=base.opening, closing=text, empty=base.empty)
    return ForceString(family="custom", opening=opening, closing=text, empty=closing)


def _pairs() -> Iterator[tuple[str, str]]:
    """Opening and closing markers, harmony's included."""
    yield from MARKERS.items()
    yield _HARMONY_OPENING, _HARMONY_CLOSING
