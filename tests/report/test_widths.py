"""How wide weights are by the word for their quantization."""

from __future__ import annotations

import pytest

from evalbudget.report.widths import weight_bits, widest


@pytest.mark.parametrize(
    ("word", "bits"),
    [
        ("F32", 32),
        ("bf16", 16),
        ("torch.bfloat16", 16),
        ("half", 16),
        ("fp8", 8),
        ("fp8_e4m3", 8),
        ("Q8_0", 8),
        ("w8a8", 8),
        ("int8", 8),
        ("Q6_K", 6),
        ("UD-Q5_K_XL", 5),
        ("Q4_K_M", 4),
        ("IQ4_XS", 4),
        ("nvfp4", 4),
        ("MXFP4_MOE", 4),
        ("w4a16", 4),
        ("awq", 4),
        ("gptq-int3", 3),
        ("awq-w3g128", 3),
        ("3bit", 3),
        ("2-bit", 2),
        ("TQ1_0", 1),
        ("gptq", None),
        ("compressed-tensors", None),
        ("unknown", None),
        ("", None),
        ("q99", None),
    ],
)
def test_the_word_for_a_quantization_says_how_wide_it_is(word: str, bits: float | None) -> None:
    assert weight_bits(word) == bits


@pytest.mark.parametrize(
    ("words", "base"),
    [
        (["Q4_0", "F16", "Q8_0"], "F16"),
        (["nvfp4", "fp8"], "fp8"),
        (["F16", "bf16", "f32"], "f32"),
        (["bf16", "F16"], "bf16"),
        (["compressed-tensors", "bf16"], "bf16"),
        (["compressed-tensors", "fp8"], "compressed-tensors"),
        (["x", "y"], "x"),
        (["nvfp4"], "nvfp4"),
    ],
)
def test_the_widest_of_several_is_the_base(words: list[str], base: str) -> None:
    assert words[widest(words)] == base
