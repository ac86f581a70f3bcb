"""What the layers without a growing cache keep, from a Hugging Face configuration.

Source: vLLM, model_executor/layers/mamba/mamba_utils.py (MambaStateShapeCalculator). The convolution is in
the model's type, 2 bytes; the recurrent state in float32 for linear attention, and for state-space models as
the configuration says.
"""

from __future__ import annotations

from evalbudget.errors import InputError
from evalbudget.kv.fields import Fields
from evalbudget.kv.layers import State

_CONV_BYTES = 2
_FLOAT32 = 4


def conv_state(fields: Fields) -> State:
    """LFM2's short convolution: as wide as the model, the latest inputs but one."""
    kept = fields.need("conv_L_cache") - 1
    return State(layers=1, kind="conv", conv_values=fields.need("hidden_size") * kept, conv_bytes=_CONV_BYTES)


def linear_state(fields: Fields, model_type: str) -> State:
    """Gated delta net (Qwen3-Next, Qwen3.5), KDA (Kimi-Linear) or lightning attention (MiniMax)."""
    kimi = fields.part("linear_attn_config")
    if kimi is not None:
        heads, dim = kimi.need("num_heads"), kimi.need("head_dim")
        return _linear(heads, heads, dim, dim, kimi.number("short_conv_kernel_size") or 4)
    if model_type.startswith("minimax"):
        heads = fields.need("num_attention_heads")
        dim = fields.number("head_dim") or fields.need("hidden_size") // heads
        return _linear(0, heads, dim, dim, 1)
    if fields.number("linear_num_value_heads") is None:
        raise InputError(
            f"{fields.file}: some layers are of linear attention, but what they keep is not told: "
            "linear_num_value_heads and its like, or linear_attn_config, are missing"
        )
    return _linear(
        fields.need("linear_num_key_heads"),
        fields.need("linear_num_value_heads"),
        fields.need("linear_key_head_dim"),
        fields.need("linear_value_head_dim"),
        fields.number("linear_conv_kernel_dim") or 4,
    )


def _linear(key_heads: int, value_heads: int, key_dim: int, value_dim: int, kernel: int) -> State:
    width = 2 * key_heads * key_dim + value_heads * value_dim
    return State(
        layers=1,
        kind="linear",
        conv_values=width * (kernel - 1),
        conv_bytes=_CONV_BYTES,
        state_values=value_heads * key_dim * value_dim,
        state_bytes=_FLOAT32,
    )


def ssm_state(fields: Fields, model_type: str) -> State:
    """Mamba 1 (no heads) and Mamba 2 (heads that share groups)."""
    plain = ("num_heads",) if model_type == "mamba2" else ()
    heads = fields.number("mamba_n_heads", "mamba_num_heads", *plain)
    state = fields.need("mamba_d_state", "ssm_state_size", "state_size")
    kernel = fields.need("mamba_d_conv", "conv_kernel")
    inner = fields.number(
        "mamba_d_ssm", "intermediate_size" if model_type == "falcon_mamba" else "mamba_d_ssm"
    )
    if not inner and heads and fields.text("mamba_d_head") is None:
        each = fields.number("mamba_d_head", "mamba_head_dim", *(("head_dim",) if plain else ()))
        inner = heads * each if each else None
    if not inner:
        inner = fields.need("hidden_size") * (fields.number("mamba_expand", "expand") or 2)
    groups = (fields.number("mamba_n_groups", "n_groups", "mamba_ngroups") or 1) if heads else 0
    wide = fields.text("mamba_ssm_dtype") or fields.text("mamba_ssm_cache_dtype")
    return State(
        layers=1,
        kind="ssm",
        conv_values=(inner + 2 * groups * state) * (kernel - 1),
        conv_bytes=_CONV_BYTES,
        state_values=inner * state,
        state_bytes=_FLOAT32 if wide == "float32" else _CONV_BYTES,
    )
