"""Force strings: which family a name tells of, and what closes its thinking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.reasoning.budgets import force_string
from evalbudget.reasoning.budgets.force import _FAMILIES, ForceString, custom
from evalbudget.reasoning.harmony import is_harmony
from evalbudget.reasoning.split import MARKERS, split_content

EVERY = [entry.force for entry in _FAMILIES] + [force_string()]


@pytest.mark.parametrize(
    ("names", "family"),
    [
        (("Qwen/Qwen3-8B",), "qwen3"),
        (("my-label", "./Qwen3.5-4B-AWQ", None, "Qwen3_5ForCausalLM"), "qwen3"),
        (("r1", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", None, "qwen2"), "deepseek-r1"),
        (("x", "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", None, "qwen3"), "deepseek-r1"),
        (("x", "DeepSeek-R1-Distill-Llama-8B-Q4_K_M.gguf"), "deepseek-r1"),
        (("x", "deepseek-ai/DeepSeek-V3.2"), "deepseek-v3"),
        (("flash", "./GLM-4.7-Flash-REAP-NVFP4", None, "deepseek2"), "glm"),
        (("flash", "served", None, "Glm4MoeLiteForCausalLM"), "glm"),
        (("k2", "moonshotai/Kimi-K2-Thinking", None, "DeepseekV3ForCausalLM"), "kimi-k2"),
        (("vl", "moonshotai/Kimi-VL-A3B-Thinking-2506"), "kimi-vl"),
        (("x", "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B"), "nemotron"),
        (("x", "nvidia/OpenReasoning-Nemotron-7B", None, "qwen2"), "nemotron"),
        (("x", "LiquidAI/LFM2.5-1.2B-Thinking"), "lfm2"),
        (("x", "y", None, "lfm2"), "lfm2"),
        (("x", "MiniMaxAI/MiniMax-M2.5"), "minimax"),
        (("x", "MiniMaxAI/MiniMax-M3"), "minimax-m3"),
        (("x", "openai/gpt-oss-20b"), "gpt-oss"),
        (("x", "y", None, "GptOssForCausalLM"), "gpt-oss"),
        (("x", "ByteDance-Seed/Seed-OSS-36B-Instruct"), "seed-oss"),
        (("x", "mistralai/Magistral-Small-2509", None, "mistral3"), "magistral"),
        (("x", "mistralai/Ministral-3-8B-Reasoning-2512"), "magistral"),
        (("x", "CohereLabs/command-a-reasoning-08-2025"), "command-a-reasoning"),
        (("x", "microsoft/Phi-4-mini-reasoning", None, "phi3"), "phi-4-reasoning"),
        (("x", "allenai/Olmo-3-7B-Think"), "olmo-3-think"),
        (("x", "HuggingFaceTB/SmolLM3-3B"), "smollm3"),
        (("x", "LGAI-EXAONE/EXAONE-Deep-7.8B"), "exaone-deep"),
        (("x", "LGAI-EXAONE/EXAONE-4.0-32B"), "exaone"),
        (("x", "google/gemma-4-31b-it"), "gemma-4"),
        (("x", "ibm-granite/granite-4.0-h-tiny"), "granite"),
        (("scripted", "scripted", "embedded", "qwen3"), "scripted"),
        (("s-direct", "embedded/scripted.gguf", None, "qwen3"), "scripted"),
        (("tiny-q4", "embedded/tiny-mla-q4_0.gguf", "tiny", "deepseek2"), "scripted"),
        (("thinker", "/models/thinker.gguf", None, "qwen3"), "scripted"),
        (("x", "open-thoughts/OpenThinker3-7B", None, "qwen2"), "generic"),
        (("o", "gpt-4o"), "generic"),
        (("x", "Qwen/QwQ-32B", None, "qwen2"), "generic"),
        (("x", "y", None, "deepseek_v3"), "generic"),
        ((None, None), "generic"),
        ((), "generic"),
    ],
)
def test_the_family_is_the_one_that_the_names_tell_of(names: tuple[str | None, ...], family: str) -> None:
    assert force_string(*names).family == family
    assert force_string(*[name and name.upper() for name in names]).family == family


def test_official_strings_are_kept_to_the_letter() -> None:
    qwen = force_string("Qwen3-8B")
    assert qwen.closing == (
        "\n\nConsidering the limited time by the user, I have to give the solution based on the thinking"
        " directly now.\n</think>\n\n"
    )
    assert qwen.opening + qwen.empty == "<think>\n\n</think>\n\n"
    assert force_string("nemotron-nano-v2").closing == ".\n</think>\n\n"
    generic = force_string("anything")
    assert generic.closing == (
        "\n\nI have to give the solution based on the thinking directly now.\n</think>\n\n"
    )
    assert force_string("scripted", None, "embedded").closing == "\n</think>\n\n"
    oss = force_string("gpt-oss-120b")
    assert oss.opening == "<|channel|>analysis<|message|>"
    assert oss.closing.endswith("<|end|><|start|>assistant<|channel|>final<|message|>") and oss.empty
    gemma = force_string("gemma-4-e4b")
    assert gemma.opening + gemma.empty == "<|channel>thought\n<channel|>"


@pytest.mark.parametrize("force", EVERY, ids=lambda force: force.family)
def test_what_opens_a_thinking_is_a_marker_that_the_splitter_knows(force: ForceString) -> None:
    known = MARKERS | {force_string("gpt-oss").opening: force_string("gpt-oss").empty}
    assert known[force.opening] in force.closing and known[force.opening] in force.empty


@pytest.mark.parametrize("force", EVERY, ids=lambda force: force.family)
@pytest.mark.parametrize("thought", ["First, 7 * 6 is", ""])
def test_what_is_put_together_is_read_as_closed_thinking_and_an_answer(
    force: ForceString, thought: str
) -> None:
    closing = force.closing if thought else force.empty
    parts = split_content(f"{force.opening}{thought}{closing}The answer is 42.")
    assert parts.closed is (True if thought else parts.closed) and parts.closed is not False
    assert parts.answer.removeprefix("<|START_RESPONSE|>").strip() == "The answer is 42."
    assert thought in parts.reasoning and "42" not in parts.reasoning


def test_a_users_string_takes_the_place_of_the_closing_one() -> None:
    base = force_string("Qwen3-8B")
    own = custom("\n\nTime is up.\n</think>\n\n", base)
    assert (own.family, own.opening, own.empty) == ("custom", base.opening, base.empty)
    assert own.closing == "\n\nTime is up.\n</think>\n\n"


def test_a_marker_alone_closes_an_empty_thinking_too() -> None:
    own = custom("</think>", force_string("Qwen3-8B"))
    assert (own.opening, own.closing, own.empty) == ("<think>", "</think>", "</think>")


def test_a_users_string_with_another_familys_marker_brings_its_opening() -> None:
    own = custom("Done.[/THINK]", force_string())
    assert (own.opening, own.closing, own.empty) == ("[THINK]", "Done.[/THINK]", "[/THINK]")
    text = "Stop.<|end|><|start|>assistant<|channel|>final<|message|>"
    harmony = custom(text, force_string("my-model"))
    assert is_harmony(f"{harmony.opening}so{harmony.closing}4") and harmony.empty in harmony.closing
    assert custom(text, force_string("gpt-oss-20b")).opening == harmony.opening


@given(st.text(max_size=40).filter(lambda text: "think" not in text.lower()))
def test_a_users_string_that_closes_nothing_is_refused_in_one_line(text: str) -> None:
    if ">" in text or "▷" in text or "]" in text:
        return
    with pytest.raises(ValueError, match="no marker that closes a thinking, one of: </think>, ") as error:
        custom(text, force_string())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "<think>", "Answer now.", "</thinking>", "<|end|>", "[THINK]"])
def test_an_opening_marker_or_a_half_one_closes_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="no marker that closes"):
        custom(text, force_string())
